"""AgentLoad: how many unfinished tickets each person has, by priority, from the kept counts of the ticket list."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.sql import SQL

from domain.values import FINISHED, Priority
from projections.ticket_pages import Where


@dataclass
class AgentLoad:
    """The unfinished tickets of a person that the usual lists show."""

    open: int = 0
    by_priority: dict[Priority, int] = field(default_factory=dict)


_KEPT = SQL("SELECT value, open FROM desk.facet_counts WHERE workspace_id = %s AND facet = 'load' AND open > 0")
_WITHIN = SQL(
    "SELECT assignee_person || ' ' || priority, count(*) FROM desk.ticket_list "
    "WHERE {} AND listed AND kind <> ALL (%s) AND assignee_person IS NOT NULL GROUP BY 1"
)


def loads(db: Cursor[Any], workspace: UUID, reach: Where | None = None) -> dict[UUID, AgentLoad]:
    """Of every person who has any. Tickets in reach alone are counted, for nothing is kept about them."""
    if reach is None:
        rows = db.execute(_KEPT, [workspace])
    else:
        rows = db.execute(_WITHIN.format(reach.text), [*reach.values, list(FINISHED)])
    found: dict[UUID, AgentLoad] = {}
    for value, tickets in rows:
        person, _, priority = value.partition(" ")
        load = found.setdefault(UUID(person), AgentLoad())
        load.open += tickets
        load.by_priority[Priority(priority)] = tickets
    return found


def counts(db: Cursor[Any], workspace: UUID, people: Sequence[UUID]) -> dict[UUID, int]:
    """How many unfinished tickets each of these people has, of whom has any."""
    rows = db.execute(
        "SELECT value, open FROM desk.facet_counts WHERE workspace_id = %s AND facet = 'assignee_person' AND value = ANY(%s)",
        [workspace, [str(person) for person in people]],
    )
    return {UUID(person): tickets for person, tickets in rows}
