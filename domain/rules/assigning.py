"""Whom a rule gives a ticket (D3): whose turn it is, who has the least to do, or who knows most about it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.catalogue import Catalogue
from domain.happening import Happening, Situation
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


class Pick(NamedTuple):
    """Whom a ticket goes to, why, and whose turn in which pool that was."""

    assignee: Assignee
    reason: AssignmentReason
    pool: str


class _Turn(NamedTuple):
    """How many turns somebody has had, and when the last one was, as a count of all picks."""

    had: int
    at: int


class Roster:
    """One workspace's open tickets by person, and whose turn it is in each pool; folded in the order of the log.

    What it knows is in `kept`, JSON that it changes in place: `open` by person; `pools`, each with the round that it is
    in and turns by person; how many `picks` there were; and the people `promised` tickets that were not seen again yet.
    """

    def __init__(self, kept: dict[str, Any] | None = None) -> None:
        self.kept = {} if kept is None else kept
        for name, empty in (("open", {}), ("pools", {}), ("picks", 0), ("promised", {})):
            self.kept.setdefault(name, empty)

    def saw(self, happening: Happening) -> None:
        """Count what became of a ticket; a promise for it is settled, kept or not, unless the log has that later."""
        if not happening.ahead:
            self.kept["promised"].pop(str(happening.after.row.ticket_id), None)
        before, after = _has(happening.before), _has(happening.after)
        if before == after:
            return
        load = self.kept["open"]
        if before is not None:
            load[before] = max(load.get(before, 0) - 1, 0)
        if after is not None:
            load[after] = load.get(after, 0) + 1

    def load(self, person: UUID) -> int:
        """Open tickets that the person has, or is about to have."""
        key = str(person)
        promised: dict[str, str] = self.kept["promised"]
        return int(self.kept["open"].get(key, 0)) + sum(to == key for to in promised.values())

    def pick(self, wish: Wish, now: Situation, desk: Catalogue, at: datetime) -> Pick | None:
        """Who is to have the ticket and why; None where nobody is free. Nothing changes until it is `given`."""
        free = [person for person in _candidates(wish, now, desk, at) if self._below_limit(person, desk)]
        if not free:
            return None
        pool = wish.pool(now.row.assignee_team)
        person = min(free, key=lambda each: self._order(wish, each, self._turn(pool, each), desk))
        reason = AssignmentReason(how=wish.how, among=len(free), open=self.load(person), **_skilled(wish, person, desk))
        team = wish.team or now.row.assignee_team
        to = Assignee(team=team if team in desk.people[person].teams else None, person=person)
        return Pick(to, reason, pool)

    def given(self, ticket: UUID, pick: Pick) -> None:
        """The ticket goes there: that was a turn, and it counts from now on."""
        assert pick.assignee.person is not None  # noqa: S101 - somebody was picked
        turn, person = self._turn(pick.pool, pick.assignee.person), str(pick.assignee.person)
        pool = self.kept["pools"].setdefault(pick.pool, {"round": 0, "turns": {}})
        self.kept["picks"] += 1
        self.kept["promised"][str(ticket)] = person
        # Of those who are there nobody has had fewer turns, so the round is theirs.
        if pick.reason.how == How.ROUND_ROBIN:
            pool["round"] = turn.had
        pool["turns"][person] = [turn.had + 1, self.kept["picks"]]

    def _turn(self, pool: str, person: UUID) -> _Turn:
        """As many as the pool's round, or one more: who was away has missed their turns, and owes none."""
        known = self.kept["pools"].get(pool, {"round": 0, "turns": {}})
        had, at = known["turns"].get(str(person), (0, 0))
        return _Turn(max(had, known["round"]), at)

    def _order(self, wish: Wish, person: UUID, turn: _Turn, desk: Catalogue) -> tuple[Any, ...]:
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
    """Whether their role works on such tickets."""
    scope = desk.role(person.role).scope
    return desk.works_in(person.role) and scope.covers(now.row.type, tuple(now.row.category))


def _skilled(wish: Wish, person: UUID, desk: Catalogue) -> dict[str, Any]:
    return {"skill": wish.skill, "level": desk.people[person].skills[wish.skill]} if wish.skill else {}
