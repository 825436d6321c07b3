"""Events of 500 bytes a second from the log to committed in Kafka, beside kafka-python that sends the same bytes ready-made."""

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import uvloop
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from bench.desk import MASTER_KEY, opened
from bench.fill import MadeUp, record
from bench.place import scratch, server, server_facts
from bench.result import Result
from cli.broker.server import Broker
from domain.ticket import events as e
from domain.values import StatusKind
from eventstore.append import Call
from eventstore.database import Role, conninfo
from eventstore.feed import head
from eventstore.keyring import Keyring
from processors.stream import topics
from processors.stream.publisher import Publisher
from processors.stream.settings import KafkaSettings
from processors.stream.sources import ROWS, Events

TICKETS, REPLIES = 1_000, 60
ROUNDS = 3
# With its fields around it, the data of a reply is 500 bytes.
TEXT = "The printer on the third floor smokes again, as it did on Monday. " * 7


def run() -> Result:
    """Rounds of value and floor in turn, so that a busy moment of the machine meets both; medians."""
    with server() as url, scratch(url) as ours, broker() as servers:
        uvloop.run(_fill(ours))
        rounds = [_round(ours, servers) for _ in range(ROUNDS)]
        value, floor, size = (statistics.median(column) for column in zip(*rounds, strict=True))
        conditions: dict[str, Any] = {
            "events": TICKETS * (REPLIES + 1),
            "bytes_of_data": round(size),
            "transaction": ROWS,
        }
        conditions["rounds"] = [tuple(map(round, each)) for each in rounds]
        return Result("stream", value, "events/s", {"produce": floor}, {**conditions, **server_facts(url)})


@contextmanager
def broker() -> Iterator[str]:
    """The brokers of KAFKA_BOOTSTRAP_SERVERS, or one of our own."""
    if named := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="ledgerdesk-bench-") as folder:
        own = Broker(Path(folder, "kafka"))
        own.start()
        try:
            yield own.servers
        finally:
            own.kill()


async def _fill(url: str) -> None:
    async with opened(url) as (_, place):
        await record(url, _lives([MadeUp(place, f"S-{n}", datetime.now(UTC)) for n in range(TICKETS)]))


def _lives(tickets: Sequence[MadeUp]) -> Iterator[Call]:
    for ticket in tickets:
        yield ticket.recorded(e.TicketOpened(number=ticket.number, title="Printer", status="new", kind=StatusKind.NEW))
    for _ in range(REPLIES):
        for ticket in tickets:
            yield ticket.recorded(e.TicketReplied(message_id=uuid4(), body=TEXT))


def _round(url: str, servers: str) -> tuple[float, float, float]:
    settings = KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=servers, kafka_topics=f"bench-{uuid4().hex[:8]}")
    topics.ensure(settings, f"{settings.events}.floor")
    value = _published(url, settings)
    messages = _ready_made(settings)
    size = statistics.mean(len(value) for _, value, _ in messages)
    return value, _produced(settings, messages), size


def _published(url: str, settings: KafkaSettings) -> float:
    with psycopg.connect(conninfo(url, Role.WORKER), autocommit=True) as db:
        end, stop = head(db.cursor()), threading.Event()
        publisher = Publisher(settings, settings.events, Events(Keyring(MASTER_KEY)), db, mirrored=False)

        def moved() -> None:
            if publisher.position >= end:
                stop.set()

        began = time.perf_counter()
        publisher.run(stop, moved, moved)
        return end / (time.perf_counter() - began)


Ready = tuple[bytes, bytes, list[tuple[str, bytes]]]


def _ready_made(settings: KafkaSettings) -> list[Ready]:
    found: list[Ready] = []
    with closing(
        KafkaConsumer(isolation_level="read_committed", enable_auto_commit=False, **settings.client())
    ) as consumer:
        parts = [TopicPartition(settings.events, n) for n in range(settings.kafka_partitions)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        while any(consumer.position(part) < ends[part] for part in parts):
            for records in consumer.poll(timeout_ms=200, max_records=5000).values():
                found += [(each.key, each.value, list(each.headers)) for each in records]
    return found


def _produced(settings: KafkaSettings, messages: Sequence[Ready]) -> float:
    """By `send`, as many in each transaction as we have."""
    topic = f"{settings.events}.floor"
    producer = KafkaProducer(
        transactional_id=topic, batch_size=131_072, linger_ms=5, retry_backoff_ms=10, **settings.client()
    )
    with closing(producer):
        began = time.perf_counter()
        producer.init_transactions()
        for start in range(0, len(messages), ROWS):
            some = messages[start : start + ROWS]
            producer.begin_transaction()
            sent = [producer.send(topic, value, key, headers) for key, value, headers in some]
            producer.commit_transaction()
            for each in sent:
                each.get(timeout=30)
        return len(messages) / (time.perf_counter() - began)
