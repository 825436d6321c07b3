"""Keeps a topic up to the log: each stretch with its position in one transaction, so that none is missing and none is twice."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import structlog
from kafka.errors import KafkaError
from psycopg import Connection

from processors.checkpoint import Checkpoint
from processors.stream import topics
from processors.stream.marks import Marks
from processors.stream.producer import Producer, StreamBroken
from processors.stream.settings import KafkaSettings
from processors.stream.sources import Source, Stretch

log = structlog.get_logger()

# How long it rests after Kafka refused or did not answer, in seconds.
PAUSE = 1.0


class Publisher:
    """Publishes one source to one topic. `db` is the connection that holds the lease."""

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        source: Source,
        db: Connection[Any],
        *,
        start: int = 0,
        mirrored: bool = True,
    ) -> None:
        self._settings, self._topic, self._source, self._db = settings, topic, source, db
        self._start = start
        # A copy of the position for metrics and `ledgerdesk processors`; what holds is what Kafka says.
        self._mirror = Checkpoint(db.cursor(), topic) if mirrored else None
        self.position = start

    def run(
        self, stop: threading.Event, wait: Callable[[], object], moved: Callable[[], object] = lambda: None
    ) -> None:
        """Publish until stopped; `wait` is called where there is nothing. Kafka may come and go meanwhile."""
        while not stop.is_set():
            try:
                self.follow(stop, wait, moved)
            except (StreamBroken, KafkaError) as error:
                cause = error.__cause__ or error
                log.warning("stream.retrying", topic=self._topic, error=type(cause).__name__)
                stop.wait(PAUSE)

    def follow(
        self, stop: threading.Event, wait: Callable[[], object], moved: Callable[[], object] = lambda: None
    ) -> None:
        """The same with one producer; StreamBroken or a KafkaError when Kafka is away, hangs, or somebody else publishes."""
        topics.ensure(self._settings, *([] if self._topic == self._settings.tickets else [self._topic]))
        producer = Producer(self._settings, f"{self._topic}.publisher")
        try:
            producer.begin()
            # Not before: until then a transaction of our predecessor may still end either way.
            self._at(max(self._start, topics.position(self._settings, self._topic)))
            with ThreadPoolExecutor(1, thread_name_prefix="stream") as preparing:
                self._pump(producer, preparing, stop, wait, moved)
        finally:
            producer.discard()

    def _pump(
        self,
        producer: Producer,
        preparing: ThreadPoolExecutor,
        stop: threading.Event,
        wait: Callable[[], object],
        moved: Callable[[], object],
    ) -> None:
        marks = Marks(self._settings, producer, self._topic, self._settings.positions)
        stretch = self._next(self.position)
        while not stop.is_set():
            marks.look()
            if stretch is None:
                wait()
                stretch = self._next(self.position)
                continue
            # While the brokers are busy with this one, the next is made ready.
            coming: Future[Stretch | None] = preparing.submit(self._next, stretch.end)
            try:
                producer.publish(
                    [
                        (self._topic, stretch.messages),
                        (self._settings.positions, [topics.positioned(self._topic, stretch.end)]),
                    ]
                )
            finally:
                following = coming.result()
            self._at(stretch.end)
            marks.published()
            moved()
            stretch = following

    def _next(self, position: int) -> Stretch | None:
        with self._db.cursor() as cursor:
            return self._source.after(cursor, position)

    def _at(self, position: int) -> None:
        self.position = position
        if self._mirror is not None and position != self._mirror.reached:
            self._mirror.advance(position)
            self._mirror.advanced(position)
