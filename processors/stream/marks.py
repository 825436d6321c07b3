"""Marks of transactions that a broker lost.

A broker that is cut off from its controller while it ends a transaction (a pause of some seconds is enough) may call it complete
though some partitions have no mark of it: seen with Kafka 4.3.1. Whoever reads what is committed would stand there until the next
message of that partition comes, which on a quiet desk may be tomorrow.
"""

import time

import structlog
from kafka import TopicPartition

from processors.stream import topics
from processors.stream.producer import Producer
from processors.stream.settings import KafkaSettings

log = structlog.get_logger()

# How long after something was published one looks, and looks again at what is not marked, in seconds.
PAUSE = 15.0


class Marks:
    """Sees that all that one producer committed is marked as such. To be asked between its transactions alone."""

    def __init__(self, settings: KafkaSettings, producer: Producer, *topics: str) -> None:
        self._settings, self._producer, self._topics = settings, producer, topics
        self._due: float | None = None
        self._open: dict[TopicPartition, int] = {}

    def published(self) -> None:
        """Something was: it is looked at after PAUSE."""
        if self._due is None:
            self._due = time.monotonic() + PAUSE

    def look(self) -> None:
        """If it is time: mark the partitions whose committed end has stood still since the last look. StreamBroken or a KafkaError."""
        if self._due is None or time.monotonic() < self._due:
            return
        parts = [TopicPartition(each, n) for each in self._topics for n in range(self._producer.partitions(each))]
        found = topics.unmarked(self._settings, parts)
        still = sorted(part for part, end in found.items() if self._open.get(part) == end)
        if still:
            log.warning("stream.marking", partitions=[f"{part.topic}-{part.partition}" for part in still])
            self._producer.mark(still)
        self._open, self._due = found, time.monotonic() + PAUSE if found else None
