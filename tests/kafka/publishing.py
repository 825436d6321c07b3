"""Publishers for tests: in a thread, or as a process of its own (`python -m tests.kafka.publishing URL SETTINGS`) to be killed."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from kafka.consumer.fetcher import ConsumerRecord

from eventstore.feed import head
from eventstore.keyring import Keyring
from processors.runner import keep_running
from processors.stream import topics
from processors.stream.producer import Producer
from processors.stream.publisher import Publisher
from processors.stream.runner import publish
from processors.stream.settings import KafkaSettings
from processors.stream.sources import Events, Source
from tests.desks import MASTER
from tests.kafka.kit import read_all, unique

ROOT = Path(__file__).parents[2]


def position_published(settings: KafkaSettings, position: int) -> int | None:
    """The position that the broker has once this one was published to it."""
    producer = Producer(settings, "desk.publisher")
    try:
        producer.begin()
        producer.publish([(settings.positions, [topics.positioned(settings.events, position)])])
    finally:
        producer.discard()
    return topics.position(settings, settings.events)


def settings_of(servers: str, **more: Any) -> KafkaSettings:
    """Settings of topics that no other test uses."""
    return KafkaSettings(
        KAFKA_BOOTSTRAP_SERVERS=servers, **{"kafka_topics": unique("desk"), "kafka_deadline": 10, **more}
    )


@contextmanager
def publishing(
    url: str, settings: KafkaSettings, topic: str | None = None, source: Callable[[], Source] | None = None
) -> Iterator[None]:
    """A publisher in a thread, as a worker has it."""
    stop = threading.Event()
    do = partial(publish, url, settings, topic or settings.events, source or partial(Events, Keyring(MASTER)), stop)
    thread = threading.Thread(target=keep_running, args=["stream", do, stop])
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def positions(records: list[ConsumerRecord]) -> list[int]:
    """The positions of the events, in order."""
    return sorted(int(header(record, "ce_position")) for record in records)


def header(record: ConsumerRecord, name: str) -> str:
    """A header of a message, which has it once."""
    (found,) = [value for key, value in record.headers if key == name]
    return found.decode()


def log_head(url: str) -> int:
    """Position of the newest event."""
    with psycopg.connect(url) as db, db.cursor() as cursor:
        return head(cursor)


def published(url: str, settings: KafkaSettings, topic: str | None = None) -> list[ConsumerRecord]:
    """All committed messages, once every event that the log has now is among them."""
    servers, topic, end = settings.servers or "", topic or settings.events, log_head(url)
    read_all(servers, topic, until=lambda found: len(set(positions(found))) >= end, seconds=60)
    return read_all(servers, topic)


def process(url: str, settings: KafkaSettings) -> subprocess.Popen[bytes]:
    """A publisher that takes no lease, in a process of its own."""
    command = [sys.executable, "-m", "tests.kafka.publishing", url, settings.servers, settings.kafka_topics]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def main(url: str, servers: str, topics: str) -> None:
    """Publish until killed, with stretches so short that a kill meets every place."""
    settings = settings_of(servers, kafka_topics=topics)
    source = Events(Keyring(MASTER), most=7)
    stop = threading.Event()
    with psycopg.connect(url, autocommit=True) as db:
        Publisher(settings, settings.events, source, db).run(stop, lambda: stop.wait(0.05))


if __name__ == "__main__":
    main(*sys.argv[1:])
