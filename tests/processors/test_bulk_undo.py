"""A bulk change taken back: every ticket is what it was, but those that somebody has changed since."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.ticket.commands import ChangePriority, CloseTicket, NoteOnTicket
from domain.ticket.state import Ticket
from domain.values import Priority
from processors.jobs import bulk_undo
from processors.jobs.bulk_undo import BulkNotUndoable, must_be_undoable
from projections.ticket_list import TicketList
from tests.desks import Office
from tests.processors.jobs import asked, at_work, ended, found, items
from tests.processors.test_bulk_jobs import ALL, opened
from tests.projections.tables import built


async def states(office: Office, numbers: list[str]) -> dict[str, Ticket]:
    """The tickets as they are."""
    streams = [office.command(CloseTicket, number=number).stream_id for number in numbers]
    loaded = await office.desk.streams.load_many(office.workspace, "ticket", streams)
    return {each.state.number: each.state for each in loaded.values()}


async def changed(office: Office, url: str, actions: list[dict[str, Any]]) -> UUID:
    """A bulk change, done."""
    built(url, TicketList())
    job = await asked(office, "bulk", actions=actions, condition=ALL)
    state = await ended(url, job)
    assert state["state"] == "done", state
    return job


async def undone(office: Office, url: str, bulk: UUID) -> dict[str, Any]:
    must_be_undoable(found(url, bulk))
    return await ended(url, await asked(office, "bulk_undo", bulk_id=str(bulk)))


async def test_every_ticket_is_what_it_was(office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_undo, "PAGE", 3)
    numbers = await opened(office, 10, tags=("printer",))
    await office.do(ChangePriority, number="T-5", priority=Priority.URGENT)
    before = await states(office, numbers)
    person = office.person.id
    with at_work(database_url):
        actions: list[dict[str, Any]] = [
            {"do": "add_tags", "tags": ["vip"]},
            {"do": "assign", "to": {"person": person}},
            {"do": "set_priority", "priority": "urgent"},
            {"do": "set_field", "field": "floor", "value": 3},
            {"do": "set_status", "status": "open"},
            {"do": "pin"},
        ]
        bulk = await changed(office, database_url, actions)
        assert (await states(office, numbers))["T-1"].tags == {"printer", "vip"}
        state = await undone(office, database_url, bulk)
    assert (state["state"], state["total"], state["done"]) == ("done", 10, 10)
    assert await states(office, numbers) == before


async def test_what_was_changed_since_is_left_as_it_is(office: Office, database_url: str) -> None:
    numbers = await opened(office, 4)
    with at_work(database_url):
        bulk = await changed(office, database_url, [{"do": "set_priority", "priority": "high"}])
        await office.do(ChangePriority, number="T-2", priority=Priority.LOW)
        await office.do(NoteOnTicket, number="T-3", body="Not of the same thing.")
        job = await asked(office, "bulk_undo", bulk_id=str(bulk))
        await ended(database_url, job)
        again = await asked(office, "bulk_undo", bulk_id=str(bulk))
        await ended(database_url, again)
    assert {item: code for item, _, code, _ in items(database_url, job)} == {
        "T-1": None,
        "T-2": "changed_since",
        "T-3": None,
        "T-4": None,
    }
    assert {code for _, _, code, _ in items(database_url, again)} == {"changed_since"}
    now = await states(office, numbers)
    assert [now[number].priority for number in numbers] == ["normal", "low", "normal", "normal"]


async def test_tickets_on_which_nothing_changed_are_left_out(office: Office, database_url: str) -> None:
    await opened(office, 2)
    await office.do(ChangePriority, number="T-1", priority=Priority.HIGH)
    with at_work(database_url):
        bulk = await changed(office, database_url, [{"do": "set_priority", "priority": "high"}])
        state = await undone(office, database_url, bulk)
    assert (state["total"], state["done"]) == (1, 1)
    assert (await states(office, ["T-1"]))["T-1"].priority == "high"


async def test_assignments_are_taken_back_too(office: Office, database_url: str) -> None:
    numbers = await opened(office, 3)
    before = await states(office, numbers)
    built(database_url, TicketList())
    with at_work(database_url):
        job = await asked(office, "bulk_assign", condition=ALL, people=[office.person.id])
        assert (await ended(database_url, job))["done"] == 3
        assert (await undone(office, database_url, job))["done"] == 3
    assert await states(office, numbers) == before


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ({"kind": "export", "finished_at": 1}, "no bulk change"),
        ({"kind": "bulk", "finished_at": None}, "goes on still"),
        ({"kind": "bulk", "finished_at": 1, "parameters": {"actions": [{"do": "delete", "reason": "x"}]}}, "delete"),
    ],
)
def test_what_cannot_be_taken_back_is_said_before(job: dict[str, Any], reason: str) -> None:
    with pytest.raises(BulkNotUndoable, match=reason):
        must_be_undoable({"job_id": uuid4(), **job})
