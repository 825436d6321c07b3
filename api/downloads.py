"""Files of tickets, given out so that no browser runs them (A18)."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Response
from fastapi.responses import StreamingResponse

from api import routing
from api.attachments import files
from api.auth import Caller, needs
from api.known import ticket_seen
from api.problems import problems
from api.ticket_changes import TicketNumber
from domain.catalogue import shown
from domain.permissions import Permission
from domain.ticket.messages import UnknownAttachment
from domain.ticket.state import AttachedFile, Ticket, TicketErasedForEver, TicketMergedAway, UnknownTicket
from domain.values import Attachment
from eventstore.files.desk import Files
from eventstore.files.errors import FileDamaged, FileStoreUnavailable

router = routing.router("attachments")

_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get(
    "/tickets/{number}/attachments/{attachment_id}",
    response_class=StreamingResponse,
    responses=_FILE
    | problems(
        UnknownTicket, TicketErasedForEver, TicketMergedAway, UnknownAttachment, FileDamaged, FileStoreUnavailable
    ),
)
async def download_attachment(
    number: TicketNumber, attachment_id: UUID, me: Caller = needs(Permission.TICKET_VIEW)
) -> Response:
    """A file of the ticket; requesters get none that is internal."""
    ticket: Ticket = (await ticket_seen(me, number)).state
    for file in ticket.attachments:
        if file.attachment_id == attachment_id and not (file.internal and me.actor.kind == "requester"):
            return await download(files(me.request), me.workspace_id, _attachment(file))
    raise UnknownAttachment(number=number, attachment=attachment_id)


async def download(here: Files, workspace: UUID, attachment: Attachment) -> Response:
    """The file as a download; FileDamaged before anything is sent where its beginning is missing or changed."""
    pieces = here.stream_of(workspace, attachment)
    first = await anext(pieces)
    return StreamingResponse(
        _chained(first, pieces),
        media_type=attachment.media_type,
        headers={
            "Content-Length": str(attachment.size),
            "Content-Disposition": _disposition(attachment.name),
            # Whatever somebody sent us, no browser is to run it in our name.
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


def _attachment(file: AttachedFile) -> Attachment:
    return Attachment(
        attachment_id=file.attachment_id,
        name=shown(file.name) or "",
        media_type=file.media_type,
        size=file.size,
        sha256=file.sha256,
        key=shown(file.key) or "",
    )


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _disposition(name: str) -> str:
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
