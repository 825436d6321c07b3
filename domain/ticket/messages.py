"""What people write on a ticket: replies, notes, remarks, with files and mentions, and redaction (A7, A8, A18, A24)."""

from collections.abc import Iterable
from uuid import UUID

from pydantic import Field

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.copying import replace
from domain.errors import InvalidInput, Refusal
from domain.event import Content, Secret
from domain.granting import must_be_allowed
from domain.permissions import Permission
from domain.ticket import commands as c
from domain.ticket.commands import MOST_FILES, TicketCommand
from domain.ticket.events import TicketEvent, TicketNoted, TicketReplied
from domain.ticket.marking import woken
from domain.ticket.moving import move_events
from domain.ticket.state import AttachedFile, Ticket
from domain.values import Attachment, Line, Message, StatusKind


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
    key: Secret[str]


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


class UnknownMessage(Refusal):
    """The ticket has no message of that id."""

    code = "unknown_message"
    status = 404
    sentence = "Ticket {number} has no message {message}. See its timeline for the ids."


class UnknownAttachment(Refusal):
    """The ticket has no file of that id, or has it no longer."""

    code = "unknown_attachment"
    status = 404
    sentence = "Ticket {number} has no file {attachment}. See its timeline for the ids."


class GoesOnElsewhere(Refusal):
    """A ticket that was split off has the message's text as what it describes."""

    code = "message_goes_on"
    sentence = "What this message says is in ticket {into} too, which was split off it. Delete that ticket first."


class RemarkOnTicket(TicketCommand):
    """Add to what the ticket describes, with files; never edited afterwards (A8)."""

    body: Message
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=MOST_FILES)
    mentions: tuple[UUID, ...] = Field(default=(), max_length=50)


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
    # Tickets that were split off and are erased, found by whoever carries it out: no part of what is asked.
    erased: frozenset[str] = Field(default=frozenset(), exclude=True)


Written = c.ReplyToTicket | c.NoteOnTicket | RemarkOnTicket


@decides(c.ReplyToTicket, needs=Permission.TICKET_REPLY)
def reply(command: c.ReplyToTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """A public message; a requester's takes up again what waited for them, slept, or was thought to be done."""
    ticket.must_be_open(command.number)
    said = TicketReplied(message_id=command.command_id, body=command.body)
    taken_up = _taken_up(ticket, desk) if command.by.kind == "requester" else []
    return [said, *_brought(command, ticket, desk), *taken_up]


def _taken_up(ticket: Ticket, desk: Catalogue) -> Decision:
    waits = ticket.finished or ticket.kind is StatusKind.PENDING
    again = move_events(desk.status_of_kind(StatusKind.OPEN), ticket) if waits else []
    return [*again, *woken("reply", ticket)]


@decides(c.NoteOnTicket, needs=Permission.TICKET_NOTE)
def note(command: c.NoteOnTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """An internal message; a closed ticket still takes notes."""
    ticket.must_exist(command.number)
    said = TicketNoted(message_id=command.command_id, body=command.body)
    return [said, *_brought(command, ticket, desk, internal=True)]


@decides(RemarkOnTicket, needs=Permission.TICKET_REPLY)
def remark(command: RemarkOnTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """A public addition to the description; it moves nothing."""
    ticket.must_be_open(command.number)
    said = TicketRemarked(message_id=command.command_id, body=command.body)
    return [said, *_brought(command, ticket, desk)]


def _brought(command: Written, ticket: Ticket, desk: Catalogue, *, internal: bool = False) -> Decision:
    files = attached(command.attachments, ticket, message_id=command.command_id, internal=internal)
    return [*files, *_mentioned(command, desk)]


def _mentioned(command: Written, desk: Catalogue) -> Decision:
    if command.mentions and command.by.kind == "requester":
        raise InvalidInput(field="mentions", reason="only people of the desk can mention their colleagues")
    others = [desk.person(person).id for person in dict.fromkeys(command.mentions) if str(person) != command.by.id]
    return [TicketMentioned(message_id=command.command_id, person_id=person) for person in others]


@decides(AttachToTicket, needs=Permission.TICKET_REPLY)
def attach(command: AttachToTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """What requesters must not see is for those who may write notes."""
    ticket.must_be_open(command.number)
    if command.internal:
        must_be_allowed(command, Permission.TICKET_NOTE, desk)
    return attached(command.attachments, ticket, internal=command.internal)


def attached(
    files: Iterable[Attachment], ticket: Ticket, *, message_id: UUID | None = None, internal: bool = False
) -> Decision:
    """An event for each file that the ticket does not have yet."""
    known = {file.attachment_id for file in ticket.attachments}
    new = {file.attachment_id: file for file in files if file.attachment_id not in known}
    return [_attached(file, message_id, internal) for file in new.values()]


def _attached(file: Attachment, message_id: UUID | None, internal: bool) -> TicketAttached:
    return TicketAttached(
        attachment_id=file.attachment_id,
        message_id=message_id,
        internal=internal,
        media_type=file.media_type,
        size=file.size,
        sha256=file.sha256,
        file_name=file.name,
        key=file.key,
    )


@decides(RemoveAttachment, needs=Permission.TICKET_REDACT)
def remove(command: RemoveAttachment, ticket: Ticket, _: Catalogue) -> Decision:
    """One that is there."""
    ticket.must_exist(command.number)
    files = [file for file in ticket.attachments if file.attachment_id == command.attachment_id]
    if not files:
        raise UnknownAttachment(number=command.number, attachment=command.attachment_id)
    return _removed(files, command.reason)


def _removed(files: Iterable[AttachedFile], reason: str) -> Decision:
    return [
        TicketAttachmentRemoved(attachment_id=file.attachment_id, sha256=file.sha256, reason=reason) for file in files
    ]


@decides(RedactMessage, needs=Permission.TICKET_REDACT)
def redact(command: RedactMessage, ticket: Ticket, _: Catalogue) -> Decision:
    """With the files that came with it; once."""
    ticket.must_exist(command.number)
    message = next((each for each in ticket.messages if each.message_id == command.message_id), None)
    if message is None:
        raise UnknownMessage(number=command.number, message=command.message_id)
    if message.redacted:
        return []
    _must_be_here_alone(command, ticket)
    files = [file for file in ticket.attachments if file.message_id == command.message_id]
    hidden = TicketMessageRedacted(message_id=command.message_id, reason=command.reason)
    return [hidden, *_removed(files, command.reason)]


def _must_be_here_alone(command: RedactMessage, ticket: Ticket) -> None:
    quoted = (split.number for split in ticket.ties.quoted if split.message_id == command.message_id)
    for number in quoted:
        if number not in command.erased:
            raise GoesOnElsewhere(into=number)


@evolves(TicketRemarked)
def _(ticket: Ticket, event: TicketRemarked) -> Ticket:
    return ticket.with_message(event.message_id)


@evolves(TicketAttached)
def _(ticket: Ticket, event: TicketAttached) -> Ticket:
    file = AttachedFile(
        attachment_id=event.attachment_id,
        message_id=event.message_id,
        internal=event.internal,
        media_type=event.media_type,
        size=event.size,
        sha256=event.sha256,
        name=event.file_name,
        key=event.key,
    )
    return replace(ticket, attachments=(*ticket.attachments, file))


@evolves(TicketAttachmentRemoved)
def _(ticket: Ticket, event: TicketAttachmentRemoved) -> Ticket:
    kept = tuple(file for file in ticket.attachments if file.attachment_id != event.attachment_id)
    return replace(ticket, attachments=kept)


@evolves(TicketMentioned)
def _(ticket: Ticket, event: TicketMentioned) -> Ticket:
    return replace(ticket, mentioned=ticket.mentioned | {event.person_id})


@evolves(TicketMessageRedacted)
def _(ticket: Ticket, event: TicketMessageRedacted) -> Ticket:
    messages = (replace(m, redacted=True) if m.message_id == event.message_id else m for m in ticket.messages)
    return replace(ticket, messages=tuple(messages))
