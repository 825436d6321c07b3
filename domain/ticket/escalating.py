"""Escalation: those who can do more are called to a ticket, or it goes to them (E4)."""

from uuid import UUID

from pydantic import Field

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.copying import replace
from domain.event import Content
from domain.permissions import Permission
from domain.receivers import NOBODY_TOLD, Receivers
from domain.receiving import known
from domain.ticket.commands import TicketCommand
from domain.ticket.events import TicketAssigned, TicketEvent
from domain.ticket.handling import handler
from domain.ticket.moving import must_be_unfinished
from domain.ticket.state import Ticket
from domain.values import Assignee, Text

HIGHEST = 9


class TicketEscalated(TicketEvent, name="ticket.escalated", version=1):
    """Others were called to it (升级): `level` is how far it has come, `to` who hears of it, `step` which one of a ladder."""

    level: int
    to: Receivers = NOBODY_TOLD
    team: UUID | None = None
    step: str | None = None
    reason: Content[str | None] = None


class EscalateTicket(TicketCommand):
    """Call others to the ticket: one level up, or up to the given one. With `team`, that team gets it."""

    level: int | None = Field(default=None, ge=1, le=HIGHEST)
    to: Receivers = NOBODY_TOLD
    team: UUID | None = None
    reason: Text = ""


@decides(EscalateTicket, needs=Permission.TICKET_ESCALATE)
def escalate(command: EscalateTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Only upwards: up to a level that it has already, nothing happens."""
    must_be_unfinished(command.number, ticket)
    level = min(ticket.level + 1, HIGHEST) if command.level is None else command.level
    if command.level is not None and level <= ticket.level:
        return []
    to = known(command.to, desk)
    escalated = TicketEscalated(level=level, to=to, team=command.team, reason=command.reason or None)
    return [escalated, *handed_to(command.team, ticket, desk)]


def handed_to(team: UUID | None, ticket: Ticket, desk: Catalogue) -> Decision:
    """The ticket goes to the team, unless it has it or none is named."""
    if team is None or team == ticket.assignee.team:
        return []
    assignee = handler(Assignee(team=team), ticket.type, ticket.category, desk)
    return [TicketAssigned(assignee=assignee, previous=ticket.assignee)]


@evolves(TicketEscalated)
def _(ticket: Ticket, event: TicketEscalated) -> Ticket:
    taken = ticket.promises.taken | {event.step} if event.step else ticket.promises.taken
    return replace(ticket, level=max(ticket.level, event.level), promises=replace(ticket.promises, taken=taken))
