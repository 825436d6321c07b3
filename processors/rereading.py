"""Tickets read once more to see what a rule or a policy would have done (D8): a quick look at all, a whole one at those it may concern."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from domain.backtest.story import Found, Span, Tested
from domain.event import Event, Recorded
from eventstore.arrays import Uuids
from eventstore.codec import StoredRow
from eventstore.feed import decode_page
from eventstore.keyring import Keyring
from eventstore.loading import rows_before
from eventstore.stories import stream
from processors.past import Met, Past, met, met_in
from processors.witness import OTHERS

# The few rows of a ticket are looked at under its own key.
_WITH_TOPIC = """
    SELECT wanted.stream FROM unnest(%s::uuid[]) AS wanted (stream)
    WHERE EXISTS (SELECT FROM log.stored_events WHERE originator_id = wanted.stream AND topic = ANY(%s))
"""
Events = list[Recorded[Event]]


class Told(NamedTuple):
    """What would have been done to one ticket."""

    ticket_id: UUID
    found: list[Found]


class Rereading:
    """Reads tickets of a workspace to test something on them. Acts on nothing."""

    def __init__(self, db: Cursor[Any], keyring: Keyring, workspace: UUID, tested: Tested, span: Span) -> None:
        self._db, self._keyring, self._reading = db, keyring, tested.reading
        self._past = Past(tested, span, stream(db, keyring, workspace))
        self._opens = None if self._reading.content else OTHERS

    def of(self, tickets: Iterable[UUID]) -> list[Told]:
        """What would have been done to each of these tickets, in their order; those with nothing are left out."""
        rows = rows_before(self._db, self._with_topic(list(tickets)))
        read = self._read(rows.values(), self._opens)
        known = self._met(read) if self._reading.requester else {}
        concerned = [events for events in read if self._past.may_concern(events, known)]
        if self._opens is not None:
            concerned = self._read([rows[events[0].stream_id] for events in concerned], None)
        known = self._met(concerned)
        told = (Told(events[0].stream_id, self._past.found(events, known)) for events in concerned)
        return [each for each in told if each.found]

    def _with_topic(self, tickets: list[UUID]) -> list[UUID]:
        if self._reading.topics is None or not self._past.alone:
            return tickets
        found = self._db.execute(_WITH_TOPIC, [Uuids(tickets), list(self._reading.topics)], binary=True)
        return [row[0] for row in found]

    def _read(self, streams: Iterable[Sequence[StoredRow]], opens: frozenset[str] | None) -> list[Events]:
        every = decode_page(self._db, self._keyring, [row for rows in streams for row in rows], opens)
        return [list(events) for _, events in groupby(every, attrgetter("stream_id"))]

    def _met(self, read: Iterable[Events]) -> Met:
        asked = met_in(each for events in read for each in events)
        return met(_flat(self._read(rows_before(self._db, asked).values(), None)))


def _flat(read: Iterable[Events]) -> Iterator[Recorded[Event]]:
    return (each for events in read for each in events)
