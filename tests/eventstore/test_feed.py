"""The feed: everything, once, in order, whatever happens to the connection."""

import asyncio
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from eventstore import feed as feed_module
from eventstore.append import Appender, Call, NewEvent
from eventstore.codec import StoredRow
from eventstore.database import Role, conninfo
from eventstore.feed import Feed, read_page
from eventstore.identifiers import uuid7
from eventstore.migrate import migrate
from tests.conftest import ClusterFactory
from tests.eventstore.writers import whole
from tests.waiting import wait_until

READERS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE application_name = 'ledgerdesk-feed' AND datname = current_database()"
)
# Longer than any test may take: what arrives with it was not polled for.
NEVER = 600.0


class Reader:
    """Follows the feed in a thread and keeps what it sees."""

    def __init__(self, url: str, **settings: float) -> None:
        self.feed = Feed(url, **settings)  # type: ignore[arg-type]
        self.rows: list[StoredRow] = []
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        for page in self.feed.pages(0):
            self.rows += page

    def stop(self) -> None:
        self.feed.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()
        self.feed.close()


@pytest.fixture
def follow() -> Iterator[Callable[..., Reader]]:
    readers: list[Reader] = []

    def start(url: str, **settings: float) -> Reader:
        readers.append(Reader(url, **settings))
        return readers[-1]

    yield start
    for reader in readers:
        reader.stop()


def append(url: str, count: int = 1) -> None:
    async def work() -> None:
        async with Appender(url) as appender:
            for _ in range(count):
                event = NewEvent("thing.happened", uuid7(), b"{}")
                await appender.append(Call(uuid4(), uuid4(), b"asked", uuid4(), 0, [event]))

    asyncio.run(work())


def asleep(superuser_url: str) -> bool:
    """Whether a reader has read everything and waits to be woken."""
    with psycopg.connect(superuser_url) as db:
        row = db.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ledgerdesk-feed'"
            " AND datname = current_database() AND state = 'idle' AND query LIKE 'SELECT%'"
        ).fetchone()
    return row != (0,)


def test_a_tailing_reader_misses_nothing_that_twelve_writers_append(
    database_url: str, superuser_url: str, follow: Callable[..., Reader]
) -> None:
    steady, harried = follow(database_url, page=50), follow(database_url)
    command = [sys.executable, "-m", "tests.eventstore.writers", database_url]
    writers = [subprocess.Popen([*command, str(seed)], stdout=subprocess.PIPE, text=True) for seed in range(3)]
    with psycopg.connect(superuser_url, autocommit=True) as db:
        while any(writer.poll() is None for writer in writers):
            db.execute(READERS)
            harried.thread.join(0.1)
    total = sum(int(writer.communicate()[0]) for writer in writers)
    for reader in (steady, harried):
        wait_until(lambda reader=reader: len(reader.rows) >= total)  # type: ignore[misc]
        check(reader.rows, total)


def check(rows: list[StoredRow], total: int) -> None:
    assert [row.notification_id for row in rows] == list(range(1, total + 1))
    streams: dict[UUID, list[int]] = defaultdict(list)
    for row in rows:
        streams[row.originator_id].append(row.originator_version)
    assert len(streams) == 12
    assert all(versions == list(range(1, len(versions) + 1)) for versions in streams.values())
    assert all(whole(bytes(row.state)) for row in rows)


def test_a_sleeping_reader_is_woken(database_url: str, superuser_url: str, follow: Callable[..., Reader]) -> None:
    reader = follow(database_url, poll=NEVER)
    wait_until(lambda: asleep(superuser_url))
    append(database_url)
    wait_until(lambda: len(reader.rows) == 1)


@pytest.mark.parametrize("swallowed", [False, True], ids=["on the wire", "read with another answer"])
def test_what_comes_between_the_pull_and_the_wait_wakes_too(
    database_url: str, follow: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch, swallowed: bool
) -> None:
    pull, first = read_page, iter([True])

    def pull_then_append(db: psycopg.Cursor[Any], *given: int) -> list[StoredRow]:
        rows = pull(db, *given)
        if next(first, False):
            append(database_url)
            if swallowed:
                db.execute("SELECT")
        return rows

    monkeypatch.setattr(feed_module, "read_page", pull_then_append)
    reader = follow(database_url, poll=NEVER)
    wait_until(lambda: len(reader.rows) == 1)


def test_many_notifications_wake_a_reader_once(database_url: str) -> None:
    with psycopg.connect(conninfo(database_url, Role.WORKER), autocommit=True) as speaker:
        feed = Feed(database_url, poll=NEVER)
        with closing(feed), feed._listening() as db:
            for _ in range(5):
                speaker.execute(f"NOTIFY {feed_module.CHANNEL}".encode())
                db.execute("SELECT")  # reads them with another answer
            wait_until(lambda: swallowed(db) == 5)
            assert not feed._other_news(db)
            assert swallowed(db) == 0


def swallowed(db: psycopg.Connection[Any]) -> int:
    """How many notifications came with other answers and wait to be told."""
    db.execute("SELECT")
    return len(db._notifies_backlog or ())


def test_a_reader_whose_notifications_are_lost_polls(
    database_url: str, superuser_url: str, follow: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "CHANNEL", "nobody_speaks_here")
    reader = follow(database_url, poll=0.1)
    wait_until(lambda: asleep(superuser_url))
    append(database_url)
    wait_until(lambda: len(reader.rows) == 1)


def test_a_reader_outlives_a_restart_of_the_database(
    make_cluster: ClusterFactory, follow: Callable[..., Reader]
) -> None:
    cluster = make_cluster()
    url = cluster.url()
    migrate(url)
    reader = follow(url)
    append(url, 3)
    wait_until(lambda: len(reader.rows) == 3)
    cluster.stop()
    cluster.start()
    append(url, 3)
    wait_until(lambda: len(reader.rows) == 6)
    cluster.kill()
    cluster.start()
    append(url, 3)
    wait_until(lambda: len(reader.rows) == 9)
    assert [row.notification_id for row in reader.rows] == list(range(1, 10))


def test_a_page_ends_where_it_is_told_to(database_url: str) -> None:
    append(database_url, 5)
    with psycopg.connect(database_url) as db:
        db.execute(f"SET ROLE {Role.WORKER}".encode())
        assert [row.notification_id for row in read_page(db.cursor(), 1, upto=3)] == [2, 3]
        assert [row.notification_id for row in read_page(db.cursor(), 1, limit=1)] == [2]
        assert read_page(db.cursor(), 5) == []
