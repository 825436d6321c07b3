"""Pages of the ticket list: conditions, sorting by several columns, and cursors that stay right while tickets move.

A page is read in one of four ways. A queue, and what most tickets match, is read along an index of the list. Otherwise sets
of places say which tickets match, or may: where these are few they are looked up and sorted; of more those in the chunks that an
order by age comes to first; else the sort's index is walked by itself, and only tickets of the set are looked up on the way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable, Composed
from pydantic_core import from_json

from domain.conditions import ALWAYS, AllOf, Condition, Context, depends_on
from domain.errors import Refusal
from projections import place_sets, ticket_nearest, ticket_sets
from projections.bulk import array
from projections.condition_shapes import queue, timeless
from projections.conditions import compiled
from projections.kept_views import OF_SHELVES
from projections.ticket_sets import Found
from projections.ticket_sorts import Sort, beyond, columns, cursor_after, indexed, opened, order, parse_sort

LARGEST_PAGE = 200
# Tickets that are looked up to be sorted, at most: beyond, an unindexed sort is refused.
MOST_SORTED = 20_000
# To look a ticket up takes as long as to walk so many steps along an index.
LOOKED_UP = 35
# Steps of a walk beyond what was expected, before those that match are looked up all the same.
WALK = 10_000
# Where at least one in so many matches, sets are not worth their reading.
DENSE = 4
# Where a page takes no longer than so many steps of a walk, chunks are not told apart.
SOON = 5_000
# Sorted by these, tickets come much in the order of their places.
BY_AGE = frozenset({"opened_at", "updated_at", "number"})
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
    """Rows as dicts of SHOWN, the cursor of the next page or None, and what was found on the way, for the total."""

    rows: list[dict[str, Any]]
    next: str | None
    found: Found | None = None


class Where(NamedTuple):
    """A condition in SQL, and its parameters."""

    text: Composable
    values: list[Any]

    def and_(self, text: Composable, values: list[Any]) -> "Where":
        """Both."""
        return Where(SQL("{} AND {}").format(self.text, text), [*self.values, *values])


class Began(NamedTuple):
    """How far the list is, and whether snoozed tickets have woken since."""

    position: int
    awoken: bool


BEGIN: LiteralString = f"""
    SELECT coalesce((SELECT position FROM ops.builds WHERE name = 'ticket_list' AND state = 'live'), 0),
        EXISTS (SELECT FROM desk.ticket_list WHERE {AWOKEN})"""  # noqa: S608 - our own text


def begin(db: Cursor[Any], workspace: UUID, context: Context) -> Began:
    """To be asked before anything else is read of the list."""
    (row,) = db.execute(BEGIN, [workspace, context.now])
    return Began(*row)


def awoken(workspace: UUID, query: ListQuery, context: Context) -> "Where":
    """Those of the tickets that have woken since which the query means."""
    meant = where(workspace, replace(query, everywhere=True), context)
    return meant.and_(SQL(AWOKEN), [workspace, context.now])


def where(workspace: UUID, query: ListQuery, context: Context) -> Where:
    """The tickets that a query means."""
    return inside(workspace, listed_only=query.listed_only).and_(*holds(query.whole, context))


def within(workspace: UUID, reach: Condition, context: Context) -> Where:
    """All tickets in reach, whatever shelf they are on."""
    return inside(workspace, listed_only=False).and_(*holds(reach, context))


def inside(workspace: UUID, *, listed_only: bool) -> Where:
    """All tickets of the desk, or those of the usual lists."""
    # Row-level security says the same of the workspace; said here, the planner can use it for the index.
    return Where(SQL("workspace_id = %s AND listed" if listed_only else "workspace_id = %s"), [workspace])


def holds(condition: Condition, context: Context) -> Where:
    """That the condition is true of a ticket."""
    return _timeless(condition) if timeless(condition) else _holds(condition, context)


# Many ask the same, and putting a statement together takes longer than reading what it finds.
@lru_cache(maxsize=1024)
def _timeless(condition: Condition) -> Where:
    return _holds(condition, Context(datetime(1970, 1, 1, tzinfo=UTC)))


def _holds(condition: Condition, context: Context) -> Where:
    text, values = compiled(condition, context)
    return Where(_flat(text), values)


def among(found: Found, place: SQL) -> Where:
    """That the place is in the set. A ticket that came since lies behind its end."""
    bits = found.written
    text = SQL("CASE WHEN {0} < %s THEN get_bit(%s, {0}) = 1 ELSE FALSE END").format(place)
    return Where(text, [len(bits) * 8, bits])


def _flat(text: Composable) -> SQL:
    return SQL(text.as_string())


def page(db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context) -> TicketPage:
    """One page of the list, every matching ticket in exactly one page while none of them changes."""
    return PageReader(db, workspace, query, context, SHOWN).page()


def one(db: Cursor[Any], ticket: UUID) -> dict[str, Any] | None:
    """A ticket's row, or None."""
    with db.connection.cursor(row_factory=dict_row) as cursor:
        statement = SQL("SELECT {} FROM desk.ticket_list WHERE ticket_id = %s").format(SQL(SHOWN))
        return cursor.execute(statement, [ticket]).fetchone()


class Fetched(NamedTuple):
    """How many rows there are, at most one more than the page has; what was fetched; and the keys of that one more."""

    matching: int
    rows: list[Any]
    last: str | None


class PageReader:
    """Reads the rows of one page, and one more to know whether there is another page."""

    def __init__(self, db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context, shown: str) -> None:
        self.db, self.workspace, self.query, self.context, self.shown = db, workspace, query, context, shown
        self.sorts = parse_sort(query.sort)
        self.keys = opened(query.after, query.sort, self.sorts) if query.after else None
        self.beyond = Where(*beyond(self.sorts, self.keys)) if self.keys else Where(SQL("TRUE"), [])
        self.meant = where(workspace, query, context)
        self.asked = ticket_sets.asked(query.whole, context)
        self.along = indexed(self.sorts) and (not self.asked.facets or self._is_queue())
        self.found: Found | None = None
        self.began: Began | None = None
        self.awoken: Where | None = None

    def begin(self, began: Began) -> None:
        """How far the list is before anything else is read of it, and who has to be thought of besides."""
        self.began = self.began or began
        if began.awoken and self.query.listed_only:
            self.awoken = awoken(self.workspace, self.query, self.context).and_(*self.beyond)

    def page(self) -> TicketPage:
        """The rows, and the cursor of the next page."""
        self.begin(begin(self.db, self.workspace, self.context))
        rows = self.rows().rows
        keys_of = [row.pop("keys") for row in rows]
        return TicketPage(rows[: self.query.limit], self.next(len(rows), keys_of[: self.query.limit][-1:]), self.found)

    def next(self, count: int, keys: Sequence[str]) -> str | None:
        """The cursor of the next page, if there is one, by the keys of the last row of this one."""
        return cursor_after(self.query.sort, from_json(keys[0])) if count > self.query.limit else None

    def rows(self) -> Fetched:
        """By the way that reads the least."""
        if self.along:
            return self._along()
        self.found = found = ticket_sets.found(
            self.db, self.workspace, self.asked, ticket_nearest.beside(self.sorts), listed_only=self.query.listed_only
        )
        if (rows := self._nearest(found)) is not None:
            return rows
        ordered = indexed(self.sorts)
        steps = self._steps(found) if ordered else 0
        if not ordered and found.tickets > MOST_SORTED:
            raise SortTooWide(most=MOST_SORTED, sort=self.query.sort)
        if not ordered or found.tickets * LOOKED_UP <= steps:
            return self._looked_up(found.places)
        if found.tickets * DENSE >= found.all_tickets:
            return self._along()
        return self._walked(found, steps)

    def _is_queue(self) -> bool:
        by_age = [sort.name for sort in self.sorts] == ["opened_at"]
        return by_age and self.query.listed_only and queue(self.query.whole)

    def _steps(self, found: Found) -> float:
        """How far an index has to be walked for a page, it is expected."""
        wanted = self.query.limit + 1
        if self.sorts[0].name in BY_AGE and not self.query.after:
            highest = self.sorts[0].descending
            return place_sets.reach(found.places, found.everything, wanted, highest=highest)
        return min(1.0, wanted / max(found.tickets, 1)) * found.all_tickets

    def _along(self) -> Fetched:
        """Along an index of the list, looking at each ticket."""
        meant = self.meant.and_(*self.beyond)
        return self._read(Where(SQL("SELECT * FROM desk.ticket_list WHERE {}").format(meant.text), meant.values))

    def _nearest(self, found: Found) -> Fetched | None:
        """Those in the chunks that the sort comes to first; None where that is not less, or not enough."""
        wanted = self.query.limit + 1
        steps = wanted * found.all_tickets // max(found.tickets, 1)
        least = min(found.tickets * LOOKED_UP, steps)
        if least < SOON or not ticket_nearest.spanned(self.sorts, self.keys):
            return None
        # What woke may be of a lower priority, and would fill a page before all of the chunks' were seen.
        if self.awoken is not None and len(self.sorts) > 1:
            return None
        most = max(least // (2 * LOOKED_UP), 4 * wanted)
        near = ticket_nearest.nearest(self.db, self.workspace, found, self.sorts, self.keys, wanted, most)
        if near is None:
            return None
        rows = self._looked_up(near.places)
        return rows if rows.last is not None and near.is_beyond(rows.last) else None

    def _looked_up(self, places: Iterable[int]) -> Fetched:
        """Those of the places that match, sorted."""
        # Apart, or the sort's index would look inviting.
        chosen = (
            "(SELECT * FROM desk.ticket_list WHERE workspace_id = %s AND place = ANY(%s::int[]) OFFSET 0) AS chosen"
        )
        meant = self.meant.and_(*self.beyond)
        rows = SQL("SELECT * FROM {} WHERE {}").format(SQL(chosen), meant.text)
        return self._read(Where(rows, [self.workspace, array(places), *meant.values]))

    def _walked(self, found: Found, steps: float) -> Fetched:
        """Along the sort's index, looking at tickets of the set alone; if the page is far, all of a small set are looked up."""
        # What woke may belong behind rows that a short walk does not come to.
        most = int(4 * steps) + WALK
        if self.awoken is None and most < found.all_tickets:
            rows = self._walk(found, most)
            if rows.matching > self.query.limit:
                return rows
            if found.tickets <= MOST_SORTED // 4:
                return self._looked_up(found.places)
        return self._walk(found, None)

    def _walk(self, found: Found, most: int | None) -> Fetched:
        walk = _walk(tuple(self.sorts))
        inside_ = inside(self.workspace, listed_only=self.query.listed_only).and_(*self.beyond)
        member = among(found, walk.place)
        rows = SQL(_WALKED).format(
            named=walk.named,
            order=walk.order,
            place=walk.place,
            inside=inside_.text,
            member=member.text,
            meant=self.meant.text,
        )
        return self._read(
            Where(rows, [*inside_.values, most, *member.values, self.workspace, *self.meant.values]), walk.order_named
        )

    def _read(self, rows: Where, by: SQL | None = None) -> Fetched:
        """The first of the rows, and those that have woken among them."""
        head, last, tail = _around(tuple(self.sorts), self.shown)
        most = self.query.limit + 1
        first = Where(rows.text + (SQL(" ORDER BY {} LIMIT %s").format(by) if by else last), [*rows.values, most])
        if self.awoken:
            text = SQL(_WITH_WOKEN).format(first.text, self.awoken.text, last, last)
            first = Where(text, [*first.values, *self.awoken.values, most, most])
        return self.fetch(head + first.text + tail, first.values)

    def fetch(self, statement: Composed, values: list[Any]) -> Fetched:
        with self.db.connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(statement, values).fetchall()
        return Fetched(len(rows), rows, rows[-1]["keys"] if len(rows) > self.query.limit else None)


# Nothing but the index is read for the steps of a walk, and from the table the tickets that it stops at.
_WALKED: LiteralString = """
    SELECT ticket.* FROM (
        SELECT * FROM (SELECT {named} FROM desk.ticket_list WHERE {inside} ORDER BY {order} LIMIT %s) AS near WHERE {member}
    ) AS walked CROSS JOIN LATERAL (
        SELECT * FROM desk.ticket_list WHERE workspace_id = %s AND place = {place} AND {meant} OFFSET 0
    ) AS ticket"""
_WITH_WOKEN: LiteralString = """
    SELECT * FROM (({}) UNION ALL (SELECT * FROM desk.ticket_list WHERE {}{})) AS told{}"""


def select(sorts: list[Sort], source: Composable, meant: Composable, shown: str = SHOWN) -> Composed:
    """The statement of a page, which takes the number of rows last."""
    head, last, tail = _around(tuple(sorts), shown)
    return head + SQL("SELECT * FROM {} WHERE {}").format(source, meant) + last + tail


@lru_cache(maxsize=256)
def _around(sorts: tuple[Sort, ...], shown: str) -> tuple[SQL, SQL, SQL]:
    keys = SQL(", ").join(column for column, _ in columns(sorts))
    # What is shown is made of the page's rows alone, not of all that are sorted for it.
    head = SQL("SELECT {}, json_build_array({})::text AS keys FROM (").format(SQL(shown), keys)
    by = SQL(" ORDER BY {}").format(order(sorts))
    return _flat(head), _flat(by + SQL(" LIMIT %s")), _flat(SQL(") AS page") + by)


class _Walk(NamedTuple):
    """A walk along a sort's index: what it reads, in which order, as it is named there and in what comes of it."""

    named: SQL
    order: SQL
    order_named: SQL
    place: SQL


@lru_cache(maxsize=256)
def _walk(sorts: tuple[Sort, ...]) -> _Walk:
    compared = columns(sorts)
    names = [SQL("key_{}").format(number) for number in range(len(compared))]
    named = SQL(", ").join(
        SQL("{} AS {}").format(column, name) for (column, _), name in zip(compared, names, strict=True)
    )
    by = [name + SQL(" DESC" if down else " ASC") for (_, down), name in zip(compared, names, strict=True)]
    return _Walk(_flat(named), _flat(order(sorts)), _flat(SQL(", ").join(by)), _flat(names[-1]))
