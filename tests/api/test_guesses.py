"""Wrong passwords are counted by several sessions at once, and none waits for another's rows in a circle."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from eventstore.database import Role, connect
from tests.waiting import wait_until

ADDRESS, LOGIN = b"a", b"l"
INSERT = "INSERT INTO access.guesses VALUES (%s, 1, now() - interval '3 days', now())"
HOLD = "SELECT FROM access.guesses WHERE subject = %s FOR UPDATE"
BLOCKED = "SELECT cardinality(pg_blocking_pids(%s)) > 0"


@pytest.fixture
def others(database_url):
    """Another session, whose transaction is open."""
    with connect(database_url, Role.OWNER) as db:
        db.execute("BEGIN")
        yield db


@pytest.fixture
def writer(database_url):
    """A session that gives up waiting for a lock in the end."""
    with connect(database_url, Role.WRITER) as db:
        db.execute("SET lock_timeout = '5s'")
        yield db


def subjects(database):
    return {row[0] for row in database.execute("SELECT subject FROM access.guesses")}


def test_old_guesses_are_forgotten_but_for_those_that_another_session_holds(database, others, writer):
    for subject in (b"held", b"free"):
        database.execute(INSERT, [subject])
    others.execute(HOLD, [b"held"])
    writer.execute("SELECT access.count_guess(%s, %s)", [[ADDRESS], [5]])
    assert subjects(database) == {b"held", ADDRESS}


def test_forgiving_takes_its_rows_in_the_order_of_counting(database, others, writer):
    for subject in (LOGIN, ADDRESS):
        database.execute(INSERT, [subject])
    others.execute(HOLD, [ADDRESS])
    with ThreadPoolExecutor(1) as background:
        forgiving = background.submit(writer.execute, "SELECT access.forgive(%s, %s)", [LOGIN, ADDRESS])
        wait_until(lambda: database.execute(BLOCKED, [writer.info.backend_pid]).fetchone() == (True,))
        assert database.execute(HOLD + " NOWAIT", [LOGIN]).rowcount == 1
        others.execute("ROLLBACK")
        forgiving.result()
    assert subjects(database) == {ADDRESS}
