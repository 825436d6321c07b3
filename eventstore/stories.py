"""Whole streams for people who ask the log itself, without any read model."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.aggregates import INITIAL, evolve
from domain.event import Event, Recorded
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.feed import PAGE, decode_page
from eventstore.keyring import Keyring

_SELECT_STREAM = SELECT_EVENTS + " WHERE originator_id = %s ORDER BY originator_version"
_SELECT_STREAMS = SELECT_EVENTS + (
    " WHERE originator_id = ANY(%s) AND notification_id <= %s ORDER BY originator_id, originator_version"
)
_SELECT_OPENED = """
    SELECT originator_id, notification_id FROM log.stored_events
    WHERE workspace_id = %s AND topic = 'ticket.opened' AND notification_id > %s AND notification_id <= %s
    ORDER BY notification_id LIMIT %s
"""
_SELECT_LOG = SELECT_EVENTS + (
    " WHERE workspace_id = %s AND notification_id > %s AND notification_id <= %s ORDER BY notification_id LIMIT %s"
)


def stream(db: Cursor[Any], keyring: Keyring, stream_id: UUID) -> list[Recorded[Event]]:
    """All events of a stream in order, empty where there is none."""
    rows = db.execute(_SELECT_STREAM, [stream_id], binary=True).fetchall()
    return decode_page(db, keyring, [StoredRow(*row) for row in rows])


def folded(aggregate: str, events: Iterable[Recorded[Event]], state: Any = None) -> Any:
    """The state that the events lead to, from `state` on where they are not the first."""
    state = INITIAL[aggregate] if state is None else state
    for recorded in events:
        state = evolve(state, recorded.event)
    return state


def streams(db: Cursor[Any], keyring: Keyring, wanted: Sequence[UUID], upto: int) -> dict[UUID, list[Recorded[Event]]]:
    """The events of several streams up to a position."""
    rows = db.execute(_SELECT_STREAMS, [list(wanted), upto], binary=True).fetchall()
    found: dict[UUID, list[Recorded[Event]]] = defaultdict(list)
    for recorded in decode_page(db, keyring, [StoredRow(*row) for row in rows]):
        found[recorded.stream_id].append(recorded)
    return found


def ticket_streams(db: Cursor[Any], workspace: UUID, upto: int, size: int) -> Iterator[list[UUID]]:
    """The tickets of a workspace in the order in which the log took them, a page at a time."""
    after = 0
    while rows := db.execute(_SELECT_OPENED, [workspace, after, upto, size]).fetchall():
        yield [row[0] for row in rows]
        after = rows[-1][1]


def log_of(db: Cursor[Any], keyring: Keyring, workspace: UUID, upto: int) -> Iterator[Recorded[Event]]:
    """All events of a workspace in order, with a page of them in memory."""
    after = 0
    while rows := db.execute(_SELECT_LOG, [workspace, after, upto, PAGE], binary=True).fetchall():
        yield from decode_page(db, keyring, [StoredRow(*row) for row in rows])
        after = rows[-1][4]
