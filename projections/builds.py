"""The tables of read models: a schema for each build, views in `desk` over the live one, and the swap between them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection, Cursor
from psycopg.sql import SQL, Identifier, Literal

from domain.errors import LedgerdeskError
from projections.read_model import ReadModel

COLUMNS = "build, name, version, state, position"
READERS = ("ledgerdesk_reader", "analyst")
ROW_POLICIES: dict[str, LiteralString] = {
    "ledgerdesk_reader": "workspace_id = (SELECT log.bound_workspace())",
    "analyst": "workspace_id = ANY ((SELECT ops.readable_workspaces())::uuid[])",
}


class BuildOvertaken(LedgerdeskError):
    """Somebody else moved or swapped this build: the caller must look again what is live."""

    code = "build_overtaken"
    sentence = "Another process has taken over the read model {name}."


class NewerIsLive(LedgerdeskError):
    """The tables were built by a newer release, whose fold this one does not know."""

    code = "newer_read_model"
    sentence = "The read model {name} is at version {version}, which this version of Ledgerdesk does not know. Run a newer one."


class Build(NamedTuple):
    """One set of tables of a read model."""

    build: int
    name: str
    version: int
    state: str
    position: int

    @property
    def schema(self) -> str:
        """Where its tables are."""
        return f"{self.name}_b{self.build}"


FIND = b"SELECT build, name, version, state, position FROM ops.builds WHERE name = %s AND state = %s"


def find(db: Cursor[Any], name: str, state: str) -> Build | None:
    """The live build of a read model, or the one being built."""
    row = db.execute(FIND, [name, state]).fetchone()
    return Build(*row) if row else None


def live(db: Cursor[Any], model: ReadModel) -> Build | None:
    """The live build, of this version or an older one; NewerIsLive otherwise."""
    build = find(db, model.NAME, "live")
    if build is not None and build.version > model.VERSION:
        raise NewerIsLive(name=model.NAME, version=build.version)
    return build


def begin(db: Connection[Any], model: ReadModel) -> Build:
    """The build under way for the model's version, continued where it stopped, or a new one."""
    with db.transaction(), db.cursor() as cursor:
        live(cursor, model)
        known = find(cursor, model.NAME, "building")
        if known is not None and known.version == model.VERSION:
            return known
        if known is not None:
            _drop(cursor, known)
        return _create(cursor, model)


def _create(db: Cursor[Any], model: ReadModel) -> Build:
    row = db.execute(
        "INSERT INTO ops.builds (name, version, state) VALUES (%s, %s, 'building') RETURNING build, name, version, state, position",
        [model.NAME, model.VERSION],
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one row
    build = Build(*row)
    db.execute(SQL("CREATE SCHEMA {}").format(Identifier(build.schema)))
    enter(db, build)
    db.execute(model.TABLES.encode())
    for table in tables(db, build):
        _protect(db, build, table)
    for what, text in model.COMMENTS.items():
        kind = "COLUMN" if "." in what else "TABLE"
        db.execute(SQL("COMMENT ON {} {} IS {}").format(SQL(kind), Identifier(*what.split(".")), Literal(text)))
    for reader in READERS:
        names = Identifier(build.schema), Identifier(reader)
        db.execute(SQL("GRANT USAGE ON SCHEMA {} TO {}").format(*names))
        db.execute(SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(*names))
    return build


def _protect(db: Cursor[Any], build: Build, table: str) -> None:
    where = Identifier(build.schema, table)
    db.execute(SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(where))
    for role, condition in ROW_POLICIES.items():
        db.execute(
            SQL("CREATE POLICY {} ON {} FOR SELECT TO {} USING ({})").format(
                Identifier(f"rows_of_{role}"), where, Identifier(role), SQL(condition)
            )
        )


def enter(db: Cursor[Any], build: Build) -> None:
    """Make unqualified names mean the build's tables, for this session."""
    # What a crash of the server takes, the checkpoint loses with it: there is nothing to wait for the disk for.
    # A page of a rebuild may be long in Python's hands where processors are short: the worker gives way to others.
    db.execute(
        "SELECT set_config('search_path', %s, false), set_config('synchronous_commit', 'off', false), "
        "set_config('idle_in_transaction_session_timeout', '15min', false)",
        [f"{build.schema}, pg_catalog, pg_temp"],
    )


def tables(db: Cursor[Any], build: Build) -> list[str]:
    """Names of its tables, in order."""
    found = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [build.schema])
    return [row[0] for row in found]


# Waiting queries and browsers wake at the commit; without content, for the checkpoint is the truth.
MOVE = """
    WITH moved AS (
        UPDATE ops.builds SET position = %s, applied_time = %s, error = NULL, updated_at = now()
        WHERE build = %s AND position = %s RETURNING name)
    SELECT pg_notify('read_models', name) FROM moved
"""


@contextmanager
def checkpoint(db: Connection[Any], build: Build, position: int, recorded_at: datetime) -> Iterator[Cursor[Any]]:
    """A transaction that moves the build to the position, or BuildOvertaken: a zombie cannot apply a page twice."""
    with db.transaction(), db.cursor() as cursor:
        moved = cursor.execute(MOVE, [position, recorded_at, build.build, build.position])
        if moved.rowcount != 1:
            raise BuildOvertaken(name=build.name)
        yield cursor


def swap(db: Cursor[Any], model: ReadModel, build: Build) -> Build:
    """Make the build live: its tables behind the views, the old ones gone. Within the caller's transaction."""
    old = find(db, model.NAME, "live")
    names = tables(db, build)
    for table in names:
        if table in model.SEARCHED:
            _search(db, build, table)
        else:
            _show(db, build, table)
        if table in model.VERSIONED:
            _search(db, build, table, _ROW_VERSION)
    if old is not None:
        _drop(db, old)
    db.execute("UPDATE ops.builds SET state = 'live', updated_at = now() WHERE build = %s", [build.build])
    return build._replace(state="live")


def _show(db: Cursor[Any], build: Build, table: str) -> None:
    """The view of a table, with the table's comments."""
    view, behind = Identifier("desk", table), Identifier(build.schema, table)
    db.execute(SQL("DROP VIEW IF EXISTS {}").format(view))
    db.execute(SQL("CREATE VIEW {} WITH (security_invoker = true) AS SELECT * FROM {}").format(view, behind))
    comments = db.execute(
        "SELECT a.attname, d.description FROM pg_description d LEFT JOIN pg_attribute a "
        "ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0 "
        "WHERE d.objoid = %s::regclass AND d.classoid = 'pg_class'::regclass",
        [f'"{build.schema}"."{table}"'],
    ).fetchall()
    for column, text in comments:
        what = SQL("COLUMN {}").format(Identifier("desk", table, column)) if column else SQL("VIEW {}").format(view)
        db.execute(SQL("COMMENT ON {} IS {}").format(what, Literal(text)))
    for reader in READERS:
        db.execute(SQL("GRANT SELECT ON {} TO {}").format(view, Identifier(reader)))


# Which transaction wrote the row, and of which table it is: another version of it, or of another build's, has another one.
_ROW_VERSION: LiteralString = ", tableoid::bigint << 32 | xmin::text::bigint AS row_version"


def _search(db: Cursor[Any], build: Build, table: str, more: LiteralString = "") -> None:
    view, behind = Identifier("ops", table), Identifier(build.schema, table)
    bound = SQL(ROW_POLICIES["ledgerdesk_reader"])
    db.execute(SQL("DROP VIEW IF EXISTS {}").format(view))
    db.execute(SQL("CREATE VIEW {} AS SELECT *{} FROM {} WHERE {}").format(view, SQL(more), behind, bound))
    db.execute(SQL("GRANT SELECT ON {} TO ledgerdesk_reader").format(view))


def _drop(db: Cursor[Any], build: Build) -> None:
    db.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(build.schema)))
    db.execute("DELETE FROM ops.builds WHERE build = %s", [build.build])


def fail(db: Connection[Any], build: Build, error: Exception) -> None:
    """Say on the build what stopped it: the kind only, for the text may quote content."""
    with db.transaction():
        db.execute("UPDATE ops.builds SET error = %s WHERE build = %s", [type(error).__name__, build.build])
