"""What somebody may want of a ticket. A ticket is named by its number."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from domain.command import Command
from domain.event import Actor
from domain.ids import ticket_id
from domain.values import (
    NOBODY,
    Assignee,
    AssignmentReason,
    Attachment,
    CategoryPath,
    FieldValue,
    Key,
    Line,
    Message,
    Moment,
    Names,
    Number,
    Priority,
    Tag,
    Tags,
    Text,
    Title,
)

# Enough for any desk, and few enough for every list that shows them.
MOST_TAGS = 100
MOST_FILES = 20


class TicketCommand(Command):
    """A command on a ticket's stream."""

    AGGREGATE = "ticket"
    number: Number

    @property
    def stream_id(self) -> UUID:
        """The ticket's."""
        return ticket_id(self.workspace_id, self.number)


class OpenTicket(TicketCommand):
    """Create a ticket (A1). All but the title is optional; without a number it gets the workspace's next."""

    number: Number | Literal[""] = ""
    title: Title
    description: Text = ""
    fields: dict[Key, FieldValue] = Field(default_factory=dict, max_length=200)
    status: Key | None = None
    priority: Priority = Priority.NORMAL
    type: Key | None = None
    category: CategoryPath = ()
    tags: tuple[Tag, ...] = Field(default=(), max_length=MOST_TAGS)
    due_at: Moment | None = None
    requester_id: UUID | None = None
    assignee: Assignee = NOBODY
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=MOST_FILES)
    followers: tuple[UUID, ...] = Field(default=(), max_length=100)
    confidential: Message | None = None
    # Whom the system picks for the first step, where it does: found out, not asked for, so a repeat may differ in it.
    pick: UUID | None = Field(default=None, exclude=True)


class EditTicket(TicketCommand):
    """Change what was written on the ticket (A4); what is not given stays, `clear` names what is taken away."""

    title: Title | None = None
    description: Text | None = None
    fields: dict[Key, FieldValue] = Field(default_factory=dict, max_length=200)
    type: Key | None = None
    category: CategoryPath | None = None
    due_at: Moment | None = None
    requester_id: UUID | None = None
    clear: Names = frozenset()


class ChangePriority(TicketCommand):
    """Set the priority (A5)."""

    priority: Priority


class AssignTicket(TicketCommand):
    """Make a person, a team, or nobody responsible; `reason` where the system picked the person."""

    to: Assignee
    reason: AssignmentReason | None = None


class MoveTicket(TicketCommand):
    """Put the ticket into another status that may follow its present one (A6)."""

    status: Key


class ResolveTicket(TicketCommand):
    """Say that the work is done."""


class ReopenTicket(TicketCommand):
    """Begin finished work again."""


class CloseTicket(TicketCommand):
    """End the ticket (A14)."""


class TagTicket(TicketCommand):
    """Put tags on and take tags off."""

    add: Tags = Field(default=frozenset(), max_length=MOST_TAGS)
    remove: Tags = Field(default=frozenset(), max_length=MOST_TAGS)


class ReplyToTicket(TicketCommand):
    """Write to the other side (A8); a requester's reply takes up again what waited for them or was resolved (A7)."""

    body: Message
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=MOST_FILES)
    mentions: tuple[UUID, ...] = Field(default=(), max_length=50)


class NoteOnTicket(TicketCommand):
    """Write an internal note (A8)."""

    body: Message
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=MOST_FILES)
    mentions: tuple[UUID, ...] = Field(default=(), max_length=50)


class EraseTicket(TicketCommand):
    """Delete the ticket for ever (A15). The reason stays readable, so nothing personal belongs in it."""

    reason: Line


class ConfirmTicketErasure(TicketCommand):
    """Record that the ticket's key is destroyed."""


class Telling(TicketCommand):
    """What another system's log says of a ticket at one moment (C6). Facts are not judged by our rules."""

    told_by: Actor
    status: Key
    priority: Priority
    assignee: Assignee
    category: CategoryPath = ()
    title: Title
    fields: dict[Key, FieldValue] = Field(default_factory=dict)
    requester_id: UUID | None = None

    @property
    def author(self) -> Actor:
        """The person whom the other system names."""
        return self.told_by


class TellOpening(Telling):
    """Record how a ticket began in another system."""


class TellUpdate(Telling):
    """Record what a ticket was after one update in another system; a field that is None has no value there."""


class TellChange(TicketCommand):
    """What another system's history says happened at one moment (C6): something written, something different, or both.

    What is None is not told. Facts are not judged by our rules.
    """

    told_by: Actor
    body: Message | None = None
    internal: bool = False
    title: Title | None = None
    status: Key | None = None
    priority: Priority | None = None
    category: CategoryPath | None = None
    assignee: Assignee | None = None
    fields: dict[Key, FieldValue] = Field(default_factory=dict, max_length=200)
    add: Tags = Field(default=frozenset(), max_length=MOST_TAGS)
    remove: Tags = Field(default=frozenset(), max_length=MOST_TAGS)

    @property
    def author(self) -> Actor:
        """The person whom the other system names."""
        return self.told_by
