"""OrganisationCard: the customers of an organisation and the figures of their tickets, from what is kept of each customer."""

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from domain.conditions import Condition, Leaf
from projections import requester_card
from projections.requester_card import RequesterFigures
from projections.ticket_pages import ListQuery, Where


class OrganisationFigures(NamedTuple):
    """How many customers belong to it, the erased and those known twice not counted, and what their tickets come to."""

    customers: int
    of_tickets: RequesterFigures


# Tickets of a record that was merged or erased are still the organisation's, as conditions have it.
_PEOPLE = """
    SELECT requester_id, NOT erased AND merged_into IS NULL FROM desk.requester_cards
    WHERE workspace_id = %s AND organisation_id = ANY(%s)"""


def figures(
    db: Cursor[Any], workspace: UUID, records: Collection[UUID], reach: Where | None = None
) -> OrganisationFigures:
    """The figures of an organisation that is known by these records: one, and those that were merged into it."""
    people = db.execute(_PEOPLE, [workspace, list(records)]).fetchall()
    of_tickets = requester_card.figures(db, workspace, [person for person, _ in people], reach)
    return OrganisationFigures(sum(counted for _, counted in people), of_tickets)


def newest(organisation: UUID, reach: Condition | None, count: int) -> ListQuery:
    """To ask for the newest tickets of its customers."""
    of_it = Leaf(field="requester.organisation_id", op="is", value=str(organisation))
    return ListQuery(of_it, reach, everywhere=True, sort="-opened_at", limit=count)
