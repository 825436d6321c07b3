"""What is kept of tags, people and customers is what counting their tickets would say, whatever happens to them."""

from collections import Counter
from typing import Any
from uuid import uuid4

from domain.ids import workspace_id
from domain.requester import RegisterRequester
from domain.values import FINISHED
from eventstore.database import Role, connect
from eventstore.reading import bind
from projections import agent_load, requester_card, tag_usage
from projections.ticket_list import TicketList
from tests.desks import an_office
from tests.projections.busy import busy, follow
from tests.projections.tables import built

WORKSPACE = workspace_id("acme")


async def test_kept_counts_are_what_counting_would_say(database_url: str) -> None:
    requester = uuid4()
    async with an_office(database_url) as office:
        await office.do(RegisterRequester, requester_id=requester, requester_name="Wang")
        built(database_url, TicketList())
        await busy(office, requester)
    follow(database_url, pages_of=7)
    with connect(database_url, Role.READER) as db:
        bind(db.cursor(), WORKSPACE)
        cursor = db.cursor()
        rows: list[Any] = cursor.execute(
            "SELECT tags, listed, kind, priority, assignee_person, requester_id, rating, opened_at FROM desk.ticket_list"
        ).fetchall()
        used = tag_usage.most_used(cursor, WORKSPACE)
        loads = agent_load.loads(cursor, WORKSPACE)
        counts = agent_load.counts(cursor, WORKSPACE, [*loads, requester])
        card = requester_card.figures(cursor, WORKSPACE, [requester])
    unfinished = [row for row in rows if row[1] and row[2] not in FINISHED]
    assert len(rows) == 10
    assert {each.tag: each.tickets for each in used} == Counter(tag for row in rows for tag in row[0])
    assert {each.tag: each.open for each in used if each.open} == Counter(tag for row in unfinished for tag in row[0])
    assert counts == {person: load.open for person, load in loads.items()}
    had = Counter(row[3] for row in unfinished if row[4])
    assert {load.open for load in loads.values()} == ({had.total()} if had else set())
    assert all(load.by_priority == had for load in loads.values())
    theirs = [row for row in rows if row[5] == requester]
    stars = [row[6] for row in theirs if row[6]]
    assert (card.tickets, card.open) == (len(theirs), len([row for row in unfinished if row[5] == requester]))
    assert card.last_opened_at == max(row[7] for row in theirs)
    assert len(stars) >= 2
    assert card.rating == sum(stars) / len(stars)
