"""How many tickets match: from kept counts and sets where these say it exactly, else counted, up to ten thousand."""

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.sql import SQL, Composable

from domain.conditions import AllOf, Context, Leaf, depends_on
from domain.conditions.fields import CUSTOM_PREFIX, field_named
from domain.conditions.model import resolved
from domain.conditions.operators import Asks
from projections import place_sets, place_spans, ticket_sets
from projections.bulk import array
from projections.condition_shapes import conjunction
from projections.ticket_facets import ALL, Facet, is_option, plain, tallies
from projections.ticket_pages import ListQuery, Where, among, awoken, begin, holds, inside, where
from projections.ticket_sets import Found

MOST = 10_000
# A desk of so many tickets has a chunk or two.
SMALL = 10_000
_CUBE = frozenset({"status", "kind", "priority", "type", "source", "assignee_team"})
# Asked of these alone, an index says it without the tickets.
_INDEXED = frozenset({"opened_at", "updated_at"})
_KEPT = frozenset({"assignee_person", "requester_id", "tags", "followers", "candidates", "involved"})


class Total(NamedTuple):
    """A number of tickets; `capped` where there are more."""

    tickets: int
    capped: bool = False


def total(db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context, found: Found | None = None) -> Total:
    """How many tickets the query means; `found` is what its page found."""
    kept = _of_fold(db, workspace, query, context) if found is None else _of_sets(db, workspace, query, context, found)
    if kept.capped or not query.listed_only or not begin(db, workspace, context).awoken:
        return kept
    return Total(kept.tickets + awoken_tickets(db, workspace, query, context))


def awoken_tickets(db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context) -> int:
    """How many of those that the query means have woken since, and are in no kept count yet."""
    return _limited(db, awoken(workspace, query, context)).tickets


def _of_fold(db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context) -> Total:
    leaves = conjunction(query.whole)
    if leaves == []:
        return Total(_having(db, workspace, query, ALL))
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
    custom = leaf.field.startswith(CUSTOM_PREFIX) and operator.asks is Asks.EQUAL
    if not (custom or leaf.field in _KEPT) or operator.negated or operator.asks is Asks.PRESENT:
        return None
    values = resolved(leaf, context)
    if len(values) != 1 or (custom and not is_option(values[0])):
        return None
    facet = (leaf.field, plain(values[0]) if custom else str(values[0]))
    return _having(db, workspace, query, facet)


def _having(db: Cursor[Any], workspace: UUID, query: ListQuery, facet: Facet) -> int:
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
    asked = ticket_sets.asked(query.whole, context)
    if asked.rest and not asked.facets:
        return _limited(db, where(workspace, query, context))
    found = ticket_sets.found(db, workspace, asked, listed_only=query.listed_only)
    return _of_sets(db, workspace, query, context, found)


def _of_sets(db: Cursor[Any], workspace: UUID, query: ListQuery, context: Context, found: Found) -> Total:
    if not found.rest:
        return Total(found.tickets)
    if found.all_tickets > SMALL and found.beside and place_spans.half_lines(found.rest):
        return _of_spans(db, workspace, context, found)
    rest = holds(AllOf(all=found.rest), context)
    if depends_on(AllOf(all=found.rest)) <= _INDEXED or found.tickets > 2 * MOST:
        kept = inside(workspace, listed_only=query.listed_only)
        return _limited(db, kept.and_(*among(found, SQL("place"))).and_(*rest))
    chosen = Where(SQL("workspace_id = %s AND place = ANY(%s::int[])"), [workspace, array(found.places)])
    return _limited(db, chosen.and_(*rest))


def _of_spans(db: Cursor[Any], workspace: UUID, context: Context, found: Found) -> Total:
    """Chunks that lie on one side of the moments as a whole are counted, of others the tickets are looked at."""
    sides = place_spans.sides(db, workspace, [holds(each, context) for each in found.rest])
    certain = sum(place_sets.in_chunk(found.places, chunk) for chunk, inside_ in sides.items() if inside_)
    open_ = [
        place
        for chunk, inside_ in sides.items()
        if inside_ is None
        for place in place_sets.of_chunk(found.places, chunk)
    ]
    chosen = Where(SQL("workspace_id = %s AND place = ANY(%s::int[])"), [workspace, array(open_)])
    text = SQL("SELECT count(*) FROM desk.ticket_list WHERE {}")
    meant = chosen.and_(*holds(AllOf(all=found.rest), context))
    row = db.execute(text.format(meant.text), meant.values).fetchone() if open_ else None
    return Total(certain + int(row[0] if row else 0))


def _limited(db: Cursor[Any], meant: Where) -> Total:
    rows = SQL("SELECT FROM desk.ticket_list WHERE {} LIMIT {}").format(meant.text, MOST + 1)
    row = db.execute(SQL("SELECT count(*) FROM ({}) counted").format(rows), meant.values).fetchone()
    count = int(row[0]) if row else 0
    return Total(min(count, MOST), count > MOST)
