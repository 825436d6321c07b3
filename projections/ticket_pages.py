"""Pages of the ticket list: conditions, sorting by several columns, and cursors that stay right while tickets move.

A page is read in one of two ways. Where many tickets match, the sort's index is walked until the page is full; where few
do, their facets give them, and those are sorted. Which it is to be, the kept counts of the facets say.
"""

from dataclasses import dataclass
from operator import itemgetter
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable, Composed

from domain.conditions import ALWAYS, AllOf, Condition, Context, depends_on
from domain.errors import Refusal
from projections.conditions import compiled
from projections.ticket_facets import Tally, hashed, tallies
from projections.ticket_groups import Group, groups
from projections.ticket_sorts import Sort, beyond, columns, cursor_after, indexed, opened, order, parse_sort

LARGEST_PAGE = 200
# Tickets read by their facets, at most: beyond, or where nothing narrows them, an unindexed sort is refused.
MOST_SORTED = 20_000
# Rows of an index that are walked before its facets are asked for a rare match.
WALK = 4_000
NOTHING = SQL("")
NONE = Tally(0, 0, 0)
SHOWN: LiteralString = (
    "ticket_id, number, title, status, kind, priority, type, category, assignee_person, assignee_team, assignee_role, "
    "candidates, requester_id, tags, fields, source, due_at, opened_at, updated_at, first_response_at, accepted_at, "
    "resolved_at, confirmed_at, closed_at, last_reply_at, last_requester_reply_at, replies, notes, reopenings, "
    "reassignments, urges, transfers, returns, rating, followers, archived, archived_at, snoozed, snoozed_until, pinned, "
    "spam, merged_into, parent, workflow, node, shelf, version, position"
)
# Who asks about one of these wants to see what the usual lists leave out.
_OF_SHELVES = frozenset({"shelf", "archived", "spam", "snoozed", "snoozed_until", "merged_into"})


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
        return not self.everywhere and depends_on(self.condition).isdisjoint(_OF_SHELVES)


class TicketPage(NamedTuple):
    """Rows as dicts of SHOWN, and the cursor of the next page or None."""

    rows: list[dict[str, Any]]
    next: str | None


class Where(NamedTuple):
    """A condition in SQL, its parameters, and the facets that it asks for."""

    text: Composable
    values: list[Any]
    groups: list[Group]

    def and_(self, text: Composable, values: list[Any]) -> "Where":
        """Both."""
        return Where(SQL("{} AND {}").format(self.text, text), [*self.values, *values], self.groups)


def where(workspace: UUID, query: ListQuery, context: Context) -> Where:
    """The tickets that a query means."""
    text, values = compiled(query.whole, context)
    # Row-level security says the same of the workspace; said here, the planner can use it for the index.
    listed = SQL("workspace_id = %s AND listed" if query.listed_only else "workspace_id = %s")
    return Where(SQL("{} AND {}").format(listed, text), [workspace, *values], groups(query.whole, context))


def page(db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context) -> TicketPage:
    """One page of the list, every matching ticket in exactly one page while none of them changes."""
    sorts = parse_sort(query.sort)
    keys = opened(query.after, query.sort, sorts) if query.after else None
    reader = _Reader(db, workspace, query, sorts, where(workspace, query, context), keys)
    rows = reader.rows()
    keys_of = [row.pop("keys") for row in rows]
    found = rows[: query.limit]
    more_to_come = len(rows) > query.limit
    return TicketPage(found, cursor_after(query.sort, keys_of[len(found) - 1], found[-1]) if more_to_come else None)


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
        sorts: list[Sort],
        meant: Where,
        keys: list[Any] | None,
    ) -> None:
        self.db, self.workspace, self.query, self.sorts, self.meant = db, workspace, query, sorts, meant
        self.beyond = beyond(sorts, keys) if keys else (SQL("TRUE"), [])
        self.useful: list[Group] = []
        self.found = 0.0

    def rows(self) -> list[dict[str, Any]]:
        """By the way that reads the least."""
        plan = estimate(self.db, self.workspace, self.meant.groups, listed_only=self.query.listed_only)
        self.useful, self.found = plan.useful, plan.found
        if not indexed(self.sorts):
            return self._sorted(plan)
        near = None if plan.walk(self.query.limit) > WALK else self._near(plan)
        if near is not None:
            return near
        few = self._by_facets(MOST_SORTED // 4)
        return self._walk(None) if few is None else few

    def _near(self, plan: "Estimate") -> list[dict[str, Any]] | None:
        """The page, where the first rows of the index have enough that match."""
        everything = plan.all <= 2 * WALK
        rows = self._walk(None if everything else WALK)
        return rows if everything or len(rows) > self.query.limit else None

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
        if not self.useful or self.found > 2 * most:
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
        statement = before + select(self.sorts, source, meant.text)
        with self.db.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, [*(values or []), *meant.values, self.query.limit + 1]).fetchall()


def select(sorts: list[Sort], source: Composable, meant: Composable) -> Composed:
    """The statement of a page, which takes the number of rows last."""
    keys = SQL(", ").join(column for column, _ in columns(sorts)[:-1])
    # What is shown is made of the page's rows alone, not of all that are sorted for it.
    statement = SQL(
        "SELECT {}, json_build_array({}) AS keys FROM (SELECT * FROM {} WHERE {} ORDER BY {order} LIMIT %s) AS page "
        "ORDER BY {order}"
    )
    return statement.format(SQL(SHOWN), keys, source, meant, order=order(sorts))


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
    known = tallies(db, workspace, {("all", ""), *(facet for group in met for facet in group)})

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


def _together(everything: int, sizes: list[int]) -> float:
    expected = float(everything)
    for size in sizes:
        expected *= min(1.0, size / max(everything, 1))
    return expected
