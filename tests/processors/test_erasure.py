"""Erasures that were interrupted between any two steps are ended by the process, once."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow
from structlog.testing import capture_logs

from domain.organisation import AddOrganisation, EraseOrganisation
from domain.requester import EraseRequester, RegisterRequester
from domain.ticket.commands import ConfirmTicketErasure, EraseTicket, NoteOnTicket
from domain.ticket.events import TicketErasureRequested
from eventstore.append import Appender
from eventstore.desk import Desk
from eventstore.erasure import erase
from eventstore.feed import decode_page, read_page
from eventstore.keyring import Keyring
from eventstore.stamp import stamp
from processors import runner
from tests.desks import MASTER, Office
from tests.waiting import wait_until

Db = psycopg.Connection[TupleRow]


@pytest.fixture
def start(database_url: str) -> Iterator[Callable[[], None]]:
    """Starts the processes as another process of the desk would run them."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start_one() -> None:
        threads.append(threading.Thread(target=runner.run, args=(database_url, Keyring(MASTER), stop)))
        threads[-1].start()

    yield start_one
    stop.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def topics(database: Db, stream: Any) -> list[str]:
    rows = database.execute(
        "SELECT topic FROM log.stored_events WHERE originator_id = %s ORDER BY originator_version", [stream]
    )
    return [row[0] for row in rows]


def come_as_far_as_the_log(database: Db) -> bool:
    return database.execute(
        "SELECT (SELECT max(notification_id) FROM log.stored_events) ="
        " (SELECT notification_id FROM log.notification_tracking WHERE application_name = 'erasure')"
    ).fetchone() == (True,)


def destroyed(database: Db, subject: Any) -> bool:
    row = database.execute("SELECT wrapped IS NULL FROM vault.keys WHERE subject_id = %s", [subject]).fetchone()
    return row == (True,)


async def asked(office: Office) -> None:
    await office.do(EraseTicket, number="T-1", reason="asked")


async def asked_and_destroyed(office: Office) -> None:
    receipt = await office.do(EraseTicket, number="T-1", reason="asked")
    await office.desk.vault.destroy_key(office.workspace, receipt.stream_id)


async def done(office: Office) -> None:
    await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked"))


@pytest.mark.parametrize("steps", [asked, asked_and_destroyed, done])
async def test_a_process_ends_what_was_begun(
    office: Office, database: Db, start: Callable[[], None], steps: Callable[[Office], Awaitable[None]]
) -> None:
    ticket = (await office.ticket()).stream_id
    await steps(office)
    start()
    wait_until(lambda: come_as_far_as_the_log(database))
    assert topics(database, ticket) == ["ticket.opened", "ticket.erasure_requested", "ticket.erased"]
    assert destroyed(database, ticket)


async def test_a_request_that_comes_while_it_runs_is_ended(
    office: Office, database: Db, start: Callable[[], None]
) -> None:
    start()
    requester = uuid4()
    await office.do(RegisterRequester, requester_id=requester, requester_name="王小明")
    await office.do(EraseRequester, requester_id=requester, reason="asked")
    wait_until(lambda: destroyed(database, requester))
    wait_until(lambda: topics(database, requester)[-1] == "requester.erased")
    company = uuid4()
    await office.do(AddOrganisation, organisation_id=company, organisation_name="示例公司")
    await office.do(EraseOrganisation, organisation_id=company, reason="asked")
    wait_until(lambda: topics(database, company)[-1] == "organisation.erased")
    assert destroyed(database, company)


async def test_two_owners_and_lost_connections_end_it_once(
    office: Office, database: Db, superuser_url: str, start: Callable[[], None]
) -> None:
    start()
    start()
    for number in range(6):
        ticket = await office.ticket(f"T-{number}")
        await office.do(EraseTicket, number=f"T-{number}", reason="asked")
        with psycopg.connect(superuser_url, autocommit=True) as db:
            db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name IN ('ledgerdesk-erasure', 'ledgerdesk-feed')"
            )
    wait_until(lambda: come_as_far_as_the_log(database))
    ended = database.execute("SELECT count(*) FROM log.stored_events WHERE topic = 'ticket.erased'").fetchone()
    assert ended == (6,)
    assert destroyed(database, ticket.stream_id)


async def test_the_checkpoint_waits_for_the_commands(
    office: Office, database: Db, start: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    perform, failures = runner.PROCESSES[0].perform, iter([True, True])

    async def failing(*given: Any) -> None:
        if next(failures, False):
            raise psycopg.OperationalError("the power is gone")
        await perform(*given)

    monkeypatch.setattr(runner.PROCESSES[0], "perform", failing)
    ticket = (await office.ticket()).stream_id
    await asked(office)
    start()
    wait_until(lambda: come_as_far_as_the_log(database))
    assert destroyed(database, ticket)


class Impatient(threading.Event):
    """Never waits, notes how long it was to; sets itself once that was the longest, or for good."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None and timeout != runner.LEASE_PAUSE:
            self.pauses.append(timeout)
        if runner.LONGEST_PAUSE in self.pauses or len(self.pauses) > 20:
            self.set()
        return self.is_set()


async def test_a_process_whose_world_is_away_rests_longer_and_longer(
    office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise OSError("no way to the files")

    monkeypatch.setattr(runner.PROCESSES[0], "react", broken)
    await office.ticket()
    await asked(office)
    stop = Impatient()
    await asyncio.to_thread(runner.run, database_url, Keyring(MASTER), stop, runner.PROCESSES[:1])
    assert stop.pauses == sorted(stop.pauses)
    assert stop.pauses[-1] == runner.LONGEST_PAUSE


async def test_a_mistake_of_ours_waits_for_somebody_and_others_are_erased(
    office: Office, database: Db, start: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    perform, bad = runner.PROCESSES[0].perform, (await office.ticket("T-1")).stream_id

    async def failing(desk: Desk, command: Any) -> None:
        if command.stream_id == bad:
            raise ValueError("a mistake of ours")
        await perform(desk, command)

    good = (await office.ticket("T-2")).stream_id
    with monkeypatch.context() as broken:
        broken.setattr(runner.PROCESSES[0], "perform", failing)
        for number in ("T-1", "T-2"):
            await office.do(EraseTicket, number=number, reason="asked")
        start()
        wait_until(lambda: come_as_far_as_the_log(database))
        assert (destroyed(database, bad), destroyed(database, good)) == (False, True)
    select = "SELECT letter_id, error, state FROM processes.dead_letters"
    ((letter, error, _),) = database.execute(select).fetchall()
    assert error == "ValueError"
    database.execute("SELECT processes.resolve(%s, %s, 'retry', '{}')", [office.workspace, letter])
    wait_until(lambda: destroyed(database, bad))
    wait_until(lambda: database.execute(select).fetchall() == [(letter, "ValueError", "done")])


async def test_other_events_move_the_checkpoint_too(office: Office, database: Db, start: Callable[[], None]) -> None:
    await office.ticket()
    await office.do(NoteOnTicket, number="T-1", body="nothing to erase")
    start()
    wait_until(lambda: come_as_far_as_the_log(database))


async def test_the_reaction_is_the_same_every_time(office: Office, database: Db) -> None:
    await office.ticket()
    await asked(office)
    with database.cursor() as db:
        request = decode_page(db, Keyring(MASTER), read_page(db, 0))[-1]
    loaded = await office.desk.state(office.workspace, "ticket", request.stream_id)
    process = runner.PROCESSES[0]
    (command,) = process.react(request, loaded.state)
    assert [command] == list(process.react(request, loaded.state))
    assert isinstance(command, ConfirmTicketErasure)
    assert (command.causation_id, command.on_behalf_of) == (request.metadata.event_id, office.person)


async def test_what_a_newer_release_wrote_is_waited_for_not_skipped(
    office: Office, database: Db, database_url: str, start: Callable[[], None]
) -> None:
    stream = (await office.ticket()).stream_id
    before = await office.desk.state(office.workspace, "ticket", stream)
    command = office.command(EraseTicket, number="T-1", reason="asked")
    call, _ = stamp(office.desk.keyring, command, stream, before, [TicketErasureRequested(reason="asked")])
    newer = [
        each._replace(state=each.state.replace(b'"class_version":1', b'"class_version":9')) for each in call.events
    ]
    async with Appender(database_url) as appender:
        await appender.append(call._replace(events=newer))
    with capture_logs() as logs:
        start()
        wait_until(lambda: any(entry["event"] == "process.failed" for entry in logs))
    assert not come_as_far_as_the_log(database)
    assert not destroyed(database, stream)
