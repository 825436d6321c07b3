"""Who may do what to which ticket: the role's permission, and the reach of whoever acts (B7, G3)."""

from uuid import UUID

from domain.catalogue import Catalogue
from domain.command import Command
from domain.errors import NotAllowed
from domain.event import Actor
from domain.permissions import Permission
from domain.staff import Grant
from domain.ticket.state import Ticket, UnknownTicket


def allow(command: Command, needed: Permission, state: object, desk: Catalogue) -> None:
    """Let the command pass, or raise NotAllowed or UnknownTicket. The system acts for operators and is not asked."""
    if command.by.kind == "system":
        return
    grant = desk.grant(command.by)
    if needed not in grant.permissions:
        raise NotAllowed(permission=needed, role=grant.role)
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
