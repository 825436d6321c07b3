"""How many tickets match: from kept counts where these say it exactly, else counted, up to ten thousand."""

from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.sql import SQL, Composable

from domain.conditions import Context, Leaf
from domain.conditions.fields import CUSTOM_PREFIX, field_named
from domain.conditions.model import resolved
from domain.conditions.operators import Asks
from projections.ticket_facets import plain, tallies
from projections.ticket_groups import Group, conjunction, exact
from projections.ticket_pages import ListQuery, awoken, begin, candidates, estimate, where

MOST = 10_000
_CUBE = frozenset({"status", "kind", "priority", "type", "source", "assignee_team"})
_KEPT = frozenset({"assignee_person", "requester_id", "tags", "followers", "candidates", "involved"})


class Total(NamedTuple):
    """A number of tickets; `capped` where there are more."""

    tickets: int
    capped: bool = False


def total(db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context) -> Total:
    """How many tickets the query means."""
    found = _of_fold(db, workspace, query, context)
    if found.capped or not query.listed_only or not begin(db, workspace, context).awoken:
        return found
    return Total(found.tickets + awoken_tickets(db, workspace, query, context))


def awoken_tickets(db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context) -> int:
    """How many of those that the query means have woken since, and are in no kept count yet."""
    meant = awoken(workspace, query, context)
    rows = SQL("SELECT FROM desk.ticket_list WHERE {} LIMIT {}").format(meant.text, MOST + 1)
    return _limited(db, rows, meant.values).tickets


def _of_fold(db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context) -> Total:
    leaves = conjunction(query.whole)
    if (
        leaves is not None
        and len(leaves) == 1
        and (kept := _kept(db, workspace, query, leaves[0], context)) is not None
    ):
        return Total(kept)
    if leaves is not None and (cells := _cells(leaves, context)) is not None:
        return Total(_of_cube(db, workspace, query, cells))
    return _counted(db, workspace, query, context)


def _kept(db: Cursor[Any], workspace: UUID, query: ListQuery, leaf: Leaf, context: Context) -> int | None:
    """The kept count of the one value that the leaf asks for."""
    operator = leaf.operator
    custom = leaf.field.startswith(CUSTOM_PREFIX) and exact(leaf)
    if not (custom or leaf.field in _KEPT) or operator.negated or operator.asks is Asks.PRESENT:
        return None
    values = resolved(leaf, context)
    if len(values) != 1:
        return None
    facet = (leaf.field, plain(values[0]) if custom else str(values[0]))
    tally = tallies(db, workspace, [facet]).get(facet)
    return 0 if tally is None else tally.listed if query.listed_only else tally.tickets


def _cells(leaves: list[Leaf], context: Context) -> list[tuple[str, list[str]]] | None:
    """The columns of the cube with the values that they may have, where it has all that the leaves ask for."""
    cells: list[tuple[str, list[str]]] = []
    for leaf in leaves:
        operator, options = leaf.operator, frozenset(field_named(leaf.field).options)
        if leaf.field == "assignee_person" and operator.asks is Asks.PRESENT:
            cells.append(("assigned", [""] if operator.negated else ["somebody"]))
        elif leaf.field in _CUBE and operator.asks is Asks.PRESENT and operator.negated:
            cells.append((leaf.field, [""]))
        elif leaf.field in _CUBE and operator.asks is Asks.EQUAL and (options or not operator.negated):
            wanted = set(map(str, resolved(leaf, context)))
            cells.append((leaf.field, sorted(options.difference(wanted) if operator.negated else wanted)))
        else:
            return None
    return cells


def _of_cube(db: Cursor[Any], workspace: UUID, query: ListQuery, cells: list[tuple[str, list[str]]]) -> int:
    text, values = cube(workspace, query, cells)
    row = db.execute(SQL("SELECT coalesce(sum(tickets), 0) FROM desk.ticket_cube WHERE {}").format(text), values)
    return int((row.fetchone() or (0,))[0])


def cube(workspace: UUID, query: ListQuery, cells: list[tuple[str, list[str]]]) -> tuple[Composable, list[Any]]:
    """The cells of the cube that are meant."""
    parts: list[Composable] = [SQL("workspace_id = %s")]
    parts += [SQL("shelf = 'desk'")] if query.listed_only else []
    parts += [SQL("{} = ANY(%s)").format(SQL(column)) for column, _ in cells]
    return SQL(" AND ").join(parts), [workspace, *(wanted for _, wanted in cells)]


def _counted(db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context) -> Total:
    meant = where(workspace, query, context)
    if meant.groups and exact(query.whole):
        on_desk: list[Group] = [(("shelf", "desk"),)] if query.listed_only else []
        return _limited(db, *candidates(workspace, [*meant.groups, *on_desk], MOST + 1))
    plan = estimate(db, workspace, meant.groups, listed_only=query.listed_only)
    if plan.useful and plan.found <= 2 * MOST:
        # If those that meet the facets are few, only they are looked at.
        source, values = candidates(workspace, plan.useful, MOST + 1)
        row = db.execute(SQL(_FEW).format(found=source, meant=meant.text), [*values, MOST, *meant.values]).fetchone()
        if row is not None and row[0] is not None:
            return Total(row[0])
    rows = SQL("SELECT FROM desk.ticket_list WHERE {} LIMIT {}").format(meant.text, MOST + 1)
    return _limited(db, rows, meant.values)


_FEW: LiteralString = """
    WITH found AS MATERIALIZED ({found})
    SELECT CASE WHEN (SELECT count(*) FROM found) <= %s THEN
        (SELECT count(*) FROM desk.ticket_list WHERE ticket_id = ANY(ARRAY(SELECT ticket_id FROM found)) AND {meant}) END
"""


def _limited(db: Cursor[Any], rows: Composable, values: list[Any]) -> Total:
    row = db.execute(SQL("SELECT count(*) FROM ({}) counted").format(rows), values).fetchone()
    count = int(row[0]) if row else 0
    return Total(min(count, MOST), count > MOST)
