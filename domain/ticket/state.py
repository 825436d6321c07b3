"""A ticket as decisions see it, folded from its events."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.command import evolves
from domain.errors import Refusal
from domain.event import ERASED, Content
from domain.ticket import events as e
from domain.values import FINISHED, NOBODY, Assignee, CategoryPath, Priority, StatusKind


class UnknownTicket(Refusal):
    """No ticket of that number exists in the workspace."""

    code = "unknown_ticket"
    status = 404
    sentence = "No ticket {number} in this workspace."


class TicketErasedForEver(Refusal):
    """The ticket was deleted."""

    code = "ticket_erased"
    status = 410
    sentence = "Ticket {number} was deleted for ever. Its history still says when and by whom."


class TicketNotOpen(Refusal):
    """A closed ticket takes no more work."""

    code = "ticket_closed"
    sentence = "Ticket {number} is closed. Reopen it first."


@dataclass(frozen=True, slots=True)
class Ticket:
    """The state that decisions need; `opened` is False before the first event."""

    opened: bool = False
    number: str = ""
    title: Content[str] = ""
    description: Content[str] = ""
    fields: Content[dict[str, Any]] = field(default_factory=dict)
    status: str = ""
    kind: StatusKind = StatusKind.NEW
    priority: Priority = Priority.NORMAL
    type: str | None = None
    category: CategoryPath = ()
    tags: frozenset[str] = frozenset()
    due_at: datetime | None = None
    requester_id: UUID | None = None
    assignee: Assignee = NOBODY
    previous_assignees: tuple[Assignee, ...] = ()
    replies: int = 0
    notes: int = 0
    reopenings: int = 0
    erasing: bool = False
    erased: bool = False

    @property
    def finished(self) -> bool:
        """Whether the work is done, for now."""
        return self.kind in FINISHED

    def must_exist(self, number: str) -> None:
        """Raise unless the ticket was opened and not deleted."""
        if not self.opened:
            raise UnknownTicket(number=number)
        if self.erasing:
            raise TicketErasedForEver(number=number)

    def must_be_open(self, number: str) -> None:
        """Raise unless the ticket exists and is not closed."""
        self.must_exist(number)
        if self.kind is StatusKind.CLOSED:
            raise TicketNotOpen(number=number)


# How many earlier handlers a ticket remembers: enough to return it, bounded for tickets that wander for years.
_REMEMBERED = 50


@evolves(e.TicketOpened)
def _(_: Ticket, event: e.TicketOpened) -> Ticket:
    return Ticket(
        opened=True,
        number=event.number,
        title=event.title,
        description=event.description,
        fields=event.fields,
        status=event.status,
        kind=event.kind,
        priority=event.priority,
        type=event.type,
        category=event.category,
        tags=frozenset(event.tags),
        due_at=event.due_at,
        requester_id=event.requester_id,
        assignee=event.assignee,
    )


@evolves(e.TicketRetitled)
def _(ticket: Ticket, event: e.TicketRetitled) -> Ticket:
    return replace(ticket, title=event.title)


@evolves(e.TicketDescribed)
def _(ticket: Ticket, event: e.TicketDescribed) -> Ticket:
    return replace(ticket, description=event.description)


@evolves(e.TicketFieldsSet)
def _(ticket: Ticket, event: e.TicketFieldsSet) -> Ticket:
    if not isinstance(ticket.fields, dict) or not isinstance(event.fields, dict):
        return replace(ticket, fields=ERASED)
    merged = {**ticket.fields, **event.fields}
    return replace(ticket, fields={key: value for key, value in merged.items() if value is not None})


@evolves(e.TicketTyped)
def _(ticket: Ticket, event: e.TicketTyped) -> Ticket:
    return replace(ticket, type=event.type)


@evolves(e.TicketCategorised)
def _(ticket: Ticket, event: e.TicketCategorised) -> Ticket:
    return replace(ticket, category=event.category)


@evolves(e.TicketDueSet)
def _(ticket: Ticket, event: e.TicketDueSet) -> Ticket:
    return replace(ticket, due_at=event.due_at)


@evolves(e.TicketPrioritised)
def _(ticket: Ticket, event: e.TicketPrioritised) -> Ticket:
    return replace(ticket, priority=event.priority)


@evolves(e.TicketRequesterSet)
def _(ticket: Ticket, event: e.TicketRequesterSet) -> Ticket:
    return replace(ticket, requester_id=event.requester_id)


@evolves(e.TicketAssigned)
def _(ticket: Ticket, event: e.TicketAssigned) -> Ticket:
    remembered = (*ticket.previous_assignees, event.previous)[-_REMEMBERED:]
    return replace(ticket, assignee=event.assignee, previous_assignees=remembered)


@evolves(e.TicketMoved)
@evolves(e.TicketResolved)
@evolves(e.TicketClosed)
def _(ticket: Ticket, event: e.StatusEvent) -> Ticket:
    return replace(ticket, status=event.status, kind=event.kind)


@evolves(e.TicketReopened)
def _(ticket: Ticket, event: e.TicketReopened) -> Ticket:
    return replace(ticket, status=event.status, kind=event.kind, reopenings=ticket.reopenings + 1)


@evolves(e.TicketTagged)
def _(ticket: Ticket, event: e.TicketTagged) -> Ticket:
    return replace(ticket, tags=ticket.tags | {event.tag})


@evolves(e.TicketUntagged)
def _(ticket: Ticket, event: e.TicketUntagged) -> Ticket:
    return replace(ticket, tags=ticket.tags - {event.tag})


@evolves(e.TicketReplied)
def _(ticket: Ticket, _event: e.TicketReplied) -> Ticket:
    return replace(ticket, replies=ticket.replies + 1)


@evolves(e.TicketNoted)
def _(ticket: Ticket, _event: e.TicketNoted) -> Ticket:
    return replace(ticket, notes=ticket.notes + 1)


@evolves(e.TicketErasureRequested)
def _(ticket: Ticket, _event: e.TicketErasureRequested) -> Ticket:
    return replace(ticket, title=ERASED, description=ERASED, fields=ERASED, erasing=True)


@evolves(e.TicketErased)
def _(ticket: Ticket, _event: e.TicketErased) -> Ticket:
    return replace(ticket, erased=True)
