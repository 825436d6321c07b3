"""Pages of the ticket list: filters, sorting by several columns, and cursors that stay right while tickets move."""

import base64
import binascii
from typing import Annotated, Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable, Composed
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from domain.errors import InvalidInput
from domain.values import Key, Moment, OneLine, Priority, StatusKind, Tag

LARGEST_PAGE = 200


class Column(NamedTuple):
    """What rows are sorted by, as the index has it, up and down; and the type of its values in a cursor.

    `negated` sorts the other way round, so that columns of both directions can be compared as one row.
    """

    up: LiteralString
    down: LiteralString
    kind: Any
    negated: LiteralString | None = None


_RANK = Annotated[int, Field(ge=1, le=len(Priority))]
SORTS: dict[str, Column] = {
    "updated_at": Column("updated_at", "updated_at", AwareDatetime),
    "opened_at": Column("opened_at", "opened_at", AwareDatetime),
    # Tickets without a due time come last in both directions.
    "due_at": Column("due_first", "due_last", AwareDatetime),
    "number": Column("number_order", "number_order", Annotated[str, OneLine]),
    "priority": Column("priority_rank", "priority_rank", _RANK, negated="urgency"),
    "status": Column("status", "status", Key),
}
# Sorted by one of these, thousands of tickets are alike: the index goes on with when they changed, and so do we.
MANY_ALIKE = frozenset({"priority", "status"})
SHOWN = (
    "ticket_id, number, title, status, kind, priority, type, category, assignee_person, assignee_team, requester_id, tags, "
    "source, due_at, opened_at, updated_at, first_response_at, resolved_at, closed_at, replies, notes, reopenings, "
    "reassignments, version, position"
)


class Sort(NamedTuple):
    """One column to sort by."""

    name: str
    descending: bool = False

    def column(self, last_descends: bool) -> tuple[SQL, bool]:
        """What it compares, and whether downwards; in the direction of the last column where it can be."""
        column = SORTS[self.name]
        if column.negated and self.descending != last_descends:
            return SQL(column.negated), last_descends
        return SQL(column.down if self.descending else column.up), self.descending


class TicketFilter(BaseModel):
    """Conditions that all hold; within one, any of its values will do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: tuple[Key, ...] = ()
    kind: tuple[StatusKind, ...] = ()
    priority: tuple[Priority, ...] = ()
    type: tuple[Key, ...] = ()
    assignee: UUID | None = None
    team: UUID | None = None
    unassigned: bool = False
    requester: UUID | None = None
    tags_all: tuple[Tag, ...] = ()
    tags_any: tuple[Tag, ...] = ()
    opened_from: Moment | None = None
    opened_to: Moment | None = None
    updated_from: Moment | None = None
    updated_to: Moment | None = None


class ListQuery(BaseModel):
    """A page to ask for. `sort` is like "-priority,updated_at"; `after` is the cursor of the page before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filter: TicketFilter = TicketFilter()
    sort: str = "-updated_at"
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 50
    after: str | None = None
    total: bool = False


class TicketPage(NamedTuple):
    """Rows as dicts of SHOWN, the cursor of the next page or None, the number of all that match if asked for."""

    rows: list[dict[str, Any]]
    next: str | None
    total: int | None


CONDITIONS: dict[str, LiteralString] = {
    "status": "status = ANY(%s)",
    "kind": "kind = ANY(%s)",
    "priority": "priority = ANY(%s)",
    "type": "type = ANY(%s)",
    "assignee": "assignee_person = %s",
    "team": "assignee_team = %s",
    "requester": "requester_id = %s",
    "tags_all": "tags @> %s::text[]",
    "tags_any": "tags && %s::text[]",
    "opened_from": "opened_at >= %s",
    "opened_to": "opened_at < %s",
    "updated_from": "updated_at >= %s",
    "updated_to": "updated_at < %s",
}


def page(db: Cursor[Any], workspace: UUID, query: ListQuery) -> TicketPage:
    """One page of the list, every matching ticket in exactly one page while none of them changes."""
    statement, values = select(workspace, query)
    with db.connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, values).fetchall()
    total = _count(db, *_conditions(workspace, query.filter)) if query.total else None
    keys_of = [row.pop("keys") for row in rows]
    found = rows[: query.limit]
    more_to_come = len(rows) > query.limit
    return TicketPage(found, _cursor(query.sort, keys_of[len(found) - 1], found[-1]) if more_to_come else None, total)


def select(workspace: UUID, query: ListQuery) -> tuple[Composed, list[Any]]:
    """The statement of a page, which asks for one row more than fits, and its values."""
    sorts = parse_sort(query.sort)
    where, values = _conditions(workspace, query.filter)
    if query.after:
        condition, more = _beyond(sorts, _opened_cursor(query.after, query.sort, sorts))
        where, values = SQL("{} AND {}").format(where, condition), [*values, *more]
    statement = SQL("SELECT {}, json_build_array({}) AS keys FROM desk.ticket_list WHERE {} ORDER BY {} LIMIT %s")
    keys = SQL(", ").join(column for column, _ in _columns(sorts)[:-1])
    return statement.format(SQL(SHOWN), keys, where, _order(sorts)), [*values, query.limit + 1]


def one(db: Cursor[Any], ticket: UUID) -> dict[str, Any] | None:
    """A ticket's row, or None."""
    with db.connection.cursor(row_factory=dict_row) as cursor:
        statement = SQL("SELECT {} FROM desk.ticket_list WHERE ticket_id = %s").format(SQL(SHOWN))
        return cursor.execute(statement, [ticket]).fetchone()


def parse_sort(text: str) -> list[Sort]:
    """ "-priority,updated_at" as sorts, or InvalidInput naming what can be sorted by."""
    sorts = [Sort(part.strip().removeprefix("-"), part.strip().startswith("-")) for part in text.split(",")]
    names = [sort.name for sort in sorts]
    if unknown := [name for name in names if name not in SORTS]:
        raise InvalidInput(field="sort", reason=f"cannot sort by {unknown[0][:40]!r}, only by {', '.join(SORTS)}")
    if len(set(names)) != len(names):
        raise InvalidInput(field="sort", reason="names a column twice")
    if names[-1] in MANY_ALIKE and "updated_at" not in names:
        sorts.append(Sort("updated_at", sorts[-1].descending))
    return sorts


def _conditions(workspace: UUID, wanted: TicketFilter) -> tuple[Composable, list[Any]]:
    # Row-level security says the same; said here, the planner can use it for the index.
    parts: list[Composable] = [SQL("workspace_id = %s AND listed")]
    values: list[Any] = [workspace]
    for name, condition in CONDITIONS.items():
        value = getattr(wanted, name)
        if value is not None and value != ():
            parts.append(SQL(condition))
            values.append(list(value) if isinstance(value, tuple) else value)
    if wanted.unassigned:
        parts.append(SQL("assignee_person IS NULL"))
    return SQL(" AND ").join(parts), values


def _count(db: Cursor[Any], where: Composable, values: list[Any]) -> int:
    row = db.execute(SQL("SELECT count(*) FROM desk.ticket_list WHERE {}").format(where), values).fetchone()
    return int(row[0]) if row else 0


def _columns(sorts: list[Sort]) -> list[tuple[SQL, bool]]:
    """The sort, made total by the ticket's id in the direction of the last column, so that one index serves both."""
    down = sorts[-1].descending
    return [*(sort.column(down) for sort in sorts), (SQL("ticket_id"), down)]


def _order(sorts: list[Sort]) -> Composable:
    return SQL(", ").join(column + SQL(" DESC" if down else " ASC") for column, down in _columns(sorts))


def _beyond(sorts: list[Sort], keys: list[Any]) -> tuple[Composable, list[Any]]:
    """What comes after the keys of a row."""
    columns = _columns(sorts)
    if len({down for _, down in columns}) == 1:
        # One direction: a comparison of rows, with which the index begins just behind the last page.
        condition = SQL("({}) {} ({})").format(
            SQL(", ").join(column for column, _ in columns),
            SQL("<" if columns[0][1] else ">"),
            SQL(", ").join(SQL("%s") for _ in keys),
        )
        return condition, keys
    return _beyond_mixed(columns, keys)


def _beyond_mixed(columns: list[tuple[SQL, bool]], keys: list[Any]) -> tuple[Composable, list[Any]]:
    """Beyond in one column and equal in those before it."""
    alternatives: list[Composable] = []
    values: list[Any] = []
    for place, (column, down) in enumerate(columns):
        equal = [before + SQL(" = %s") for before, _ in columns[:place]]
        alternatives.append(SQL("({})").format(SQL(" AND ").join([*equal, column + SQL(" < %s" if down else " > %s")])))
        values += keys[: place + 1]
    first, down = columns[0]
    # Redundant, but it lets the index begin at the right place instead of at the start.
    bound = first + SQL(" <= %s" if down else " >= %s")
    return SQL("{} AND ({})").format(bound, SQL(" OR ").join(alternatives)), [keys[0], *values]


def _cursor(sort: str, keys: list[Any], row: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(to_json([sort, *keys, row["ticket_id"]])).decode().rstrip("=")


def _opened_cursor(cursor: str, sort: str, sorts: list[Sort]) -> list[Any]:
    """The keys in a cursor, or InvalidInput: it is no secret, but it must belong to this sort."""
    kinds = [*(SORTS[each.name].kind for each in sorts), UUID]
    try:
        made_for, *found = from_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        keys = [TypeAdapter(kind).validate_python(key) for kind, key in zip(kinds, found, strict=True)]
    except (ValidationError, binascii.Error, ValueError, TypeError):
        raise InvalidInput(field="after", reason="is not a cursor of this list; begin without it") from None
    if made_for != sort:
        raise InvalidInput(field="after", reason="belongs to another sort; begin without it")
    return keys
