"""Bulk assignment: in turn, by quotas or evenly, and who was faster keeps their ticket."""

from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.permissions import RoleName
from domain.ticket.commands import AssignTicket, CloseTicket
from domain.values import Assignee, Priority
from domain.workspace import AddPerson
from processors.jobs import bulk_assign
from processors.jobs.bulk_assign import AssignmentsAsked
from projections.ticket_list import TicketList
from tests.desks import Office
from tests.processors.jobs import asked, at_work, ended, items
from tests.processors.test_bulk_jobs import opened
from tests.projections.tables import built

UNASSIGNED = {"field": "assignee_person", "op": "is_not_set"}


@pytest.fixture
async def people(office: Office) -> list[UUID]:
    """Three agents."""
    ids = [uuid4() for _ in range(3)]
    for person in ids:
        await office.do(AddPerson, person_id=person, person_name="Agent", role=RoleName.AGENT)
    return ids


async def handlers(office: Office, numbers: list[str]) -> dict[str, UUID | None]:
    """Who has each ticket."""
    streams = [office.command(CloseTicket, number=number).stream_id for number in numbers]
    states = await office.desk.streams.load_many(office.workspace, "ticket", streams)
    return {loaded.state.number: loaded.state.assignee.person for loaded in states.values()}


async def assigned(office: Office, url: str, **wanted: Any) -> dict[str, Any]:
    """The job, done."""
    built(url, TicketList())
    with at_work(url):
        state = await ended(url, await asked(office, "bulk_assign", condition=UNASSIGNED, **wanted))
    assert state["state"] == "done", state
    return state


async def test_each_gets_their_number_in_turn_and_the_rest_remains(
    office: Office, database_url: str, people: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_assign, "PAGE", 2)
    numbers = await opened(office, 7)
    quotas = [{"person": str(person), "tickets": n} for person, n in zip(people, (1, 3, 1), strict=True)]
    state = await assigned(office, database_url, quotas=quotas, order="number")
    ann, bob, cid = people
    assert list((await handlers(office, numbers)).values()) == [ann, bob, cid, bob, bob, None, None]
    assert state["result"]["remaining"] == 2
    assert [each["tickets"] for each in state["result"]["assigned"]] == [1, 3, 1]
    assert (state["total"], state["done"]) == (5, 5)


async def test_evenly_in_the_order_of_a_list(office: Office, database_url: str, people: list[UUID]) -> None:
    numbers = await opened(office, 5)
    await office.ticket("U-1", priority=Priority.URGENT)
    state = await assigned(office, database_url, people=[str(p) for p in people], total=4, order="-priority,number")
    has = await handlers(office, [*numbers, "U-1"])
    assert has["U-1"] == people[0]
    assert Counter(has.values()) == {people[0]: 2, people[1]: 1, people[2]: 1, None: 2}
    assert state["result"]["remaining"] == 2


async def test_who_was_refused_a_ticket_gets_another(
    office: Office, database_url: str, people: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_assign, "PAGE", 2)
    numbers = await opened(office, 5)
    built(database_url, TicketList())
    # Not in the list yet: one is closed and another was taken.
    await office.do(CloseTicket, number="T-1")
    await office.do(AssignTicket, number="T-2", to=Assignee(person=people[2]))
    with at_work(database_url):
        quotas = [{"person": str(people[0]), "tickets": 2}, {"person": str(people[1]), "tickets": 1}]
        job = await asked(office, "bulk_assign", condition=UNASSIGNED, quotas=quotas, order="number")
        state = await ended(database_url, job)
    has = await handlers(office, numbers)
    assert Counter(has.values()) == {people[0]: 2, people[1]: 1, people[2]: 1, None: 1}
    assert has["T-2"] == people[2]
    assert [(item, code) for item, _, code, _ in items(database_url, job) if code] == [
        ("T-1", "version_conflict"),
        ("T-2", "version_conflict"),
    ]
    assert (state["done"], state["failed"]) == (3, 2)


async def test_after_a_crash_the_remaining_quotas_go_on(
    office: Office, database_url: str, people: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_assign, "PAGE", 3)
    numbers = await opened(office, 10)
    built(database_url, TicketList())
    died = iter([False, False, True])
    whole = bulk_assign._after

    def dying(*page: Any) -> dict[str, Any]:
        # The second page is executed, and is not recorded.
        if next(died, False):
            raise ZeroDivisionError
        return whole(*page)

    monkeypatch.setattr(bulk_assign, "_after", dying)
    quotas = [{"person": str(people[0]), "tickets": 4}, {"person": str(people[1]), "tickets": 4}]
    with at_work(database_url):
        state = await ended(
            database_url, await asked(office, "bulk_assign", condition=UNASSIGNED, quotas=quotas, order="number")
        )
    assert Counter((await handlers(office, numbers)).values()) == {people[0]: 4, people[1]: 4, None: 2}
    assert (state["done"], state["result"]["remaining"]) == (8, 2)


def test_the_plan_says_what_each_would_get(people: list[UUID]) -> None:
    wanted = AssignmentsAsked(condition={"all": []}, people=people, total=7)
    assert [tickets for _, tickets in wanted.planned(100)] == [3, 2, 2]
    assert [tickets for _, tickets in wanted.planned(4)] == [2, 1, 1]
    quotas = [{"person": people[0], "tickets": 3}, {"person": people[1], "tickets": 1}]
    by_quota = AssignmentsAsked(condition={"all": []}, quotas=quotas)
    assert [tickets for _, tickets in by_quota.planned(2)] == [1, 1]
    assert [tickets for _, tickets in by_quota.planned(100)] == [3, 1]
