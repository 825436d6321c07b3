"""Connections: whose rights they have, and what a failure says."""

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from eventstore import database
from eventstore.database import (
    DatabaseNotMigrated,
    DatabaseRefused,
    DatabaseTooOld,
    DatabaseUnavailable,
    Role,
    StorageFull,
    check_server,
    connect,
    conninfo,
    reader_pool,
    wait_until_ready,
)
from tests.waiting import until


@pytest.mark.parametrize("role", Role)
def test_a_connection_begins_and_stays_with_its_role(database_url, role):
    with connect(database_url, role) as db:
        db.execute("RESET ROLE")
        assert db.execute("SELECT current_user::text").fetchone() == (role,)


@pytest.mark.parametrize("role", Role)
def test_no_role_can_sign_in_or_do_everything(superuser_url, role):
    with psycopg.connect(superuser_url) as db:
        query = "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = %s"
        assert db.execute(query, [role]).fetchone() == (False, False, False, False)


def test_every_session_speaks_utc(database_url):
    with connect(database_url.replace("?", "?options=-c%20timezone%3DAsia/Shanghai&")) as db:
        assert db.execute("SHOW timezone").fetchone() == ("UTC",)


def test_a_reader_cannot_hold_the_server_for_ever(database_url):
    with reader_pool(database_url) as pool, pool.connection() as db:
        assert db.execute("SHOW statement_timeout").fetchone() == ("30s",)


def test_a_silent_server_is_given_up_also_while_an_answer_is_awaited():
    given = conninfo_to_dict(conninfo("postgresql://db/d?connect_timeout=3"))
    assert 0 < int(given["tcp_user_timeout"]) <= 60_000
    assert int(given["connect_timeout"]) == 3, "what the operator asked for stands"


def test_a_database_without_our_roles_says_how_to_prepare_it(make_cluster):
    bare = make_cluster(fsync="off")
    with pytest.raises(DatabaseNotMigrated, match="ledgerdesk migrate"):
        connect(bare.url(), Role.READER)
    bare.kill()


def test_a_missing_database_is_refused_at_once(cluster):
    with pytest.raises(DatabaseRefused, match="Correct the user, password or database"):
        wait_until_ready(cluster.url("no_such_database"))


def test_a_silent_server_is_waited_for_no_longer_than_asked():
    with pytest.raises(DatabaseUnavailable) as caught:
        wait_until_ready("postgresql://u:hunter2@127.0.0.1:1/d", seconds=0.2)
    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_too_old_is_named(database_url, monkeypatch):
    check_server(database_url)
    monkeypatch.setattr(database, "OLDEST_SERVER", 990000)
    with pytest.raises(DatabaseTooOld, match=r"PostgreSQL 18\.\d+.* is too old"):
        check_server(database_url)


async def test_a_pool_tries_again_soon_however_long_the_database_is_away(monkeypatch, tmp_path):
    monkeypatch.setattr(database, "BEGIN_ANEW", 0.1)
    tried = []

    async def refuse(*_, **__):
        tried.append(1)
        raise psycopg.OperationalError("away")

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", refuse)
    async with database.async_pool(f"postgresql:///x?host={tmp_path}", Role.READER, "test"):
        await until(lambda: len(tried) > 8, 6)


def test_a_full_disk_is_no_database_that_is_away():
    assert isinstance(database.explained("postgresql:///x", psycopg.errors.DiskFull("no space left")), StorageFull)
