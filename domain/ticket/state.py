"""A ticket as decisions see it, folded from its events."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.command import evolves
from domain.copying import replace
from domain.errors import Refusal
from domain.event import ERASED, Actor, Content
from domain.ticket import events as e
from domain.values import FINISHED, NOBODY, Assignee, CategoryPath, Pinned, Priority, StatusKind


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
    sentence = "Ticket {number} is closed. Reopen it first, or open a new one."


class TicketMergedAway(Refusal):
    """The ticket goes on under another number."""

    code = "ticket_merged"
    sentence = "Ticket {number} was merged into {into}. Go on there, or undo the merge."


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file on the ticket, of a message or of its own; `internal` where requesters must not see it."""

    attachment_id: UUID
    message_id: UUID | None
    internal: bool
    media_type: str
    size: int
    sha256: str
    name: Content[str]
    key: Content[str]


@dataclass(frozen=True, slots=True)
class Message:
    """A reply, note, remark or whatever else somebody wrote, without its text."""

    message_id: UUID
    internal: bool = False
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """What people put on a ticket to find it or not to see it for a while."""

    archived: bool = False
    pinned: bool = False
    spam: bool = False
    # The requester who was blocked when it was marked as spam.
    blocks: UUID | None = None
    snoozed: bool = False
    # None while snoozed means until the next reply.
    snoozed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A tie to another ticket: relation is related, parent (the other is above this), child or duplicate."""

    relation: str
    number: str


@dataclass(frozen=True, slots=True)
class Split:
    """A message that went on as a ticket of its own."""

    message_id: UUID
    number: str


@dataclass(frozen=True, slots=True)
class Absorbed:
    """A ticket that was merged into this one, with the followers who came with it."""

    number: str
    followers: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Ties:
    """How the ticket hangs together with others. `before` is the status from which it was merged away."""

    merged_into: str | None = None
    before: tuple[str, StatusKind] | None = None
    absorbed: tuple[Absorbed, ...] = ()
    split_from: str | None = None
    # Its split was undone: its message is the origin's again.
    withdrawn: bool = False
    splits: tuple[Split, ...] = ()
    # Also those that were taken back, for the tickets that they made still have the messages' texts: no part of what
    # taking one back restores.
    quoted: tuple[Split, ...] = field(default=(), compare=False)
    links: frozenset[Link] = frozenset()


@dataclass(frozen=True, slots=True)
class Approval:
    """A question to approvers (A21). `mode` all or any; `outcome` None while it is open, else granted, refused, withdrawn."""

    approval_id: UUID
    mode: str
    approvers: tuple[UUID, ...]
    asked_by: Actor
    approved: tuple[UUID, ...] = ()
    node: str | None = None
    required: bool = False
    outcome: str | None = None
    refused_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """The form and the workflow that the ticket began with, where it stands in it, and what was saved but not submitted."""

    template: Pinned | None = None
    workflow: Pinned | None = None
    node: str | None = None
    came_from: str | None = None
    saved: Content[dict[str, Any]] = field(default_factory=dict)
    approvals: tuple[Approval, ...] = ()


@dataclass(frozen=True, slots=True)
class Promises:
    """Which policy and calendar hold, which promises were broken, what was brought to mind, which steps of ladders taken."""

    policy: Pinned | None = None
    calendar: Pinned | None = None
    # Measure, and since when it was waited for.
    breached: frozenset[tuple[str, datetime]] = frozenset()
    # Reminder, measure, since when, and the how manieth time.
    reminded: frozenset[tuple[str, str, datetime, int]] = frozenset()
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ticket:
    """The state that decisions need; `opened` is False before the ticket is submitted, `drafted_by` says whose draft it is."""

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
    urges: int = 0
    transfers: int = 0
    returns: int = 0
    rating: int | None = None
    level: int = 0
    messages: tuple[Message, ...] = ()
    attachments: tuple[AttachedFile, ...] = ()
    followers: frozenset[UUID] = frozenset()
    mentioned: frozenset[UUID] = frozenset()
    confidential: Content[str | None] = None
    marks: Marks = Marks()
    ties: Ties = Ties()
    flow: Flow = Flow()
    promises: Promises = Promises()
    drafted_by: Actor | None = None
    draft: Content[dict[str, Any]] = field(default_factory=dict)
    erasing: bool = False
    erased: bool = False

    @property
    def involved(self) -> frozenset[UUID]:
        """The people who keep access to the ticket wherever it goes (A13)."""
        approvers = {person for approval in self.flow.approvals for person in approval.approvers}
        handler = {self.assignee.person} if self.assignee.person else set()
        return self.followers | self.mentioned | approvers | handler

    @property
    def finished(self) -> bool:
        """Whether the work is done, for now."""
        return self.kind in FINISHED

    def must_be_readable(self, number: str) -> None:
        """Raise unless the ticket was opened and not deleted; what was merged away is closed to work, not to reading."""
        if not self.opened:
            raise UnknownTicket(number=number)
        if self.erasing:
            raise TicketErasedForEver(number=number)

    def must_exist(self, number: str) -> None:
        """Raise unless the ticket was opened, not deleted, and not merged into another."""
        self.must_be_readable(number)
        if self.ties.merged_into is not None:
            raise TicketMergedAway(number=number, into=self.ties.merged_into)

    def must_be_open(self, number: str) -> None:
        """Raise unless the ticket exists and is not closed."""
        self.must_exist(number)
        if self.kind is StatusKind.CLOSED:
            raise TicketNotOpen(number=number)

    def with_message(self, message_id: UUID, *, internal: bool = False, **changed: Any) -> "Ticket":
        """The ticket with one more message, and whatever else came with it."""
        return replace(self, messages=(*self.messages, Message(message_id, internal)), **changed)

    def handed_to(self, assignee: Assignee) -> "Ticket":
        """The ticket with another assignee; who had it before is remembered."""
        remembered = (*self.previous_assignees, self.assignee)[-_REMEMBERED:]
        return replace(self, assignee=assignee, previous_assignees=remembered)


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
    return ticket.handed_to(event.assignee)


@evolves(e.TicketMoved)
@evolves(e.TicketAccepted)
@evolves(e.TicketResolved)
@evolves(e.TicketConfirmed)
@evolves(e.TicketClosed)
def _(ticket: Ticket, event: e.StatusEvent) -> Ticket:
    return replace(ticket, status=event.status, kind=event.kind)


@evolves(e.TicketReopened)
def _(ticket: Ticket, event: e.TicketReopened) -> Ticket:
    return replace(ticket, status=event.status, kind=event.kind, reopenings=ticket.reopenings + 1)


@evolves(e.TicketUnarchived)
def _(ticket: Ticket, _event: e.TicketUnarchived) -> Ticket:
    return replace(ticket, marks=replace(ticket.marks, archived=False))


@evolves(e.TicketTagged)
def _(ticket: Ticket, event: e.TicketTagged) -> Ticket:
    return replace(ticket, tags=ticket.tags | {event.tag})


@evolves(e.TicketUntagged)
def _(ticket: Ticket, event: e.TicketUntagged) -> Ticket:
    return replace(ticket, tags=ticket.tags - {event.tag})


@evolves(e.TicketReplied)
def _(ticket: Ticket, event: e.TicketReplied) -> Ticket:
    return ticket.with_message(event.message_id, replies=ticket.replies + 1)


@evolves(e.TicketNoted)
def _(ticket: Ticket, event: e.TicketNoted) -> Ticket:
    return ticket.with_message(event.message_id, internal=True, notes=ticket.notes + 1)


@evolves(e.TicketErasureRequested)
def _(ticket: Ticket, _event: e.TicketErasureRequested) -> Ticket:
    return replace(
        ticket,
        title=ERASED,
        description=ERASED,
        fields=ERASED,
        attachments=(),
        confidential=ERASED,
        draft=ERASED,
        flow=replace(ticket.flow, saved=ERASED),
        erasing=True,
    )


@evolves(e.TicketErased)
def _(ticket: Ticket, _event: e.TicketErased) -> Ticket:
    return replace(ticket, erased=True)
