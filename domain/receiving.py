"""Who the receivers of something about a ticket are."""

from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from domain.catalogue import Catalogue
from domain.permissions import RoleName
from domain.receivers import Receivers
from domain.values import Assignee


def known(receivers: Receivers, desk: Catalogue) -> Receivers:
    """The same, once all whom it names are here; UnknownPerson, UnknownTeam or RetiredTeam otherwise."""
    for person in receivers.people:
        desk.person(person)
    for team in receivers.teams:
        desk.active_team(team)
    return receivers


def people_of(receivers: Receivers, assignee: Assignee, followers: Iterable[UUID], desk: Catalogue) -> frozenset[UUID]:
    """Who that is on a ticket of that assignee and those followers: active people of the desk."""
    found = {person for role in receivers.roles if role != "followers" for person in _ROLES[role](assignee, desk)}
    found.update(followers if "followers" in receivers.roles else ())
    found.update(receivers.people, (person for team in receivers.teams for person in _members(desk, team)))
    return frozenset(person for person in found if desk.works_here(person))


def _handler(has: Assignee, desk: Catalogue) -> Iterable[UUID]:
    """Who has it, or those of whom one is to claim it."""
    return [has.person] if has.person else [person for person in desk.people if desk.may_claim(person, has)]


def _lead(has: Assignee, desk: Catalogue) -> Iterable[UUID]:
    """Those of its team; where nobody leads that, whoever is a lead."""
    team = desk.teams.get(has.team) if has.team else None
    own = [lead for lead in (team.leads if team else ()) if desk.works_here(lead)]
    return own or _bearers(desk, RoleName.LEAD)


def _members(desk: Catalogue, team: UUID | None) -> Iterable[UUID]:
    return [person.id for person in desk.people.values() if team in person.teams]


def _bearers(desk: Catalogue, role: str) -> Iterable[UUID]:
    return [person.id for person in desk.people.values() if person.role == role]


_ROLES: Mapping[str, Callable[[Assignee, Catalogue], Iterable[UUID]]] = {
    "handler": _handler,
    "team": lambda has, desk: _members(desk, has.team),
    "lead": _lead,
    "control_room": lambda _, desk: _bearers(desk, RoleName.CONTROL_ROOM),
}
