"""Undo (A22): an event that puts back what one command changed, as long as nothing else has changed it since."""

from typing import Any
from uuid import UUID

from domain.event import Content
from domain.ticket.commands import TicketCommand
from domain.ticket.events import TicketEvent
from domain.ticket.state import Ticket


class TicketUndone(TicketEvent, name="ticket.undone", version=1):
    """What a command changed is as it was before it: `restored` and `content` name state fields and their values."""

    undoes: UUID
    restored: dict[str, Any]
    content: Content[dict[str, Any]]


class UndoCommand(TicketCommand):
    """Put back what a command changed. `before` and `after` are the ticket around that command, folded from its log."""

    undoes: UUID
    before: Ticket
    after: Ticket
