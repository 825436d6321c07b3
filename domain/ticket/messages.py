"""What people write on a ticket beside replies and notes: remarks, attachments, mentions, and redaction (A8, A18, A24)."""

from uuid import UUID

from pydantic import Field

from domain.event import Content
from domain.ticket.commands import MOST_FILES, TicketCommand
from domain.ticket.events import TicketEvent
from domain.values import Attachment, Line, Message


class TicketRemarked(TicketEvent, name="ticket.remarked", version=1):
    """Something was added to the description later on; the requester sees it."""

    message_id: UUID
    body: Content[str]


class TicketAttached(TicketEvent, name="ticket.attached", version=1):
    """A file was put on the ticket; with `message_id`, as part of that message."""

    attachment_id: UUID
    message_id: UUID | None = None
    internal: bool = False
    media_type: str
    size: int
    sha256: str
    file_name: Content[str]
    key: Content[str]


class TicketAttachmentRemoved(TicketEvent, name="ticket.attachment_removed", version=1):
    """A file was taken off the ticket; its bytes are deleted."""

    attachment_id: UUID
    sha256: str
    reason: str


class TicketMentioned(TicketEvent, name="ticket.mentioned", version=1):
    """A message speaks to a colleague, who may see the ticket from here on."""

    message_id: UUID
    person_id: UUID


class TicketMessageRedacted(TicketEvent, name="ticket.message_redacted", version=1):
    """A message and its files are shown to nobody any more; why stays readable."""

    message_id: UUID
    reason: str


class RemarkOnTicket(TicketCommand):
    """Add to what the ticket describes, with files; never edited afterwards (A8)."""

    body: Message
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=MOST_FILES)


class AttachToTicket(TicketCommand):
    """Put files on the ticket (A18)."""

    attachments: tuple[Attachment, ...] = Field(min_length=1, max_length=MOST_FILES)
    internal: bool = False


class RemoveAttachment(TicketCommand):
    """Take a file off for ever. The reason stays readable, so nothing personal belongs in it."""

    attachment_id: UUID
    reason: Line


class RedactMessage(TicketCommand):
    """Hide a message from everybody (A8). The reason stays readable, so nothing personal belongs in it."""

    message_id: UUID
    reason: Line
