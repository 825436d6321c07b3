"""Jobs asked for, worked on and looked at in tests."""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from eventstore import jobs
from eventstore.database import Role, connect
from eventstore.jobs import Job
from eventstore.keyring import Keyring
from processors.jobs import runner
from processors.jobs.kind import JobKind
from tests.desks import MASTER, Office
from tests.threads import working
from tests.waiting import until


def at_work(url: str, *kinds: JobKind, workers: int = 1) -> AbstractContextManager[None]:
    """Workers that have these kinds of jobs, each as another process of the desk would run it."""
    stop = threading.Event()
    asked: Sequence[JobKind] = kinds or runner.KINDS
    return working(stop, [partial(runner.run, url, Keyring(MASTER), stop, asked)] * workers)


async def asked(office: Office, kind: str, job_id: UUID | None = None, /, **parameters: Any) -> UUID:
    """A job of the office's person."""
    job_id = job_id or uuid4()
    await jobs.ask(office.desk.vault, job_id, office.workspace, kind, office.person, parameters)
    return job_id


def found(url: str, job_id: UUID) -> dict[str, Any]:
    """The job as it is."""
    with connect(url, Role.WORKER) as db:
        return _found(db, job_id)


def _found(db: Connection[Any], job_id: UUID) -> dict[str, Any]:
    with db.cursor() as cursor:
        row = cursor.execute("SELECT workspace_id FROM jobs.jobs WHERE job_id = %s", [job_id]).fetchone()
        assert row is not None
        return jobs.find(cursor, row[0], job_id)


def items(url: str, job_id: UUID) -> list[tuple[str, str, str | None, dict[str, Any]]]:
    """What came of each ticket or row, in order."""
    with connect(url, Role.WORKER) as db:
        query = "SELECT item, state, code, detail FROM jobs.items WHERE job_id = %s ORDER BY place"
        return db.execute(query, [job_id]).fetchall()  # type: ignore[return-value]


async def ended(url: str, job_id: UUID, seconds: float = 60) -> dict[str, Any]:
    """The job, once it is over."""
    with connect(url, Role.WORKER) as db:
        await until(lambda: _found(db, job_id)["finished_at"] is not None, seconds)
        return _found(db, job_id)


async def under_way(url: str, job_id: UUID, done: int = 1, seconds: float = 30) -> None:
    """Return when that much of it is done."""
    # By one connection: to open one each time takes a hundred times as long as to ask.
    with connect(url, Role.WORKER) as db:
        await until(lambda: _found(db, job_id)["done"] >= done, seconds)


__all__ = ["Job", "asked", "at_work", "ended", "found", "items", "under_way"]
