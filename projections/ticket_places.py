"""Places: each ticket has a small number within its desk, in the order in which they were opened, that sets are made of."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.ticket.row import Row
from projections.bulk import upsert

TABLES = """
    CREATE TABLE last_places (workspace_id uuid PRIMARY KEY, place int NOT NULL);
    CREATE TABLE places_of_deleted (workspace_id uuid NOT NULL, ticket_id uuid PRIMARY KEY, place int NOT NULL)"""
COMMENTS = {
    "last_places": "The newest ticket's place in each desk.",
    "last_places.workspace_id": "The desk.",
    "last_places.place": "The highest place that was given.",
    "places_of_deleted": "Places of deleted tickets, which nobody else gets: a rebuild gives the same ones again.",
    "places_of_deleted.workspace_id": "The desk.",
    "places_of_deleted.ticket_id": "The ticket that was deleted.",
    "places_of_deleted.place": "Its place.",
}
SEARCHED = frozenset({"last_places", "places_of_deleted"})
_KNOWN = """
    SELECT ticket_id, place FROM ticket_list WHERE ticket_id = ANY(%(tickets)s)
    UNION ALL SELECT ticket_id, place FROM places_of_deleted WHERE ticket_id = ANY(%(tickets)s)"""
_LAST = "(workspace_id) DO UPDATE SET place = excluded.place"


def given(db: Cursor[Any], rows: Collection[Row]) -> dict[UUID, int]:
    """The tickets' places; those that have none yet get the next ones, in the order of the rows."""
    known = dict(db.execute(_KNOWN, {"tickets": [row.ticket_id for row in rows]}).fetchall())
    if fresh := [row for row in rows if row.ticket_id not in known]:
        known |= _next(db, fresh)
    deleted = [(row.workspace_id, row.ticket_id, known[row.ticket_id]) for row in rows if row.erased]
    upsert(db, "places_of_deleted", ("workspace_id", "ticket_id", "place"), deleted, "(ticket_id) DO NOTHING")
    return known


def _next(db: Cursor[Any], fresh: list[Row]) -> dict[UUID, int]:
    desks = list({row.workspace_id for row in fresh})
    found = db.execute("SELECT workspace_id, place FROM last_places WHERE workspace_id = ANY(%s)", [desks])
    last: dict[UUID, int] = dict.fromkeys(desks, 0) | dict(found.fetchall())
    places: dict[UUID, int] = {}
    for row in fresh:
        last[row.workspace_id] += 1
        places[row.ticket_id] = last[row.workspace_id]
    upsert(db, "last_places", ("workspace_id", "place"), list(last.items()), _LAST)
    return places
