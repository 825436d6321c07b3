"""Rows of a page into a table: a few as they are, many by COPY into a temporary table and one INSERT."""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import Cursor
from psycopg.sql import SQL, Composed, Identifier

# Up to here the temporary table costs more than it saves.
FEW = 50


def upsert(
    db: Cursor[Any], table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], on_conflict: LiteralString
) -> None:
    """Insert the rows; `on_conflict` is what follows ON CONFLICT, `{updates}` in it sets every column anew."""
    names = SQL(", ").join(map(Identifier, columns))
    head = SQL("INSERT INTO {} ({}) ").format(Identifier(table), names)
    tail = SQL(" ON CONFLICT ") + _conflict(on_conflict, columns)
    if len(rows) <= FEW:
        values = SQL("VALUES ({})").format(SQL(", ").join([SQL("%s")] * len(columns)))
        # One round trip: psycopg sends them in a pipeline.
        db.executemany(head + values + tail, rows)
        return
    staged = _staged(db, table, names, rows)
    db.execute(head + SQL("SELECT {} FROM {}").format(names, staged) + tail)


def _staged(db: Cursor[Any], table: str, names: Composed, rows: Sequence[Sequence[Any]]) -> Identifier:
    """The temporary table with the rows in it."""
    staging = Identifier(f"staging_{table}")
    db.execute(
        SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS").format(
            staging, Identifier(table)
        )
    )
    # Several pages of one transaction follow one another in it.
    db.execute(SQL("DELETE FROM {}").format(staging))
    with db.copy(SQL("COPY {} ({}) FROM STDIN").format(staging, names)) as copy:
        for row in rows:
            copy.write_row(row)
    return staging


def _conflict(clause: LiteralString, columns: Sequence[str]) -> Composed:
    updates = SQL(", ").join(SQL("{0} = excluded.{0}").format(Identifier(column)) for column in columns)
    return SQL(clause).format(updates=updates)
