"""Rows of a page into a table: a few as one value, many by COPY into a temporary table and one INSERT."""

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.sql import SQL, Composed, Identifier
from pydantic_core import to_json

# Up to here the temporary table costs more than it saves.
FEW = 50


def upsert(
    db: Cursor[Any],
    table: str,
    columns: tuple[str, ...],
    rows: Sequence[Sequence[Any]],
    on_conflict: LiteralString,
    json: tuple[str, ...] = (),
) -> None:
    """Insert the rows; `on_conflict` is what follows ON CONFLICT, `{updates}` in it sets every column anew.

    Of the columns that are `json` the rows have the text. Bytes are given as PostgreSQL writes them.
    """
    if not rows:
        return
    statements = _statements(table, columns, on_conflict, json)
    if len(rows) <= FEW:
        # As one value: to bind every column of every row by itself takes Python twice as long, and PostgreSQL half as long again.
        records = [dict(zip(columns, row, strict=True)) for row in rows]
        db.execute(statements.insert, [to_json(records).decode()])
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
def _statements(table: str, columns: tuple[str, ...], on_conflict: LiteralString, json: tuple[str, ...]) -> _Statements:
    """As bytes, made once: composing them takes as long as sending a few rows."""
    into, staging = Identifier(table), Identifier(f"staging_{table}")
    names = SQL(", ").join(map(Identifier, columns))
    # In a record it is a text like others.
    values = SQL(", ").join(
        SQL("({} #>> '{{}}')::json").format(Identifier(column)) if column in json else Identifier(column)
        for column in columns
    )
    head = SQL("INSERT INTO {} ({}) ").format(into, names)
    tail = SQL(" ON CONFLICT ") + _conflict(on_conflict, columns)
    made = (
        head + SQL("SELECT {} FROM json_populate_recordset(NULL::{}, %s::json)").format(values, into) + tail,
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
