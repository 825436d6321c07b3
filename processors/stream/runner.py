"""Runs the publishers of the stream, each by one owner at a time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from psycopg import Connection

from eventstore.feed import CHANNEL, POLL
from eventstore.keyring import Keyring
from processors.runner import keep_running, lease
from processors.stream.publisher import Publisher
from processors.stream.settings import KafkaSettings
from processors.stream.sources import Events, Source, Tickets


def run(url: str, keyring: Keyring, settings: KafkaSettings, stop: threading.Event) -> None:
    """Publish events and tickets until stopped."""
    sources: dict[str, Callable[[], Source]] = {settings.events: lambda: Events(keyring), settings.tickets: Tickets}
    with ThreadPoolExecutor(len(sources), thread_name_prefix="stream") as threads:
        running = [
            threads.submit(keep_running, topic, partial(publish, url, settings, topic, source, stop), stop)
            for topic, source in sources.items()
        ]
        for each in running:
            each.result()


def publish(
    url: str,
    settings: KafkaSettings,
    topic: str,
    source: Callable[[], Source],
    stop: threading.Event,
    moved: Callable[[], object],
) -> None:
    """Publish to one topic until stopped, once nobody else does."""
    with lease(topic, url, stop) as db:
        db.execute(f"LISTEN {CHANNEL}".encode())
        Publisher(settings, topic, source(), db).run(stop, partial(_wait, db, stop), moved)


def _wait(db: Connection[Any], stop: threading.Event) -> None:
    """Until something was appended, the poll is due, or we are stopped."""
    for _ in range(round(POLL / 0.25)):
        # All of them: what woke us once must not wake us again for what we have read by then.
        if stop.is_set() or list(db.notifies(timeout=0.25, stop_after=1)):
            return
