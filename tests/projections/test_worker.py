"""The worker as a process: killed, cut off from its database, and with a rebuild beside it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from cli.cluster import Cluster
from eventstore.database import Role, connect
from eventstore.migrate import migrate
from projections.models import READ_MODELS
from projections.ticket_list import TicketList
from tests.commandline import environment
from tests.conftest import ClusterFactory
from tests.desks import an_office
from tests.projections.tables import built, contents, working
from tests.waiting import until, wait_until

Start = Callable[..., subprocess.Popen[str]]
CAUGHT_UP = "SELECT bool_and(lag_events = 0) AND count(*) = %s FROM desk.freshness WHERE state = 'live'"


@pytest.fixture
def server(make_cluster: ClusterFactory) -> Iterator[Cluster]:
    """A PostgreSQL of this test's own."""
    own = make_cluster()
    migrate(own.url())
    yield own
    own.kill()


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts `ledgerdesk` with these arguments on the test's database, or another."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, url: str = database_url) -> subprocess.Popen[str]:
        env = os.environ | environment(url, tmp_path)
        command = [sys.executable, "-m", "cli", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} if arguments != ("worker",) else {}
        started.append(subprocess.Popen(command, env=env, text=True, **pipes))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def caught_up(url: str) -> bool:
    try:
        with psycopg.connect(url) as db:
            db.execute("SET ROLE ledgerdesk_worker")
            return db.execute(CAUGHT_UP, [len(READ_MODELS)]).fetchone() == (True,)
    except psycopg.OperationalError:
        return False


async def test_another_worker_goes_on_where_a_killed_one_was(
    database_url: str, superuser_url: str, start: Start
) -> None:
    url = database_url
    async with an_office(url) as office:
        first = start("worker")
        await office.ticket("T-1")
        await until(lambda: caught_up(url))
        second = start("worker")
        await until(lambda: waits_for_the_lease(superuser_url))
        first.kill()
        first.wait()
        await office.ticket("T-2")
        await until(lambda: caught_up(url))
        assert second.poll() is None
    rebuilt_the_same(url)


def waits_for_the_lease(superuser_url: str) -> bool:
    """Whether two are connected for the ticket list, of whom one has it."""
    with psycopg.connect(superuser_url) as db:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ledgerdesk-ticket_list'"
        query += " AND datname = current_database()"
        return db.execute(query).fetchone() == (2,)


async def test_a_restarted_database_is_followed_again(server: Cluster, start: Start) -> None:
    url = server.url()
    async with an_office(url) as office:
        worker = start("worker", url=url)
        await office.ticket("T-1")
        await until(lambda: caught_up(url))
    server.kill()
    server.start()
    async with an_office(url, slug="other") as office:
        await office.ticket("T-2")
        await until(lambda: caught_up(url))
    assert worker.poll() is None
    rebuilt_the_same(url)


def rebuilt_the_same(url: str) -> None:
    followed = [contents(url, model) for model in READ_MODELS]
    built(url)
    again = [contents(url, model) for model in READ_MODELS]
    different = {
        table: (before[table], after[table])
        for before, after in zip(followed, again, strict=True)
        for table in after
        if before[table] != after[table]
    }
    assert different == {}


async def test_a_rebuild_beside_the_worker(database_url: str, start: Start) -> None:
    url = database_url
    async with an_office(url) as office:
        start("worker")
        await office.ticket("T-1")
        await until(lambda: caught_up(url))
        said, complained = start("rebuild", "ticket_list").communicate()
        assert said.startswith(f"ticket_list: version {TicketList.VERSION}, build ")
        assert complained == ""
        await office.ticket("T-2")
        await until(lambda: caught_up(url))
    with closing(working(url)) as db:
        assert db.execute("SELECT count(*) FROM desk.ticket_list").fetchone() == (2,)


def test_a_rebuild_that_is_interrupted_says_that_it_can_go_on(database_url: str, start: Start) -> None:
    with connect(database_url, Role.WORKER) as db:
        with db.transaction():
            db.execute("LOCK TABLE ops.builds IN EXCLUSIVE MODE")
            rebuild = start("rebuild", "ticket_list")
            wait_until(lambda: waits(db))
            rebuild.send_signal(signal.SIGINT)
            _, complained = rebuild.communicate(timeout=30)
        assert "run the same command again" in complained
        assert rebuild.returncode == 130
        assert start("rebuild", "ticket_list").wait(30) == 0


def waits(db: psycopg.Connection[TupleRow]) -> bool:
    return db.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() != (0,)


def test_a_read_model_that_does_not_exist_is_refused(database_url: str, start: Start) -> None:
    rebuild = start("rebuild", "nonsense")
    _, complained = rebuild.communicate(timeout=30)
    assert "There are: ticket_list" in complained
    assert rebuild.returncode == 2
