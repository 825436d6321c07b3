"""Executing commands: decided on what is, recorded once, refused only on what is."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow

from domain.errors import CommandIdReused, NotAllowed, VersionConflict
from domain.event import Actor
from domain.requester import EraseRequester, RegisterRequester
from domain.setup.staff import SetLoadLimit
from domain.ticket.commands import (
    ChangePriority,
    CloseTicket,
    MoveTicket,
    NoteOnTicket,
    OpenTicket,
    ReopenTicket,
    ReplyToTicket,
    ResolveTicket,
    TagTicket,
)
from domain.ticket.decisions import TicketNumberTaken
from domain.ticket.handling import ClaimTicket, LoadLimitReached
from domain.ticket.state import TicketNotOpen, UnknownTicket
from domain.values import Priority, StatusKind
from domain.workspace import AddPerson, AddStatus, ChangeRole
from eventstore import desk as desk_module
from eventstore.append import Answer, Appender, Call
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from tests.desks import MASTER, Office

Db = psycopg.Connection[TupleRow]


@pytest.fixture
async def elsewhere(office: Office, database_url: str) -> AsyncIterator[Office]:
    """The same office in another process."""
    async with Desk(database_url, Keyring(MASTER)) as desk:
        yield office.colleague(desk)


def versions(database: Db, stream: object) -> list[int]:
    rows = database.execute(
        "SELECT originator_version FROM log.stored_events WHERE originator_id = %s ORDER BY notification_id", [stream]
    )
    return [row[0] for row in rows]


async def test_a_repeat_gets_the_first_answer_also_after_later_changes(office: Office) -> None:
    await office.ticket()
    command = office.command(ResolveTicket, number="T-1")
    first = await office.desk.execute(command)
    assert await office.desk.execute(command) == type(first)(
        first.stream_id, first.version, first.position, first.events, repeated=True
    )
    await office.do(CloseTicket, number="T-1")
    repeat = await office.desk.execute(command)
    assert (repeat.version, repeat.position, repeat.repeated) == (first.version, first.position, True)


async def test_a_repeat_is_answered_in_another_process(office: Office, elsewhere: Office) -> None:
    await office.ticket()
    command = office.command(CloseTicket, number="T-1")
    first = await office.desk.execute(command)
    repeat = await elsewhere.desk.execute(command)
    assert (repeat.version, repeat.repeated) == (first.version, True)


async def test_a_new_ticket_that_is_sent_twice_is_one_ticket(office: Office, elsewhere: Office) -> None:
    command = office.command(OpenTicket, title="once")
    first, second = await asyncio.gather(office.desk.execute(command), elsewhere.desk.execute(command))
    third = await elsewhere.desk.execute(command)
    assert first.stream_id == second.stream_id == third.stream_id
    assert first.number == second.number == third.number
    assert sorted([first.repeated, second.repeated]) == [False, True]


async def test_the_same_id_for_something_else_is_refused(office: Office) -> None:
    await office.ticket()
    command = office.command(NoteOnTicket, number="T-1", body="one")
    await office.desk.execute(command)
    with pytest.raises(CommandIdReused):
        await office.desk.execute(command.model_copy(update={"body": "two"}))
    with pytest.raises(CommandIdReused):
        await office.do(ReplyToTicket, number="T-1", body="one", command_id=command.command_id)


async def test_a_command_that_changes_nothing_is_recorded_as_answered(office: Office, elsewhere: Office) -> None:
    receipt = await office.ticket()
    command = office.command(ChangePriority, number="T-1", priority=Priority.NORMAL)
    nothing = await office.desk.execute(command)
    assert (nothing.version, nothing.events) == (receipt.version, 0)
    await office.do(ChangePriority, number="T-1", priority=Priority.HIGH)
    repeat = await elsewhere.desk.execute(command)
    assert (repeat.version, repeat.events, repeat.repeated) == (receipt.version, 0, True)


async def test_what_changes_nothing_is_decided_on_what_is(office: Office, elsewhere: Office) -> None:
    await office.ticket()
    await elsewhere.do(TagTicket, number="T-1", add={"vip"})
    await office.do(TagTicket, number="T-1", remove={"vip"})
    again = await elsewhere.do(TagTicket, number="T-1", add={"vip"})
    assert again.events == 1


async def test_what_another_process_did_is_looked_at_before_the_log_is_asked(
    office: Office, elsewhere: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.ticket()
    await office.do(ReplyToTicket, number="T-1", body="mine")
    await elsewhere.do(ReplyToTicket, number="T-1", body="theirs")
    verdicts: list[str] = []
    append = Appender.append

    async def noted(appender: Appender, call: Call) -> Answer:
        answer = await append(appender, call)
        verdicts.append(answer.verdict)
        return answer

    monkeypatch.setattr(Appender, "append", noted)
    await office.do(ReplyToTicket, number="T-1", body="mine again")
    assert verdicts == ["done"]


async def test_two_processes_race_and_every_version_has_one_winner(
    office: Office, elsewhere: Office, database: Db
) -> None:
    receipt = await office.ticket()
    notes = [who.do(NoteOnTicket, number="T-1", body=f"{n}") for n in range(25) for who in (office, elsewhere)]
    receipts = await asyncio.gather(*notes)
    assert sorted(each.version for each in receipts) == list(range(2, 52))
    assert versions(database, receipt.stream_id) == list(range(1, 52))


async def test_of_two_who_claim_the_same_thing_one_learns_that_it_is_done(office: Office, elsewhere: Office) -> None:
    await office.ticket()
    await elsewhere.do(NoteOnTicket, number="T-1", body="now both remember it")
    closed = await asyncio.gather(
        office.do(CloseTicket, number="T-1"), elsewhere.do(CloseTicket, number="T-1"), return_exceptions=True
    )
    assert sum(not isinstance(each, Exception) for each in closed) >= 1
    loaded = await office.desk.state(
        office.workspace, "ticket", (await office.do(ReopenTicket, number="T-1")).stream_id
    )
    assert loaded.version == 4


async def test_a_stale_expected_version_is_refused_and_says_what_is(office: Office, elsewhere: Office) -> None:
    await office.ticket()
    await elsewhere.do(NoteOnTicket, number="T-1", body="I was here")
    with pytest.raises(VersionConflict) as refused:
        await office.do(NoteOnTicket, number="T-1", body="me too", expected_version=1)
    assert refused.value.fields == {"seen": 1, "actual": 2}
    assert (await office.do(NoteOnTicket, number="T-1", body="me too", expected_version=2)).version == 3


async def test_an_expected_version_that_others_made_is_found(office: Office, elsewhere: Office) -> None:
    await office.ticket()
    await office.do(NoteOnTicket, number="T-1", body="remembered at 2")
    await elsewhere.do(NoteOnTicket, number="T-1", body="3 elsewhere")
    assert (await office.do(NoteOnTicket, number="T-1", body="seen 3", expected_version=3)).version == 4


async def test_a_refusal_never_rests_on_an_old_state(office: Office, elsewhere: Office) -> None:
    await office.ticket()
    await office.do(CloseTicket, number="T-1")
    with pytest.raises(TicketNotOpen):
        await office.do(ReplyToTicket, number="T-1", body="hello?")
    await elsewhere.do(ReopenTicket, number="T-1")
    assert (await office.do(ReplyToTicket, number="T-1", body="hello!")).version == 4


async def test_a_refusal_never_rests_on_an_old_catalogue(office: Office, elsewhere: Office) -> None:
    await office.ticket()
    await elsewhere.ticket("T-2")
    await elsewhere.do(AddStatus, key="waiting", title="Waiting for parts", kind=StatusKind.PENDING)
    await office.do(MoveTicket, number="T-1", status="waiting")
    bob = uuid4()
    await elsewhere.do(AddPerson, person_id=bob, person_name="Bob", role="auditor")
    as_bob = {"by": Actor(kind="person", id=str(bob))}
    with pytest.raises(NotAllowed):
        await office.do(NoteOnTicket, number="T-1", body="may I?", **as_bob)
    await elsewhere.do(ChangeRole, person_id=bob, role="agent")
    await office.do(NoteOnTicket, number="T-1", body="now I may", **as_bob)


async def test_a_success_rests_on_the_newest_set_up(office: Office, elsewhere: Office) -> None:
    numbers = [f"T-{n}" for n in range(3)]
    for number in numbers:
        await office.ticket(number)
        await elsewhere.do(NoteOnTicket, number=number, body="remembered, and who works here too")
    await office.do(SetLoadLimit, person_id=UUID(office.person.id), limit=1)
    for number in numbers:
        with pytest.raises(LoadLimitReached):
            await elsewhere.do(ClaimTicket, number=number, load=1)
    await office.do(SetLoadLimit, person_id=UUID(office.person.id), limit=2)
    await elsewhere.do(ClaimTicket, number="T-0", load=1)
    await office.do(SetLoadLimit, person_id=UUID(office.person.id), limit=1)
    claims = [elsewhere.command(ClaimTicket, number=number, load=1) for number in numbers[1:]]
    answers = await elsewhere.desk.execute_all(claims)
    assert [type(each) for each in answers] == [LoadLimitReached, LoadLimitReached]


async def test_a_ticket_that_was_opened_elsewhere_is_there(office: Office, elsewhere: Office) -> None:
    with pytest.raises(UnknownTicket):
        await office.do(NoteOnTicket, number="T-1", body="not yet")
    await elsewhere.ticket()
    await office.do(NoteOnTicket, number="T-1", body="now")


async def test_a_taken_number_is_refused_and_a_free_one_found(office: Office, elsewhere: Office) -> None:
    first = await office.do(OpenTicket, title="numbered by us")
    assert first.number is not None
    with pytest.raises(TicketNumberTaken):
        await elsewhere.ticket(first.number)
    for taken in range(int(first.number) + 1, int(first.number) + 4):
        await elsewhere.ticket(str(taken))
    later = await office.do(OpenTicket, title="the next one")
    assert int(str(later.number)) > taken


async def test_thousands_of_imported_numbers_keep_no_new_ticket_waiting(office: Office) -> None:
    first = await office.do(OpenTicket, title="numbered by us")
    imported = [str(int(str(first.number)) + place) for place in range(1, 201)]
    await office.desk.execute_all([office.command(OpenTicket, title="imported", number=each) for each in imported])
    later = await office.do(OpenTicket, title="the next one")
    assert str(later.number) not in imported


async def test_what_no_append_checks_is_not_remembered_for_long(
    office: Office, elsewhere: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = uuid4()
    await office.do(RegisterRequester, requester_id=customer, requester_name="Cleo")
    await office.desk.recalled(office.workspace, "requester", customer)
    await elsewhere.do(EraseRequester, requester_id=customer, reason="asked")
    monkeypatch.setattr(desk_module, "CATALOGUE_SECONDS", 0.0)
    assert (await office.desk.recalled(office.workspace, "requester", customer)).state.erasing


async def test_a_read_is_of_one_moment(office: Office, elsewhere: Office) -> None:
    await office.ticket()
    count = "SELECT count(*) FROM log.stored_events"
    async with office.desk.streams.bound(office.workspace) as db:
        before = await (await db.execute(count)).fetchone()
        await elsewhere.do(NoteOnTicket, number="T-1", body="meanwhile")
        assert await (await db.execute(count)).fetchone() == before
