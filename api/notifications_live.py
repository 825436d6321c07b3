"""What one is told, as it comes (E6): server-sent events that a browser resumes where it stopped."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, NamedTuple

import anyio
import anyio.to_thread
from fastapi import Header, Query
from fastapi.responses import StreamingResponse
from pydantic_core import to_json

from api import routing
from api.auth import Caller, as_of_now, needs
from api.errors import ReadModelMissing
from api.events import HEADERS, HEARTBEAT, LAST_POSITION
from api.notifications import READ_FROM, told_to
from api.problems import problems
from api.ticket_lists import reading
from domain.errors import InvalidInput
from domain.permissions import Permission
from eventstore.database import DatabaseUnavailable
from projections import freshness, inbox

router = routing.router("notifications")

PAGE = 100
_MESSAGE = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "The position, of a notification."},
        "event": {"type": "string", "description": "«notification», or «unread»."},
        "data": {"type": "string", "description": 'The notification, or {"unread": how many}, as JSON.'},
    },
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "Notifications in order.", "content": {"text/event-stream": {"itemSchema": _MESSAGE}}}
}


class _Read(NamedTuple):
    """What is new, up to which position, and how many are unread; `goes_on` where there may be more at once."""

    messages: list[bytes]
    position: int
    unread: int
    goes_on: bool


@router.get(
    "/me/notifications/live",
    response_class=StreamingResponse,
    responses=_STREAM | problems(InvalidInput, ReadModelMissing),
)
async def stream_notifications(
    me: Caller = needs(Permission.WORKSPACE_VIEW),
    after: Annotated[int | None, Query(ge=0, le=LAST_POSITION, description="Position to go on from.")] = None,
    last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,18}$", description="As browsers resume.")] = None,
    wait: Annotated[bool, Query(description="Stay and wait for more; false ends with what is there.")] = True,
) -> StreamingResponse:
    """Each notification as you are told of it, and how many are unread whenever that changes; without a position from now on."""
    start = int(last_event_id) if last_event_id else after
    # Read before the answer begins, so that a refusal can still be said.
    first = await anyio.to_thread.run_sync(_read, me, start)
    return StreamingResponse(_messages(me, first, wait=wait), headers=HEADERS, media_type="text/event-stream")


async def _messages(me: Caller, read: _Read, *, wait: bool) -> AsyncIterator[bytes]:
    known: int | None = None
    while True:
        if read.messages:
            yield b"".join(read.messages)
        if read.unread != known and not read.goes_on:
            known = read.unread
            yield b'event: unread\ndata: {"unread":%d}\n\n' % known
        if not (wait or read.goes_on):
            return
        mark, before = me.services.tail.mark(), read
        read = await _next(me, before.position)
        if not read.messages and read.unread == known and not await me.services.tail.wait(mark, HEARTBEAT):
            yield b": waiting\nid: %d\n\n" % read.position
        now = await as_of_now(me, Permission.WORKSPACE_VIEW)
        if now is None:
            return
        me = now


async def _next(me: Caller, after: int) -> _Read:
    while True:
        try:
            return await anyio.to_thread.run_sync(_read, me, after)
        except (DatabaseUnavailable, ReadModelMissing):
            # It comes back; the reader need not know.
            await anyio.sleep(1.0)


def _read(me: Caller, after: int | None) -> _Read:
    with reading(me) as db:
        # What they say of a notification is told with it: it waits for the slowest of them.
        reached = min(freshness.position_of(db, name) for name in READ_FROM)
        if after is not None and after > reached:
            # Not yet applied; from another log it would wait for ever, and does no harm.
            return _Read([], after, inbox.unread(db, me.id), goes_on=False)
        notices = inbox.since(db, me.id, reached if after is None else after, reached, PAGE)
        told = told_to(me, db, notices)
        count = inbox.unread(db, me.id)
    messages = [b"id: %d\nevent: notification\ndata: %s\n\n" % (each["position"], to_json(each)) for each in told]
    position = notices[-1].position if len(notices) == PAGE else reached
    return _Read(messages, position, count, goes_on=len(notices) == PAGE)
