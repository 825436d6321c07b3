"""Who may do what to which ticket: the role's permission, and the reach of whoever acts (B7, G3)."""

from uuid import UUID

from domain.catalogue import Catalogue
from domain.command import Command
from domain.conditions import AllOf, AnyOf, Condition, Leaf
from domain.event import Actor
from domain.granting import granted
from domain.permissions import Permission
from domain.staff import Grant, Person, Scope
from domain.ticket.state import Ticket, UnknownTicket


def allow(command: Command, needed: Permission, state: object, desk: Catalogue) -> None:
    """Let the command pass, or raise NotAllowed, ScopeMissing or UnknownTicket. The desk itself is not asked."""
    if command.by.trusted:
        return
    grant = granted(command, needed, desk)
    if isinstance(state, Ticket) and state.opened and not reaches(command.by, grant, state, desk):
        # As if it were not there: that it exists is not theirs to know either.
        raise UnknownTicket(number=state.number)


def reaches(actor: Actor, grant: Grant, ticket: Ticket, desk: Catalogue) -> bool:
    """Whether the ticket is one that the actor may see: their own, within their role's scope, or they take part in it."""
    if actor.kind == "requester":
        return ticket.requester_id is not None and actor.id == str(ticket.requester_id)
    return grant.scope.covers(ticket.type, ticket.category) or takes_part(UUID(actor.id), ticket, desk)


def takes_part(person: UUID, ticket: Ticket, desk: Catalogue) -> bool:
    """Whether the person has the ticket, may claim it, follows it, or was mentioned or asked to approve on it."""
    return person in ticket.involved or may_claim(person, ticket, desk)


def may_claim(person: UUID, ticket: Ticket, desk: Catalogue) -> bool:
    """Whether the ticket was given to several of whom the person is one."""
    return desk.may_claim(person, ticket.assignee)


def reach(desk: Catalogue, actor: Actor, absorbed: frozenset[UUID] = frozenset()) -> Condition | None:
    """What `reaches` says of a ticket, as a condition for lists, searches and exports; None reaches everything.

    `absorbed` are the records that were merged into the acting requester.
    """
    if actor.kind == "system":
        return None
    grant = desk.grant(actor)
    if actor.kind == "requester":
        return _leaf("requester_id", "is_any_of", sorted({actor.id, *map(str, absorbed)}))
    if grant.scope.everything:
        return None
    person = desk.acting(actor)
    takes_part_in = (_leaf("involved", "has_any", [str(person.id)]), *claimable(person))
    return AnyOf(any=(*_within(grant.scope), *takes_part_in))


def _within(scope: Scope) -> list[Condition]:
    types: list[Condition] = [_leaf("type", "is_any_of", sorted(scope.types))] if scope.types else []
    return [*types, *(_leaf("category", "under", list(path)) for path in sorted(scope.categories))]


def claimable(person: Person) -> list[Condition]:
    """The ways in which a ticket that nobody has yet was given to several of whom the person is one."""
    unclaimed, no_names = _leaf("assignee_person", "is_not_set"), _leaf("candidates", "is_not_set")
    no_team, no_role = _leaf("assignee_team", "is_not_set"), _leaf("assignee_role", "is_not_set")
    role = _leaf("assignee_role", "is", person.role)
    ways: list[Condition] = [
        AllOf(all=(unclaimed, _leaf("candidates", "has_any", [str(person.id)]))),
        AllOf(all=(unclaimed, no_names, no_team, role)),
    ]
    if person.teams:
        team = _leaf("assignee_team", "is_any_of", sorted(map(str, person.teams)))
        ways.append(AllOf(all=(unclaimed, no_names, team, AnyOf(any=(no_role, role)))))
    return ways


def _leaf(field: str, op: str, value: object = None) -> Leaf:
    return Leaf(field=field, op=op, value=value)
