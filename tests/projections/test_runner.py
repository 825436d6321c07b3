"""Following the log: one owner at a time, nothing skipped, nothing applied twice, builds beside the live one."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg import Connection, Cursor

from domain.ticket.commands import NoteOnTicket
from eventstore.codec import StoredRow
from eventstore.database import Role, connect
from eventstore.feed import read_page
from eventstore.newest import Newest, following
from projections import builds, catch_up, runner
from projections.apply import apply_rows
from projections.builds import BuildOvertaken, NewerIsLive
from projections.catch_up import RebuildStopped, RebuildUnderWay
from projections.directory import Directory
from projections.read_model import Page, ReadModel
from projections.runner import Runner
from projections.ticket_history import TicketHistory
from projections.ticket_list import TicketList
from tests.desks import Office, an_office
from tests.projections.tables import KEYRING, built, contents, live, working
from tests.waiting import until, wait_until

Db = Connection[Any]


class NextList(TicketList):
    """The list as a later release has it."""

    VERSION = TicketList.VERSION + 1


class BrokenList(TicketList):
    """A fold that cannot take any page."""

    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """Fail as a mistake in a fold does."""
        db.execute("SELECT 1 / 0")


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    """A furnished workspace."""
    async with an_office(database_url) as furnished:
        yield furnished


@pytest.fixture
def db(database_url: str) -> Iterator[Db]:
    """A connection with the worker's rights."""
    with closing(working(database_url)) as connection:
        yield connection


@pytest.fixture
def follow(database_url: str) -> Iterator[Callable[[ReadModel], threading.Event]]:
    """Starts a runner; the event that it answers stops that one alone."""
    stops: list[threading.Event] = []
    threads: list[threading.Thread] = []

    def start(model: ReadModel) -> threading.Event:
        stops.append(threading.Event())
        threads.append(threading.Thread(target=_run, args=(database_url, model, stops[-1])))
        threads[-1].start()
        return stops[-1]

    yield start
    for stop in stops:
        stop.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def _run(url: str, model: ReadModel, stop: threading.Event) -> None:
    with following(url, stop) as newest:
        Runner(url, KEYRING, model, stop, newest).run()


def up_to_date(db: Db, model: ReadModel) -> bool:
    query = "SELECT lag_events = 0 FROM desk.freshness WHERE read_model = %s AND state = 'live' AND version = %s"
    return db.execute(query, [model.NAME, model.VERSION]).fetchone() == (True,)


def error_of(db: Db, model: ReadModel) -> str | None:
    row = db.execute("SELECT max(error) FROM desk.freshness WHERE read_model = %s", [model.NAME]).fetchone()
    return row[0] if row else None


async def test_it_follows_and_events_it_does_not_know_move_it_too(
    office: Office, db: Db, follow: Callable[[ReadModel], threading.Event]
) -> None:
    follow(Directory())
    await office.ticket()
    await office.do(NoteOnTicket, number="T-1", body="of no interest to the directory")
    await until(lambda: up_to_date(db, Directory()))


async def test_an_event_of_a_newer_release_is_passed_over(
    office: Office, database_url: str, superuser_url: str, db: Db
) -> None:
    await office.ticket()
    with psycopg.connect(superuser_url, autocommit=True) as root:
        root.execute("ALTER TABLE log.stored_events DISABLE TRIGGER append_only")
        root.execute(
            "UPDATE log.stored_events SET state = convert_to(replace(convert_from(state, 'UTF8'),"
            " '\"class_version\":1', '\"class_version\":99'), 'UTF8') WHERE topic = 'workspace.created'"
        )
    built(database_url, Directory(), TicketList())
    assert contents(database_url, Directory())["workspaces"] == []
    assert len(contents(database_url, TicketList())["ticket_list"]) == 1


async def test_another_owner_takes_over(
    office: Office, db: Db, superuser_url: str, follow: Callable[[ReadModel], threading.Event]
) -> None:
    follow(TicketHistory())
    follow(TicketHistory())
    for n in range(4):
        await office.ticket(f"T-{n}")
        with psycopg.connect(superuser_url, autocommit=True) as root:
            root.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name IN ('ledgerdesk-ticket_history', 'ledgerdesk-feed', 'ledgerdesk-build')"
            )
        await until(lambda: up_to_date(db, TicketHistory()))
    assert db.execute("SELECT count(*) FROM desk.ticket_history").fetchone() == (4,)


async def test_one_who_was_overtaken_cannot_apply(office: Office, database_url: str, db: Db) -> None:
    built(database_url, TicketList())
    await office.ticket()
    mine = live(db, TicketList())
    rows = _rows_after(db, mine.position)
    builds.enter(db.cursor(), mine)
    apply_rows(TicketList(), KEYRING, db, mine, rows)
    with pytest.raises(BuildOvertaken):
        apply_rows(TicketList(), KEYRING, db, mine, rows)


def _rows_after(db: Db, position: int) -> list[StoredRow]:
    return read_page(db.cursor(), position)


async def test_a_broken_fold_stops_its_read_model_alone(
    office: Office,
    db: Db,
    follow: Callable[[ReadModel], threading.Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "FIRST_WAIT", 0.01)
    stop = follow(BrokenList())
    follow(TicketHistory())
    await office.ticket()
    await until(lambda: error_of(db, TicketList()) == "DivisionByZero")
    await until(lambda: up_to_date(db, TicketHistory()))
    assert db.execute("SELECT position FROM ops.builds WHERE name = 'ticket_list'").fetchone() == (0,)
    stop.set()
    follow(TicketList())
    await until(lambda: up_to_date(db, TicketList()))
    assert error_of(db, TicketList()) is None


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (psycopg.OperationalError(), True),
        (psycopg.errors.DiskFull(), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.ProgramLimitExceeded(), False),
        (psycopg.errors.DivisionByZero(), False),
        (ValueError(), False),
    ],
)
def test_only_a_database_that_cannot_now_is_waited_for(error: Exception, outage: bool) -> None:
    assert runner.is_outage(error) is outage


async def test_a_new_version_is_built_beside_and_swapped(
    office: Office, db: Db, follow: Callable[[ReadModel], threading.Event]
) -> None:
    stop = follow(TicketList())
    await office.ticket()
    await until(lambda: up_to_date(db, TicketList()))
    stop.set()
    follow(NextList())
    await until(lambda: up_to_date(db, NextList()))
    assert db.execute("SELECT count(*) FROM ops.builds").fetchone() == (1,)


async def test_older_code_leaves_newer_tables_alone(office: Office, database_url: str, db: Db) -> None:
    built(database_url, NextList())
    before = live(db, NextList())
    await office.ticket()
    old = Runner(database_url, KEYRING, TicketList(), threading.Event(), Newest(0))
    with pytest.raises(NewerIsLive):
        old._connected()
    with pytest.raises(NewerIsLive, match="ticket_list"):
        built(database_url, TicketList())
    assert live(db, NextList()) == before


async def test_a_rebuild_while_others_write_and_read(
    office: Office, database_url: str, db: Db, follow: Callable[[ReadModel], threading.Event]
) -> None:
    follow(TicketList())
    await office.ticket("A-1")
    await until(lambda: up_to_date(db, TicketList()))
    for n in range(3):
        rebuild = asyncio.create_task(asyncio.to_thread(built, database_url, TicketList()))
        await office.ticket(f"B-{n}")
        await rebuild
        await office.ticket(f"C-{n}")
        await until(lambda: up_to_date(db, TicketList()))
    followed = contents(database_url, TicketList())
    assert len(followed["ticket_list"]) == 7
    await asyncio.to_thread(built, database_url, TicketList())
    assert contents(database_url, TicketList()) == followed


async def test_a_long_reader_delays_the_swap_and_nobody_else(
    office: Office, database_url: str, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "SWAP_PAUSE", 0.01)
    built(database_url, TicketList())
    with connect(database_url, Role.READER) as long, connect(database_url, Role.READER) as other:
        with long.transaction():
            long.execute("SELECT count(*) FROM desk.ticket_list")
            rebuild = asyncio.create_task(asyncio.to_thread(built, database_url, TicketList()))
            await until(lambda: _waits_for_a_lock(db) or rebuild.done())
            other.execute("SET statement_timeout = '10s'")
            other.execute("SELECT count(*) FROM desk.ticket_list")
            assert not rebuild.done()
        await rebuild


def _waits_for_a_lock(db: Db) -> bool:
    return db.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() != (0,)


def test_two_rebuilds_at_once_and_the_second_says_so(office: Office, database_url: str, db: Db) -> None:
    with catch_up._only_builder(db, TicketList()), pytest.raises(RebuildUnderWay, match="ticket_list"):
        built(database_url, TicketList())


async def test_a_stopped_rebuild_goes_on_where_it_was(
    office: Office, database_url: str, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.ticket()
    built(database_url, TicketList())
    monkeypatch.setattr(catch_up, "PAGE", 2)
    stop = threading.Event()
    with pytest.raises(RebuildStopped):
        catch_up.catch_up(database_url, KEYRING, TicketList(), db, stop=stop, progress=lambda *_: stop.set())
    begun = builds.find(db.cursor(), "ticket_list", "building")
    assert begun is not None
    assert begun.position == 2
    positions: list[int] = []
    done = catch_up.catch_up(
        database_url, KEYRING, TicketList(), db, progress=lambda position, _: positions.append(position)
    )
    assert positions[0] == 4
    assert done.build == begun.build


def test_pages_of_large_events_are_shorter() -> None:
    small, large = (StoredRow(*([None] * 3), b"x" * size, *([None] * 4)) for size in (100, 2**20))  # type: ignore[arg-type]
    assert catch_up.page_after([small] * 10) == catch_up.PAGE
    assert catch_up.page_after([large] * 10) == 32


REBUILD = """
import sys, time
from projections import catch_up
from projections.ticket_list import TicketList
from tests.projections.tables import KEYRING, working
catch_up.PAGE = 2
catch_up.catch_up(sys.argv[1], KEYRING, TicketList(), working(sys.argv[1]), progress=lambda *_: time.sleep(0.05))
"""


@pytest.fixture
async def many_tickets(office: Office) -> None:
    """Enough pages to be killed in between."""
    for n in range(20):
        await office.ticket(f"T-{n}")


def test_a_rebuild_that_was_killed_is_finished_by_the_next(many_tickets: None, database_url: str, db: Db) -> None:
    built(database_url, TicketList())
    before = contents(database_url, TicketList())
    with subprocess.Popen([sys.executable, "-c", REBUILD, database_url]) as process:
        wait_until(lambda: (found := builds.find(db.cursor(), "ticket_list", "building")) and found.position > 4)
        process.send_signal(signal.SIGKILL)
    begun = builds.find(db.cursor(), "ticket_list", "building")
    assert begun is not None
    wait_until(lambda: _rebuilds(database_url))
    assert live(db, TicketList()).build == begun.build
    assert contents(database_url, TicketList()) == before


def _rebuilds(url: str) -> bool:
    """Whether the rebuild could begin: the server may take a moment to see that the killed one is gone."""
    try:
        built(url, TicketList())
    except RebuildUnderWay:
        return False
    return True


async def test_waiting_readers_are_woken(office: Office, database_url: str, db: Db) -> None:
    built(database_url, TicketList())
    await office.ticket()
    db.execute("LISTEN read_models")
    with closing(working(database_url)) as applying:
        mine = live(applying, TicketList())
        builds.enter(applying.cursor(), mine)
        apply_rows(TicketList(), KEYRING, applying, mine, _rows_after(applying, mine.position))
    assert [each.payload for each in db.notifies(timeout=10, stop_after=1)] == ["ticket_list"]
