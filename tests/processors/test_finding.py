"""Timers see a ticket as it is; who opens nothing sees no content, and nothing is decided without what it takes."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from domain.event import ERASED
from domain.happening import Happening
from domain.ticket.commands import EditTicket, TagTicket
from domain.ticket.confidential import SetConfidential
from domain.ticket.drafting import DraftTicket
from domain.ticket.marking import SnoozeTicket
from eventstore.keyring import Keyring
from processors.finding import presents
from processors.present import Present
from processors.process import Do, Output, SetTimer, TicketProcess, Timer, because_of
from processors.waking import Waking
from tests.desks import MASTER, Office
from tests.processors.greeter import connected, done, follower, rows, work_through

Db = psycopg.Connection[TupleRow]
PUT_BACK = "INSERT INTO processes.timers (ticket_id, process, key, workspace_id, due_at, wake_at) VALUES (%s, %s, %s, %s, %s, %s)"
SOON = timedelta(minutes=1)


class Fickle(TicketProcess):
    """Goes back to the first title, which it knows by heart: it opens nothing."""

    NAME = "fickle"
    TOPICS = frozenset({"ticket.opened"})
    OPENS = frozenset()

    def react(self, happening: Happening, memory: Any) -> Iterable[Output]:
        """It comes back at once."""
        return [SetTimer(happening.after.row.ticket_id, "look", happening.at)]

    def fire(self, timer: Timer, now: Present, *given: Any) -> Iterable[Output]:
        """It is the command that looks whether there is anything to change."""
        assert now.ticket.title is ERASED
        return [Do(EditTicket(number=now.ticket.number, title="打印机坏了", **because_of(timer)))]


async def test_a_closed_ticket_is_the_same_but_for_its_content(office: Office, database_url: str) -> None:
    ticket = (await office.ticket("T-1", fields={"place": "Hall"})).stream_id
    await office.do(TagTicket, number="T-1", add={"printer"})
    with connected(database_url) as db:
        found = [
            presents(db.cursor(), Keyring(MASTER), {ticket: office.workspace}, closed) for closed in ((), {ticket})
        ]
    opened, closed = (each[ticket] for each in found)
    assert opened.loaded is not None
    assert closed.loaded is not None
    assert (closed.loaded.version, closed.loaded.state, closed.loaded.keys) == (2, closed.present.ticket, {})
    assert (opened.present.ticket.title, closed.present.ticket.title) == ("打印机坏了", ERASED)
    now, shut = opened.present.situation, closed.present.situation
    assert (now.row.title, shut.row.title, shut.row.fields) == ("打印机坏了", None, None)
    now.row.title = now.row.fields = None
    assert (now.row, now.course) == (shut.row, shut.course)


async def test_what_was_never_opened_is_not_there(office: Office, database_url: str) -> None:
    draft = (await office.do(DraftTicket, title="打印机坏了")).stream_id
    with connected(database_url) as db:
        for closed in ((), {draft}):
            assert presents(db.cursor(), Keyring(MASTER), {draft: office.workspace}, closed) == {}


async def test_what_is_decided_on_content_is_decided_on_the_opened_ticket(
    office: Office, database: Db, database_url: str
) -> None:
    await office.ticket("T-1")
    await office.ticket("T-2", title="键盘坏了")
    with connected(database_url) as db:
        work_through(db, Fickle())
    assert [(stream, topic) for stream, topic, _ in done(database, office.workspace)] == [
        ((await office.do(TagTicket, number="T-2")).stream_id, "ticket.retitled")
    ]


async def test_what_has_secrets_wakes_too(office: Office, database: Db, database_url: str) -> None:
    await office.ticket()
    await office.do(SetConfidential, number="T-1", text="Her passport")
    await office.do(SnoozeTicket, number="T-1", until=datetime.now(UTC) + SOON)
    with connected(database_url) as db:
        work_through(db, Waking())
    assert [topic for _, topic, _ in done(database, office.workspace)] == ["ticket.woken"]


async def test_a_timer_that_comes_back_leads_to_nothing_twice(office: Office, database: Db, database_url: str) -> None:
    """As after a backup of the timers alone; though by now it would be decided otherwise."""
    for number in ("T-1", "T-2"):
        await office.ticket(number)
        await office.do(SnoozeTicket, number=number, until=datetime.now(UTC) + SOON)
    with connected(database_url) as db:
        while follower(db, Waking()).step():
            pass
        kept = rows(database, "timers", "ticket_id, process, key, workspace_id, due_at, wake_at")
        work_through(db, Waking())
        await office.do(SnoozeTicket, number="T-1", until=datetime.now(UTC) + SOON)
        work_through(db, Waking())
        woken = done(database, office.workspace)
        assert [topic for _, topic, _ in woken] == ["ticket.woken"] * 3
        db.cursor().executemany(PUT_BACK, kept)
        work_through(db, Waking())
    assert done(database, office.workspace) == woken
    assert rows(database, "timers") == rows(database, "dead_letters") == []
