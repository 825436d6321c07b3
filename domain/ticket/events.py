"""What can have happened to a ticket. Titles, messages and field values are content; structure is clear."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from domain.event import Content, Event
from domain.values import NOBODY, Assignee, AssignmentReason, Priority, StatusKind


class TicketEvent(Event):
    """Anything that happened to a ticket."""


class TicketOpened(TicketEvent, name="ticket.opened", version=2, creates=True):
    """A ticket came into being."""

    number: str
    title: Content[str]
    description: Content[str] = ""
    fields: Content[dict[str, Any]] = Field(default_factory=dict)
    status: str
    kind: StatusKind
    priority: Priority = Priority.NORMAL
    type: str | None = None
    category: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    due_at: datetime | None = None
    requester_id: UUID | None = None
    source: str = "api"
    assignee: Assignee = NOBODY


class TicketRetitled(TicketEvent, name="ticket.retitled", version=1):
    """The title changed."""

    title: Content[str]
    previous: Content[str]


class TicketDescribed(TicketEvent, name="ticket.described", version=1):
    """The description changed."""

    description: Content[str]
    previous: Content[str]


class TicketFieldsSet(TicketEvent, name="ticket.fields_set", version=1):
    """Custom fields got other values; only those that changed are named, None takes one away."""

    fields: Content[dict[str, Any]]
    previous: Content[dict[str, Any]]


class TicketTyped(TicketEvent, name="ticket.typed", version=1):
    """The ticket is of another type."""

    type: str | None
    previous: str | None


class TicketCategorised(TicketEvent, name="ticket.categorised", version=1):
    """The ticket is filed elsewhere in the category tree."""

    category: tuple[str, ...]
    previous: tuple[str, ...]


class TicketDueSet(TicketEvent, name="ticket.due_set", version=1):
    """The ticket is due at another time."""

    due_at: datetime | None
    previous: datetime | None


class TicketPrioritised(TicketEvent, name="ticket.prioritised", version=1):
    """The priority changed."""

    priority: Priority
    previous: Priority


class TicketRequesterSet(TicketEvent, name="ticket.requester_set", version=1):
    """The ticket is for another customer."""

    requester_id: UUID | None
    previous: UUID | None


class TicketAssigned(TicketEvent, name="ticket.assigned", version=3):
    """Another person or team became responsible; `reason` where the system picked the person."""

    assignee: Assignee
    previous: Assignee = NOBODY
    reason: AssignmentReason | None = None


class StatusEvent(TicketEvent):
    """A move from one status to another."""

    status: str
    kind: StatusKind
    previous: str
    previous_kind: StatusKind


class TicketMoved(StatusEvent, name="ticket.moved", version=1):
    """The ticket went from one status of work to another."""


class TicketAccepted(StatusEvent, name="ticket.accepted", version=1):
    """Work on a new ticket began (受理): an agent looked at it, claimed it, or accepted it."""


class TicketResolved(StatusEvent, name="ticket.resolved", version=1):
    """The work is done."""


class TicketConfirmed(StatusEvent, name="ticket.confirmed", version=1):
    """The requester says that it is solved (确认工单已完成)."""


class TicketReopened(StatusEvent, name="ticket.reopened", version=1):
    """Finished work began again."""


class TicketClosed(StatusEvent, name="ticket.closed", version=1):
    """The ticket came to its end."""


class TicketUnarchived(TicketEvent, name="ticket.unarchived", version=1):
    """Back in the lists."""


class TicketTagged(TicketEvent, name="ticket.tagged", version=1):
    """A tag was put on."""

    tag: str


class TicketUntagged(TicketEvent, name="ticket.untagged", version=1):
    """A tag was taken off."""

    tag: str


class TicketReplied(TicketEvent, name="ticket.replied", version=1):
    """Somebody wrote to the other side; the requester sees it."""

    message_id: UUID
    body: Content[str]


class TicketNoted(TicketEvent, name="ticket.noted", version=1):
    """Somebody wrote an internal note; the requester never sees it."""

    message_id: UUID
    body: Content[str]


class TicketUpdateTold(TicketEvent, name="ticket.update_told", version=1):
    """Another system's log told of an update in which nothing changed that a ticket knows of."""


class TicketErasureRequested(TicketEvent, name="ticket.erasure_requested", version=1):
    """Somebody asked to delete the ticket for ever; nothing of it is shown from here on."""

    reason: str


class TicketErased(TicketEvent, name="ticket.erased", version=1):
    """The key is destroyed: the content cannot be read by anybody, the history's structure stays."""
