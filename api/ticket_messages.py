"""What is written on a ticket, with files and mentions, and what is taken back (A8, A18, A24)."""

from uuid import UUID

from fastapi import Response

from api import routing
from api.answers import changed
from api.auth import Caller, needs
from api.bodies import ReasonBody
from api.ticket_bodies import AttachBody, MessageBody
from api.ticket_changes import TicketNumber, changes, done, uploaded
from domain.errors import InvalidInput, NotAllowed, UnknownPerson
from domain.permissions import Permission
from domain.ticket import commands as c
from domain.ticket import messages as m
from domain.ticket.state import TicketNotOpen
from eventstore import counterparts
from eventstore.files.errors import UploadInvalid

router = routing.router("tickets")


@router.post("/tickets/{number}/replies", **changes(TicketNotOpen, UnknownPerson, InvalidInput, UploadInvalid))
async def reply_to_ticket(
    number: TicketNumber, body: MessageBody, me: Caller = needs(Permission.TICKET_REPLY)
) -> Response:
    """Write to the other side (A8). A requester's reply takes up again what waited for them or was resolved (A7)."""
    return await done(me, _written(c.ReplyToTicket, number, body, me))


@router.post("/tickets/{number}/notes", **changes(UnknownPerson, UploadInvalid))
async def note_on_ticket(
    number: TicketNumber, body: MessageBody, me: Caller = needs(Permission.TICKET_NOTE)
) -> Response:
    """Write an internal note (A8)."""
    return await done(me, _written(c.NoteOnTicket, number, body, me))


@router.post("/tickets/{number}/remarks", **changes(TicketNotOpen, UnknownPerson, InvalidInput, UploadInvalid))
async def remark_on_ticket(
    number: TicketNumber, body: MessageBody, me: Caller = needs(Permission.TICKET_REPLY)
) -> Response:
    """Add to what the ticket describes (追加说明, A8)."""
    return await done(me, _written(m.RemarkOnTicket, number, body, me))


@router.post("/tickets/{number}/attachments", **changes(TicketNotOpen, NotAllowed, UploadInvalid))
async def attach_to_ticket(
    number: TicketNumber, body: AttachBody, me: Caller = needs(Permission.TICKET_REPLY)
) -> Response:
    """Put uploaded files on the ticket (A18); those that its requester is not to see need `ticket.note` too."""
    files = uploaded(me, body.uploads)
    command = m.AttachToTicket(**me.context(), number=number, attachments=files, internal=body.internal)
    return await done(me, command)


@router.delete("/tickets/{number}/attachments/{attachment_id}", **changes(m.UnknownAttachment))
async def remove_attachment(
    number: TicketNumber, attachment_id: UUID, body: ReasonBody, me: Caller = needs(Permission.TICKET_REDACT)
) -> Response:
    """Take a file off for ever; the reason stays readable."""
    context = me.context()
    return await done(me, m.RemoveAttachment(**context, number=number, attachment_id=attachment_id, reason=body.reason))


@router.post("/tickets/{number}/messages/{message_id}/redaction", **changes(m.UnknownMessage, m.GoesOnElsewhere))
async def redact_message(
    number: TicketNumber, message_id: UUID, body: ReasonBody, me: Caller = needs(Permission.TICKET_REDACT)
) -> Response:
    """Hide a message and its files from everybody (A8); the reason stays readable."""
    command = m.RedactMessage(**me.context(), number=number, message_id=message_id, reason=body.reason)
    return changed(await me.explaining(command, counterparts.redact(me.services.desk, command)), number=number)


def _written(
    kind: type[m.Written], number: str, body: MessageBody, me: Caller
) -> c.ReplyToTicket | c.NoteOnTicket | m.RemarkOnTicket:
    files = uploaded(me, body.uploads)
    return kind(**me.context(), number=number, body=body.body, attachments=files, mentions=body.mentions)
