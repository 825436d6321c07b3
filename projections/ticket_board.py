"""Tickets in groups: what they have in common, how many each group has, and its first tickets."""

from enum import StrEnum
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import dict_row
from psycopg.sql import SQL

from domain.conditions import AllOf, Context, Leaf
from projections import ticket_totals
from projections.ticket_pages import SHOWN, ListQuery, where
from projections.ticket_sorts import order, parse_sort
from projections.ticket_totals import Total

MOST_GROUPS = 100


class Grouping(StrEnum):
    """What tickets of a group have in common."""

    STATUS = "status"
    PRIORITY = "priority"
    TYPE = "type"
    TEAM = "assignee_team"
    PERSON = "assignee_person"


class Group(NamedTuple):
    """Tickets with one value, or with none (None)."""

    value: str | None
    total: Total
    rows: list[dict[str, Any]]


_KEPT: LiteralString = (
    "SELECT value FROM desk.facet_counts WHERE workspace_id = %s AND facet = %s AND tickets > 0 "
    "ORDER BY listed DESC, value LIMIT %s"
)


def board(
    db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context, by: Grouping, cards: int
) -> list[Group]:
    """The groups of the tickets that the query means, those with the most tickets of the desk first."""
    values = [value for (value,) in db.execute(_KEPT, [workspace, by, MOST_GROUPS])]
    if by is Grouping.TYPE:
        values.append("")
    found = _first(db, workspace, query, context, by, values, cards)
    groups = [
        Group(value or None, _total(db, workspace, query, context, by, value), found.get(value, [])) for value in values
    ]
    return [group for group in groups if group.total.tickets]


def _total(db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context, by: Grouping, value: str) -> Total:
    leaf = Leaf(field=by, op="is", value=value) if value else Leaf(field=by, op="is_not_set")
    condition = AllOf(all=(query.condition, leaf))
    asked = ListQuery(condition, query.reach, query.everywhere)
    return ticket_totals.total(db, workspace, asked, context)


def _first(
    db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context, by: Grouping, values: list[str], cards: int
) -> dict[str, list[dict[str, Any]]]:
    """The first tickets of each group, in one statement: of each an index is walked until they are found."""
    if not cards or not values:
        return {}
    meant, column = where(workspace, query, context), SQL(by.value)
    same = SQL("{} IS NOT DISTINCT FROM nullif(wanted.value, '')::{}").format(
        column, SQL("uuid" if by in (Grouping.TEAM, Grouping.PERSON) else "text")
    )
    statement = SQL(
        "SELECT wanted.value AS group_value, t.* FROM unnest(%s::text[]) AS wanted (value) "
        "CROSS JOIN LATERAL (SELECT {} FROM desk.ticket_list WHERE {} AND {} ORDER BY {} LIMIT %s) t"
    ).format(SQL(SHOWN), same, meant.text, order(parse_sort(query.sort)))
    groups: dict[str, list[dict[str, Any]]] = {}
    with db.connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(statement, [values, *meant.values, cards]):
            groups.setdefault(row.pop("group_value"), []).append(row)
    return groups
