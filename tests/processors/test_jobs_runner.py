"""Jobs are done to their end, in turn, once, whoever dies or is slow meanwhile."""

import threading
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow

from domain.errors import CommandIdReused, InvalidInput
from domain.event import Actor
from domain.permissions import Permission
from eventstore import jobs as store
from eventstore.database import Role, connect
from eventstore.identifiers import uuid7
from eventstore.job_files import take
from eventstore.jobs import Item, Job, JobLost, Jobs, Step, TooManyJobs
from processors.jobs import runner
from processors.jobs.kind import Here, JobKind
from tests.desks import Office, an_office
from tests.processors.jobs import asked, at_work, ended, found, items, under_way
from tests.waiting import until

Db = psycopg.Connection[TupleRow]


class Counting(JobKind):
    """Counts to `to`, five at a step; waits for `gate` before each step but the first."""

    NAME = "counting"
    NEEDS = (Permission.TICKET_EDIT,)

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.began: list[UUID] = []

    async def steps(self, job: Job, here: Here) -> AsyncGenerator[Step]:
        self.began.append(job.job_id)
        start = int(job.checkpoint.get("at", 0))
        for at in range(start, job.parameters["to"], 5):
            if at > start:
                await until(self.gate.is_set)
            yield Step({"at": at + 5}, [Item(str(n), "done") for n in range(at, at + 5)], total=job.parameters["to"])


class Refusing(JobKind):
    """Comes to an end that it does not like."""

    NAME = "refusing"
    NEEDS = (Permission.TICKET_EDIT,)

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def steps(self, job: Job, here: Here) -> AsyncGenerator[Step]:
        yield Step({}, [Item("1", "skipped", "why")])
        raise self.error


async def test_a_job_is_done_to_its_end(office: Office, database_url: str) -> None:
    with at_work(database_url, Counting()):
        job = await asked(office, "counting", to=12)
        state = await ended(database_url, job)
    assert (state["state"], state["total"], state["done"]) == ("done", 12, 15)
    assert [item[0] for item in items(database_url, job)] == [str(n) for n in range(15)]


async def test_a_job_asked_for_twice_is_one_and_its_id_is_not_anothers(office: Office, database_url: str) -> None:
    job = await asked(office, "counting", to=5)
    again = (office.desk.vault, job, office.workspace, "counting", office.person)
    assert not await store.ask(*again, {"to": 5})
    with pytest.raises(CommandIdReused):
        await store.ask(*again, {"to": 6})


async def test_a_workspace_waits_for_so_many_jobs_and_no_more(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_OPEN", 1)
    await asked(office, "counting", to=5)
    with pytest.raises(TooManyJobs):
        await asked(office, "counting", to=5)


async def test_a_refusal_ends_the_job_and_is_kept(office: Office, database_url: str) -> None:
    with at_work(database_url, Refusing(InvalidInput(field="filter", reason="is of no use"))):
        state = await ended(database_url, await asked(office, "refusing"))
    assert (state["state"], state["error_code"], state["skipped"]) == ("failed", "invalid_input", 1)
    assert state["error"] == "filter: is of no use"


async def test_what_is_no_refusal_is_tried_again_and_then_given_up(
    office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stumbling(Refusing):
        async def steps(self, job: Job, here: Here) -> AsyncGenerator[Step]:
            raise self.error
            yield Step({})

    monkeypatch.setattr(runner, "PAUSE", timedelta(milliseconds=1))
    with at_work(database_url, Stumbling(ZeroDivisionError("what a customer wrote"))):
        state = await ended(database_url, await asked(office, "refusing"))
    assert (state["state"], state["error_code"]) == ("failed", "job_given_up")
    assert "customer" not in state["error"]


async def test_what_stops_at_the_same_place_each_time_is_given_up_though_it_says_how_much_there_is(
    office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stumbling(Refusing):
        async def steps(self, job: Job, here: Here) -> AsyncGenerator[Step]:
            yield Step(job.checkpoint, total=9)
            if not job.checkpoint:
                yield Step({"row": 4}, done=4)
            raise self.error

    monkeypatch.setattr(runner, "PAUSE", timedelta(milliseconds=1))
    with at_work(database_url, Stumbling(OverflowError())):
        state = await ended(database_url, await asked(office, "refusing"))
    assert (state["state"], state["error_code"], state["done"]) == ("failed", "job_given_up", 4)


async def test_whoever_asked_must_still_be_allowed(office: Office, database_url: str) -> None:
    stranger = Actor(kind="person", id=str(uuid4()))
    job = uuid4()
    await store.ask(office.desk.vault, job, office.workspace, "counting", stranger, {"to": 5})
    with at_work(database_url, Counting()):
        state = await ended(database_url, job)
    assert (state["state"], state["done"]) == ("failed", 0)


async def test_cancelling_ends_it_between_two_steps(office: Office, database_url: str) -> None:
    kind = Counting()
    kind.gate.clear()
    with at_work(database_url, kind):
        job = await asked(office, "counting", to=100)
        await under_way(database_url, job, 5)
        assert await store.cancel(office.desk.vault, job, office.workspace)
        assert found(database_url, job)["state"] == "running"
        kind.gate.set()
        state = await ended(database_url, job)
    assert state["state"] == "cancelled"
    assert len(items(database_url, job)) == state["done"] < 100
    assert not await store.cancel(office.desk.vault, job, office.workspace)


async def test_what_nobody_works_on_is_cancelled_at_once(office: Office, database_url: str) -> None:
    job = await asked(office, "counting", to=5)
    assert await store.cancel(office.desk.vault, job, office.workspace)
    assert found(database_url, job)["state"] == "cancelled"


async def test_a_stopped_worker_leaves_its_job_to_the_next(office: Office, database_url: str) -> None:
    kind = Counting()
    kind.gate.clear()
    with at_work(database_url, kind):
        job = await asked(office, "counting", to=50)
        await under_way(database_url, job, 5)
        threading.Timer(0, kind.gate.set).start()
    kind.gate.set()
    with at_work(database_url, Counting()):
        state = await ended(database_url, job)
    assert (state["state"], state["done"]) == ("done", 50)
    assert [item[0] for item in items(database_url, job)] == [str(n) for n in range(50)]


async def test_an_owner_that_was_silent_for_too_long_records_nothing_more(office: Office, database_url: str) -> None:
    job_id = await asked(office, "counting", to=50)
    async with Jobs(database_url, uuid7()) as slow, Jobs(database_url, uuid7()) as next_one:
        job = await slow.claim(["counting"])
        assert job is not None
        assert await next_one.claim(["counting"]) is None
        with connect(database_url, Role.WORKER) as db:
            db.execute("UPDATE jobs.jobs SET locked_until = now() - interval '1 s'")
        taken = await next_one.claim(["counting"])
        assert taken is not None
        assert taken.job_id == job_id
        for late in (slow.record(job, Step({"at": 5}, [Item("1", "done")])), slow.end(job, "done")):
            with pytest.raises(JobLost):
                await late
    assert items(database_url, job_id) == []


async def test_no_workspace_keeps_the_others_waiting(office: Office, database_url: str) -> None:
    async with an_office(database_url, slug="globex") as other, Jobs(database_url, uuid7()) as worker:
        mine = [await asked(office, "counting", to=5) for _ in range(3)]
        theirs = await asked(other, "counting", to=5)
        turns = [await worker.claim(["counting"]) for _ in range(4)]
    assert [job.job_id for job in turns if job] == [mine[0], theirs, mine[1], mine[2]]


async def test_a_long_job_lets_others_have_their_turn(
    office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "TURN", 0.0)
    monkeypatch.setattr(runner, "SLOTS", 1)
    kind = Counting()
    long, short = await asked(office, "counting", to=50), await asked(office, "counting", to=5)
    with at_work(database_url, kind):
        await ended(database_url, long)
        await ended(database_url, short)
    assert kind.began[:3] == [long, short, long]
    assert len(items(database_url, long)) == 50


async def test_two_workers_do_every_job_once(office: Office, database_url: str) -> None:
    wanted = [await asked(office, "counting", to=20) for _ in range(8)]
    with at_work(database_url, Counting(), workers=2):
        for job in wanted:
            assert (await ended(database_url, job))["done"] == 20


async def test_old_jobs_are_removed_with_their_items_and_files(office: Office, database_url: str, database: Db) -> None:
    with at_work(database_url, Counting()):
        old, new = await asked(office, "counting", to=5), await asked(office, "counting", to=5)
        await ended(database_url, old)
        await ended(database_url, new)
    with connect(database_url, Role.WORKER) as db:
        db.execute("UPDATE jobs.jobs SET finished_at = now() - interval '8 days' WHERE job_id = %s", [old])
        for job in (old, new):
            made = "INSERT INTO jobs.files (file_id, workspace_id, owner, media_type, name, size) VALUES (%s, %s, '', '', '', 1)"
            db.execute(made, [job, office.workspace])
    async with Jobs(database_url, uuid7()) as worker:
        await worker.sweep()
    for table in ("jobs", "items", "files"):
        column = "file_id" if table == "files" else "job_id"
        assert database.execute(f"SELECT DISTINCT {column} FROM jobs.{table}".encode()).fetchall() == [(new,)]


async def some(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.mark.parametrize("table", ["jobs", "items", "files", "chunks"])
async def test_a_reader_sees_its_own_workspace_and_the_writer_nothing(
    office: Office, database_url: str, table: str
) -> None:
    with at_work(database_url, Counting()):
        await ended(database_url, await asked(office, "counting", to=5))
    await take(office.desk.vault, uuid4(), office.workspace, office.person.id, "rows", some(b"x"))
    with connect(database_url, Role.WORKER) as db:
        assert db.execute(f"SELECT FROM jobs.{table}".encode()).fetchall() != []
    with connect(database_url, Role.READER) as db:
        assert db.execute(f"SELECT FROM jobs.{table}".encode()).fetchall() == []
    with connect(database_url, Role.WRITER) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute(f"SELECT FROM jobs.{table}".encode())


async def test_another_workspaces_job_cannot_be_asked_for_or_cancelled(office: Office, database_url: str) -> None:
    job = await asked(office, "counting", to=5)
    assert not await store.cancel(office.desk.vault, job, uuid4())
    with connect(database_url, Role.WRITER) as db:
        db.execute("SELECT set_config('ledgerdesk.workspace', %s, false)", [str(uuid4())])
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="another workspace"):
            db.execute("SELECT jobs.cancel(%s, %s)", [job, office.workspace])
