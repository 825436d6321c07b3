"""The topics: made where they are missing, and how far each is, as Kafka itself has it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic, OffsetSpec
from kafka.errors import KafkaTimeoutError, TopicAlreadyExistsError
from pydantic_core import from_json, to_json

from processors.stream.batch import Message, message
from processors.stream.clients import connected
from processors.stream.settings import KafkaSettings

WEEK = 7 * 24 * 3600 * 1000
LARGEST_MESSAGE = str(8 << 20)
EVENTS = {"retention.ms": str(WEEK), "max.message.bytes": LARGEST_MESSAGE}
TICKETS = {"cleanup.policy": "compact", "max.message.bytes": LARGEST_MESSAGE}
# Small segments, so that reading all of it at a start stays quick.
POSITIONS = {"cleanup.policy": "compact", "segment.bytes": str(1 << 20), "min.cleanable.dirty.ratio": "0.01"}


def ensure(settings: KafkaSettings, *events: str) -> None:
    """Make our topics, and further ones of events, where they are missing. Those that there are stay as they are."""
    wanted = [
        NewTopic(name, settings.kafka_partitions, -1, topic_configs=EVENTS) for name in {settings.events, *events}
    ]
    wanted.append(NewTopic(settings.tickets, settings.kafka_partitions, -1, topic_configs=TICKETS))
    wanted.append(NewTopic(settings.positions, 1, -1, topic_configs=POSITIONS))
    with _administering(settings) as admin:
        there = set(admin.list_topics())
        for topic in wanted:
            # One by one: somebody else may make one of them meanwhile.
            with suppress(TopicAlreadyExistsError):
                if topic.name not in there:
                    admin.create_topics([topic], timeout_ms=settings.milliseconds)


def positioned(topic: str, position: int) -> Message:
    """What says that a topic has everything up to a position of the log; sent in the transaction that brings it there."""
    return message(topic.encode(), to_json({"position": position}), ())


def position(settings: KafkaSettings, topic: str) -> int:
    """How far a topic is, 0 where nothing was published to it. True only once a new producer has begun."""
    found = 0
    with _committed(settings) as consumer:
        for record in _to_end(consumer, TopicPartition(settings.positions, 0), settings.kafka_deadline):
            if record.key == topic.encode() and record.value:
                found = from_json(record.value)["position"]
    return found


def unmarked(settings: KafkaSettings, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """Where the committed end is, of each of the partitions that has more behind it."""
    newest = dict.fromkeys(partitions, OffsetSpec.LATEST)
    with _administering(settings) as admin:
        committed = admin.list_partition_offsets(newest, "read_committed", settings.milliseconds)
        ends = admin.list_partition_offsets(newest, "read_uncommitted", settings.milliseconds)
    return {part: at.offset for part, at in committed.items() if at.offset < ends[part].offset}


@contextmanager
def _administering(settings: KafkaSettings) -> Iterator[KafkaAdminClient]:
    patience = {"bootstrap_timeout_ms": settings.milliseconds, "request_timeout_ms": settings.milliseconds}
    with closing(connected(KafkaAdminClient, **patience, **settings.client())) as admin:
        yield admin


@contextmanager
def _committed(settings: KafkaSettings) -> Iterator[KafkaConsumer]:
    consumer = connected(
        KafkaConsumer,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        bootstrap_timeout_ms=settings.milliseconds,
        metrics_enabled=False,
        **settings.client(),
    )
    try:
        yield consumer
    finally:
        consumer.close(autocommit=False, timeout_ms=1000)


def _to_end(consumer: KafkaConsumer, part: TopicPartition, seconds: float) -> Iterator[Any]:
    until = time.monotonic() + seconds
    consumer.assign([part])
    consumer.seek_to_beginning(part)
    end = consumer.end_offsets([part], timeout_ms=int(seconds * 1000))[part]
    while consumer.position(part, timeout_ms=int(seconds * 1000)) < end:
        if time.monotonic() > until:
            raise KafkaTimeoutError("the positions were not read in time")
        for found in consumer.poll(timeout_ms=100).values():
            yield from found
