"""Whom a rule gives a ticket (D3): whose turn it is, who has the least to do, or who knows most about it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.catalogue import Catalogue
from domain.event import Actor
from domain.happening import Happening, Situation
from domain.permissions import Permission
from domain.staff import Person, available
from domain.values import Assignee, AssignmentReason, Key

Level = Annotated[int, Field(ge=1, le=5)]


class How(StrEnum):
    """Who of those that may have it."""

    ROUND_ROBIN = "round_robin"
    LEAST_LOADED = "least_loaded"
    BEST_SKILL = "best_skill"


class Wish(BaseModel):
    """Who may be picked, and how: people of the team, or these people, or without either those of the ticket's team.

    With `skill`, only who has it, at `level` or more. Nobody is picked who is away, at their limit, or may not handle it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    how: How
    team: UUID | None = None
    people: tuple[UUID, ...] = Field(default=(), max_length=200)
    skill: Key | None = None
    level: Level = 1

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        if self.team is not None and self.people:
            raise ValueError("give a team or people, not both")
        if self.how is How.BEST_SKILL and self.skill is None:
            raise ValueError("best_skill needs a skill")
        return self

    def pool(self, ticket_team: UUID | None) -> str:
        """Those who take turns together, as a key."""
        of = ",".join(sorted(map(str, self.people))) or str(self.team or ticket_team or "desk")
        return f"{of}|{self.skill}|{self.level}" if self.skill else of


class Turn(NamedTuple):
    """How many turns somebody has had, and when the last one was, as a count of all picks."""

    had: int = 0
    at: int = 0


@dataclass
class Pool:
    """Those who take turns together. Whoever is there has had `round` turns or one more."""

    round: int = 0
    turns: dict[str, Turn] = field(default_factory=dict)

    def present(self, people: Iterable[UUID]) -> dict[UUID, Turn]:
        """The turns of those who are there: who was away has missed theirs, and owes none."""
        had = {person: self.turns.get(str(person), Turn()) for person in people}
        there = {person: Turn(max(turn.had, self.round), turn.at) for person, turn in had.items()}
        self.round = min(turn.had for turn in there.values())
        return there


@dataclass
class Roster:
    """One workspace's open tickets by person, and whose turn it is in each pool. Folded in the order of the log."""

    open: dict[str, int] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    picks: int = 0
    # Picked by us, and not yet seen in the log.
    promised: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        """As `kept` had it; {} begins one."""
        pools = {
            key: Pool(round_, {who: Turn(*turn) for who, turn in turns.items()})
            for key, (round_, turns) in kept.get("pools", {}).items()
        }
        return cls(dict(kept.get("open", {})), pools, kept.get("picks", 0), dict(kept.get("promised", {})))

    def kept(self) -> dict[str, Any]:
        """As JSON has it."""
        pools = {key: [pool.round, pool.turns] for key, pool in self.pools.items()}
        return {"open": self.open, "pools": pools, "picks": self.picks, "promised": self.promised}

    def saw(self, happening: Happening) -> None:
        """Count what became of a ticket; a promise for it is settled, kept or not."""
        self.promised.pop(str(happening.after.row.ticket_id), None)
        before, after = _has(happening.before), _has(happening.after)
        if before == after:
            return
        for person, change in ((before, -1), (after, 1)):
            if person is not None:
                self.open[person] = self.open.get(person, 0) + change
                if self.open[person] <= 0:
                    del self.open[person]

    def load(self, person: UUID) -> int:
        """Open tickets that the person has, or is about to have."""
        key = str(person)
        return self.open.get(key, 0) + sum(to == key for to in self.promised.values())

    def picked(
        self, wish: Wish, now: Situation, desk: Catalogue, at: datetime
    ) -> tuple[Assignee, AssignmentReason] | None:
        """Who has the ticket from now on and why; None where nobody is free."""
        free = [person for person in _candidates(wish, now, desk, at) if self._below_limit(person, desk)]
        if not free:
            return None
        pool = self.pools.setdefault(wish.pool(now.row.assignee_team), Pool())
        turns = pool.present(free)
        person = min(free, key=lambda each: self._order(wish, each, turns[each], desk))
        self.picks += 1
        pool.turns[str(person)] = Turn(turns[person].had + 1, self.picks)
        reason = AssignmentReason(how=wish.how, among=len(free), open=self.load(person), **_skilled(wish, person, desk))
        self.promised[str(now.row.ticket_id)] = str(person)
        team = wish.team or now.row.assignee_team
        return Assignee(team=team if team in desk.people[person].teams else None, person=person), reason

    def _order(self, wish: Wish, person: UUID, turn: Turn, desk: Catalogue) -> tuple[Any, ...]:
        match wish.how:
            case How.ROUND_ROBIN:
                return turn.had, turn.at, str(person)
            case How.LEAST_LOADED:
                return self.load(person), turn.at, str(person)
        assert wish.skill is not None  # noqa: S101 - checked when the wish was made
        return -desk.people[person].skills[wish.skill], self.load(person), turn.at, str(person)

    def _below_limit(self, person: UUID, desk: Catalogue) -> bool:
        limit = desk.people[person].load_limit
        return limit is None or self.load(person) < limit


def _has(situation: Situation | None) -> str | None:
    """Who has the ticket to do."""
    if situation is None or situation.row.erased or situation.row.finished or situation.row.shelf != "desk":
        return None
    return str(situation.row.assignee_person) if situation.row.assignee_person else None


def _candidates(wish: Wish, now: Situation, desk: Catalogue, at: datetime) -> list[UUID]:
    team = wish.team or (None if wish.people else now.row.assignee_team)
    named = frozenset(wish.people)
    return [
        person.id
        for person in desk.people.values()
        if (person.id in named or (not named and (team is None or team in person.teams)))
        and available(person, at)
        and _works(person, now, desk)
        and (wish.skill is None or person.skills.get(wish.skill, 0) >= wish.level)
        and desk.may_handle(person.id, now.row.type, tuple(now.row.category))
    ]


def _works(person: Person, now: Situation, desk: Catalogue) -> bool:
    """Whether their role works on such tickets: auditors and analysts only watch."""
    grant = desk.grant(Actor(kind="person", id=str(person.id)))
    return Permission.TICKET_MOVE in grant.permissions and grant.scope.covers(now.row.type, tuple(now.row.category))


def _skilled(wish: Wish, person: UUID, desk: Catalogue) -> dict[str, Any]:
    return {"skill": wish.skill, "level": desk.people[person].skills[wish.skill]} if wish.skill else {}
