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


def most_used(db: Cursor[Any], workspace: UUID, limit: int = 500) -> list[TagUsage]:
    """The tags that tickets have, the most used first."""
    rows = db.execute(
        "SELECT value, open, tickets FROM desk.facet_counts WHERE workspace_id = %s AND facet = 'tags' AND tickets > 0 "
        "ORDER BY tickets DESC, value LIMIT %s",
        [workspace, limit],
    )
    return [TagUsage(*row) for row in rows]


_WITHIN = SQL(
    "SELECT tag, count(*) FILTER (WHERE listed AND kind <> ALL (%s)), count(*) "
    "FROM desk.ticket_list, unnest(tags) AS tag WHERE {} GROUP BY tag ORDER BY 3 DESC, tag LIMIT %s"
)


def most_used_within(db: Cursor[Any], reach: Where, limit: int = 500) -> list[TagUsage]:
    """The same of those tickets alone that are in reach: counted, for nothing is kept about them."""
    rows = db.execute(_WITHIN.format(reach.text), [list(FINISHED), *reach.values, limit])
    return [TagUsage(*row) for row in rows]
