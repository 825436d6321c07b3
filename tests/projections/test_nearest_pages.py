"""Pages that are made of a few chunks of places, while snoozed tickets have woken that no set has yet."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.conditions import Context, parse
from domain.ticket.marking import SnoozeTicket
from eventstore.database import Role, connect
from eventstore.reading import bind
from projections import place_sets, place_spans, ticket_facets, ticket_pages
from projections.ticket_pages import ListQuery, page
from tests.desks import Office, an_office
from tests.projections.tables import built

BEGAN, DAY = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=1)
NEITHER_NORMAL = {"field": "priority", "op": "is_any_of", "value": ["urgent", "low"]}
YES = {"field": "title", "op": "contains", "value": "yes"}


async def opened(office: Office, day: int, priority: str, title: str) -> str:
    at = BEGAN + day * DAY
    office.desk.clock = lambda: at
    await office.ticket(f"T-{day}", title=title, priority=priority, at=at)
    return f"T-{day}"


async def test_tickets_that_woke_do_not_hide_more_urgent_ones_further_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the urgent ones in the newest chunks but one matches, and those that woke would fill the page."""
    for module in (place_sets, place_spans, ticket_facets):
        monkeypatch.setattr(module, "CHUNK", 8)
    for name, value in (("_BYTES", 1), ("_FEW", 0)):
        monkeypatch.setattr(place_sets, name, value)
    monkeypatch.setattr(place_spans, "WHILE", DAY)
    for name in ("SOON", "LOOKED_UP"):
        monkeypatch.setattr(ticket_pages, name, 1)
    async with an_office(database_url) as office:
        for day in range(39):
            await opened(office, day, "urgent", "yes" if day in (0, 1, 38) else "no")
        for day in range(39, 45):
            number = await opened(office, day, "low", "yes")
            await office.do(SnoozeTicket, number=number, until=BEGAN + 60 * DAY, at=office.desk.clock())
    built(database_url)
    query = ListQuery(parse({"all": [NEITHER_NORMAL, YES]}), sort="-priority,-updated_at", limit=3)
    with connect(database_url, Role.READER) as db:
        bind(db.cursor(), office.workspace)
        rows = page(db.cursor(), office.workspace, query, Context(BEGAN + 70 * DAY)).rows
    assert [row["number"] for row in rows] == ["T-38", "T-1", "T-0"]
