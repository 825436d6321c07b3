"""Several workers, in whatever order each gets to act or dies, write the same log as one would."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.rows import TupleRow

from cli.cluster import Cluster
from domain.ticket.commands import NoteOnTicket, TagTicket
from domain.ticket.marking import SnoozeTicket
from eventstore.keyring import Keyring
from processors import firing, runner
from processors.waking import Waking
from tests import threads
from tests.conftest import scratch
from tests.desks import MASTER, Office, an_office
from tests.house.test_house import ROOT
from tests.processors.greeter import (
    Died,
    Greeter,
    connected,
    done,
    follower,
    poller,
    rows,
    work_through,
)
from tests.waiting import until

Db = psycopg.Connection[TupleRow]
NUMBERS = ("T-1", "T-2", "T-3")


@pytest.fixture(scope="module")
def one_database(cluster: Cluster) -> Iterator[str]:
    """One for all examples: each has a workspace of its own in it."""
    with scratch(cluster) as url:
        yield url


class Worker:
    """Follows and fires on connections of its own, a transaction at a time; may die at a statement, and is replaced."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._begin()

    def _begin(self) -> None:
        self.db = connected(self._url)
        self._following, self._firing = follower(self.db), poller(self.db)

    def act(self, what: str, dies_at: int | None) -> None:
        """One step."""
        if dies_at is not None:
            count = iter(range(dies_at))
            self.db.moment = lambda: self._die() if next(count, None) is None else None  # type: ignore[attr-defined]
        try:
            (self._following if what == "follow" else self._firing).step()
        except psycopg.Error:
            # It died, or has learnt that another one was faster.
            self.db.close()
            self._begin()
        self.db.moment = lambda: None  # type: ignore[attr-defined]

    def _die(self) -> None:
        self.db.close()
        raise Died


Step = tuple[int, str, int | None]
STEPS = st.lists(
    st.tuples(
        st.integers(0, 1), st.sampled_from(["follow", "fire"]), st.none() | st.integers(0, 25)
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=25)
@given(data=st.data())
def test_two_workers_in_any_interleaving_write_what_one_does(one_database: str, data: st.DataObject) -> None:
    steps: list[Step] = data.draw(STEPS)
    office = asyncio.run(_busy(one_database, f"desk-{uuid4().hex[:8]}"))
    workers = [Worker(one_database), Worker(one_database)]
    for who, what, dies_at in steps:
        workers[who].act(what, dies_at)
    for worker in workers:
        worker.db.close()
    with connected(one_database) as db:
        work_through(db)
        db.moment = None  # type: ignore[attr-defined]
    with psycopg.connect(one_database, autocommit=True) as database:
        written = done(database, office.workspace)
        assert _per_ticket(written) == EXPECTED
        commands = [command for *_, command in written]
        # Only what tags and notes on one ticket share a stream; no command was done twice.
        assert len(set(commands)) == len(commands)
        memory = dict(rows(database, "memories", "workspace_id, state"))[office.workspace]
        assert memory == {"opened": 3, "first": "T-1", "fired": 6}


async def _busy(url: str, slug: str) -> Office:
    async with an_office(url, slug) as office:
        for number in NUMBERS:
            await office.ticket(number)
        await office.do(TagTicket, number="T-2", add={"printer"})
        return office


def _per_ticket(written: list[tuple[Any, ...]]) -> list[list[str]]:
    """What each ticket has got, whichever it is; notes apart, which are all on the first."""
    streams: dict[UUID, list[str]] = {}
    for stream, topic, _ in written:
        streams.setdefault(stream, []).append(topic.removeprefix("ticket."))
    return sorted(sorted(topics) for topics in streams.values())


_EACH = ["prioritised", "prioritised", "tagged"]
EXPECTED = sorted([_EACH, _EACH, sorted([*_EACH, "noted", "noted", "noted"])])


def working(url: str, clock: Any = None, count: int = 1) -> AbstractContextManager[None]:
    """Workers as the desk runs them."""
    stop = threading.Event()
    asked = (url, Keyring(MASTER), stop, (Waking(), Greeter()), clock or runner.now)
    return threads.working(stop, [partial(runner.run, *asked)] * count)


def topics(database: Db, office: Office) -> list[str]:
    return [topic.removeprefix("ticket.") for _, topic, _ in done(database, office.workspace)]


async def test_two_workers_while_people_work(office: Office, database: Db, database_url: str) -> None:
    with working(database_url, lambda: datetime(2100, 1, 1, tzinfo=UTC), count=2):
        for number in range(12):
            await office.ticket(f"T-{number}")
            await office.do(NoteOnTicket, number=f"T-{number}", body="Meanwhile.")
        await until(lambda: topics(database, office).count("prioritised") == 24)
    assert topics(database, office).count("tagged") == topics(database, office).count("noted") == 12


WORKER = """
import sys, threading
from eventstore.keyring import Keyring
from processors import firing, runner
from tests.desks import MASTER
from tests.processors.greeter import Greeter
runner.run(sys.argv[1], Keyring(MASTER), threading.Event(), (Greeter(),))
"""
_OWNER = (
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'ledgerdesk-greeter' AND datname = current_database()"
)
_HELD = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid IN ({_OWNER})"


async def test_a_dead_owner_is_replaced(office: Office, database: Db, database_url: str) -> None:
    def worker() -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", WORKER, database_url], cwd=ROOT)

    def owner() -> Any:
        return database.execute(_HELD).fetchone()

    workers = [worker()]
    try:
        await until(owner)
        first = owner()
        workers.append(worker())
        await until(lambda: len(database.execute(_OWNER).fetchall()) == 2)
        workers[0].send_signal(signal.SIGKILL)
        workers[0].wait()
        # What the desk promises, and not how fast this machine is today.
        await until(lambda: owner() not in (None, first), seconds=5)
        await office.ticket()
        await until(lambda: topics(database, office) == ["tagged", "noted"])
    finally:
        for each in workers:
            each.kill()
            each.wait()


class Clock:
    """A clock that somebody sets."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.time


async def test_a_clock_that_jumps_back_fires_late_ones_once_in_order(
    office: Office, database: Db, database_url: str
) -> None:
    clock = Clock()
    for number, hours in (("T-1", 3), ("T-2", 2), ("T-3", 1)):
        await office.ticket(number)
        await office.do(SnoozeTicket, number=number, until=clock.time + timedelta(hours=hours))
    with connected(database_url) as db:
        following = runner.Follower(Waking(), Keyring(MASTER), db, clock)
        firing = runner.Poller([Waking()], Keyring(MASTER), db, clock)
        following.step()
        assert firing.step() == 0
        clock.time += timedelta(hours=1)
        assert firing.step() == 1
        # The machine's clock is set back, and then it sleeps for a year.
        clock.time -= timedelta(days=2)
        assert firing.step() == 0
        clock.time += timedelta(days=365)
        assert firing.step() == 2
        assert firing.step() == 0
        following.step()
        assert firing.step() == 0
    woken = [stream for stream, topic, _ in done(database, office.workspace) if topic == "ticket.woken"]
    assert woken == [office.command(NoteOnTicket, number=n, body="-").stream_id for n in ("T-3", "T-2", "T-1")]


async def test_of_many_that_are_due_at_once_somebody_else_fires_some_and_each_is_fired_once(
    office: Office, database: Db, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        await office.ticket(f"T-{number}")
        await office.do(SnoozeTicket, number=f"T-{number}", until=datetime.now(UTC) + timedelta(hours=1))
    with connected(database_url) as db:
        runner.Follower(Waking(), Keyring(MASTER), db, runner.now).step()
    monkeypatch.setattr(firing, "MOST", 2)
    monkeypatch.setattr(runner, "MOST", 2)
    pollers: list[Any] = []

    class Counted(runner.Poller):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            pollers.append(self)

    monkeypatch.setattr(runner, "Poller", Counted)
    stop = threading.Event()
    asked = (database_url, Keyring(MASTER), stop, (Waking(),), lambda: datetime(2100, 1, 1, tzinfo=UTC))
    with threads.working(stop, [partial(runner.run, *asked)]):
        await until(lambda: topics(database, office).count("woken") == 12)
        await until(lambda: not rows(database, "timers"))
    assert topics(database, office) == ["woken"] * 12
    assert len(pollers) > 1
