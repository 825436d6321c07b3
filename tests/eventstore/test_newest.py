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
from eventstore.newest import Newest, following
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
    rests: list[bool] = []
    with capture_logs() as said, following(database_url, threading.Event()) as found:
        await until(lambda: found.after(2**61) is None)
        monkeypatch.setattr(threading.Condition, "wait_for", lambda _, true, __: rests.append(not true()))
        found.wait(1, 600)
    assert rests == [True]
    assert [(each["event"], each["error"]) for each in said] == [("newest.failed", "RuntimeError")]


async def test_a_page_does_not_end_within_a_command(office: Office, database: Db) -> None:
    with database.cursor() as db:
        every, first = read_page(db, 0), read_whole(db, 0, 1)
    commands = [command_of(row) for row in every]
    assert len(first) > 1
    assert commands[len(first) - 1] not in commands[len(first) :]
