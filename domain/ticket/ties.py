"""Tickets that hang together: merged, split, linked, and each of it undone (A17, A22).

Each of these happens on two streams. The first event carries all that the other side needs; `domain.ticket.counterparts`
makes the command for it, which never refuses, so that whoever is interrupted in between is finished by a process.
"""

from typing import Literal
from uuid import UUID

from pydantic import Field

from domain.event import Content
from domain.ticket.commands import TicketCommand
from domain.ticket.events import TicketEvent
from domain.values import Attachment, Message, Number, Priority, StatusKind, Title

Relation = Literal["related", "parent", "child", "duplicate", "original"]


class TicketMergedInto(TicketEvent, name="ticket.merged_into", version=1):
    """The ticket goes on under another number and is closed here."""

    into: str
    followers: tuple[UUID, ...] = ()
    status: str
    kind: StatusKind
    previous: str
    previous_kind: StatusKind


class TicketMergeUndone(TicketEvent, name="ticket.merge_undone", version=1):
    """The merge was a mistake: the ticket is what it was."""

    into: str
    status: str
    kind: StatusKind
    previous: str
    previous_kind: StatusKind


class TicketAbsorbed(TicketEvent, name="ticket.absorbed", version=1):
    """Another ticket was merged into this one; `followers` came with it and did not follow before."""

    absorbed: str
    followers: tuple[UUID, ...] = ()


class TicketReleased(TicketEvent, name="ticket.released", version=1):
    """A ticket that was merged into this one is on its own again."""

    released: str
    followers: tuple[UUID, ...] = ()


class TicketSplitOff(TicketEvent, name="ticket.split_off", version=1):
    """A message of this ticket goes on as a ticket of its own."""

    message_id: UUID
    into: str
    title: Content[str]
    body: Content[str]
    requester_id: UUID | None = None
    priority: Priority = Priority.NORMAL
    type: str | None = None
    category: tuple[str, ...] = ()


class TicketSplitUndone(TicketEvent, name="ticket.split_undone", version=1):
    """The message belongs here again; the ticket that it became is withdrawn."""

    message_id: UUID
    into: str


class TicketSplitFrom(TicketEvent, name="ticket.split_from", version=1):
    """This ticket began as a message of another."""

    origin: str
    message_id: UUID


class TicketWithdrawn(TicketEvent, name="ticket.withdrawn", version=1):
    """The split that made this ticket was undone: it is closed and out of the lists."""

    status: str
    kind: StatusKind
    previous: str
    previous_kind: StatusKind


class TicketLinked(TicketEvent, name="ticket.linked", version=1):
    """The other ticket is, seen from this one, related, its parent, child, duplicate or original."""

    relation: str
    other: str


class TicketUnlinked(TicketEvent, name="ticket.unlinked", version=1):
    """They no longer hang together in that way."""

    relation: str
    other: str


class MergeTicket(TicketCommand):
    """Go on under another number: this one is the duplicate."""

    into: Number


class UndoMerge(TicketCommand):
    """Take a merge back: both tickets become what they were."""


class SplitTicket(TicketCommand):
    """Make a message a ticket of its own, under a number kept for it. `body` is the message's text."""

    message_id: UUID
    title: Title
    # Found by whoever carries it out, each time anew: no part of what is asked.
    into: Number | Literal[""] = Field(default="", exclude=True)
    body: Message | Literal[""] = Field(default="", exclude=True)


class UndoSplit(TicketCommand):
    """Take a split back, as long as nobody worked on the new ticket."""

    into: Number


class LinkTicket(TicketCommand):
    """Tie the ticket to another one. `ancestors` are above whichever of them becomes the parent: no ring is made."""

    relation: Relation
    other: Number
    ancestors: tuple[str, ...] = Field(default=(), exclude=True)


class UnlinkTicket(TicketCommand):
    """Untie them."""

    relation: Relation
    other: Number


class AbsorbTicket(TicketCommand):
    """The other side of a merge."""

    absorbed: Number
    followers: tuple[UUID, ...] = ()


class ReleaseTicket(TicketCommand):
    """The other side of a merge that is undone."""

    released: Number


class OpenSplit(TicketCommand):
    """The other side of a split: the new ticket, with what the message said."""

    origin: Number
    message_id: UUID
    title: Title
    body: Message
    requester_id: UUID | None = None
    priority: Priority = Priority.NORMAL
    type: str | None = None
    category: tuple[str, ...] = ()
    # The message's files, found by whoever carries it out: no part of what is asked.
    files: tuple[Attachment, ...] = Field(default=(), exclude=True)


class WithdrawSplit(TicketCommand):
    """The other side of a split that is undone. `came` are the files that came with the message, not put there since."""

    origin: Number
    # Found by whoever carries it out: no part of what is asked.
    came: frozenset[UUID] = Field(default=frozenset(), exclude=True)


class KeepSplit(TicketCommand):
    """Take the undoing of a split back: somebody had begun to work on the new ticket. What the split said, once more."""

    split: TicketSplitOff = Field(exclude=True)


class LinkBack(TicketCommand):
    """The other side of a link."""

    relation: Relation
    other: Number


class UnlinkBack(TicketCommand):
    """The other side of a link that is taken away."""

    relation: Relation
    other: Number
