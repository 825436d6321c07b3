"""A page of the ticket list as PostgreSQL writes it: to take two thousand values and put them together costs as much as to answer."""

from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.sql import SQL, Composed

from domain.conditions import Context
from projections.ticket_pages import BEGIN, SHOWN, Began, Fetched, ListQuery, PageReader, begin
from projections.ticket_sets import Found

_ROW = "assignee_person, assignee_team, (SELECT row_to_json(shown)::text FROM (SELECT {}) shown) AS written"
_AS_ONE: LiteralString = f"""
    SELECT * FROM ({BEGIN}) began CROSS JOIN (
        SELECT coalesce(convert_to(string_agg(written, ',' ORDER BY nth) FILTER (WHERE nth <= %s), 'UTF8'), ''),
            array_agg(DISTINCT assignee_person) FILTER (WHERE nth <= %s),
            array_agg(DISTINCT assignee_team) FILTER (WHERE nth <= %s),
            max(keys) FILTER (WHERE nth = %s), max(keys) FILTER (WHERE nth > %s), count(*)
        FROM (SELECT *, row_number() OVER () AS nth FROM ({{}}) rows) numbered
    ) page"""  # noqa: S608 - our own text


class WrittenPage(NamedTuple):
    """Rows as a JSON array, the people and teams responsible for them, the next page's cursor, and how far the list was."""

    rows: bytes
    responsible: set[UUID]
    next: str | None
    position: int
    found: Found | None = None


def written(
    db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context, columns: Sequence[str] | None = None
) -> WrittenPage:
    """One page of the list, ready to be sent."""
    names = SHOWN.split(", ") if columns is None else [name for name in SHOWN.split(", ") if name in columns]
    return _Writer(db, workspace, query, context, _ROW.format(", ".join(names))).written()


class _Writer(PageReader):
    """Reads a page as one value."""

    def written(self) -> WrittenPage:
        """The page."""
        if not self.along:
            self.begin(begin(self.db, self.workspace, self.context))
        fetched = self.rows()
        began = self.began or Began(*fetched.rows[0][:2])
        if self.began is None:
            self.begin(began)
            # Not foreseen: it would have cost every page a round trip more.
            fetched = self.rows() if self.awoken else fetched
        rows, people, teams, keys = fetched.rows[0][2:6]
        responsible = {*(people or ()), *(teams or ())} - {None}
        return WrittenPage(b"[%s]" % rows, responsible, self.next(fetched.matching, [keys]), began.position, self.found)

    def fetch(self, statement: Composed, values: list[Any]) -> Fetched:
        """One row: how far the list is, and the page."""
        asked = [self.workspace, self.context.now, *[self.query.limit] * 5, *values]
        row = self.db.execute(SQL(_AS_ONE).format(statement), asked, binary=True).fetchone()
        assert row is not None  # noqa: S101 - an aggregate has one
        return Fetched(row[-1], [row], row[-2])
