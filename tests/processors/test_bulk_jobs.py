"""Bulk changes as jobs: every matching ticket once, whoever dies or works beside it meanwhile."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow

from domain.permissions import Permission, RoleName
from domain.ticket.commands import CloseTicket, OpenTicket, TagTicket
from domain.workspace import AddPerson, ChangeRole
from eventstore import jobs, jobs_at_once
from eventstore.database import Role, async_pool, connect
from eventstore.identifiers import uuid7
from eventstore.jobs import Job, JobLost, Jobs, Step
from processors.jobs import bulk
from processors.jobs.bulk import Bulk
from processors.jobs.kind import Here
from projections.ticket_list import TicketList
from tests.desks import Office
from tests.processors.jobs import asked, at_work, ended, found, items, under_way
from tests.projections.tables import built

Db = psycopg.Connection[TupleRow]
TAG = [{"do": "add_tags", "tags": ["vip"]}]
# Done twice, it would show: a tag that is on goes on no more.
NOTE = [{"do": "note", "body": "Seen by the whole team."}]
ALL: dict[str, Any] = {"all": []}
NEW = {"field": "status", "op": "is", "value": "new"}
ROOT = Path(__file__).parents[2]


async def opened(office: Office, count: int, **fields: Any) -> list[str]:
    """So many tickets, T-1 and on."""
    numbers = [f"T-{n}" for n in range(1, count + 1)]
    wishes = [office.command(OpenTicket, number=number, title="打印机坏了", **fields) for number in numbers]
    await office.desk.execute_all(wishes)
    return numbers


def tagged(database: Db, tag: str = "vip") -> Counter[UUID]:
    """How often each ticket was tagged."""
    query = "SELECT originator_id, state FROM log.stored_events WHERE topic = 'ticket.tagged'"
    return Counter(stream for stream, state in database.execute(query) if f'"tag":"{tag}"'.encode() in state)


def noted(database: Db) -> Counter[UUID]:
    """How many notes each ticket has."""
    query = "SELECT originator_id FROM log.stored_events WHERE topic = 'ticket.noted'"
    return Counter(stream for (stream,) in database.execute(query))


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PAGE", 7)


async def test_all_that_match_are_changed_and_no_others(
    office: Office, database_url: str, database: Db, small_pages: None
) -> None:
    await opened(office, 30)
    await office.do(CloseTicket, number="T-3")
    built(database_url, TicketList())
    # The list does not know yet that this one is closed.
    await office.do(CloseTicket, number="T-9")
    with at_work(database_url):
        job = await asked(office, "bulk", actions=TAG, condition=NEW)
        state = await ended(database_url, job)
    assert (state["state"], state["total"], state["done"], state["failed"]) == ("done", 29, 28, 1)
    told = {item: (what, code) for item, what, code, _ in items(database_url, job)}
    assert told["T-9"] == ("failed", "ticket_closed")
    assert "T-3" not in told
    assert set(tagged(database).values()) == {1}
    assert len(tagged(database)) == 28


async def test_a_change_that_empties_its_own_filter_still_comes_to_all(
    office: Office, database_url: str, database: Db, small_pages: None
) -> None:
    await opened(office, 30)
    built(database_url, TicketList())

    class Followed(Bulk):
        """The list follows at once, and new tickets come that match."""

        async def steps(self, job: Job, here: Here) -> AsyncGenerator[Step]:
            async for step in super().steps(job, here):
                yield step
                await office.ticket(f"N-{uuid4().hex[:8]}")
                built(database_url, TicketList())

    with at_work(database_url, Followed()):
        job = await asked(office, "bulk", actions=[{"do": "set_status", "status": "open"}], condition=NEW)
        state = await ended(database_url, job)
    assert (state["total"], state["done"]) == (30, 30)
    assert Counter(item for item, *_ in items(database_url, job)).most_common(1)[0][1] == 1


async def test_a_page_whose_record_was_lost_is_done_again_without_harm(
    office: Office, database_url: str, database: Db, small_pages: None
) -> None:
    await opened(office, 20)
    built(database_url, TicketList())
    job_id = await asked(office, "bulk", actions=NOTE, condition=ALL)
    async with died_within_a_page(office, database_url, job_id, page=2) as (dying, job):
        assert len(noted(database)) == 14
        with at_work(database_url):
            state = await ended(database_url, job_id)
        with pytest.raises(JobLost):
            await dying.beat(job)
    assert (state["done"], state["failed"]) == (20, 0)
    assert set(noted(database).values()) == {1}
    assert Counter(item for item, *_ in items(database_url, job_id)) == dict.fromkeys(
        (f"T-{n}" for n in range(1, 21)), 1
    )


@asynccontextmanager
async def died_within_a_page(
    office: Office, url: str, job_id: UUID, *, page: int = 1
) -> AsyncIterator[tuple[Jobs, Job]]:
    """Its owner changed so many pages of seven, and died before it could say so of the last; the list has followed."""
    async with Jobs(url, uuid7()) as dying:
        job = await dying.claim(["bulk"])
        assert job is not None
        async with async_pool(url, Role.READER, "test", size=1) as readers:
            steps, done = Bulk().steps(job, Here(office.desk, dying, readers)), 0
            while (done := done + bool((step := await anext(steps)).items)) < page:
                await dying.record(job, step)
            await steps.aclose()
        built(url, TicketList())
        with connect(url, Role.OWNER) as db:
            db.execute("UPDATE jobs.jobs SET locked_until = now() - interval '1 s' WHERE job_id = %s", [job_id])
            yield dying, job


async def test_what_no_longer_matches_as_it_was_changed_by_an_owner_who_died_is_told_too(
    office: Office, database_url: str, small_pages: None
) -> None:
    numbers = await opened(office, 20)
    built(database_url, TicketList())
    job = await asked(office, "bulk", actions=[{"do": "set_status", "status": "open"}], condition=NEW)
    async with died_within_a_page(office, database_url, job):
        with at_work(database_url):
            state = await ended(database_url, job)
    assert (state["total"], state["done"], state["failed"]) == (20, 20, 0)
    assert sorted(item for item, *_ in items(database_url, job)) == sorted(numbers)


async def test_cancelled_after_its_owner_died_it_tells_what_was_done_and_no_more(
    office: Office, database_url: str, database: Db, small_pages: None
) -> None:
    await opened(office, 20)
    built(database_url, TicketList())
    job = await asked(office, "bulk", actions=TAG, condition=ALL)
    async with died_within_a_page(office, database_url, job):
        assert await jobs.cancel(office.desk.vault, job, office.workspace)
        with at_work(database_url):
            state = await ended(database_url, job)
            undo = await ended(database_url, await asked(office, "bulk_undo", bulk_id=str(job)))
    assert (state["state"], state["done"]) == ("cancelled", 7)
    assert (len(tagged(database)), len(items(database_url, job)), undo["done"]) == (7, 7, 7)


async def test_whose_asker_may_no_more_tells_what_was_done_and_fails(
    office: Office, database_url: str, database: Db, small_pages: None
) -> None:
    await opened(office, 20)
    built(database_url, TicketList())
    lead = uuid4()
    await office.do(AddPerson, person_id=lead, person_name="Bob", role=RoleName.LEAD)
    other = Office(office.desk, office.slug, office.person.model_copy(update={"id": str(lead)}))
    job = await asked(other, "bulk", actions=TAG, condition=ALL)
    async with died_within_a_page(office, database_url, job):
        await office.do(ChangeRole, person_id=lead, role=RoleName.AGENT)
        with at_work(database_url):
            state = await ended(database_url, job)
    assert (state["state"], state["error_code"], state["done"]) == ("failed", "not_allowed", 7)
    assert (len(tagged(database)), len(items(database_url, job))) == (7, 7)


def worker(url: str) -> "subprocess.Popen[bytes]":
    """A worker for jobs alone, as a process of its own, with pages of seven tickets."""
    code = (
        "import threading; from eventstore.keyring import Keyring; from processors.jobs import bulk, runner; "
        f"bulk.PAGE = 7; runner.run({url!r}, Keyring(b'k' * 32), threading.Event())"
    )
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)


async def test_workers_killed_in_the_middle_leave_every_ticket_changed_once(
    office: Office, database_url: str, database: Db
) -> None:
    await opened(office, 400)
    built(database_url, TicketList())
    job = await asked(office, "bulk", actions=NOTE, condition=ALL)
    for enough in (1, 100, 200):
        process = worker(database_url)
        try:
            await under_way(database_url, job, enough)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        if found(database_url, job)["finished_at"] is None:
            database.execute("UPDATE jobs.jobs SET locked_until = now() - interval '1 s' WHERE finished_at IS NULL")
    with at_work(database_url):
        state = await ended(database_url, job)
    assert (state["state"], state["done"], state["failed"]) == ("done", 400, 0)
    assert Counter(noted(database).values()) == {1: 400}
    assert Counter(item for item, *_ in items(database_url, job)).most_common(1)[0][1] == 1


async def test_two_jobs_over_the_same_tickets_both_come_to_their_end(
    office: Office, database_url: str, database: Db
) -> None:
    await opened(office, 300)
    built(database_url, TicketList())
    jobs = [
        await asked(office, "bulk", actions=[{"do": "add_tags", "tags": [tag]}], condition=ALL)
        for tag in ("one", "two")
    ]
    workers = [worker(database_url) for _ in jobs]
    try:
        states = [await ended(database_url, job) for job in jobs]
    finally:
        for process in workers:
            process.kill()
            process.wait()
    assert [(state["done"], state["failed"]) for state in states] == [(300, 0), (300, 0)]
    for tag in ("one", "two"):
        assert Counter(tagged(database, tag).values()) == {1: 300}


async def test_only_tickets_in_reach_are_changed_and_only_by_who_still_may(
    office: Office, database_url: str, database: Db
) -> None:
    await opened(office, 3)
    built(database_url, TicketList())
    agent = uuid4()
    await office.do(AddPerson, person_id=agent, person_name="Bob", role=RoleName.AGENT)
    other = Office(office.desk, office.slug, office.person.model_copy(update={"id": str(agent)}))
    with at_work(database_url):
        state = await ended(database_url, await asked(other, "bulk", actions=TAG, condition=ALL))
    assert (state["state"], state["error_code"]) == ("failed", "not_allowed")
    assert not tagged(database)


async def test_deleting_in_bulk_requests_each_erasure(office: Office, database_url: str, database: Db) -> None:
    await opened(office, 3)
    built(database_url, TicketList())
    with at_work(database_url):
        actions = [{"do": "delete", "reason": "Test tickets"}]
        state = await ended(database_url, await asked(office, "bulk", actions=actions, condition=ALL))
    assert state["done"] == 3
    query = "SELECT count(*) FROM log.stored_events WHERE topic = 'ticket.erasure_requested'"
    assert database.execute(query).fetchone() == (3,)


async def test_what_changed_at_once_is_finished_by_a_worker_if_its_asker_dies(
    office: Office, database_url: str, database: Db
) -> None:
    await opened(office, 3)
    job, asker = uuid4(), uuid4()
    wanted = {"actions": TAG, "numbers": ["T-1", "T-2", "T-9"]}
    begun = (office.desk.vault, job, office.workspace, "bulk", office.person, wanted, asker)
    assert await jobs_at_once.begin(*begun)
    assert not await jobs_at_once.begin(*begun)
    await office.do(TagTicket, number="T-1", add={"other"})
    database.execute("UPDATE jobs.jobs SET locked_until = now() - interval '1 s'")
    with at_work(database_url):
        state = await ended(database_url, job)
    assert (state["state"], state["done"], state["failed"]) == ("done", 2, 1)
    assert not await jobs_at_once.finish(office.desk.vault, job, office.workspace, asker, [])
    assert len(items(database_url, job)) == 3


async def test_a_job_keeps_to_what_the_key_allowed_with_which_it_was_asked_for(
    office: Office, database_url: str, database: Db
) -> None:
    await opened(office, 2)
    built(database_url, TicketList())
    job, actions = uuid4(), [{"do": "set_status", "status": "closed"}]
    within = frozenset({Permission.TICKET_VIEW, Permission.TICKET_BULK, Permission.TICKET_MOVE})
    wanted = {"actions": actions, "condition": ALL}
    await jobs.ask(office.desk.vault, job, office.workspace, "bulk", office.person, wanted, within)
    with at_work(database_url):
        state = await ended(database_url, job)
    assert (state["failed"], state["asked_by"]) == (2, office.person.model_dump())
    assert {item[2] for item in items(database_url, job)} == {"scope_missing"}
    with connect(database_url, Role.WORKER) as db, db.cursor() as cursor:
        assert [each["job_id"] for each in jobs.page(cursor, office.workspace, office.person, [], None, 5)] == [job]
