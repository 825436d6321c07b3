"""The log as server-sent events (J3): resumable, filtered, only what the caller may see."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import anyio.to_thread
from fastapi import Header, Query
from fastapi.responses import StreamingResponse
from psycopg import Cursor

from api import routing
from api.auth import Caller, as_of_now, needs
from api.problems import problems
from api.services import Services
from domain.access import reaches
from domain.errors import InvalidInput
from domain.event import EVENTS, Event, Recorded
from domain.ids import ticket_id
from domain.inbox.notification import NotificationSent
from domain.inbox.reading import InboxRead
from domain.permissions import Permission
from domain.saved_view import View, sees
from domain.stream.telling import TAKING_BACK, name_of, parts, tell
from domain.ticket.state import Ticket
from domain.values import Number
from eventstore.codec import SELECT_EVENTS, StoredRow
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
# What was taken back of those tickets.
SELECT_TAKEN_BACK = SELECT_EVENTS + " WHERE workspace_id = %s AND originator_id = ANY(%s) AND topic = ANY(%s)"
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
    # Whether there may be more behind it; one may be empty where all that was read is out of the caller's reach.
    goes_on: bool


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
    """Every event of the workspace in order, and then each new one as it happens.

    Of tickets those that you may see now, as often as they change; of customers with «requester.view»; of views those you see;
    of what people have read, your own.
    """
    for name in types or []:
        if name not in EVENTS:
            raise InvalidInput(field="types", reason=f"there is no event «{name}»; see the documentation of events")
    stream = ticket_id(me.workspace_id, ticket) if ticket else None
    wanted = Wanted(me.workspace_id, stream, types)
    start = int(last_event_id) if last_event_id else after or 0
    most = limit or (LAST_POSITION if wait else PAGE)
    # Read before the answer begins, so that a refusal can still be said.
    first = await _read(me, wanted, start, min(PAGE, most))
    messages = _messages(me, wanted, first, most, wait=wait)
    return StreamingResponse(messages, headers=HEADERS, media_type="text/event-stream")


async def _messages(me: Caller, wanted: Wanted, batch: Batch, left: int, *, wait: bool) -> AsyncIterator[bytes]:
    while True:
        if batch.messages:
            yield b"".join(batch.messages)
            left -= len(batch.messages)
        if left <= 0 or not (wait or batch.goes_on):
            return
        mark = me.services.tail.mark()
        after = batch.position
        batch = await _next(me, wanted, batch, min(PAGE, left))
        if not wait:
            continue
        if not batch.goes_on and not await me.services.tail.wait(mark, HEARTBEAT):
            # An id alone moves the browser's Last-Event-ID past events that were filtered out.
            yield b": waiting\nid: %d\n\n" % max(after, batch.position)
        now = await as_of_now(me, Permission.EVENTS_VIEW)
        if now is None:
            return
        me = now


async def _next(me: Caller, wanted: Wanted, before: Batch, limit: int) -> Batch:
    try:
        return await _read(me, wanted, before.position, limit)
    except DatabaseUnavailable:
        # It comes back; the reader need not know.
        await anyio.sleep(1.0)
        return Batch([], before.position, goes_on=False)


async def _read(me: Caller, wanted: Wanted, after: int, limit: int) -> Batch:
    read = await anyio.to_thread.run_sync(_page, me.services, wanted, after, limit)
    seen = await _seen(me, read.events)
    return Batch([_message(event, read.taken_back) for event in seen], read.position, read.goes_on)


async def _seen(me: Caller, events: list[Recorded[Event]]) -> list[Recorded[Event]]:
    """Those of the events that are of what the caller may see, as it is now: a ticket that left their reach is gone whole."""
    events = [each for each in events if not isinstance(each.event, InboxRead) or each.event.person_id == me.id]
    if me.reach is not None:
        numbered = {ticket for each in events if (ticket := _ticket(each)) is not None}
        loaded = await me.services.desk.streams.load_many(me.workspace_id, "ticket", sorted(numbered))
        out = {stream for stream in numbered if not _reached(me, loaded[stream].state)}
        events = [each for each in events if _ticket(each) not in out]
    if Permission.REQUESTER_VIEW not in me.permissions:
        events = [each for each in events if _of(each) not in ("requester", "organisation")]
    views = sorted({each.stream_id for each in events if _of(each) == "view"})
    if not views:
        return events
    kept = await me.services.desk.streams.load_many(me.workspace_id, "view", views)
    hidden = {stream for stream in views if not _theirs(me, kept[stream].state)}
    return [each for each in events if each.stream_id not in hidden]


def _ticket(recorded: Recorded[Event]) -> UUID | None:
    """The ticket that it is about."""
    if isinstance(recorded.event, NotificationSent):
        return recorded.event.ticket_id
    return recorded.stream_id if _of(recorded) == "ticket" else None


def _of(recorded: Recorded[Event]) -> str:
    """What the event is about: ticket, requester, organisation, workspace, view, notification or inbox."""
    return name_of(recorded.event).partition(".")[0]


def _reached(me: Caller, ticket: Ticket) -> bool:
    if not ticket.opened:
        return ticket.drafted_by == me.actor
    return reaches(me.actor, me.grant, ticket, me.desk)


def _theirs(me: Caller, view: View) -> bool:
    """Whether the view is one that the caller sees."""
    return view.saved is not None and sees(me.id, view.saved, me.desk.acting(me.actor).teams)


class Read(NamedTuple):
    """A page of the log, and the ids of messages and files of its tickets that were taken back since."""

    events: list[Recorded[Event]]
    taken_back: frozenset[UUID]
    position: int
    goes_on: bool


def _page(here: Services, wanted: Wanted, after: int, limit: int) -> Read:
    asked = {"workspace": wanted.workspace_id, "stream": wanted.stream, "types": wanted.types}
    with here.reading(wanted.workspace_id) as db:
        top = head(db)
        if after > top:
            # Waiting for it would pass over everything until then: the log is not the one that it was read from.
            raise InvalidInput(field="after", reason="is beyond the end of the log; send a position that we answered")
        rows = [StoredRow(*row) for row in db.execute(SELECT, asked | {"after": after, "limit": limit}, binary=True)]
        events = decode_page(db, here.keyring, rows)
        taken_back = _taken_back(db, here, wanted.workspace_id, events)
    last = rows[-1].notification_id if rows else after
    position = last if len(rows) == limit else max(last, top)
    return Read(events, taken_back, position, bool(rows))


def _taken_back(db: Cursor[Any], here: Services, workspace: UUID, events: list[Recorded[Event]]) -> frozenset[UUID]:
    tickets = list({recorded.stream_id for recorded in events if parts(recorded.event)})
    if not tickets:
        return frozenset()
    found = db.execute(SELECT_TAKEN_BACK, [workspace, tickets, list(TAKING_BACK)], binary=True)
    taken = decode_page(db, here.keyring, [StoredRow(*row) for row in found.fetchall()])
    return frozenset(part for recorded in taken for part in parts(recorded.event))


def _message(recorded: Recorded[Event], taken_back: frozenset[UUID]) -> bytes:
    # Secrets are told to nobody; the content that is left, to whoever may see the event at all.
    told = tell(recorded, taken_back=taken_back).structured()
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (recorded.position, name_of(recorded.event).encode(), told)
