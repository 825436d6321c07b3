"""What a workspace has set up, as decisions see it: statuses, teams, people, categories."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from domain.errors import UnknownPerson, UnknownRole, UnknownStatus, UnknownTeam
from domain.event import Actor, Content, Erased
from domain.staff import BUILT_IN, REQUESTERS, Grant, Person, Role, Team
from domain.values import FINISHED, Assignee, StatusKind


@dataclass(frozen=True, slots=True)
class Status:
    """A status of the workspace's own, of one kind."""

    key: str
    name: str
    kind: StatusKind


# Which kinds may follow which, until a workspace says otherwise (A6).
_WORKED = frozenset({StatusKind.OPEN, StatusKind.PENDING, StatusKind.RESOLVED, StatusKind.CLOSED})
DEFAULT_MOVES: Mapping[StatusKind, frozenset[StatusKind]] = {
    StatusKind.NEW: _WORKED,
    StatusKind.OPEN: _WORKED,
    StatusKind.PENDING: _WORKED,
    StatusKind.RESOLVED: frozenset({StatusKind.OPEN, StatusKind.PENDING, StatusKind.CONFIRMED, StatusKind.CLOSED}),
    StatusKind.CONFIRMED: frozenset({StatusKind.OPEN, StatusKind.RATED, StatusKind.CLOSED}),
    StatusKind.RATED: frozenset({StatusKind.OPEN, StatusKind.CLOSED}),
    StatusKind.CLOSED: frozenset({StatusKind.OPEN}),
}


@dataclass(frozen=True)
class Catalogue:
    """The folded state of a workspace's stream."""

    slug: str = ""
    name: str = ""
    statuses: Mapping[str, Status] = field(default_factory=dict)
    teams: Mapping[UUID, Team] = field(default_factory=dict)
    people: Mapping[UUID, Person] = field(default_factory=dict)
    categories: frozenset[tuple[str, ...]] = frozenset()
    roles: Mapping[str, Role] = field(default_factory=dict)

    def status(self, key: str) -> Status:
        """The status of that key, or UnknownStatus naming them all."""
        try:
            return self.statuses[key]
        except KeyError:
            raise UnknownStatus(status=key, statuses=", ".join(self.statuses)) from None

    def status_of_kind(self, kind: StatusKind) -> Status:
        """The workspace's first status of the kind."""
        found = next((s for s in self.statuses.values() if s.kind is kind), None)
        if found is None:
            raise UnknownStatus(status=kind, statuses=", ".join(self.statuses))
        return found

    def next_statuses(self, current: Status) -> list[Status]:
        """The statuses that may follow; within one kind of unfinished work every move is free."""
        allowed = DEFAULT_MOVES[current.kind] | ({current.kind} if current.kind not in FINISHED else set())
        return [s for s in self.statuses.values() if s.kind in allowed and s.key != current.key]

    def team(self, team: UUID) -> Team:
        """The team of that id, or UnknownTeam."""
        try:
            return self.teams[team]
        except KeyError:
            raise UnknownTeam(team=team, hint=_known(t.name for t in self.teams.values())) from None

    def person(self, person: UUID) -> Person:
        """The active person of that id, or UnknownPerson."""
        found = self.people.get(person)
        if found is None or not found.active:
            raise UnknownPerson(person=person, hint="List the people at /api/v1/people.")
        return found

    def person_with_email(self, email: str) -> Person | None:
        """The active person who has the address, however it is capitalised."""
        wanted, active = email.casefold(), (p for p in self.people.values() if p.active)
        return next((p for p in active if isinstance(p.email, str) and p.email.casefold() == wanted), None)

    def assignee(self, to: Assignee, *, former: bool = False) -> Assignee:
        """The same assignee, once all that it names are known here; `former` takes somebody who left."""
        if to.team is not None:
            self.team(to.team)
        if to.person is not None and not (former and to.person in self.people):
            self.person(to.person)
        for candidate in to.people:
            self.person(candidate)
        if to.role is not None:
            self.role(to.role)
        return to

    def role(self, key: str) -> Role:
        """The built-in role or the workspace's own of that key, or UnknownRole."""
        found = BUILT_IN.get(key) or self.roles.get(key)
        if found is None:
            raise UnknownRole(role=key, roles=", ".join([*BUILT_IN, *self.roles]))
        return found

    def grant(self, actor: Actor) -> Grant:
        """What a person or a requester may do here; UnknownPerson for anybody else."""
        if actor.kind == "requester":
            return REQUESTERS
        role = self.role(self.acting(actor).role)
        return Grant(role.key, role.permissions if role.active else frozenset(), role.scope)

    def acting(self, actor: Actor) -> Person:
        """The active person who acts, or UnknownPerson."""
        try:
            if actor.kind == "person":
                return self.person(UUID(actor.id))
        except ValueError:
            pass  # not an id at all: refused like an unknown one
        raise UnknownPerson(person=f"({actor.kind})", hint="Sign in again.")

    def with_person(self, person: Person) -> "Catalogue":
        """The catalogue with the person added or replaced."""
        return replace(self, people={**self.people, person.id: person})


_NAMED = 5


def _known(names: Iterable[str]) -> str:
    known = sorted(names)
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return f"Known: {', '.join(known[:_NAMED])}{more}." if known else "There are none yet: add one first."


def shown(value: Content[Any]) -> Any:
    """Content as a reader may have it: None once erased."""
    return None if isinstance(value, Erased) else value
