"""Many rows in one statement: COPY into a temporary table, then one INSERT."""

from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

from psycopg import Cursor
from psycopg.sql import SQL, Composed, Identifier


def upsert(
    db: Cursor[Any], table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], on_conflict: str
) -> None:
    """Insert the rows; `on_conflict` is what follows ON CONFLICT, `{updates}` in it sets every column anew."""
    staging = Identifier(f"staging_{table}")
    db.execute(
        SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS").format(
            staging, Identifier(table)
        )
    )
    names = SQL(", ").join(map(Identifier, columns))
    with db.copy(SQL("COPY {} ({}) FROM STDIN").format(staging, names)) as copy:
        for row in rows:
            copy.write_row(row)
    db.execute(
        SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT ").format(Identifier(table), names, names, staging)
        + _conflict(on_conflict, columns)
    )


def _conflict(clause: LiteralString, columns: Sequence[str]) -> Composed:
    updates = SQL(", ").join(SQL("{0} = excluded.{0}").format(Identifier(column)) for column in columns)
    return SQL(clause).format(updates=updates)
