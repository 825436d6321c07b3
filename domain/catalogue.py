"""What a workspace has set up, as decisions see it: statuses, teams, people, categories."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from domain.errors import Refusal, UnknownPerson, UnknownRole, UnknownStatus, UnknownTeam
from domain.event import Actor, Content, Erased
from domain.macros import CannedReply, Macro
from domain.organisation_merges import APART, Merges
from domain.permissions import WORKING, Permission, RoleName
from domain.rulebook import Rulebook
from domain.staff import BUILT_IN, REQUESTERS, Grant, Person, Role, Team
from domain.streaming import USUALLY, Shown
from domain.timekeeping import Timekeeping
from domain.values import FINISHED, Assignee, StatusKind
from domain.webhooks import Subscription


class RetiredTeam(Refusal):
    """A retired team keeps its tickets and takes no new ones."""

    code = "retired_team"
    status = 422
    sentence = "The team {team} is retired. Give the ticket to another team."


class NotOfTeam(Refusal):
    """A person is given a team's ticket without being of the team."""

    code = "not_of_team"
    status = 422
    sentence = "Person {person} is not of the team {team}. Choose one of the team, or leave the team out."


@dataclass(frozen=True, slots=True)
class Status:
    """A status of the workspace's own, of one kind."""

    key: str
    name: str
    kind: StatusKind
    active: bool = True


@dataclass(frozen=True, slots=True)
class KnownTag:
    """A tag that the workspace offers; `colour` as #rrggbb."""

    name: str
    colour: str | None = None
    active: bool = True


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


class Watching(NamedTuple):
    """A role in which nobody works on tickets, and who was named that has it."""

    role: str
    person: UUID | None = None


@dataclass(frozen=True)
class Catalogue(Rulebook, Timekeeping):
    """The folded state of a workspace's stream."""

    slug: str = ""
    name: str = ""
    statuses: Mapping[str, Status] = field(default_factory=dict)
    teams: Mapping[UUID, Team] = field(default_factory=dict)
    people: Mapping[UUID, Person] = field(default_factory=dict)
    categories: frozenset[tuple[str, ...]] = frozenset()
    roles: Mapping[str, Role] = field(default_factory=dict)
    # Which statuses may follow one, where the workspace says so itself.
    moves: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tags: Mapping[str, KnownTag] = field(default_factory=dict)
    # Names that tags had before, each with the present one.
    tag_aliases: Mapping[str, str] = field(default_factory=dict)
    # Which organisations are one.
    organisations: Merges = APART
    macros: Mapping[str, Macro] = field(default_factory=dict)
    canned_replies: Mapping[str, CannedReply] = field(default_factory=dict)
    webhooks: Mapping[str, Subscription] = field(default_factory=dict)
    # What of tickets the stream to other services may show.
    streamed: tuple[Shown, ...] = USUALLY

    def status(self, key: str) -> Status:
        """The status of that key, or UnknownStatus naming them all."""
        try:
            return self.statuses[key]
        except KeyError:
            raise UnknownStatus(status=key, statuses=", ".join(self.statuses)) from None

    def usable_status(self, key: str) -> Status:
        """The status of that key that tickets may be put into, or UnknownStatus naming them."""
        found = self.status(key)
        if not found.active:
            raise UnknownStatus(status=key, statuses=", ".join(s.key for s in self.statuses.values() if s.active))
        return found

    def status_of_kind(self, kind: StatusKind) -> Status:
        """The workspace's first status of the kind that is in use."""
        found = next((s for s in self.statuses.values() if s.kind is kind and s.active), None)
        if found is None:
            raise UnknownStatus(status=kind, statuses=", ".join(self.statuses))
        return found

    def next_statuses(self, current: Status) -> list[Status]:
        """The statuses that may follow: the workspace's own word, else by kind; unfinished work moves freely within its kind."""
        others = [s for s in self.statuses.values() if s.active and s.key != current.key]
        if (own := self.moves.get(current.key)) is not None:
            return [s for s in others if s.key in own]
        allowed = DEFAULT_MOVES[current.kind] | ({current.kind} if current.kind not in FINISHED else set())
        return [s for s in others if s.kind in allowed]

    def tag(self, name: str) -> str:
        """The present name of a tag that was renamed or merged; any other is its own."""
        return self.tag_aliases.get(name, name)

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

    def works_here(self, person: UUID) -> bool:
        """Whether it is an active person of the desk."""
        return person in self.people and self.people[person].active

    def works_in(self, role: str) -> bool:
        """Whether people of the role work on tickets: others only watch."""
        found = self.role(role)
        return found.active and not found.permissions.isdisjoint(WORKING)

    def approves(self, person: UUID) -> bool:
        """Whether the person is here, in a role that lets them approve."""
        return self.works_here(person) and Permission.TICKET_APPROVE in self.role(self.people[person].role).permissions

    def watching(self, to: Assignee) -> Watching | None:
        """The first of those named, who are here, in whose role people only watch."""
        if to.role is not None and not self.works_in(to.role):
            return Watching(to.role)
        named = (Watching(self.people[person].role, person) for person in (to.person, *to.people) if person)
        return next((each for each in named if not self.works_in(each.role)), None)

    def may_handle(self, person: UUID, type_: str | None, category: tuple[str, ...]) -> bool:
        """Whether the type and the category let that person handle their tickets."""
        teams = self.people[person].teams if person in self.people else frozenset()
        return self.settings_for(type_, category).allows(person, teams)

    def person_with_email(self, email: str) -> Person | None:
        """The active person who has the address, however it is capitalised."""
        wanted, active = email.casefold(), (p for p in self.people.values() if p.active)
        return next((p for p in active if isinstance(p.email, str) and p.email.casefold() == wanted), None)

    def assignee(self, to: Assignee, *, former: bool = False) -> Assignee:
        """The same assignee, once all that it names are known here; `former` takes somebody who left."""
        if to.team is not None:
            self.team(to.team) if former else self.active_team(to.team)
        for named in (to.person, *to.people):
            if named is not None and not (former and named in self.people):
                self.member(named, to.team)
        if to.role is not None:
            self.staff_role(to.role)
        return to

    def active_team(self, team: UUID) -> Team:
        """The team of that id that is given tickets, or UnknownTeam or RetiredTeam."""
        found = self.team(team)
        if not found.active:
            raise RetiredTeam(team=team)
        return found

    def member(self, person: UUID, team: UUID | None) -> Person:
        """The active person of that id, of that team where one is given; UnknownPerson or NotOfTeam otherwise."""
        found = self.person(person)
        if team is not None and team not in found.teams:
            raise NotOfTeam(person=person, team=team)
        return found

    def staff_role(self, key: str) -> Role:
        """The role of that key that a person can have, or UnknownRole: that of requesters is theirs alone."""
        found = self.role(key)
        if not found.active or key == RoleName.REQUESTER:
            raise UnknownRole(role=key, roles=", ".join(self._staff_roles()))
        return found

    def _staff_roles(self) -> list[str]:
        own = (role.key for role in self.roles.values() if role.active)
        return [*(key for key in BUILT_IN if key != RoleName.REQUESTER), *own]

    def role(self, key: str) -> Role:
        """The built-in role or the workspace's own of that key, or UnknownRole."""
        found = BUILT_IN.get(key) or self.roles.get(key)
        if found is None:
            raise UnknownRole(role=key, roles=", ".join(self._staff_roles()))
        return found

    def grant(self, actor: Actor) -> Grant:
        """What a person or a requester may do here; UnknownPerson for anybody else."""
        if actor.kind == "requester":
            return REQUESTERS
        # Asked for twice by every request, and by every decision of a job.
        if (known := self._granted.get((actor.kind, actor.id))) is not None:
            return known
        role = self.role(self.acting(actor).role)
        grant = Grant(role.key, role.permissions if role.active else frozenset(), role.scope)
        self._granted[actor.kind, actor.id] = grant
        return grant

    @cached_property
    def _granted(self) -> dict[tuple[str, str], Grant]:
        return {}

    def acting(self, actor: Actor) -> Person:
        """The active person who acts, or UnknownPerson."""
        try:
            if actor.kind == "person":
                return self.person(UUID(actor.id))
        except ValueError:
            pass  # not an id at all: refused like an unknown one
        raise UnknownPerson(person=f"({actor.kind})", hint="Sign in again.")

    def may_claim(self, person: UUID, to: Assignee) -> bool:
        """Whether a ticket of that assignee was given to several of whom the person is one."""
        who = self.people.get(person)
        if who is None or not to.needs_claim:
            return False
        if to.people:
            return person in to.people
        # A team and a role are those of the team who have the role.
        return (to.team is None or to.team in who.teams) and (to.role is None or to.role == who.role)

    def with_team(self, team: Team) -> "Catalogue":
        """The catalogue with the team added or replaced."""
        return replace(self, teams={**self.teams, team.id: team})

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
