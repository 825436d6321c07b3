"""Many commands at once: streams read set-wise, each command with its own answer."""

import asyncio
from uuid import uuid4

import pytest

from domain.errors import Refusal
from domain.ticket.commands import CloseTicket, ReplyToTicket, TagTicket
from domain.ticket.state import TicketNotOpen, UnknownTicket
from eventstore.desk import PAGE, Receipt
from eventstore.snapshots import EVERY
from tests.desks import an_office


@pytest.fixture
async def office(database_url):
    async with an_office(database_url) as office:
        yield office


async def test_each_command_gets_its_own_answer(office):
    for number in ("T-1", "T-2", "T-3"):
        await office.ticket(number)
    await office.do(CloseTicket, number="T-2")
    wishes = [office.command(TagTicket, number=number, add={"vip"}) for number in ("T-1", "T-2", "T-3", "T-4")]
    done, closed, also, missing = await office.desk.execute_all(wishes)
    assert [type(done), type(also)] == [Receipt, Receipt]
    assert isinstance(closed, TicketNotOpen)
    assert isinstance(missing, UnknownTicket)
    again = await office.desk.execute_all(wishes)
    assert [answer.repeated for answer in again if isinstance(answer, Receipt)] == [True, True]


async def test_more_than_a_page_and_none_at_all(office):
    numbers = [f"T-{n}" for n in range(PAGE + 3)]
    answers = await office.desk.execute_all([office.command(TagTicket, number=n, add={"x"}) for n in numbers])
    assert all(isinstance(answer, UnknownTicket) for answer in answers)
    assert len(answers) == len(numbers)
    assert await office.desk.execute_all([]) == []


async def test_what_another_changed_meanwhile_is_read_again(office):
    await office.ticket("T-1")
    stale = await office.desk.streams.load_many(
        office.workspace, "ticket", [office.command(TagTicket, number="T-1").stream_id]
    )
    await office.do(TagTicket, number="T-1", add={"first"})
    command = office.command(TagTicket, number="T-1", add={"second"})
    (answer,) = await office.desk._page([(command.stream_id, command)], stale)
    assert isinstance(answer, Receipt)
    assert answer.version == 3


async def test_long_streams_begin_at_their_snapshot_and_content_is_open(office):
    await office.ticket("T-1", title="Long")
    for _ in range(EVERY):
        await office.do(ReplyToTicket, number="T-1", body="still here")
    stream = office.command(TagTicket, number="T-1").stream_id
    (loaded,) = (await office.desk.streams.load_many(office.workspace, "ticket", [stream])).values()
    alone = await office.desk.streams.load(office.workspace, "ticket", stream)
    assert (loaded.state, loaded.version) == (alone.state, alone.version)
    assert (loaded.version, loaded.state.title, loaded.state.replies) == (EVERY + 1, "Long", EVERY)


async def test_a_long_stream_gets_its_snapshot_here_too(office, database):
    await office.ticket("T-1")
    for n in range(EVERY - 2):
        await office.do(ReplyToTicket, number="T-1", body=f"still here {n}")
    wish = office.command(TagTicket, number="T-1", add={"one", "two"})
    (answer,) = await office.desk.execute_all([wish])
    assert answer.version == EVERY + 1
    await asyncio.gather(*office.desk._background)
    assert database.execute("SELECT version FROM log.snapshots").fetchall() == [(EVERY + 1,)]


async def test_a_state_that_was_remembered_is_read_again_afterwards(office):
    await office.ticket("T-1")
    await office.do(TagTicket, number="T-1", add={"first"})
    await office.desk.execute_all([office.command(TagTicket, number="T-1", add={"second"})])
    command = office.command(TagTicket, number="T-1")
    recalled = await office.desk.recalled(office.workspace, "ticket", command.stream_id)
    assert recalled.state.tags == {"first", "second"}


async def test_other_workspaces_streams_are_not_there(office, database_url):
    await office.ticket("T-1")
    async with an_office(database_url, "other") as other:
        wish = other.command(TagTicket, number="T-1", add={"x"}, command_id=uuid4())
        stream = office.command(TagTicket, number="T-1").stream_id
        (loaded,) = (await other.desk.streams.load_many(other.workspace, "ticket", [stream])).values()
        assert loaded.version == 0
        (answer,) = await other.desk.execute_all([wish])
        assert isinstance(answer, Refusal)
