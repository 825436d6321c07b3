"""Pages of the ticket list: conditions, sorting by several columns, and cursors that stay right while tickets move.

A page is read in one of three ways. A queue has an index of its own. Otherwise, where many tickets match, the sort's index
is walked until the page is full; where few do, their facets give them, and those are sorted: the kept counts of the facets
say which.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from time import monotonic
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable, Composed
from pydantic_core import from_json

from domain.conditions import ALWAYS, AllOf, Condition, Context, depends_on
from domain.errors import Refusal
from projections.conditions import compiled
from projections.kept_views import OF_SHELVES
from projections.ticket_facets import Facet, Tally, hashed, tallies
from projections.ticket_groups import Group, groups, queue, timeless
from projections.ticket_sorts import Sort, beyond, columns, cursor_after, indexed, opened, order, parse_sort

LARGEST_PAGE = 200
# Tickets read by their facets, at most: beyond, or where nothing narrows them, an unindexed sort is refused.
MOST_SORTED = 20_000
# Rows of an index that are walked before its facets are asked for a rare match; and as many for each that these would
# look up: neighbours in an index mostly lie together, what has a facet lies anywhere.
WALK, WALK_FOR_ONE = 500, 3
NOTHING = SQL("")
NONE = Tally(0, 0, 0)
SHOWN: LiteralString = (
    "ticket_id, number, title, status, kind, priority, type, category, assignee_person, assignee_team, assignee_role, "
    "candidates, requester_id, tags, fields, source, due_at, opened_at, updated_at, first_response_at, accepted_at, "
    "resolved_at, confirmed_at, closed_at, last_reply_at, last_requester_reply_at, replies, notes, reopenings, "
    "reassignments, urges, transfers, returns, rating, level, followers, archived, archived_at, snoozed, snoozed_until, "
    "pinned, spam, merged_into, parent, workflow, node, shelf, version, position"
)
# Snoozed tickets whose time has come, and nobody did anything since: the list's fold wakes them with the next event.
AWOKEN: LiteralString = "workspace_id = %s AND shelf = 'snoozed' AND snoozed_until <= %s"


class SortTooWide(Refusal):
    """No index has that order, and too many tickets match to sort them for a page."""

    code = "sort_too_wide"
    status = 422
    sentence = (
        "More than {most} tickets match, and {sort} cannot be read in order. Narrow the filter, or sort by one of "
        "updated_at, opened_at, due_at, number, priority and status."
    )


@dataclass(frozen=True)
class ListQuery:
    """A page to ask for. `sort` is like "-priority,updated_at"; `after` is the cursor of the page before.

    `reach` is what the asker may see at all. Without `everywhere`, what is archived, spam, snoozed, merged or withdrawn is
    left out, unless the condition asks about it.
    """

    condition: Condition = ALWAYS
    reach: Condition | None = None
    everywhere: bool = False
    sort: str = "-updated_at"
    limit: int = 50
    after: str | None = None

    @property
    def whole(self) -> Condition:
        """What the tickets must meet."""
        return self.condition if self.reach is None else AllOf(all=(self.reach, self.condition))

    @property
    def listed_only(self) -> bool:
        """Whether only the usual tickets are meant."""
        return not self.everywhere and depends_on(self.condition).isdisjoint(OF_SHELVES)


class TicketPage(NamedTuple):
    """Rows as dicts of SHOWN, and the cursor of the next page or None."""

    rows: list[dict[str, Any]]
    next: str | None


class WrittenPage(NamedTuple):
    """Rows as a JSON array, the people and teams responsible for them, and the cursor of the next page or None."""

    rows: bytes
    responsible: set[UUID]
    next: str | None


class Where(NamedTuple):
    """A condition in SQL, its parameters, and the facets that it asks for."""

    text: Composable
    values: list[Any]
    groups: list[Group]

    def and_(self, text: Composable, values: list[Any]) -> "Where":
        """Both."""
        return Where(SQL("{} AND {}").format(self.text, text), [*self.values, *values], self.groups)


class Began(NamedTuple):
    """How far the list is, and whether snoozed tickets have woken since."""

    position: int
    awoken: bool


_BEGIN = SQL(
    "SELECT coalesce((SELECT position FROM ops.builds WHERE name = 'ticket_list' AND state = 'live'), 0), "
    "EXISTS (SELECT FROM desk.ticket_list WHERE {})"
).format(SQL(AWOKEN))


def begin(db: Cursor[Any], workspace: UUID, context: Context) -> Began:
    """To be asked before anything else is read of the list."""
    (row,) = db.execute(_BEGIN, [workspace, context.now])
    return Began(*row)


def awoken(workspace: UUID, query: ListQuery, context: Context) -> "Where":
    """Those of the tickets that have woken since which the query means."""
    meant = where(workspace, replace(query, everywhere=True), context)
    return meant.and_(SQL(AWOKEN), [workspace, context.now])


def where(workspace: UUID, query: ListQuery, context: Context) -> Where:
    """The tickets that a query means."""
    condition = query.whole
    meant = _meant(condition, None) if timeless(condition) else _meant.__wrapped__(condition, context)
    # Row-level security says the same of the workspace; said here, the planner can use it for the index.
    listed = SQL("workspace_id = %s AND listed" if query.listed_only else "workspace_id = %s")
    return Where(SQL("{} AND {}").format(listed, meant.text), [workspace, *meant.values], meant.groups)


# Many ask the same, and putting a statement together takes longer than reading what it finds.
@lru_cache(maxsize=1024)
def _meant(condition: Condition, context: Context | None) -> Where:
    context = context or Context(datetime(1970, 1, 1, tzinfo=UTC))
    text, values = compiled(condition, context)
    return Where(_flat(text), values, groups(condition, context))


def _flat(text: Composable) -> SQL:
    return SQL(text.as_string())


def page(db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context) -> TicketPage:
    """One page of the list, every matching ticket in exactly one page while none of them changes."""
    reader = _Reader(db, workspace, query, context, SHOWN)
    rows, after = reader.page()
    return TicketPage(rows, after)


def written(
    db: Cursor[Any],
    workspace: UUID,
    query: ListQuery,
    context: Context,
    began: Began,
    columns: Sequence[str] | None = None,
) -> WrittenPage:
    """The same, ready to be sent: PostgreSQL writes two thousand values in less time than they take to come over."""
    names = SHOWN.split(", ") if columns is None else [name for name in SHOWN.split(", ") if name in columns]
    rows, after = _Reader(db, workspace, query, context, _WRITTEN.format(", ".join(names)), began).page()
    responsible = {row[name] for row in rows for name in ("assignee_person", "assignee_team")} - {None}
    return WrittenPage(f"[{','.join(row['written'] for row in rows)}]".encode(), responsible, after)


_WRITTEN = (
    "ticket_id, assignee_person, assignee_team, (SELECT row_to_json(shown)::text FROM (SELECT {}) shown) AS written"
)


def one(db: Cursor[Any], ticket: UUID) -> dict[str, Any] | None:
    """A ticket's row, or None."""
    with db.connection.cursor(row_factory=dict_row) as cursor:
        statement = SQL("SELECT {} FROM desk.ticket_list WHERE ticket_id = %s").format(SQL(SHOWN))
        return cursor.execute(statement, [ticket]).fetchone()


class _Reader:
    """Reads the rows of one page, and one more to know whether there is another page."""

    def __init__(
        self,
        db: Cursor[Any],
        workspace: UUID,
        query: ListQuery,
        context: Context,
        shown: str,
        began: Began | None = None,
    ) -> None:
        self.db, self.workspace, self.query, self.shown = db, workspace, query, shown
        self.sorts = parse_sort(query.sort)
        self.meant = where(workspace, query, context)
        keys = opened(query.after, query.sort, self.sorts) if query.after else None
        self.beyond = beyond(self.sorts, keys) if keys else (SQL("TRUE"), [])
        self.awoken: Where | None = None
        if query.listed_only and (began or begin(db, workspace, context)).awoken:
            self.awoken = awoken(workspace, query, context).and_(*self.beyond)
        self.useful: list[Group] = []
        self.found = 0.0

    def page(self) -> tuple[list[dict[str, Any]], str | None]:
        """The rows, and the cursor of the next page."""
        rows = self.rows()
        keys_of = [row.pop("keys") for row in rows]
        found = rows[: self.query.limit]
        if len(rows) <= self.query.limit:
            return found, None
        return found, cursor_after(self.query.sort, from_json(keys_of[len(found) - 1]), found[-1])

    def rows(self) -> list[dict[str, Any]]:
        """By the way that reads the least."""
        if self.query.listed_only and [sort.name for sort in self.sorts] == ["opened_at"] and queue(self.query.whole):
            return self._walk(None)
        plan = estimate(self.db, self.workspace, self.meant.groups, listed_only=self.query.listed_only)
        self.useful, self.found = plan.useful, plan.found
        if not indexed(self.sorts):
            return self._sorted(plan)
        # What woke may belong behind rows that a short walk does not come to.
        near = None if self.awoken else self._near(plan)
        if near is not None:
            return near
        few = self._by_facets(MOST_SORTED // 4)
        return self._walk(None) if few is None else few

    def _near(self, plan: "Estimate") -> list[dict[str, Any]] | None:
        """The page, where the first rows of the index have enough that match."""
        if plan.all <= 2 * WALK:
            return self._walk(None)
        expected = plan.walk(self.query.limit)
        if plan.useful and expected > max(WALK, WALK_FOR_ONE * plan.found):
            return None
        rows = self._walk(WALK + int(3 * expected))
        return rows if len(rows) > self.query.limit else None

    def _sorted(self, plan: "Estimate") -> list[dict[str, Any]]:
        rows = self._walk(None) if plan.all <= MOST_SORTED else self._by_facets(MOST_SORTED)
        if rows is None:
            raise SortTooWide(most=MOST_SORTED, sort=self.query.sort)
        return rows

    def _walk(self, most: int | None) -> list[dict[str, Any]]:
        """Along the sort's index; with `most`, no further than so many rows, and then perhaps without a full page."""
        if most is None:
            return self._select(SQL("desk.ticket_list"), self.meant.and_(*self.beyond))
        inside = SQL("workspace_id = %s AND listed" if self.query.listed_only else "workspace_id = %s")
        source = SQL("(SELECT * FROM desk.ticket_list WHERE {} AND {} ORDER BY {} LIMIT {}) AS near").format(
            inside, self.beyond[0], order(self.sorts), most
        )
        return self._select(source, self.meant, [self.workspace, *self.beyond[1]])

    def _by_facets(self, most: int) -> list[dict[str, Any]] | None:
        """All that meet the facets, sorted; None where these are more, or nothing is known of them."""
        if not self.useful or self.found > 2 * most or (self.awoken and self._more_than(most)):
            return None
        source, values = candidates(self.workspace, self.useful, most + 1)
        counted = SQL("WITH found AS MATERIALIZED ({}) ").format(source)
        chosen = SQL("ticket_id = ANY(ARRAY(SELECT ticket_id FROM found)) AND (SELECT count(*) FROM found) <= %s")
        meant = self.meant.and_(*self.beyond).and_(chosen, [most])
        rows = self._select(SQL("desk.ticket_list"), meant, values, counted)
        # None at all, or too many to be looked at: one more question tells.
        return rows if rows or not self._more_than(most) else None

    def _more_than(self, most: int) -> bool:
        source, values = candidates(self.workspace, self.useful, most + 1)
        row = self.db.execute(SQL("SELECT count(*) FROM ({}) found").format(source), values).fetchone()
        return row is not None and row[0] > most

    def _select(
        self, source: Composable, meant: Where, values: list[Any] | None = None, before: Composable = NOTHING
    ) -> list[dict[str, Any]]:
        statement = before + select(self.sorts, source, meant.text, self.shown, self.awoken and self.awoken.text)
        most = self.query.limit + 1
        asked = [*(values or []), *meant.values, most, *([*self.awoken.values, most] if self.awoken else [])]
        with self.db.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, asked).fetchall()


def select(
    sorts: list[Sort],
    source: Composable,
    meant: Composable,
    shown: str = SHOWN,
    more: Composable | None = None,
) -> Composed:
    """The statement of a page, which takes the number of rows last; with `more` tickets, before these and after."""
    head, last, tail = _around(tuple(sorts), shown)
    if more is None:
        return head + source + SQL(" WHERE ") + meant + last + tail
    rows = SQL("((SELECT * FROM {} WHERE {}{}) UNION ALL (SELECT * FROM desk.ticket_list WHERE {})) AS told{}")
    return head + rows.format(source, meant, last, more, last) + tail


@lru_cache(maxsize=256)
def _around(sorts: tuple[Sort, ...], shown: str) -> tuple[SQL, SQL, SQL]:
    keys = SQL(", ").join(column for column, _ in columns(sorts)[:-1])
    # What is shown is made of the page's rows alone, not of all that are sorted for it.
    head = SQL("SELECT {}, json_build_array({})::text AS keys FROM (SELECT * FROM ").format(SQL(shown), keys)
    by = SQL(" ORDER BY {}").format(order(sorts))
    return _flat(head), _flat(by + SQL(" LIMIT %s")), _flat(SQL(") AS page") + by)


def candidates(workspace: UUID, met: list[Group], most: int) -> tuple[Composed, list[Any]]:
    """The ids of tickets that meet the groups, so many at most, in no order."""
    single = [hashed(workspace, *group[0]) for group in met if len(group) == 1]
    several = [[hashed(workspace, *facet) for facet in group] for group in met if len(group) != 1]
    parts: list[Composable] = [SQL("facets @> %s::bigint[]")] if single else []
    parts += [SQL("facets && %s::bigint[]")] * len(several)
    statement = SQL("SELECT ticket_id FROM ops.ticket_facets WHERE {} LIMIT {}")
    return statement.format(SQL(" AND ").join(parts), most), [*([single] if single else []), *several]


class Estimate(NamedTuple):
    """How many tickets there are, how many of them are expected to meet the groups, and the groups worth looking up.

    `found` is how many are expected to be looked up by those, in the usual lists or not.
    """

    all: int
    expected: float
    useful: list[Group]
    found: float

    def walk(self, limit: int) -> float:
        """How many rows of an index have to be walked for a page."""
        return (limit + 1) * self.all / max(self.expected, 0.5)


def estimate(db: Cursor[Any], workspace: UUID, met: list[Group], *, listed_only: bool) -> Estimate:
    """By the kept counts, as if facets came together by chance."""
    known = _remembered.of(db, workspace, {("all", ""), *(facet for group in met for facet in group)})

    def having(group: Group) -> Tally:
        counts = [known.get(facet, NONE) for facet in group]
        return Tally(*map(sum, zip(*counts, strict=True))) if counts else NONE

    all_ = having((("all", ""),))
    everything = all_.listed if listed_only else all_.tickets
    sizes = [having(group) for group in met]
    expected = _together(everything, [size.listed if listed_only else size.tickets for size in sizes])
    # A group that most tickets meet narrows nothing, and its part of the index is the longest to read.
    by_size = sorted(zip(sizes, met, strict=True), key=itemgetter(0))
    useful = [each for place, each in enumerate(by_size) if place == 0 or each[0].tickets * 5 < all_.tickets]
    found = _together(all_.tickets, [size.tickets for size, _ in useful])
    return Estimate(everything, expected, [group for _, group in useful], found)


class _Remembered:
    """Tallies of the last few seconds: a plan is no better for newer ones, and every page would ask for them."""

    SECONDS, MOST = 5.0, 50_000

    def __init__(self) -> None:
        self._tallies: dict[tuple[UUID, Facet], Tally] = {}
        self._until = 0.0

    def of(self, db: Cursor[Any], workspace: UUID, wanted: set[Facet]) -> dict[Facet, Tally]:
        """How many tickets have each of the facets, or had."""
        if self._until < monotonic() or len(self._tallies) > self.MOST:
            self._tallies, self._until = {}, monotonic() + self.SECONDS
        kept = self._tallies
        if missing := {facet for facet in wanted if (workspace, facet) not in kept}:
            found = tallies(db, workspace, missing)
            kept.update({(workspace, facet): found.get(facet, NONE) for facet in missing})
        return {facet: kept[workspace, facet] for facet in wanted}


_remembered = _Remembered()


def _together(everything: int, sizes: list[int]) -> float:
    expected = float(everything)
    for size in sizes:
        expected *= min(1.0, size / max(everything, 1))
    return expected
