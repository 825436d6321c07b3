"""A desk on which much happens, and a list that follows it."""

import random
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.command import Command
from domain.errors import Refusal
from domain.event import Actor
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
from domain.values import Assignee, Priority
from eventstore.feed import read_page
from projections import builds
from projections.apply import apply_rows
from projections.ticket_list import TicketList
from tests.desks import Office
from tests.projections.tables import KEYRING, live, working


async def busy(office: Office, requester: UUID) -> None:
    """Eighty random things on nine tickets; what the state refuses is left out."""
    chance, person = random.Random(4), UUID(office.person.id)
    customer = Actor(kind="requester", id=str(requester))
    for n in range(9):
        await office.ticket(f"T-{n}", tags=("a", "b") if n % 2 else (), requester_id=requester if n % 3 else None)
    for _ in range(80):
        doing: list[tuple[type[Command], dict[str, Any]]] = [
            (AssignTicket, {"to": Assignee(person=chance.choice([person, None]))}),
            (ChangePriority, {"priority": chance.choice(list(Priority))}),
            (CloseTicket, {}),
            (ReopenTicket, {}),
            (ResolveTicket, {}),
            (ConfirmTicket, {}),
            (RateTicket, {"stars": chance.randint(1, 5), "by": customer}),
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
        kind, fields = chance.choice(doing)
        about: dict[str, Any] = {} if kind is RenameTag else {"number": f"T-{chance.randrange(9)}"}
        try:
            await office.do(kind, **about, **fields)
        except (Refusal, ValueError):
            continue
    await office.do(EraseTicket, number="T-1", reason="asked")
    for stars in (4, 5):
        await office.ticket(f"R-{stars}", requester_id=requester)
        await office.do(ResolveTicket, number=f"R-{stars}")
        await office.do(ConfirmTicket, number=f"R-{stars}")
        await office.do(RateTicket, number=f"R-{stars}", stars=stars, by=customer)


def follow(url: str, pages_of: int) -> None:
    """Bring the live list to the end of the log in small pages, so that most change what is there."""
    model = TicketList()
    with closing(working(url)) as db:
        build = live(db, model)
        builds.enter(db.cursor(), build)
        while rows := read_page(db.cursor(), build.position, pages_of):
            build = apply_rows(model, KEYRING, db, build, rows)
