"""The requester's moves at the end: confirm, rate (A7). Continuing is a reply, closing is a close."""

from uuid import UUID

from pydantic import Field

from domain.event import Content
from domain.ticket.commands import TicketCommand
from domain.ticket.events import StatusEvent
from domain.values import Text


class TicketConfirmed(StatusEvent, name="ticket.confirmed", version=1):
    """The requester says that it is solved (确认工单已完成)."""


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
