"""What the database itself refuses, whatever the code above it does."""

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from domain.ids import ticket_id, workspace_id
from eventstore.append import Answer, Appender, AppendFailed, Call, NewEvent
from eventstore.database import Role
from eventstore.identifiers import uuid7
from tests.desks import Office, an_office

Db = psycopg.Connection[TupleRow]
ROLES = ["ledgerdesk_owner", "ledgerdesk_writer", "ledgerdesk_reader", "ledgerdesk_worker", "analyst"]
FORBIDDEN = [
    "UPDATE log.stored_events SET topic = 'ticket.never'",
    "DELETE FROM log.stored_events",
    "TRUNCATE log.stored_events",
    "UPDATE log.commands SET version = 0",
    "DELETE FROM log.commands",
    "TRUNCATE log.commands",
    "DELETE FROM vault.keys",
    "TRUNCATE vault.keys",
    "INSERT INTO log.stored_events SELECT * FROM log.stored_events",
    "ALTER TABLE log.stored_events DISABLE TRIGGER append_only",
    "DROP TABLE log.stored_events",
]
CHANGES = [statement for statement in FORBIDDEN if statement.startswith(("UPDATE", "DELETE", "TRUNCATE"))]


def as_role(url: str, role: str) -> Db:
    db = psycopg.connect(url, autocommit=True)
    db.execute(f"SET ROLE {role}".encode())
    return db


@pytest.mark.parametrize("role", ROLES)
async def test_history_cannot_be_changed(office: Office, database_url: str, role: str) -> None:
    # Nobody signs in as the owner, who may do to the table itself what nobody else may.
    with as_role(database_url, role) as db:
        for statement in CHANGES if role == Role.OWNER else FORBIDDEN:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(statement.encode())


async def test_not_even_a_superuser_changes_history_by_accident(office: Office, superuser_url: str) -> None:
    with psycopg.connect(superuser_url, autocommit=True) as db:
        for statement in CHANGES:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                db.execute(statement.encode())


def test_nobody_but_a_writer_can_keep_writers_waiting(database_url: str) -> None:
    held = "SELECT locktype, relation::regclass::text FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'ExclusiveLock'"
    with as_role(database_url, Role.WRITER) as db, db.transaction():
        db.execute(b"SELECT log.append(" + b", ".join([b"'{}'"] * 13) + b")")
        locks = [lock for lock in db.execute(held.encode()) if lock[0] != "virtualxid"]
    assert [kind for kind, _ in locks] == ["relation"], "an advisory lock can be taken by whoever signs in"
    for role in ROLES[1:]:
        with as_role(database_url, role) as db, db.transaction(), pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(f"LOCK TABLE {locks[0][1]} IN ACCESS SHARE MODE".encode())


@pytest.mark.parametrize("table", ["log.stored_events", "log.commands", "log.snapshots", "vault.keys"])
async def test_the_writer_cannot_read(office: Office, database_url: str, table: str) -> None:
    with as_role(database_url, Role.WRITER) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute(f"SELECT * FROM {table}".encode())


@pytest.mark.parametrize("table", ["log.stored_events", "log.commands", "vault.keys"])
async def test_the_reader_sees_the_bound_workspace_alone(office: Office, database_url: str, table: str) -> None:
    async with an_office(database_url, slug="globex"):
        with as_role(database_url, Role.READER) as db:
            select = f"SELECT DISTINCT workspace_id FROM {table}".encode()
            assert db.execute(select).fetchall() == []
            for slug in ("acme", "globex"):
                db.execute("SELECT set_config('ledgerdesk.workspace', %s, false)", [str(workspace_id(slug))])
                assert db.execute(select).fetchall() == [(workspace_id(slug),)]
        with as_role(database_url, Role.WORKER) as db:
            assert len(db.execute(select).fetchall()) == 2


async def test_every_table_with_a_workspace_column_has_row_level_security(database: Db) -> None:
    bare = database.execute(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE a.attname = 'workspace_id' AND c.relkind = 'r' AND NOT c.relrowsecurity"
        " AND c.relnamespace IN ('log'::regnamespace, 'vault'::regnamespace)"
    ).fetchall()
    assert bare == []


async def test_nobody_but_the_writer_may_append(office: Office, database_url: str) -> None:
    for role in (Role.READER, "analyst"):
        with as_role(database_url, role) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("SELECT log.insert_events(%s, '{}', '{}', '{}', '{}', '{}')", [office.workspace])


# A process that serves one workspace signs in as a member of the reader and the writer, and of nothing else.
@pytest.fixture
def tenant(superuser_url: str, database_url: str) -> Callable[[], Db]:
    def connect() -> Db:
        with psycopg.connect(superuser_url, autocommit=True) as db:
            db.execute(
                "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tenant_test') THEN"
                " CREATE ROLE tenant_test LOGIN IN ROLE ledgerdesk_reader, ledgerdesk_writer; END IF; END $$"
            )
        return psycopg.connect(make_conninfo(database_url, user="tenant_test"), autocommit=True)

    return connect


@pytest.mark.parametrize("escape", ["RESET ROLE", "SET ROLE NONE", "RESET ALL", "SET SESSION AUTHORIZATION DEFAULT"])
async def test_a_tenant_cannot_shed_the_walls(office: Office, tenant: Callable[[], Db], escape: str) -> None:
    with tenant() as db:
        db.execute("SELECT set_config('ledgerdesk.workspace', %s, false)", [str(uuid4())])
        db.execute(escape.encode())
        assert db.execute("SELECT FROM log.stored_events").fetchall() == []


@pytest.mark.parametrize("role", [Role.OWNER, Role.WORKER, "postgres"])
async def test_a_tenant_cannot_take_another_role(office: Office, tenant: Callable[[], Db], role: str) -> None:
    with tenant() as db, pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue)):
        db.execute(f"SET ROLE {role}".encode())


def a_call(workspace: UUID, stream: UUID, after: int = 0) -> Call:
    return Call(workspace, uuid4(), b"asked", stream, after, [NewEvent("thing.happened", uuid7(), b"{}")])


async def append(url: str, call: Call) -> Answer:
    async with Appender(url) as appender:
        return await appender.append(call)


async def test_a_bound_session_appends_to_its_own_workspace_only(office: Office, database_url: str) -> None:
    bound = make_conninfo(database_url, options=f"-c ledgerdesk.workspace={office.workspace}")
    mine, theirs = a_call(office.workspace, uuid4()), a_call(workspace_id("globex"), uuid4())
    with pytest.raises(AppendFailed):
        await append(bound, theirs)
    async with Appender(bound) as appender:
        answers = await asyncio.gather(appender.append(mine), appender.append(theirs), return_exceptions=True)
    assert isinstance(answers[0], Answer)
    assert isinstance(answers[1], AppendFailed)


async def test_another_workspaces_stream_cannot_be_continued(office: Office, database_url: str) -> None:
    theirs = (await office.ticket()).stream_id
    mine = workspace_id("globex")
    for after in (0, 1):
        assert (await append(database_url, a_call(mine, theirs, after))).verdict == "conflict"
    with as_role(database_url, Role.WRITER) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute(
            "SELECT log.insert_events(%s, ARRAY[%s]::uuid[], ARRAY[2]::bigint[], ARRAY['x'], ARRAY['{}'::bytea], ARRAY[%s]::uuid[])",
            [mine, theirs, uuid4()],
        )


async def test_another_workspaces_numbers_snapshots_and_keys_are_out_of_reach(
    office: Office, database_url: str, database: Db
) -> None:
    stream = (await office.ticket()).stream_id
    assert stream == ticket_id(office.workspace, "T-1")
    with as_role(database_url, Role.WRITER) as db:
        db.execute("SELECT set_config('ledgerdesk.workspace', %s, false)", [str(workspace_id("globex"))])
        for statement in (
            "SELECT log.reserve_numbers(%s, 1)",
            "SELECT log.put_snapshot(%s, gen_random_uuid(), 1, 'shape', '')",
            "SELECT vault.destroy_key(%s, gen_random_uuid())",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="another workspace"):
                db.execute(statement.encode(), [office.workspace])
        db.execute("SELECT log.put_snapshot(%s, %s, 1, 'shape', '')", [workspace_id("globex"), stream])
    assert database.execute("SELECT FROM log.snapshots").fetchall() == []
