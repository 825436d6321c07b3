"""Uploads: files that the command naming them will attach (A18)."""

from collections.abc import AsyncIterator
from email.message import Message
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from api import routing
from api.auth import Caller, needs
from api.problems import ProblemResponse, problems
from domain.errors import InvalidInput
from domain.permissions import Permission
from eventstore.files.desk import Files, Owner
from eventstore.files.errors import (
    AttachmentTooLarge,
    FileStorageFull,
    FileStoreUnavailable,
    FileTypeRefused,
    UploadInterrupted,
)
from eventstore.files.rules import ANY_TYPE, NAMELESS

router = routing.router("attachments")

LONGEST_DISPOSITION = 4000
# Whoever may write something may bring a file with it.
_WRITING = frozenset({Permission.TICKET_OPEN, Permission.TICKET_REPLY, Permission.TICKET_NOTE})
_BODY: dict[str, Any] = {
    "requestBody": {
        "description": "The file's bytes, as they are; none are an empty file.",
        "content": {ANY_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    },
    "parameters": [
        {
            "name": "Content-Disposition",
            "in": "header",
            "schema": {"type": "string", "maxLength": LONGEST_DISPOSITION},
            "description": "The file's name, as in RFC 6266: `attachment; filename*=UTF-8''%E6%89%93.pdf`. "
            "A header and not the address, since addresses are logged.",
            "example": "attachment; filename*=UTF-8''%E6%89%93%E5%8D%B0%E6%9C%BA.pdf",
        }
    ],
}


class Uploaded(BaseModel):
    """A file is kept; nobody sees it until it is attached."""

    upload: str = Field(description="Name it in `uploads` of what you write, within a day. Only you can.")
    attachment_id: UUID
    name: str = Field(description="Without folders and what cannot be shown.")
    media_type: str
    size: int = Field(description="In bytes.")
    sha256: str = Field(description="Of the file as it is stored, encrypted: the log will name it so.")


def files(request: Request) -> Files:
    """The process's own."""
    found: Files = request.app.state.files
    return found


def owner(me: Caller) -> Owner:
    """The caller, as the owner of what they upload."""
    return Owner(me.workspace_id, me.actor)


@router.post(
    "/uploads",
    status_code=201,
    response_model=Uploaded,
    openapi_extra=_BODY,
    responses=problems(
        UploadInterrupted,
        AttachmentTooLarge,
        FileTypeRefused,
        InvalidInput,
        FileStorageFull,
        FileStoreUnavailable,
    ),
)
async def upload_file(request: Request, me: Caller = needs()) -> Uploaded | Response:
    """Send a file of any type that the desk takes; its type is the request's Content-Type."""
    if not me.permissions & _WRITING:
        me.require(Permission.TICKET_REPLY)
    here = files(request)
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        raise InvalidInput(field="Content-Type", reason="send the file's bytes as the body itself, not in a form")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > here.rules.limit:
        raise AttachmentTooLarge(limit=here.rules.limit)
    name = _name(request.headers.get("content-disposition", ""))
    try:
        token, attachment = await here.take(owner(me), _body(request), name, request.headers.get("content-type", ""))
    except AttachmentTooLarge as error:
        # Sent without a length, it may never end.
        return ProblemResponse(error, headers={"Connection": "close"})
    return Uploaded(upload=token, **attachment.model_dump(exclude={"key"}))


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect:
        raise UploadInterrupted() from None


def _name(disposition: str) -> str:
    """The name in a Content-Disposition; where there are two, the one that can say more."""
    if len(disposition) > LONGEST_DISPOSITION:
        raise InvalidInput(field="Content-Disposition", reason=f"must have {LONGEST_DISPOSITION} characters at most")
    message = Message()
    # Many programs send UTF-8 as it is, which reaches us read as Latin-1.
    message["Content-Disposition"] = disposition.encode("latin-1").decode("utf-8", errors="replace")
    names = [value for key, value in message.get_params([], "content-disposition") if key.lower() == "filename"]
    encoded = [value for value in names if isinstance(value, tuple)]
    return _decoded(*encoded[0]) if encoded else names[0] if names else NAMELESS


def _decoded(charset: str | None, _: str | None, text: str) -> str:
    try:
        return text.encode("latin-1").decode(charset or "utf-8", errors="replace")
    except (LookupError, UnicodeError):
        return text
