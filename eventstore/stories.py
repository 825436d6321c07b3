"""Whole streams for people who ask the log itself, without any read model."""

from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.aggregates import INITIAL, evolve
from domain.event import Event, Recorded
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.feed import decode_page
from eventstore.keyring import Keyring

_SELECT_STREAM = SELECT_EVENTS + " WHERE originator_id = %s ORDER BY originator_version"


def stream(db: Cursor[Any], keyring: Keyring, stream_id: UUID) -> list[Recorded[Event]]:
    """All events of a stream in order, empty where there is none."""
    rows = db.execute(_SELECT_STREAM, [stream_id], binary=True).fetchall()
    return decode_page(db, keyring, [StoredRow(*row) for row in rows])


def folded(aggregate: str, events: list[Recorded[Event]]) -> Any:
    """The state that the events lead to."""
    state = INITIAL[aggregate]
    for recorded in events:
        state = evolve(state, recorded.event)
    return state
