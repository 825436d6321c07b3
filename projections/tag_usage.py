"""TagUsage: how many tickets have each tag, from the kept counts of the ticket list (B4)."""

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.sql import SQL

from domain.values import FINISHED
from projections.ticket_pages import Where


class TagUsage(NamedTuple):
    """A tag with the tickets that have it: the unfinished in the usual lists, and all."""

    tag: str
    open: int
    tickets: int


_KEPT = SQL(
    "SELECT value, open, tickets FROM desk.facet_counts WHERE workspace_id = %s AND facet = 'tags' AND tickets > 0 "
    "ORDER BY tickets DESC, value LIMIT %s"
)
_WITHIN = SQL(
    "SELECT tag, count(*) FILTER (WHERE listed AND kind <> ALL (%s)), count(*) "
    "FROM desk.ticket_list, unnest(tags) AS tag WHERE {} GROUP BY tag ORDER BY 3 DESC, tag LIMIT %s"
)


def most_used(db: Cursor[Any], workspace: UUID, reach: Where | None = None, limit: int = 500) -> list[TagUsage]:
    """The tags that tickets have, the most used first. Those in reach alone are counted, for nothing is kept about them."""
    if reach is None:
        rows = db.execute(_KEPT, [workspace, limit])
    else:
        rows = db.execute(_WITHIN.format(reach.text), [list(FINISHED), *reach.values, limit])
    return [TagUsage(*row) for row in rows]
