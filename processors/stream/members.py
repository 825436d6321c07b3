"""A worker's share of a read model: the partitions that Kafka's consumer group gave it, with their offsets in the tables' own transaction."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import psycopg
import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError
from psycopg import Connection

from domain.errors import LedgerdeskError
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.database import Role, conninfo
from eventstore.feed import read_page
from eventstore.keyring import Keyring
from eventstore.newest import Newest
from processors.checkpoint import kept_position
from processors.stream import partitions
from processors.stream.partitions import Place
from processors.stream.settings import KafkaSettings
from projections import builds
from projections.apply import apply_rows, opened
from projections.builds import Build
from projections.read_model import Page, ReadModel
from projections.runner import LEASE_POLL, Runner

log = structlog.get_logger()

MOST = 2_000
PAGE = 5_000
# How often a partition in which nothing happens is looked at, in seconds: so late may a build seem to be that is not.
IDLE = 0.25
# A member that died is given up after this; Kafka allows no less than six seconds by default.
SESSION_MS = 6_000
# By how much clocks of machines may differ, in seconds.
SKEW = 600.0

_EVENTS = SELECT_EVENTS + " WHERE notification_id = ANY(%s) ORDER BY notification_id"
_BEGINNING = "SELECT pg_advisory_lock(hashtext('read model members'), hashtext(%s))"
_BEGUN = "SELECT pg_advisory_unlock(hashtext('read model members'), hashtext(%s))"


class NeedsOneOwner(LedgerdeskError):
    """The read model counts or orders over tickets."""

    code = "needs_one_owner"
    sentence = "The read model {name} has one owner, who reads the log: it cannot be shared out by partitions."


class Member(Runner):
    """Keeps a read model's partitions, as many as there are for it, until stopped. Meant for a thread of its own."""

    # Members share what a worker that reads the log has alone: one way at a time.
    _LEASE = "SELECT pg_try_advisory_lock_shared(hashtext('read model'), hashtext(%s))"

    def __init__(
        self,
        url: str,
        keyring: Keyring,
        model: ReadModel,
        stop: threading.Event,
        newest: Newest,
        settings: KafkaSettings,
    ) -> None:
        if not model.PARTITIONED:
            raise NeedsOneOwner(name=model.NAME)
        super().__init__(url, keyring, model, stop, newest)
        self._settings, self._topic = settings, settings.events
        self._places: dict[int, Place] = {}

    def _keep(self, db: Connection[Any]) -> None:
        try:
            self._take_part(db)
        except KafkaError as error:
            log.warning("projection.kafka_away", read_model=self._model.NAME, error=type(error).__name__)
            self._stop.wait(LEASE_POLL)

    def _take_part(self, db: Connection[Any]) -> None:
        with closing(self._consumer()) as consumer:
            build = self._begun(db, consumer)
            builds.enter(db.cursor(), build)
            self._places = {}
            consumer.subscribe([self._topic], listener=_Given(partial(self._given, consumer, build), self._taken))
            looked = 0.0
            while not self._stop.is_set():
                published = self._published(db)
                found = consumer.poll(timeout_ms=200, max_records=MOST)
                if found:
                    self._apply(db, build, found)
                    self._failures, self.failed = 0, None
                if time.monotonic() >= looked + IDLE:
                    self._mark_idle(db, build, consumer, published)
                    looked = time.monotonic()

    def _consumer(self) -> KafkaConsumer:
        return KafkaConsumer(
            group_id=f"{self._settings.kafka_topics}.{self._model.NAME}.v{self._model.VERSION}",
            isolation_level="read_committed",
            enable_auto_commit=False,
            # Offsets are ours: one that is not there any more is a gap, and is never jumped over.
            auto_offset_reset="none",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 3,
            bootstrap_timeout_ms=int(self._settings.kafka_deadline * 1000),
            max_poll_records=MOST,
            metrics_enabled=False,
            **self._settings.client(),
        )

    def _begun(self, db: Connection[Any], consumer: KafkaConsumer) -> Build:
        """The live build with a place for each partition; where it has none, or Kafka has it no more, the log fills the gap."""
        with _alone(db, self._model.NAME):
            build = self._live(db)
            parts = [TopicPartition(self._topic, number) for number in consumer.partitions_for_topic(self._topic) or ()]
            if not parts:
                raise KafkaError(f"there is no topic {self._topic} yet")
            known = partitions.places(db, build, self._topic)
            first, end = consumer.beginning_offsets(parts), consumer.end_offsets(parts)
            kept = (
                part.partition in known and first[part] <= known[part.partition].next_offset <= end[part]
                for part in parts
            )
            return build if all(kept) else self._from_the_log(db, build, consumer, parts)

    def _from_the_log(
        self, db: Connection[Any], build: Build, consumer: KafkaConsumer, parts: Sequence[TopicPartition]
    ) -> Build:
        # What is recorded from now on is published later than now.
        offsets = _offsets(consumer, parts, time.time() - SKEW)
        builds.enter(db.cursor(), build)
        while rows := read_page(db.cursor(), build.position, PAGE):
            build = apply_rows(self._model, self._keyring, db, build, rows)
        with db.transaction(), db.cursor() as cursor:
            partitions.begin(cursor, build, self._topic, offsets, build.position)
        return build

    def _given(self, consumer: KafkaConsumer, build: Build, parts: Iterable[TopicPartition]) -> None:
        # On the consumer's own thread: the connection of the transactions is not to be touched.
        with psycopg.connect(conninfo(self._url, Role.WORKER), autocommit=True) as db:
            known = partitions.places(db, build, self._topic)
        for part in parts:
            place = known.get(part.partition, Place(0, 0))
            self._places[part.partition] = place
            consumer.seek(part, place.next_offset)

    def _taken(self, parts: Iterable[TopicPartition]) -> None:
        for part in parts:
            self._places.pop(part.partition, None)

    def _apply(self, db: Connection[Any], build: Build, found: Mapping[TopicPartition, list[ConsumerRecord]]) -> None:
        before, after = dict(self._places), {}
        wanted: list[int] = []
        for part, records in found.items():
            if (place := before.get(part.partition)) is None or records[0].offset < place.next_offset:
                # Of before it was taken away.
                continue
            told = [(int(headers["ce_position"]), headers["ce_type"]) for headers in map(_headers, records)]
            after[part.partition] = Place(records[-1].offset + 1, told[-1][0])
            wanted += [at for at, type_ in told if at > place.position and self._concerns(type_)]
        page = Page(opened(self._model, self._keyring, db, self._stored(db, wanted)))
        with db.transaction(), db.cursor() as cursor:
            partitions.move(cursor, build, self._topic, before, after)
            if page.events:
                self._model.apply(page, cursor)
        self._places |= {number: place for number, place in after.items() if number in self._places}
        partitions.settle(db, build, self._topic)

    def _concerns(self, type_: bytes) -> bool:
        return type_.decode().rpartition(".v")[0] in self._wanted

    def _stored(self, db: Connection[Any], positions: list[int]) -> list[StoredRow]:
        """The events as the log has them, with all their content, which Kafka has not."""
        return [StoredRow(*row) for row in db.execute(_EVENTS, [positions], binary=True)] if positions else []

    def _published(self, db: Connection[Any]) -> int:
        return kept_position(db.cursor(), self._topic) or 0

    def _mark_idle(self, db: Connection[Any], build: Build, consumer: KafkaConsumer, published: int) -> None:
        """Partitions that were read to their end, which was looked up later than what was published, have all of that."""
        mine = [TopicPartition(self._topic, n) for n, place in self._places.items() if place.position < published]
        if not mine:
            return
        ends, before = consumer.end_offsets(mine), dict(self._places)
        at = {part.partition: consumer.position(part) for part in mine if part in consumer.assignment()}
        after = {
            n: Place(at[n], published) for n in at if n in before and at[n] >= ends[TopicPartition(self._topic, n)]
        }
        if after:
            with db.transaction(), db.cursor() as cursor:
                partitions.move(cursor, build, self._topic, before, after)
            self._places |= {number: place for number, place in after.items() if number in self._places}
            partitions.settle(db, build, self._topic)


class _Given(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, given: Any, taken: Any) -> None:
        self._given, self._taken = given, taken

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Go on where the tables are."""
        self._given(assigned)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Others have them."""
        self._taken(revoked)


def _headers(record: ConsumerRecord) -> dict[str, bytes]:
    return dict(record.headers)


def _offsets(consumer: KafkaConsumer, parts: Sequence[TopicPartition], since: float) -> dict[int, int]:
    """The first of each partition that was published since then; its end where there is none."""
    ends = consumer.end_offsets(list(parts))
    found = consumer.offsets_for_times({part: int(since * 1000) for part in parts})
    return {part.partition: found[part].offset if found.get(part) else ends[part] for part in parts}


@contextmanager
def _alone(db: Connection[Any], name: str) -> Iterator[None]:
    db.execute(_BEGINNING, [name])
    try:
        yield
    finally:
        if not db.closed:
            db.execute(_BEGUN, [name])
