"""TagUsage: how many tickets have each tag, from the kept counts of the ticket list (B4)."""

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor


class TagUsage(NamedTuple):
    """A tag with the tickets that have it: the unfinished in the usual lists, and all."""

    tag: str
    open: int
    tickets: int


def most_used(db: Cursor[Any], workspace: UUID, limit: int = 500) -> list[TagUsage]:
    """The tags that tickets have, the most used first."""
    rows = db.execute(
        "SELECT value, open, tickets FROM desk.facet_counts WHERE workspace_id = %s AND facet = 'tags' "
        "ORDER BY tickets DESC, value LIMIT %s",
        [workspace, limit],
    )
    return [TagUsage(*row) for row in rows]


def of(db: Cursor[Any], workspace: UUID, tags: list[str]) -> dict[str, TagUsage]:
    """The usage of these tags; one that no ticket has is not in it."""
    rows = db.execute(
        "SELECT value, open, tickets FROM desk.facet_counts "
        "WHERE workspace_id = %s AND facet = 'tags' AND value = ANY(%s)",
        [workspace, tags],
    )
    return {row[0]: TagUsage(*row) for row in rows}
