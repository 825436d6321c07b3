"""A worker among others: the partitions that Kafka's consumer group gave it, and the messages that are new in them."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple, Self
from uuid import UUID

import psycopg
import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError, KafkaTimeoutError
from psycopg import Connection

from domain.errors import LedgerdeskError
from eventstore.database import Role, conninfo
from eventstore.newest import Newest
from processors.checkpoint import kept_position
from processors.stream.batch import partition_of
from processors.stream.clients import connected
from processors.stream.partitions import Kept, Place, Places
from processors.stream.settings import KafkaSettings

log = structlog.get_logger()

MOST = 2_000
# How often a partition in which nothing happens is looked at, in seconds: so late may a reader seem to be that is not.
IDLE = 0.25
# Rows of the log that such a look goes through at most.
LOOKED_AT = 5_000
# A member that died is given up after this; Kafka allows no less than six seconds by default.
SESSION_MS = 6_000
# How often one who waits for another to begin looks again, in seconds.
PAUSE = 0.5
# By how much clocks of machines may differ, in seconds.
SKEW = 600.0

_BEGINNING = "SELECT pg_try_advisory_lock(hashtext('read model members'), hashtext(%s))"
_BEGUN = "SELECT pg_advisory_unlock(hashtext('read model members'), hashtext(%s))"
_STREAMS = (
    "SELECT notification_id, originator_id FROM log.stored_events WHERE notification_id > %s AND notification_id <= %s "
    "ORDER BY notification_id LIMIT %s"
)


class NeedsOneOwner(LedgerdeskError):
    """It counts or orders over tickets."""

    code = "needs_one_owner"
    sentence = "{name} has one owner, who reads the log: it cannot be shared out by partitions."


class Message(NamedTuple):
    """What a message says of an event, without its data."""

    offset: int
    position: int
    name: str
    key: str
    headers: Mapping[str, bytes]

    @classmethod
    def of(cls, record: ConsumerRecord) -> Self:
        """As the publisher wrote it."""
        headers = dict(record.headers)
        name = headers["ce_type"].decode().rpartition(".v")[0]
        return cls(record.offset, int(headers["ce_position"]), name, record.key.decode(), headers)


class Group:
    """One member. `places` are as the database has them, `reached` is how far it has read, where that led to nothing to keep."""

    def __init__(self, settings: KafkaSettings, name: str) -> None:
        self._topic, self._deadline = settings.events, settings.kafka_deadline
        self.places: dict[int, Place] = {}
        self.reached: dict[int, Place] = {}
        self._looked = 0.0
        self._consumer = connected(
            KafkaConsumer,
            group_id=f"{settings.kafka_topics}.{name}",
            isolation_level="read_committed",
            enable_auto_commit=False,
            # Offsets are ours: one that is not there any more is a gap, and is never jumped over.
            auto_offset_reset="none",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 3,
            bootstrap_timeout_ms=settings.milliseconds,
            max_poll_records=MOST,
            metrics_enabled=False,
            **settings.client(),
        )

    def close(self) -> None:
        """Leave it."""
        self._consumer.close()

    def partitions(self) -> int:
        """How many the topic has; a KafkaError where there is no topic yet."""
        if not (found := self._consumer.partitions_for_topic(self._topic)):
            raise KafkaError(f"there is no topic {self._topic} yet")
        return len(found)

    def has(self, places: Places) -> bool:
        """Whether Kafka can go on at each of these, and there is one for every partition.

        In a topic that was made anew the same offset is another place: what lies before it may not have been read.
        """
        parts = self._parts()
        first, end = self._consumer.beginning_offsets(parts), self._consumer.end_offsets(parts)
        if not all(
            part.partition in places and first[part] <= places[part.partition].next_offset <= end[part]
            for part in parts
        ):
            return False
        unread = [
            part.partition
            for part in parts
            if (last := self._last(part, first[part], places[part.partition].next_offset)) is not None
            and last.position > places[part.partition].position
        ]
        if unread:
            log.warning("stream.made_anew", topic=self._topic, partitions=unread)
        return not unread

    def _last(self, part: TopicPartition, first: int, end: int) -> Message | None:
        """The newest message before that offset, where Kafka has one; further back, the longer none is found."""
        start, until = end, time.monotonic() + self._deadline
        self._consumer.assign([part])
        try:
            while start > first:
                start = max(first, end - 10 * max(1, end - start))
                self._consumer.seek(part, start)
                if found := self._between(part, end, until):
                    return found
        finally:
            self._consumer.unsubscribe()
        return None

    def _between(self, part: TopicPartition, end: int, until: float) -> Message | None:
        """The newest message from where we are to before that offset. Marks of transactions are no messages."""
        newest = None
        while self._consumer.position(part) < end:
            if time.monotonic() > until:
                raise KafkaTimeoutError("what was read last was not found in time")
            for record in self._consumer.poll(timeout_ms=100).get(part, ()):
                if record.offset < end:
                    newest = record
        return Message.of(newest) if newest else None

    def recent(self) -> dict[int, int]:
        """Offsets before which nothing is that will be recorded from now on."""
        parts = self._parts()
        ends = self._consumer.end_offsets(parts)
        since = int((time.time() - SKEW) * 1000)
        found = self._consumer.offsets_for_times(dict.fromkeys(parts, since))
        return {part.partition: found[part].offset if found.get(part) else ends[part] for part in parts}

    def join(self, known: Callable[[], Places]) -> None:
        """Take part, going on with each partition at its place."""
        self._consumer.subscribe([self._topic], listener=_Given(lambda parts: self._given(parts, known()), self._taken))

    def poll(self) -> dict[int, list[Message]]:
        """What is new in each partition, soon."""
        return self.new(self._consumer.poll(timeout_ms=200, max_records=MOST))

    def new(self, found: Mapping[TopicPartition, Iterable[ConsumerRecord]]) -> dict[int, list[Message]]:
        """Of these the messages that were not read. Some may come again, or be of before a partition was taken away."""
        places = dict(self.reached)
        fresh = (
            (part.partition, [each for each in records if each.offset >= places[part.partition].next_offset])
            for part, records in found.items()
            if part.partition in places
        )
        return {number: [Message.of(each) for each in records] for number, records in fresh if records}

    def quiet(self, db: Connection[Any], newest: Newest, published: int) -> dict[int, Place]:
        """Partitions of which the log has nothing that was not read, up to what was published, where it is time to look.

        Kafka is not asked for their ends: it answers a commit before readers see what was committed.
        """
        if time.monotonic() < self._looked + IDLE:
            return {}
        self._looked = time.monotonic()
        behind = {number: place for number, place in dict(self.reached).items() if place.position < published}
        if not behind:
            return {}
        streams = _streams(db, newest, min(place.position for place in behind.values()), published)
        upto, number = streams[-1][0] if len(streams) == LOOKED_AT else published, self.partitions()
        for position, stream in streams:
            at = partition_of(str(stream).encode(), number)
            if at in behind and behind[at].position < position:
                del behind[at]
        return {at: Place(place.next_offset, upto) for at, place in behind.items() if place.position < upto}

    def moved(self, after: Places) -> None:
        """The database has these now."""
        self.places |= _further(self.places, after)
        self.passed(after)

    def passed(self, after: Places) -> None:
        """These were read."""
        self.reached |= _further(self.reached, after)

    def _parts(self) -> list[TopicPartition]:
        return [TopicPartition(self._topic, number) for number in range(self.partitions())]

    def _given(self, parts: Iterable[TopicPartition], known: Places) -> None:
        for part in parts:
            place = known.get(part.partition, Place(0, 0))
            self.places[part.partition] = self.reached[part.partition] = place
            self._consumer.seek(part, place.next_offset)

    def _taken(self, parts: Iterable[TopicPartition]) -> None:
        for part in parts:
            self.places.pop(part.partition, None)
            self.reached.pop(part.partition, None)


def _further(before: Places, after: Places) -> dict[int, Place]:
    """Of those that are still ours. What was read may be of before the place that one was given anew, or the log was followed to."""
    return {number: Place(*map(max, place, before[number])) for number, place in after.items() if number in before}


class _Given(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, given: Any, taken: Any) -> None:
        self._given, self._taken = given, taken

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Go on where the database is."""
        self._given(assigned)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Others have them."""
        self._taken(revoked)


def looked_up(url: str, kept: Kept) -> Places:
    """All places, on a connection of its own: the consumer asks on its own thread, where that of the transactions is not to be touched."""
    with closing(psycopg.connect(conninfo(url, Role.WORKER), autocommit=True)) as db:
        return kept.all(db)


def published(db: Connection[Any], topic: str) -> int:
    """Everything up to there is in the topic."""
    return kept_position(db.cursor(), topic) or 0


@contextmanager
def alone(db: Connection[Any], name: str, stop: threading.Event) -> Iterator[bool]:
    """No other member begins meanwhile; False where it was stopped before it was its turn."""
    while not (mine := db.execute(_BEGINNING, [name]).fetchone() == (True,)) and not stop.wait(PAUSE):
        pass
    try:
        yield mine
    finally:
        if mine and not db.closed:
            db.execute(_BEGUN, [name])


def _streams(db: Connection[Any], newest: Newest, after: int, upto: int) -> Sequence[tuple[int, UUID]]:
    rows = newest.after(after)
    if rows is None or not rows or rows[-1].notification_id < upto:
        return db.execute(_STREAMS, [after, upto, LOOKED_AT]).fetchall()
    return [(row.notification_id, row.originator_id) for row in rows if row.notification_id <= upto][:LOOKED_AT]
