"""RequesterCard: the figures of a customer's tickets, from the kept counts of the ticket list."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.sql import SQL

from domain.conditions import Condition, Leaf
from domain.values import FINISHED
from projections.ticket_pages import ListQuery, Where


class RequesterFigures(NamedTuple):
    """A customer's tickets: the unfinished in the usual lists, all, when the newest was opened, and their mean stars."""

    open: int = 0
    tickets: int = 0
    last_opened_at: datetime | None = None
    rating: float | None = None


# Stars are kept as "REQUESTER STARS", so that a card reads some counts and of the tickets the newest alone.
_FIGURES = """
    SELECT coalesce(sum(c.open), 0)::int, coalesce(sum(c.tickets), 0)::int,
        max((SELECT t.opened_at FROM desk.ticket_list t WHERE t.workspace_id = %(workspace)s AND t.requester_id = wanted.id
             ORDER BY t.opened_at DESC LIMIT 1)),
        (SELECT sum(r.tickets * s.stars)::float8 / nullif(sum(r.tickets), 0)
         FROM generate_series(1, 5) AS s (stars) CROSS JOIN unnest(%(records)s::uuid[]) AS rated (id)
         JOIN desk.facet_counts r ON r.workspace_id = %(workspace)s AND r.facet = 'rated'
            AND r.value = rated.id || ' ' || s.stars)
    FROM unnest(%(records)s::uuid[]) AS wanted (id)
    LEFT JOIN desk.facet_counts c ON c.workspace_id = %(workspace)s AND c.facet = 'requester_id'
        AND c.value = wanted.id::text
"""


_WITHIN = SQL(
    "SELECT count(*) FILTER (WHERE listed AND kind <> ALL (%s)), count(*), max(opened_at), avg(rating)::float8 "
    "FROM desk.ticket_list WHERE {} AND requester_id = ANY (%s)"
)


def figures(
    db: Cursor[Any], workspace: UUID, records: Collection[UUID], reach: Where | None = None
) -> RequesterFigures:
    """The figures of a customer who is known by these records: one, and those that were merged into it.

    Tickets in reach alone are counted, for nothing is kept about them.
    """
    if reach is None:
        (row,) = db.execute(_FIGURES, {"workspace": workspace, "records": list(records)})
    else:
        (row,) = db.execute(_WITHIN.format(reach.text), [list(FINISHED), *reach.values, list(records)])
    return RequesterFigures(*row)


def of_customer(records: Iterable[UUID]) -> Condition:
    """That a ticket is the customer's who is known by these records."""
    return Leaf(field="requester_id", op="is_any_of", value=[str(each) for each in records])


def newest(records: Iterable[UUID], reach: Condition | None, count: int) -> ListQuery:
    """To ask for their newest tickets."""
    return ListQuery(of_customer(records), reach, everywhere=True, sort="-opened_at", limit=count)
