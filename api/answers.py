"""What is answered to a change: prepared JSON, since a model would be validated once more for each request."""

from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from api.versions import etag
from eventstore.desk import Receipt

POSITION = "Ledgerdesk-Position"
REPLAYED = "Idempotency-Replayed"


class Changed(BaseModel):
    """A change is recorded."""

    id: UUID
    version: int = Field(description="Of the ticket, requester or workspace afterwards; send it back as If-Match.")
    position: int = Field(description="In the log; give it to reads as min_position to see your own change.")
    events: int = Field(description="How many events it led to; 0 where nothing was different.")


class TicketChanged(Changed):
    """A change of a ticket is recorded."""

    number: str


def changed(receipt: Receipt, *, status: int = 200, location: str | None = None, **named: Any) -> Response:
    """The answer to a command that was recorded."""
    body = {
        **named,
        "id": named.get("id", receipt.stream_id),
        "version": receipt.version,
        "position": receipt.position,
        "events": receipt.events,
    }
    headers = {"ETag": etag(receipt.version), POSITION: str(receipt.position)}
    if location:
        headers["Location"] = location
    if receipt.repeated:
        headers[REPLAYED] = "true"
    return Response(to_json(body), status, headers, "application/json")


_OF_CHANGES = {
    "ETag": {"description": "The version, quoted.", "schema": {"type": "string"}},
    POSITION: {"description": "The position in the log.", "schema": {"type": "string"}},
    REPLAYED: {
        "description": "`true` where the same Idempotency-Key was answered before.",
        "schema": {"type": "string"},
    },
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "schema": {"type": "string", "pattern": r'^(\*|(W/)?"\d{1,18}")$'},
    "description": "The ETag that you saw: the change is refused with 412 if there is a newer version.",
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "Repeat a request with the same key as often as you like: it is done once.",
}
# Merged into the description of every changing operation; the handlers read these headers themselves.
CHANGES: dict[str, Any] = {"parameters": [_IF_MATCH, _KEY]}


def documented(status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The headers of an answer, for the API description."""
    return {status: {"description": "Recorded.", "headers": _OF_CHANGES}}


def text(media_type: str, description: str) -> dict[int | str, dict[str, Any]]:
    """A good answer that is text, for the API description."""
    return {200: {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}}
