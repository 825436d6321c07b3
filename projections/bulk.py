"""Rows of a page into a table: a few as they are, many by COPY into a temporary table and one INSERT."""

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.sql import SQL, Composed, Identifier

# Up to here the temporary table costs more than it saves.
FEW = 50


def upsert(
    db: Cursor[Any], table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Any]], on_conflict: LiteralString
) -> None:
    """Insert the rows; `on_conflict` is what follows ON CONFLICT, `{updates}` in it sets every column anew."""
    if not rows:
        return
    statements = _statements(table, columns, on_conflict)
    if len(rows) <= FEW:
        # One round trip: psycopg sends them in a pipeline.
        db.executemany(statements.insert, rows)
        return
    db.execute(statements.make_staging)
    # Several pages of one transaction follow one another in it.
    db.execute(statements.empty_staging)
    with db.copy(statements.copy) as copy:
        for row in rows:
            copy.write_row(row)
    db.execute(statements.move)


class _Statements(NamedTuple):
    insert: bytes
    make_staging: bytes
    empty_staging: bytes
    copy: bytes
    move: bytes


@cache
def _statements(table: str, columns: tuple[str, ...], on_conflict: LiteralString) -> _Statements:
    """As bytes, made once: composing them takes as long as sending a few rows."""
    into, staging = Identifier(table), Identifier(f"staging_{table}")
    names = SQL(", ").join(map(Identifier, columns))
    values = SQL(", ").join([SQL("%s")] * len(columns))
    head = SQL("INSERT INTO {} ({}) ").format(into, names)
    tail = SQL(" ON CONFLICT ") + _conflict(on_conflict, columns)
    made = (
        head + SQL("VALUES ({})").format(values) + tail,
        SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS").format(
            staging, into
        ),
        SQL("DELETE FROM {}").format(staging),
        SQL("COPY {} ({}) FROM STDIN").format(staging, names),
        head + SQL("SELECT {} FROM {}").format(names, staging) + tail,
    )
    return _Statements(*(statement.as_bytes() for statement in made))


def _conflict(clause: LiteralString, columns: tuple[str, ...]) -> Composed:
    updates = SQL(", ").join(SQL("{0} = excluded.{0}").format(Identifier(column)) for column in columns)
    return SQL(clause).format(updates=updates)


def array(values: Iterable[UUID | int]) -> str:
    """Ids or numbers as PostgreSQL writes an array: the adapter takes longer for one than for the rest of a row."""
    return f"{{{','.join(map(str, values))}}}"


def texts(values: Collection[str]) -> str:
    """Texts in the same way."""
    if not values:
        return "{}"
    every = "".join(values)
    if "\\" in every or '"' in every:
        values = [text.replace("\\", "\\\\").replace('"', '\\"') for text in values]
    return '{"' + '","'.join(values) + '"}'
