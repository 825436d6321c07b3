"""Reads of one workspace: nothing else is seen, nothing is changed, and a connection that was lost is not noticed."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from eventstore import group_read
from eventstore.arrays import Longs, Texts, Uuids
from eventstore.database import Role, async_pool, reader_pool
from eventstore.reading import BoundAsync, bind, bound
from eventstore.streams import Streams
from tests.desks import Office

Db = psycopg.Connection[TupleRow]
SEEN = "SELECT DISTINCT workspace_id FROM log.stored_events"
# Waits until it has gone.
END = "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = %s"


@pytest.fixture
def pool(database_url: str) -> Iterator[ConnectionPool[Any]]:
    with reader_pool(database_url, size=1) as opened:
        yield opened


@pytest.fixture
def superuser(superuser_url: str) -> Iterator[Db]:
    with psycopg.connect(superuser_url, autocommit=True) as db:
        yield db


async def test_a_read_sees_its_workspace_alone_whoever_had_the_connection_before(
    office: Office, pool: ConnectionPool[Any]
) -> None:
    other = Office(office.desk, slug="other")
    await other.furnish()
    for place in (office, other, office):
        with bound(pool, place.workspace) as db:
            assert db.execute(SEEN).fetchall() == [(place.workspace,)]
    with pool.connection() as plain, plain.cursor() as cursor:
        bind(cursor, None)
        assert cursor.execute(SEEN).fetchall() == []


async def test_on_an_event_loop_too_a_read_sees_its_workspace_alone_and_changes_nothing(
    office: Office, database_url: str
) -> None:
    other = Office(office.desk, slug="other")
    await other.furnish()
    async with async_pool(database_url, Role.READER, "ledgerdesk-quick", size=1) as readers:
        for place in (office, other, office):
            async with BoundAsync(readers, place.workspace) as db:
                assert await (await db.execute(SEEN)).fetchall() == [(place.workspace,)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            async with BoundAsync(readers, office.workspace) as db:
                await db.execute("CREATE TEMPORARY TABLE kept ()")


async def test_a_read_that_failed_leaves_no_other_workspace_behind(office: Office, pool: ConnectionPool[Any]) -> None:
    other = Office(office.desk, slug="other")
    await other.furnish()
    with pytest.raises(psycopg.errors.DivisionByZero), bound(pool, other.workspace) as db:
        db.execute("SELECT 1 / 0")
    with bound(pool, office.workspace) as db:
        assert db.execute(SEEN).fetchall() == [(office.workspace,)]


async def test_a_read_changes_nothing(office: Office, pool: ConnectionPool[Any]) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), bound(pool, office.workspace) as db:
        db.execute("CREATE TEMPORARY TABLE kept ()")
    with bound(pool, office.workspace) as db:
        assert db.execute("SELECT 1").fetchone() == (1,)


async def test_a_connection_that_the_server_ended_is_replaced_before_it_is_lent(
    office: Office, pool: ConnectionPool[Any], superuser: Db
) -> None:
    await office.ticket()
    with bound(pool, office.workspace) as db:
        first = db.connection.info.backend_pid
    assert superuser.execute(END, ["ledgerdesk-reader"]).fetchone() == (1,)
    with bound(pool, office.workspace) as db:
        assert db.execute(SEEN).fetchall() == [(office.workspace,)]
        assert db.connection.info.backend_pid != first


async def test_so_is_one_of_an_event_loop(office: Office, database_url: str, superuser: Db) -> None:
    async with async_pool(database_url, Role.READER, "ledgerdesk-ended", size=1) as readers:
        async with readers.connection() as db:
            await db.execute("SELECT 1")
        assert superuser.execute(END, ["ledgerdesk-ended"]).fetchone() == (1,)
        async with readers.connection() as db:
            assert await (await db.execute("SELECT 1")).fetchone() == (1,)


async def test_streams_of_two_workspaces_are_read_on_one_connection(office: Office, database_url: str) -> None:
    other = Office(office.desk, slug="other")
    await other.furnish()
    await office.ticket()
    async with Streams(database_url, office.desk.keyring, size=1) as streams:
        for _ in range(2):
            for place in (office, other):
                loaded = await streams.load(place.workspace, "workspace", place.workspace)
                assert loaded.state.slug == place.slug
        stranger = await streams.load(other.workspace, "workspace", office.workspace)
        assert stranger.version == 0


async def test_what_is_newer_is_looked_up_in_the_key_however_long_the_stream_is(office: Office) -> None:
    stream = (await office.ticket()).stream_id
    wanted = {"streams": Uuids([stream]), "afters": Longs([1]), "shapes": Texts([""]), "workspace": office.workspace}
    async with office.desk.streams.bound(office.workspace) as db:
        plan = await (await db.execute(f"EXPLAIN {group_read.SELECT_FOUND}".encode(), wanted)).fetchall()
    conditions = [line for (line,) in plan if "Index Cond: ((originator_id = wanted_1.stream)" in line]
    assert len(conditions) == 1
    assert "originator_version >" in conditions[0]
