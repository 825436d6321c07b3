"""RequesterCard: the figures of customers' tickets, from the kept counts of the ticket list."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor


class RequesterFigures(NamedTuple):
    """A customer's tickets: the unfinished in the usual lists, all, when the newest was opened, and their mean stars."""

    open: int = 0
    tickets: int = 0
    last_opened_at: datetime | None = None
    rating: float | None = None


# Stars are kept as "REQUESTER STARS", so that a card reads five counts and no tickets but the newest.
_FIGURES = """
    SELECT wanted.id, coalesce(c.open, 0), coalesce(c.tickets, 0),
        (SELECT t.opened_at FROM desk.ticket_list t WHERE t.workspace_id = %(workspace)s AND t.requester_id = wanted.id
         ORDER BY t.opened_at DESC LIMIT 1),
        (SELECT sum(r.tickets * s.stars)::float8 / nullif(sum(r.tickets), 0) FROM generate_series(1, 5) AS s (stars)
         JOIN desk.facet_counts r ON r.workspace_id = %(workspace)s AND r.facet = 'rated'
            AND r.value = wanted.id || ' ' || s.stars)
    FROM unnest(%(ids)s::uuid[]) AS wanted (id)
    LEFT JOIN desk.facet_counts c ON c.workspace_id = %(workspace)s AND c.facet = 'requester_id'
        AND c.value = wanted.id::text
"""


def figures(db: Cursor[Any], workspace: UUID, requesters: Iterable[UUID]) -> dict[UUID, RequesterFigures]:
    """The figures of each of them."""
    rows = db.execute(_FIGURES, {"workspace": workspace, "ids": list(requesters)})
    return {requester: RequesterFigures(*rest) for requester, *rest in rows}
