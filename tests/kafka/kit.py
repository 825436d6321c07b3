"""Topics and consumers for tests with Kafka."""

from collections.abc import Callable
from contextlib import closing
from time import monotonic
from typing import Any
from uuid import uuid4

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic
from kafka.consumer.fetcher import ConsumerRecord

from processors.stream.settings import SOON
from tests.waiting import wait_until


def unique(name: str) -> str:
    """A name that no other test uses: the broker is shared."""
    return f"{name}-{uuid4().hex[:12]}"


def make_topic(servers: str, name: str, partitions: int = 12, **configs: str) -> str:
    """A new topic; its name."""
    with closing(KafkaAdminClient(bootstrap_servers=servers, **SOON)) as admin:
        admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
    return name


def delete_topic(servers: str, name: str) -> None:
    """It is gone when this returns."""
    with closing(KafkaAdminClient(bootstrap_servers=servers, **SOON)) as admin:
        admin.delete_topics([name])
        wait_until(lambda: name not in admin.list_topics())


def read_all(
    servers: str,
    topic: str,
    *,
    until: Callable[[list[ConsumerRecord]], object] | None = None,
    seconds: float = 30.0,
    **more: Any,
) -> list[ConsumerRecord]:
    """Every committed message of the topic, up to its end or, while more come, until it is as wanted; fails after that long."""
    found: list[ConsumerRecord] = []
    deadline = monotonic() + seconds
    options = {
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        **SOON,
    }
    with closing(KafkaConsumer(bootstrap_servers=servers, **{**options, **more})) as consumer:
        while not (numbers := consumer.partitions_for_topic(topic)):
            # Nobody has made it yet.
            assert monotonic() < deadline, f"no topic {topic} after {seconds} s"
        parts = [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        while not (until(found) if until else _at_end(consumer, parts)):
            assert monotonic() < deadline, f"{len(found)} messages after {seconds} s"
            for records in consumer.poll(timeout_ms=100, max_records=5000).values():
                found += records
    return found


def _at_end(consumer: KafkaConsumer, parts: list[TopicPartition]) -> bool:
    ends = consumer.end_offsets(parts)
    return all(consumer.position(part) >= ends[part] for part in parts)
