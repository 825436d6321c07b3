"""The requester's moves at the end: confirm, rate (A7). Continuing is a reply, closing is a close."""

from uuid import UUID

from pydantic import Field

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.copying import replace
from domain.errors import Refusal
from domain.event import Content
from domain.permissions import Permission
from domain.ticket.commands import TicketCommand
from domain.ticket.events import StatusEvent
from domain.ticket.events import TicketConfirmed as TicketConfirmed
from domain.ticket.moving import into
from domain.ticket.state import Ticket
from domain.values import StatusKind, Text


class NotConfirmed(Refusal):
    """Only what the requester confirmed to be solved can be rated (A7)."""

    code = "ticket_not_confirmed"
    sentence = "Ticket {number} is not confirmed as solved. Confirm it first, then rate it."


class AlreadyRated(Refusal):
    """A ticket is rated once."""

    code = "ticket_already_rated"
    sentence = "Ticket {number} is rated already. A rating is final; write a reply if there is more to say."


class TicketRated(StatusEvent, name="ticket.rated", version=1):
    """The requester says how good it was (评价): 1 to 5 stars."""

    stars: int
    comment: Content[str | None] = None
    message_id: UUID


class ConfirmTicket(TicketCommand):
    """Say that a resolved ticket is solved."""


class RateTicket(TicketCommand):
    """Rate a confirmed ticket; once."""

    stars: int = Field(ge=1, le=5)
    comment: Text = ""


@decides(ConfirmTicket, needs=Permission.TICKET_CONFIRM)
def confirm(command: ConfirmTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """What is rated was confirmed before."""
    ticket.must_exist(command.number)
    return [] if ticket.kind is StatusKind.RATED else into(StatusKind.CONFIRMED, command.number, ticket, desk)


@decides(RateTicket, needs=Permission.TICKET_RATE)
def rate(command: RateTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Into the workspace's first status of kind rated."""
    ticket.must_exist(command.number)
    if ticket.rating is not None:
        raise AlreadyRated(number=command.number)
    if ticket.kind is not StatusKind.CONFIRMED:
        raise NotConfirmed(number=command.number)
    rated = desk.status_of_kind(StatusKind.RATED)
    return [
        TicketRated(
            status=rated.key,
            kind=rated.kind,
            previous=ticket.status,
            previous_kind=ticket.kind,
            stars=command.stars,
            comment=command.comment or None,
            message_id=command.command_id,
        )
    ]


@evolves(TicketRated)
def _(ticket: Ticket, event: TicketRated) -> Ticket:
    rated = ticket.with_message(event.message_id)
    return replace(rated, status=event.status, kind=event.kind, rating=event.stars)
