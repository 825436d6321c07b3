"""Events a second into the read models that workers share through Kafka, with one worker and with two; the floor is the worker alone."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.context import SpawnProcess
from typing import Any
from uuid import uuid4

import psycopg
import uvloop

from bench.desk import MASTER_KEY, furnished
from bench.fill import fill
from bench.place import scratch, server, server_facts
from bench.result import Result
from bench.stream import broker
from cli.worker import keeper
from eventstore.database import Role, conninfo
from eventstore.desk import Desk
from eventstore.feed import head
from eventstore.keyring import Keyring
from eventstore.newest import following
from processors.stream import topics
from processors.stream.publisher import Publisher
from processors.stream.settings import KafkaSettings
from processors.stream.sources import Events
from projections.catch_up import catch_up
from projections.models import READ_MODELS

EVENTS = 60_000
WITHIN = 240.0
SHARED = tuple(model for model in READ_MODELS if model.PARTITIONED)
_LEAST = "SELECT min(position) FROM ops.builds WHERE state = 'live' AND name = ANY(%s)"
_SHARES = "SELECT count(*) FROM ops.partitions"


def run() -> Result:
    """The same log twice: by one worker, then by two."""
    with server() as url, broker() as servers:
        one, two = (_rate(url, servers, workers) for workers in (1, 2))
        conditions: dict[str, Any] = {
            "events": EVENTS,
            "read_models": [model.NAME for model in SHARED],
            **server_facts(url),
        }
        return Result("scale", two, "events/s", {"one_worker": one}, conditions)


def _rate(url: str, servers: str, workers: int) -> float:
    settings = KafkaSettings(KAFKA_BOOTSTRAP_SERVERS=servers, kafka_topics=f"bench-{uuid4().hex[:8]}")
    topics.ensure(settings)
    with scratch(url) as ours, closing(psycopg.connect(conninfo(ours, Role.WORKER), autocommit=True)) as db:
        for model in SHARED:
            catch_up(ours, Keyring(MASTER_KEY), model, db)
        with ExitStack() as all_:
            for _ in range(workers):
                all_.enter_context(_worker(ours, settings))
            # All of them have begun: from here on events come through Kafka alone.
            _until(lambda: _one(db, _SHARES) == settings.kafka_partitions * len(SHARED))
            uvloop.run(_fill(ours))
            end = head(db.cursor())
            began = time.perf_counter()
            _publish(ours, settings, end)
            _until(lambda: _one(db, _LEAST, [[model.NAME for model in SHARED]]) >= end)
            return end / (time.perf_counter() - began)


async def _fill(url: str) -> None:
    async with Desk(url, Keyring(MASTER_KEY)) as desk:
        await fill(url, await furnished(desk, "bench"), EVENTS)


def _publish(url: str, settings: KafkaSettings, end: int) -> None:
    with closing(psycopg.connect(conninfo(url, Role.WORKER), autocommit=True)) as db:
        stop = threading.Event()
        publisher = Publisher(settings, settings.events, Events(Keyring(MASTER_KEY)), db)

        def moved() -> None:
            if publisher.position >= end:
                stop.set()

        publisher.run(stop, moved, moved)


@contextmanager
def _worker(url: str, settings: KafkaSettings) -> Iterator[SpawnProcess]:
    process = multiprocessing.get_context("spawn").Process(target=_work, args=[url, settings], daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.terminate()
        process.join()


def _work(url: str, settings: KafkaSettings) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    with following(url, stop) as newest:
        keepers = [keeper(url, Keyring(MASTER_KEY), model, stop, newest, settings) for model in SHARED]
        threads = [threading.Thread(target=each.run) for each in keepers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _one(db: psycopg.Connection[Any], query: str, values: list[Any] | None = None) -> int:
    row = db.execute(query.encode(), values).fetchone()
    return int(row[0] or 0) if row else 0


def _until(true: Any) -> None:
    give_up = time.monotonic() + WITHIN
    while not true():
        if time.monotonic() > give_up:
            raise TimeoutError("the workers did not get there")
        time.sleep(0.02)
