"""The log as server-sent events (J3): resumable, filtered, only what the caller may see."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import anyio.to_thread
from fastapi import Header, Query
from fastapi.responses import StreamingResponse
from pydantic_core import to_json

from api import routing
from api.auth import Caller, identified, needs
from api.errors import NotSignedIn
from api.problems import problems
from api.services import Services
from domain.errors import InvalidInput, NotAllowed
from domain.event import EVENTS, Erased, Event, Recorded
from domain.ids import ticket_id
from domain.permissions import Permission
from domain.values import Number
from eventstore.codec import SELECT_EVENTS, StoredRow, UnknownEvent
from eventstore.database import DatabaseUnavailable
from eventstore.feed import decode_page, head

router = routing.router("events")

PAGE = 200
HEARTBEAT = 15.0
LAST_POSITION = 2**63 - 1
SELECT = (
    SELECT_EVENTS + " WHERE workspace_id = %(workspace)s AND notification_id > %(after)s"
    " AND (%(stream)s::uuid IS NULL OR originator_id = %(stream)s)"
    " AND (%(types)s::text[] IS NULL OR topic = ANY(%(types)s)) ORDER BY notification_id LIMIT %(limit)s"
)
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
Position = Annotated[int, Query(ge=0, le=LAST_POSITION)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events somebody asked for."""

    workspace_id: UUID
    stream: UUID | None
    types: list[str] | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages, and the position up to which they are all there is."""

    messages: list[bytes]
    position: int


_MESSAGE = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "The position."},
        "event": {"type": "string", "description": "The event's name."},
        "data": {"type": "string", "description": "The event as CloudEvents JSON."},
    },
}
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events in order.", "content": {"text/event-stream": {"itemSchema": _MESSAGE}}}
}


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses=STREAM | problems(InvalidInput),
)
async def stream_events(
    me: Caller = needs(Permission.EVENTS_VIEW),
    after: Annotated[int | None, Query(ge=0, le=LAST_POSITION, description="Position to go on from.")] = None,
    last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,18}$", description="As browsers resume.")] = None,
    types: Annotated[list[str] | None, Query(max_length=50, examples=[["ticket.opened"]])] = None,
    ticket: Annotated[Number | None, Query(description="Events of one ticket only.")] = None,
    limit: Annotated[int | None, Query(ge=1, le=10_000, description="End after so many events.")] = None,
    wait: Annotated[bool, Query(description="Stay and wait for more; false ends with what is there.")] = True,
) -> StreamingResponse:
    """Every event of the workspace in order, and then each new one as it happens."""
    for name in types or []:
        if name not in EVENTS:
            raise InvalidInput(field="types", reason=f"there is no event «{name}»; see the documentation of events")
    stream = ticket_id(me.workspace_id, ticket) if ticket else None
    wanted = Wanted(me.workspace_id, stream, types)
    start = int(last_event_id) if last_event_id else after or 0
    most = limit or (LAST_POSITION if wait else PAGE)
    # Read before the answer begins, so that a refusal can still be said.
    first = await _read(me.services, wanted, start, min(PAGE, most))
    messages = _messages(me, wanted, first, most, wait=wait)
    return StreamingResponse(messages, headers=HEADERS, media_type="text/event-stream")


async def _messages(me: Caller, wanted: Wanted, batch: Batch, left: int, *, wait: bool) -> AsyncIterator[bytes]:
    while True:
        if batch.messages:
            yield b"".join(batch.messages)
            left -= len(batch.messages)
        if left <= 0 or not (wait or batch.messages):
            return
        mark = me.services.tail.mark()
        after = batch.position
        batch = await _next(me.services, wanted, batch, min(PAGE, left))
        if not batch.messages and wait:
            if not await me.services.tail.wait(mark, HEARTBEAT):
                # An id alone moves the browser's Last-Event-ID past events that were filtered out.
                yield b": waiting\nid: %d\n\n" % max(after, batch.position)
            if not await _still_allowed(me):
                return


async def _next(here: Services, wanted: Wanted, before: Batch, limit: int) -> Batch:
    try:
        return await _read(here, wanted, before.position, limit)
    except DatabaseUnavailable:
        # It comes back; the reader need not know.
        await anyio.sleep(1.0)
        return Batch([], before.position)


async def _still_allowed(me: Caller) -> bool:
    try:
        (await identified(me.request)).require(Permission.EVENTS_VIEW)
    except (NotSignedIn, NotAllowed):
        return False
    except DatabaseUnavailable:
        pass
    return True


async def _read(here: Services, wanted: Wanted, after: int, limit: int) -> Batch:
    return await anyio.to_thread.run_sync(_page, here, wanted, after, limit)


def _page(here: Services, wanted: Wanted, after: int, limit: int) -> Batch:
    asked = {"workspace": wanted.workspace_id, "stream": wanted.stream, "types": wanted.types}
    with here.reading(wanted.workspace_id) as db:
        top = head(db)
        if after > top:
            # Waiting for it would pass over everything until then: the log is not the one that it was read from.
            raise InvalidInput(field="after", reason="is beyond the end of the log; send a position that we answered")
        rows = [StoredRow(*row) for row in db.execute(SELECT, asked | {"after": after, "limit": limit}, binary=True)]
        events = decode_page(db, here.keyring, rows)
    last = rows[-1].notification_id if rows else after
    position = last if len(rows) == limit else max(last, top)
    return Batch([_message(event) for event in events], position)


def _message(recorded: Recorded[Event]) -> bytes:
    described = cloud_event(recorded)
    data = to_json(described, fallback=lambda value: None if isinstance(value, Erased) else str(value))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (recorded.position, described["type"].encode(), data)


def cloud_event(recorded: Recorded[Event]) -> dict[str, Any]:
    """The event as CloudEvents JSON; content whose key was destroyed is null, and `erased` is true."""
    event = recorded.event
    if isinstance(event, UnknownEvent):
        told = _attributes(recorded, event.unknown_name, event.unknown_version)
        return told | {"erased": False, "data": event.data}
    # Secrets are closed to every reader of the log, which does not make the event an erased one.
    content = {name: getattr(event, name) for name in event.CONTENT - event.SECRETS}
    erased = any(isinstance(value, Erased) for value in content.values())
    told = _attributes(recorded, event.NAME, event.VERSION)
    return told | {"erased": erased, "data": {**event.model_dump(exclude=set(event.CONTENT)), **content}}


def _attributes(recorded: Recorded[Event], name: str, version: int) -> dict[str, Any]:
    metadata = recorded.metadata
    return {
        "specversion": "1.0",
        "id": metadata.event_id,
        "source": f"/workspaces/{metadata.workspace_id}",
        "type": name,
        "subject": recorded.stream_id,
        "time": metadata.occurred_at,
        "datacontenttype": "application/json",
        "dataversion": version,
        "workspace": metadata.workspace_id,
        "stream": recorded.stream_id,
        "version": recorded.version,
        "position": recorded.position,
        "recorded": recorded.recorded_at,
        "actor": metadata.actor,
        "onbehalfof": metadata.on_behalf_of,
        "channel": metadata.channel,
        "correlationid": metadata.correlation_id,
        "causationid": metadata.causation_id,
        "commandid": metadata.command_id,
        "ruleid": metadata.rule_id,
        "ruleversion": metadata.rule_version,
    }
