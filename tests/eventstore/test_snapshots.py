"""Long tickets: a process that knows nothing reads a snapshot and what came after it."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow
from structlog.testing import capture_logs

from domain.event import Erased
from domain.ticket.commands import NoteOnTicket, ReplyToTicket
from domain.ticket.events import TicketNoted
from eventstore import snapshots, streams
from eventstore.append import Appender
from eventstore.database import DatabaseUnavailable
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from eventstore.stamp import stamp
from tests.desks import MASTER, Office
from tests.waiting import until

Db = psycopg.Connection[TupleRow]
LONG = 10_000


async def a_long_ticket(office: Office, url: str, events: int, at_once: int = 0) -> UUID:
    """A ticket of that many events; `at_once` of them go into the log in one piece."""
    stream = (await office.ticket()).stream_id
    if at_once:
        before = await office.desk.state(office.workspace, "ticket", stream)
        notes = [TicketNoted(message_id=uuid4(), body=f"note {n}") for n in range(at_once)]
        command = office.command(NoteOnTicket, number="T-1", body="many")
        async with Appender(url) as appender:
            await appender.append(stamp(office.desk.keyring, command, stream, before, notes)[0])
    for n in range(events - at_once - 1):
        await office.do(NoteOnTicket, number="T-1", body=f"note {n}")
    return stream


def kept_at(database: Db) -> int:
    row = database.execute("SELECT version FROM log.snapshots").fetchone()
    return int(row[0]) if row else 0


@pytest.fixture
def folded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each load had to fold."""
    counts: list[int] = []
    fold = streams.folded

    async def counting(before: Any, rows: Any, keys: Any) -> Any:
        counts.append(len(rows))
        return await fold(before, rows, keys)

    monkeypatch.setattr(streams, "folded", counting)
    return counts


async def test_a_cold_process_reads_little_of_a_long_ticket(
    office: Office, database: Db, database_url: str, folded: list[int]
) -> None:
    await a_long_ticket(office, database_url, LONG, at_once=LONG - snapshots.EVERY - 1)
    await until(lambda: kept_at(database) >= LONG - snapshots.EVERY)
    async with Desk(database_url, Keyring(MASTER)) as cold:
        folded.clear()
        receipt = await office.colleague(cold).do(ReplyToTicket, number="T-1", body="after all this time")
        assert receipt.version == LONG + 1
        assert max(folded) <= 2 * snapshots.EVERY
        state = (await cold.state(office.workspace, "ticket", receipt.stream_id)).state
    assert (state.title, state.notes, state.replies) == ("打印机坏了", LONG - 1, 1)


async def test_a_snapshot_of_another_shape_is_passed_over(
    office: Office, database: Db, database_url: str, folded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "EVERY", 10)
    stream = await a_long_ticket(office, database_url, 25)
    await until(lambda: kept_at(database) >= 10)
    async with Desk(database_url, Keyring(MASTER)) as same:
        mine = await same.state(office.workspace, "ticket", stream)
    monkeypatch.setattr(snapshots, "shape", lambda _: "of a newer release")
    async with Desk(database_url, Keyring(MASTER)) as newer:
        folded.clear()
        theirs = await newer.state(office.workspace, "ticket", stream)
    assert folded == [25]
    assert (theirs.state, theirs.version) == (mine.state, mine.version)


async def test_a_snapshot_says_what_the_events_say(
    office: Office, database: Db, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "EVERY", 10)
    stream = await a_long_ticket(office, database_url, 25)
    await until(lambda: kept_at(database) >= 10)
    async with Desk(database_url, Keyring(MASTER)) as cold:
        with_it = await cold.state(office.workspace, "ticket", stream)
    database.execute("DELETE FROM log.snapshots")
    async with Desk(database_url, Keyring(MASTER)) as cold:
        without = await cold.state(office.workspace, "ticket", stream)
    assert (with_it.state, with_it.version) == (without.state, without.version)


async def test_nothing_in_a_snapshot_can_be_read_or_moved(office: Office) -> None:
    receipt = await office.ticket()
    loaded = await office.desk.state(office.workspace, "ticket", receipt.stream_id)
    key = loaded.keys[receipt.stream_id]
    assert not isinstance(key, Erased)
    kept = snapshots.closed("ticket", receipt.stream_id, 1, loaded.state, key)
    assert "打印机".encode() not in kept
    assert snapshots.opened("ticket", receipt.stream_id, 1, kept, key) == loaded.state
    assert snapshots.opened("ticket", receipt.stream_id, 2, kept, key) is None


async def test_a_damaged_snapshot_is_passed_over(
    office: Office, database: Db, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "EVERY", 10)
    stream = await a_long_ticket(office, database_url, 25)
    await until(lambda: kept_at(database) >= 10)
    database.execute("UPDATE log.snapshots SET state = state || 'x'")
    async with Desk(database_url, Keyring(MASTER)) as cold:
        assert (await cold.state(office.workspace, "ticket", stream)).version == 25


async def test_a_snapshot_that_cannot_be_kept_fails_nobody(
    office: Office, database: Db, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(*_: object) -> None:
        raise DatabaseUnavailable(server="the log", reason="it is restarting")

    monkeypatch.setattr(snapshots, "EVERY", 2)
    monkeypatch.setattr(office.desk.vault, "put_snapshot", unavailable)
    with capture_logs() as logs:
        await a_long_ticket(office, database_url, 3)
        await until(lambda: logs)
    assert [entry["event"] for entry in logs] == ["snapshot.missed"]
    assert kept_at(database) == 0
