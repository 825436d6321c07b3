"""What is kept of tags, people and customers is what counting their tickets would say, whatever happens to them."""

import random
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from domain.errors import Refusal
from domain.ids import workspace_id
from domain.requester import RegisterRequester
from domain.setup.tags import RenameTag
from domain.ticket.commands import (
    AssignTicket,
    ChangePriority,
    CloseTicket,
    EditTicket,
    EraseTicket,
    ReopenTicket,
    ResolveTicket,
    TagTicket,
)
from domain.ticket.marking import ArchiveTicket, FollowTicket, MarkSpam, SnoozeTicket, UnmarkSpam, WakeTicket
from domain.ticket.settling import ConfirmTicket, RateTicket
from domain.values import FINISHED, Assignee, Priority
from eventstore.database import Role, connect
from eventstore.feed import read_page
from projections import agent_load, builds, requester_card, tag_usage
from projections.apply import apply_rows
from projections.ticket_list import TicketList
from tests.desks import Office, an_office
from tests.projections.tables import KEYRING, built, live, working

WORKSPACE = workspace_id("acme")


async def _busy(office: Office, requester: UUID) -> None:
    """Eighty random things on nine tickets; what the state refuses is left out."""
    chance, person = random.Random(4), UUID(office.person.id)
    for n in range(9):
        await office.ticket(f"T-{n}", tags=("a", "b") if n % 2 else (), requester_id=requester if n % 3 else None)
    for _ in range(80):
        kind, fields = chance.choice(
            [
                (AssignTicket, {"to": Assignee(person=chance.choice([person, None]))}),
                (ChangePriority, {"priority": chance.choice(list(Priority))}),
                (CloseTicket, {}),
                (ReopenTicket, {}),
                (ResolveTicket, {}),
                (ConfirmTicket, {}),
                (RateTicket, {"stars": chance.randint(1, 5)}),
                (ArchiveTicket, {}),
                (MarkSpam, {}),
                (UnmarkSpam, {}),
                (FollowTicket, {"person_id": person}),
                (SnoozeTicket, {"until": datetime(2100, 1, 1, tzinfo=UTC)}),
                (WakeTicket, {}),
                (EditTicket, {"due_at": datetime(2026, 1, chance.randint(1, 9), tzinfo=UTC)}),
                (TagTicket, {"add": {chance.choice("abc")}, "remove": {chance.choice("abc")} - {"a"}}),
                (RenameTag, {"tag": "c", "to": "cc"}),
            ]
        )
        about = {} if kind is RenameTag else {"number": f"T-{chance.randrange(9)}"}
        try:
            await office.do(kind, **about, **fields)
        except (Refusal, ValueError):
            continue
    await office.do(EraseTicket, number="T-1", reason="asked")
    for stars in (4, 5):
        await office.ticket(f"R-{stars}", requester_id=requester)
        await office.do(ResolveTicket, number=f"R-{stars}")
        await office.do(ConfirmTicket, number=f"R-{stars}")
        await office.do(RateTicket, number=f"R-{stars}", stars=stars)


def _follow(url: str, pages_of: int) -> None:
    """Bring the live list to the end of the log in small pages, so that most change what is there."""
    model = TicketList()
    with closing(working(url)) as db:
        build = live(db, model)
        builds.enter(db.cursor(), build)
        while rows := read_page(db.cursor(), build.position, pages_of):
            build = apply_rows(model, KEYRING, db, build, rows)


async def test_kept_counts_are_what_counting_would_say(database_url: str) -> None:
    requester = uuid4()
    async with an_office(database_url) as office:
        await office.do(RegisterRequester, requester_id=requester, requester_name="Wang")
        built(database_url, TicketList())
        await _busy(office, requester)
    _follow(database_url, pages_of=7)
    with connect(database_url, Role.READER) as db:
        db.execute("SELECT set_config('ledgerdesk.workspace', %s, false)", [str(WORKSPACE)])
        cursor = db.cursor()
        rows: list[Any] = cursor.execute(
            "SELECT tags, listed, kind, priority, assignee_person, requester_id, rating, opened_at FROM desk.ticket_list"
        ).fetchall()
        used = tag_usage.most_used(cursor, WORKSPACE)
        loads = agent_load.loads(cursor, WORKSPACE)
        counts = agent_load.counts(cursor, WORKSPACE, [*loads, requester])
        card = requester_card.figures(cursor, WORKSPACE, [requester])[requester]
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
