"""Who fires gives way to who follows: what it has taken stays due, is not parked, and fires the next time."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from eventstore.database import Role, connect
from eventstore.keyring import Keyring
from eventstore.newest import Newest
from processors import due as due_rows
from processors import runner
from processors.given import Given
from processors.waking import Waking
from tests.desks import MASTER, Office
from tests.processors.greeter import LATER, Greeter, connected, done, follower, poller, rows
from tests.threads import working
from tests.waiting import wait_until

Db = psycopg.Connection[TupleRow]
MEMORY = "SELECT FROM processes.memories FOR UPDATE"
# As whoever follows may just be setting it, and has not committed.
SECOND = (
    "INSERT INTO processes.timers SELECT ticket_id, process, 'second', workspace_id, due_at, wake_at, detail, cause, correlation "
    "FROM processes.timers"
)
ALONE = "SELECT pg_advisory_xact_lock(7305804, hashtext('greeter'))"
TIMER = "SELECT FROM processes.timers FOR UPDATE"
_WAITING = "SELECT FROM pg_locks WHERE NOT granted AND pid = %s"
_FIRING = (
    "SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database() "
    "AND application_name = 'ledgerdesk-timers'"
)


@pytest.fixture
async def due(office: Office, database_url: str) -> Office:
    """A desk with one ticket, and one timer of it that is due."""
    await office.ticket()
    with connected(database_url) as db:
        following = follower(db)
        while following.step():
            pass
    return office


@contextmanager
def holding(url: str, statement: str) -> Iterator[Db]:
    """Somebody who holds that until the end, and then leaves all as it was."""
    with connect(url, Role.WORKER) as db, db.transaction(force_rollback=True):
        db.execute(statement.encode())
        yield db


def prioritised(database: Db, office: Office) -> int:
    return [topic for _, topic, _ in done(database, office.workspace)].count("ticket.prioritised")


@pytest.mark.parametrize("held", [MEMORY, SECOND, ALONE, TIMER])
async def test_what_another_holds_is_waited_for_a_moment_and_fires_the_next_time(
    due: Office, database: Db, database_url: str, held: str
) -> None:
    with connected(database_url) as db:
        db.execute(runner.GIVE_WAY)
        firing = poller(db)
        with holding(database_url, held):
            firing.step()
        _still_due(database, due)
        assert firing.step() == 1
        assert prioritised(database, due) == 1


def _still_due(database: Db, office: Office) -> None:
    assert rows(database, "timers", "process, key") == [("greeter", "first")]
    assert rows(database, "dead_letters") == []
    assert prioritised(database, office) == 0
    assert rows(database, "memories", "process, state") == [("greeter", {"opened": 1, "first": "T-1"})]


async def test_a_ring_is_broken_and_what_was_to_fire_fires_the_next_time(
    due: Office, database: Db, database_url: str, superuser_url: str
) -> None:
    with connected(database_url) as db, ThreadPoolExecutor(1) as thread, psycopg.connect(superuser_url) as other:
        firing = poller(db)
        # The other is patient: it is who fires that finds the ring out.
        other.execute("SET deadlock_timeout = '60s'")
        other.execute(MEMORY)
        step = thread.submit(firing.step)
        wait_until(lambda: database.execute(_WAITING, [db.info.backend_pid]).fetchone() is not None)
        other.execute(TIMER)
        assert step.result(30) == 1
        other.rollback()
        _still_due(database, due)
        assert firing.step() == 1
        assert prioritised(database, due) == 1


async def test_timers_are_let_go_while_somebody_holds_a_memory(due: Office, database: Db, database_url: str) -> None:
    with holding(database_url, MEMORY), _running(database_url):
        wait_until(lambda: database.execute(_FIRING).fetchone() is not None)
        with connect(database_url, Role.WORKER) as third, third.transaction(force_rollback=True):
            third.execute("SET LOCAL lock_timeout = '10s'")
            third.execute(TIMER)
        assert prioritised(database, due) == 0
    assert rows(database, "dead_letters") == []


def _running(url: str) -> AbstractContextManager[None]:
    """A worker as the desk runs it, for whom all is due."""
    stop = threading.Event()
    return working(stop, [partial(runner.run, url, Keyring(MASTER), stop, (Greeter(),), lambda: LATER)])


@pytest.mark.parametrize("known", [False, True])
async def test_what_is_due_is_found_by_its_time_alone_however_many_wait(
    office: Office, database: Db, database_url: str, known: bool
) -> None:
    """Whether the planner knows the table or not: a plan that reads what is not due would sweep a desk's tickets."""
    database.execute(MANY, [office.workspace])
    if known:
        database.execute("ANALYZE processes.timers")
    asked = {"now": runner.now(), "processes": ["greeter"], "most": 500}
    with connected(database_url) as db, psycopg.ClientCursor(db) as bound:
        plan = "\n".join(row for (row,) in db.execute(f"EXPLAIN {bound.mogrify(due_rows._TAKE, asked)}".encode()))
    assert "timers_wake_idx" in plan
    assert "Index Cond: (wake_at <=" in plan
    assert "Seq Scan" not in plan


MANY = """
    INSERT INTO processes.timers (ticket_id, process, key, workspace_id, due_at, wake_at)
    SELECT gen_random_uuid(), 'greeter', 'k', %s, due, due
    FROM generate_series(1, 20000) n, LATERAL (SELECT now() + (n - 20) * interval '1 minute' AS due) d
"""


def test_what_the_one_beside_fails_at_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Given("", Keyring(MASTER), threading.Event(), runner.now, Newest(0))

    class Busy:
        left = 1000

        def step(self) -> int:
            self.left -= 1
            given.stop.set() if not self.left else given.stop.wait(0.001)
            return runner.MOST

    def fails(*_: Any) -> None:
        raise psycopg.OperationalError

    monkeypatch.setattr(runner, "_firing", lambda *_: nullcontext(Busy()))
    monkeypatch.setattr(runner, "_help", fails)
    with pytest.raises(psycopg.OperationalError):
        runner._fire([Waking()], given, lambda: None)
