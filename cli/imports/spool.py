"""A whole log on disk, grouped by incident: files come in any order and of any size, memory does not."""

import json
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter

from cli.imports.source import NAMED, Row
from processors.jobs.import_mapping import moment

_TABLE = """
    CREATE TABLE updates (
        number TEXT, line INTEGER, at TEXT, state TEXT, cells TEXT,
        PRIMARY KEY (number, line)
    ) WITHOUT ROWID
"""
_NEIGHBOURS = """
    SELECT before, after, count(*) FROM (
        SELECT state, lag(state) OVER ordered AS before, lead(state) OVER ordered AS after
        FROM updates WINDOW ordered AS (PARTITION BY number ORDER BY line)
    ) WHERE state = ? GROUP BY before, after
"""
_PAGE = 1000


@dataclass(frozen=True)
class Incident:
    """All updates of one incident, in the order in which they happened."""

    number: str
    rows: list[Row]


class Spool:
    """The rows of a file, in a temporary database that is gone afterwards."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._named: dict[str, set[str]] = {column: set() for column in NAMED}
        self._paths: set[tuple[str, ...]] = set()
        db.execute(_TABLE)

    def fill(self, rows: Iterable[Row]) -> None:
        """Take all rows in."""
        self._db.executemany("INSERT INTO updates VALUES (?, ?, ?, ?, ?)", map(self._noted, rows))

    def _noted(self, row: Row) -> tuple[str, int, str, str | None, str]:
        for column in NAMED & row.cells.keys():
            self._named[column].add(row.cells[column])
        if "category" in row.cells:
            self._paths.add(category(row.cells))
        return row.number, row.line, row.at.isoformat(), row.cells.get("incident_state"), json.dumps(row.cells)

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(DISTINCT number) FROM updates").fetchone()[0])

    def distinct(self, *columns: str) -> list[str]:
        """The distinct known values of columns that name things."""
        return sorted(set().union(*(self._named[column] for column in columns)))

    def category_paths(self) -> list[tuple[str, ...]]:
        """The distinct (category, subcategory) pairs."""
        return sorted(self._paths)

    def neighbours(self, state: str) -> Counter[str]:
        """Which states stand just before and just after this one in the same incident, and how often."""
        found: Counter[str] = Counter()
        for before, after, count in self._db.execute(_NEIGHBOURS, [state]):
            found.update({near: count for near in (before, after) if near and near != state})
        return found

    def incidents(self) -> Iterator[Incident]:
        """One incident after another, each with all of its rows."""
        cursor = self._db.execute("SELECT number, line, cells FROM updates ORDER BY number, line")
        rows = iter(lambda: cursor.fetchmany(_PAGE), [])
        flat = (row for page in rows for row in page)
        for number, updates in groupby(flat, itemgetter(0)):
            yield Incident(number, in_order([_row(*update) for update in updates]))


def category(cells: dict[str, str]) -> tuple[str, ...]:
    """The path in the category tree; a subcategory without its category has no place there."""
    return tuple(cells[c] for c in ("category", "subcategory") if c in cells) if "category" in cells else ()


def _row(number: str, line: int, cells: str) -> Row:
    known = json.loads(cells)
    return Row(line, number, moment(known["sys_updated_at"]), known)


@contextmanager
def spool() -> Iterator[Spool]:
    """An empty spool in the system's temporary folder."""
    with tempfile.TemporaryDirectory(prefix="ledgerdesk-import-") as folder:
        db = sqlite3.connect(f"{folder}/spool.db", isolation_level=None)
        try:
            # Nothing here must survive a crash, so nothing is synced; one transaction spares a commit a row.
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("PRAGMA synchronous = OFF")
            db.execute("BEGIN")
            yield Spool(db)
        finally:
            db.close()


def in_order(rows: list[Row]) -> list[Row]:
    """Rows as they happened, exact copies once: the file's order, unless it visibly is not one."""
    distinct = list({(row.at, tuple(sorted(row.cells.items()))): row for row in reversed(rows)}.values())[::-1]
    if not any(_goes_back(first, second) for first, second in pairwise(distinct)):
        return distinct
    if any(row.count("sys_mod_count") is None for row in distinct):
        return sorted(distinct, key=lambda row: row.at)
    # Times are to the minute and sometimes those of a later update, so the source's own count of updates decides.
    # It is wrong, though, in the first rows of some incidents: those come first by their time.
    first = min(distinct, key=lambda row: (row.at, row.count("sys_mod_count")))
    rest = [row for row in distinct if row is not first]
    return [first, *sorted(rest, key=lambda row: (row.count("sys_mod_count"), row.at))]


def _goes_back(first: Row, second: Row) -> bool:
    before, after = first.count("sys_mod_count"), second.count("sys_mod_count")
    if before is None or after is None:
        return second.at < first.at
    return second.at <= first.at and after < before
