"""The newest stretch of the log: read and decoded once for all who follow it."""

import threading
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow
from structlog.testing import capture_logs

from domain.event import ERASED
from eventstore import feed, newest
from eventstore.feed import command_of, decode_page, read_page, read_whole
from eventstore.keyring import Keyring
from eventstore.newest import Newest, Pace, following
from tests.desks import MASTER, Office, an_office
from tests.waiting import until

Db = psycopg.Connection[TupleRow]


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    """A furnished workspace with three tickets."""
    async with an_office(database_url) as furnished:
        for number in ("T-1", "T-2", "T-3"):
            await furnished.ticket(number)
        yield furnished


def held(db: Db) -> Newest:
    found = Newest(0)
    found.add(read_page(db.cursor(), 0))
    return found


async def test_it_is_decoded_as_any_page_but_once(
    office: Office, database: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, decoded = held(database), []
    decode = feed.decode

    def counted(row: Any, keys: Any) -> Any:
        decoded.append(row.notification_id)
        return decode(row, keys)

    monkeypatch.setattr(feed, "decode", counted)
    rows = found.after(0)
    assert rows
    with database.cursor() as db:
        every = [decode_page(db, Keyring(MASTER), rows) for _ in range(3)]
        assert every[0] == every[1] == every[2]
        assert len(decoded) == len(rows)
        assert every[0] == decode_page(db, Keyring(MASTER), read_page(db, 0))


async def test_content_is_opened_for_those_alone_who_need_it(office: Office, database: Db) -> None:
    rows = [row for row in held(database).after(0) or [] if row.topic == "ticket.opened"]
    with database.cursor() as db:
        opened = decode_page(db, Keyring(MASTER), rows)
        closed = decode_page(db, Keyring(MASTER), rows, frozenset())
    assert {each.event.title for each in closed} == {ERASED}  # type: ignore[attr-defined]
    assert ERASED not in {each.event.title for each in opened}  # type: ignore[attr-defined]


async def test_who_is_further_behind_is_told_so(office: Office, database: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest, "HELD", 2)
    found = held(database)
    assert found.after(found.begin - 1) is None
    assert [row.notification_id for row in found.after(found.begin) or []] == [found.end - 1, found.end]
    assert found.after(found.end) == []


async def test_it_goes_on_by_itself_until_it_ends(office: Office, database_url: str) -> None:
    stop = threading.Event()
    with following(database_url, stop) as found:
        before = found.end
        await office.ticket("T-4")
        await until(lambda: found.after(before))
    assert found.after(before) is None


async def test_once_it_has_failed_everybody_reads_for_himself_and_rests_in_between(
    office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("PIN 4711")

    monkeypatch.setattr(newest.Feed, "looks", broken)
    rests: list[float] = []
    with capture_logs() as said, following(database_url, threading.Event()) as found:
        await until(lambda: found.after(2**61) is None)
        monkeypatch.setattr(threading.Event, "wait", lambda _, seconds: rests.append(seconds))
        found.wait(1, 600)
    assert 600 in rests
    assert [(each["event"], each["error"]) for each in said] == [("newest.failed", "RuntimeError")]


async def test_a_page_does_not_end_within_a_command(office: Office, database: Db) -> None:
    with database.cursor() as db:
        every, first = read_page(db, 0), read_whole(db, 0, 1)
    commands = [command_of(row) for row in every]
    assert len(first) > 1
    assert commands[len(first) - 1] not in commands[len(first) :]


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long those who wait were ready to, instead of waiting."""
    found: list[float] = []
    monkeypatch.setattr(threading.Event, "wait", lambda _, seconds: found.append(seconds))
    return found


async def test_nobody_is_kept_waiting_by_what_does_not_concern_him(
    office: Office, database: Db, rests: list[float]
) -> None:
    found = held(database)
    found.wait(0, 1)
    found.wait(0, 2, {"ticket.opened"})
    found.wait(0, 3, {"ticket.snoozed"})
    found.wait(found.end, 4)
    assert rests == [3, 4]


async def test_who_waits_for_something_is_woken_by_it(office: Office, database: Db) -> None:
    found, rows = Newest(0), read_page(database.cursor(), 0)
    opened = next(place for place, row in enumerate(rows) if row.topic == "ticket.opened")
    waiting = [threading.Thread(target=found.wait, args=(0, 600, {topic})) for topic in ("ticket.opened", "no.such")]
    for thread in waiting:
        thread.start()
    await until(lambda: len(found._waiting) == 2)
    found.add(rows[:opened])
    assert len(found._waiting) == 2
    found.add(rows[opened:])
    waiting[0].join(10)
    assert [thread.is_alive() for thread in waiting] == [False, True]
    found.close()
    waiting[1].join(10)
    assert not waiting[1].is_alive()


async def test_who_has_leisure_lets_more_gather_but_for_what_is_urgent(
    office: Office, database: Db, rests: list[float]
) -> None:
    found = held(database)
    pace = Pace(found, threading.Event(), 500, {"ticket.replied"})
    for _ in range(3):
        pace.wait(0, 600)
    assert [round(rest, -2) for rest in rests] == [500, 500]
    pace = Pace(found, threading.Event(), 500, {"ticket.opened"})
    for _ in range(3):
        pace.wait(0, 600)
    assert len(rests) == 2
