"""Background jobs as rows: asked for by the API, owned by one worker at a time, read by whoever asked."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, Self
from uuid import UUID

from psycopg import AsyncConnection, Cursor
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from domain.errors import CommandIdReused, LedgerdeskError, Refusal
from domain.event import Actor
from domain.permissions import Permission
from eventstore.arrays import Texts
from eventstore.database import Lent, Role, async_pool
from eventstore.vault import Vault

CHANNEL = "jobs"
# An owner that does not renew its lease for so long has died.
LEASE = timedelta(seconds=5)
# Jobs, their items and their files are kept for so long.
KEPT = timedelta(days=7)
# Unfinished jobs that a workspace may have.
MOST_OPEN = 100

State = Literal["queued", "running", "done", "failed", "cancelled"]
ItemState = Literal["done", "failed", "skipped"]


class UnknownJob(Refusal):
    """No job of that id that the caller may see."""

    code = "unknown_job"
    status = 404
    sentence = "No job {job} here. Jobs are removed a week after they end."


class TooManyJobs(Refusal):
    """The workspace waits for enough already."""

    code = "too_many_jobs"
    status = 429
    sentence = "This workspace has {most} unfinished jobs. Wait for some of them, or cancel them."


class JobLost(LedgerdeskError):
    """Another worker has taken the job over: this one was silent for too long."""

    code = "job_lost"
    sentence = "Another worker has job {job} now; what this one did since its last step is done again by that one."


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its owner works on it."""

    job_id: UUID
    workspace_id: UUID
    kind: str
    asked_by: dict[str, Any]
    asked_at: datetime
    parameters: dict[str, Any]
    checkpoint: dict[str, Any]
    total: int | None
    done: int
    failed: int
    skipped: int
    cancel_requested: bool
    attempts: int
    # Whether its owner before stopped within a step: what that did is done again, so that it is told.
    interrupted: bool = False

    @property
    def actor(self) -> Actor:
        """Whoever asked, with whose rights it is done."""
        return Actor(kind=self.asked_by["kind"], id=self.asked_by["id"])

    @property
    def within(self) -> frozenset[Permission] | None:
        """All that the credential allowed with which it was asked for; None where that set no bounds."""
        scopes = self.asked_by.get("within")
        return None if scopes is None else frozenset(map(Permission, scopes))


class Item(NamedTuple):
    """What came of one ticket or row."""

    item: str
    state: ItemState
    code: str | None = None
    detail: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """How far a job has come: what it did since the step before, and where it would go on."""

    checkpoint: dict[str, Any]
    items: Sequence[Item] = ()
    # What was done beside the items, for work that has none.
    done: int = 0
    total: int | None = None
    result: dict[str, Any] | None = None


ASK = "SELECT jobs.ask(%s, %s, %s, %s, %s, %s)"
CANCEL = "SELECT jobs.cancel(%s, %s)"


def asker(by: Actor, within: frozenset[Permission] | None) -> Jsonb:
    """Whoever asks, and what their credential allows: the job keeps to it however much later it is done."""
    return Jsonb(by.model_dump() | ({} if within is None else {"within": sorted(within)}))


async def ask(
    vault: Vault,
    job_id: UUID,
    workspace: UUID,
    kind: str,
    by: Actor,
    parameters: dict[str, Any],
    within: frozenset[Permission] | None = None,
) -> bool:
    """Have it done by a worker; whether it is new. The id again with other words is CommandIdReused."""
    asked = (job_id, workspace, kind, asker(by, within), Jsonb(parameters), MOST_OPEN)
    verdict = await vault.call(ASK, *asked)
    if verdict == "full":
        raise TooManyJobs(most=MOST_OPEN)
    if verdict == "other":
        raise CommandIdReused()
    return bool(verdict == "new")


async def cancel(vault: Vault, job_id: UUID, workspace: UUID) -> bool:
    """Ask for its end between two steps, also where its owner died within one; whether it had not ended before."""
    return bool(await vault.call(CANCEL, job_id, workspace))


_OWN = "job_id, workspace_id, kind, asked_by, asked_at, parameters, checkpoint, total, done, failed, skipped, cancel_requested, attempts"
# Who waits longest in the workspace that has the fewest at work is next.
_CLAIM = f"""
    UPDATE jobs.jobs SET state = 'running', owner = %(owner)s, locked_until = clock_timestamp() + %(lease)s,
        attempts = attempts + 1, turn_at = clock_timestamp(), started_at = coalesce(started_at, clock_timestamp())
    FROM (
        SELECT j.job_id AS next, j.owner IS NOT NULL AS interrupted FROM jobs.jobs j
        WHERE j.state IN ('queued', 'running') AND coalesce(j.locked_until, '-infinity') < clock_timestamp()
            AND j.kind = ANY(%(kinds)s)
        ORDER BY (SELECT count(*) FROM jobs.jobs b WHERE b.workspace_id = j.workspace_id
            AND b.state = 'running' AND b.locked_until > clock_timestamp()), j.turn_at, j.job_id
        LIMIT 1 FOR UPDATE SKIP LOCKED) AS found
    WHERE job_id = next
    RETURNING {_OWN}, interrupted
"""  # noqa: S608 - our own column names
_MINE = "WHERE job_id = %(job)s AND workspace_id = %(workspace)s AND owner = %(owner)s AND state = 'running'"
_BEAT = f"UPDATE jobs.jobs SET locked_until = clock_timestamp() + %(lease)s {_MINE} RETURNING cancel_requested"  # noqa: S608
_RECORD = f"""
    UPDATE jobs.jobs SET checkpoint = %(checkpoint)s, total = coalesce(%(total)s, total), done = done + %(done)s,
        failed = failed + %(failed)s, skipped = skipped + %(skipped)s, result = coalesce(%(result)s, result),
        attempts = CASE checkpoint WHEN %(checkpoint)s THEN attempts ELSE 0 END,
        locked_until = clock_timestamp() + %(lease)s
    {_MINE} RETURNING done + failed + skipped, cancel_requested
"""  # noqa: S608
_ITEMS = """
    INSERT INTO jobs.items (job_id, workspace_id, place, item, state, code, detail)
    SELECT %s, %s, %s + n.place, n.item, n.state, nullif(n.code, ''), n.detail::jsonb
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS n (item, state, code, detail, place)
"""
_END = f"""
    UPDATE jobs.jobs SET state = %(state)s, error_code = %(code)s, error = %(error)s, finished_at = clock_timestamp(),
        owner = NULL, locked_until = NULL {_MINE}
"""  # noqa: S608
_RELEASE = f"UPDATE jobs.jobs SET owner = NULL, locked_until = NULL {_MINE}"  # noqa: S608
_LET_GO = f"UPDATE jobs.jobs SET locked_until = clock_timestamp() + %(pause)s {_MINE}"  # noqa: S608
_WAITING = """
    SELECT EXISTS (SELECT FROM jobs.jobs WHERE state IN ('queued', 'running')
        AND coalesce(locked_until, '-infinity') < clock_timestamp() AND kind = ANY(%s))
"""
_SWEEP = """
    WITH gone AS (DELETE FROM jobs.jobs WHERE finished_at < clock_timestamp() - %(kept)s RETURNING job_id)
    DELETE FROM jobs.files f WHERE f.file_id IN (SELECT job_id FROM gone) OR f.created_at < clock_timestamp() - %(kept)s
        OR (f.size IS NULL AND f.created_at < clock_timestamp() - interval '1 day')
"""


class Jobs:
    """What workers do with jobs, with the worker's rights. Open it with `async with`."""

    def __init__(self, url: str, owner: UUID, *, size: int = 4) -> None:
        self._owner = owner
        self._pool = async_pool(url, Role.WORKER, "ledgerdesk-jobs", size=size)

    async def __aenter__(self) -> Self:
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A transaction of the worker's. A database that is away becomes DatabaseUnavailable."""
        async with Lent(self._pool) as db, db.transaction():
            yield db

    async def claim(self, kinds: Sequence[str]) -> Job | None:
        """The job whose turn it is, ours from now on; None where nothing is to be done."""
        asked = {"owner": self._owner, "lease": LEASE, "kinds": list(kinds)}
        async with self.transaction() as db, db.cursor(row_factory=class_row(Job)) as cursor:
            return await (await cursor.execute(_CLAIM.encode(), asked)).fetchone()

    async def beat(self, job: Job) -> bool:
        """Keep it ours; whether somebody wants it to end. JobLost where it is not ours any more."""
        row = await self._mine(_BEAT, job, lease=LEASE)
        return bool(row[0])

    async def record(self, job: Job, step: Step) -> bool:
        """The step's items and its checkpoint, together; whether somebody wants the job to end."""
        states = Counter(item.state for item in step.items)
        counts = {"done": states["done"] + step.done, "failed": states["failed"], "skipped": states["skipped"]}
        result = Jsonb(step.result) if step.result is not None else None
        values = {**counts, "checkpoint": Jsonb(step.checkpoint), "total": step.total, "result": result, "lease": LEASE}
        async with self.transaction() as db:
            row = await self._moved(db, _RECORD, job, values)
            if step.items:
                first = row[0] - len(step.items)
                items, codes = (
                    Texts([item.item for item in step.items]),
                    Texts([item.code or "" for item in step.items]),
                )
                details = Texts([json.dumps(item.detail or {}) for item in step.items])
                rows = [items, Texts([item.state for item in step.items]), codes, details]
                await db.execute(_ITEMS, [job.job_id, job.workspace_id, first, *rows])
            await db.execute("SELECT pg_notify('jobs', '')")
        return bool(row[1])

    async def end(self, job: Job, state: State, error: LedgerdeskError | None = None) -> None:
        """It is over."""
        code, sentence = (error.code, str(error)) if error else (None, None)
        await self._mine(f"{_END} RETURNING 1", job, state=state, code=code, error=sentence)

    async def release(self, job: Job) -> None:
        """Leave it to whoever comes first, between two of its steps."""
        await self._mine(f"{_RELEASE} RETURNING 1", job)

    async def let_go(self, job: Job, pause: timedelta) -> None:
        """Leave it within a step to whoever comes first after a pause."""
        await self._mine(f"{_LET_GO} RETURNING 1", job, pause=pause)

    async def others_wait(self, kinds: Sequence[str]) -> bool:
        """Whether a job waits that nobody works on."""
        async with self.transaction() as db:
            row = await (await db.execute(_WAITING, [list(kinds)])).fetchone()
        return bool(row and row[0])

    async def sweep(self) -> None:
        """Remove what has been kept for long enough."""
        async with self.transaction() as db:
            await db.execute(_SWEEP, {"kept": KEPT})

    async def _mine(self, statement: str, job: Job, **values: Any) -> Any:
        async with self.transaction() as db:
            row = await self._moved(db, statement, job, values)
            await db.execute("SELECT pg_notify('jobs', '')")
        return row

    async def _moved(self, db: AsyncConnection[Any], statement: str, job: Job, values: dict[str, Any]) -> Any:
        mine = {"job": job.job_id, "workspace": job.workspace_id, "owner": self._owner}
        row = await (await db.execute(statement.encode(), {**mine, **values})).fetchone()
        if row is None:
            raise JobLost(job=job.job_id)
        return row


_SHOWN = (
    "job_id, kind, state, asked_by - 'within' AS asked_by, asked_at, parameters, total, done, failed, skipped, cancel_requested, error_code, error, "
    "result, started_at, finished_at, position, EXISTS (SELECT FROM jobs.files f WHERE f.file_id = j.job_id AND f.size IS NOT NULL) AS has_file"
)
_SELECT_JOB = f"SELECT {_SHOWN} FROM jobs.jobs j WHERE workspace_id = %s AND job_id = %s"  # noqa: S608
_SELECT_JOBS = f"""
    SELECT {_SHOWN} FROM jobs.jobs j
    WHERE workspace_id = %(workspace)s AND (asked_by - 'within' = %(by)s OR kind = ANY(%(kinds)s))
        AND (%(at)s::timestamptz IS NULL OR (asked_at, job_id) < (%(at)s, %(job)s))
    ORDER BY asked_at DESC, job_id DESC LIMIT %(limit)s
"""  # noqa: S608
_SELECT_ITEMS = """
    SELECT place, item, state, code, detail FROM jobs.items
    WHERE workspace_id = %s AND job_id = %s AND place > %s AND state = ANY(%s) ORDER BY place LIMIT %s
"""


def find(db: Cursor[Any], workspace: UUID, job_id: UUID) -> dict[str, Any]:
    """The job as people see it, or UnknownJob."""
    with db.connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_SELECT_JOB.encode(), [workspace, job_id]).fetchone()
    if found is None:
        raise UnknownJob(job=job_id)
    return found


def page(
    db: Cursor[Any], workspace: UUID, by: Actor, kinds: Sequence[str], before: tuple[datetime, UUID] | None, limit: int
) -> list[dict[str, Any]]:
    """Jobs that the actor asked for, and all of the kinds given; newest first, from `before` on."""
    at, job = before or (None, None)
    asked = {"workspace": workspace, "by": Jsonb(by.model_dump()), "kinds": list(kinds)}
    with db.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_SELECT_JOBS.encode(), {**asked, "at": at, "job": job, "limit": limit}).fetchall()


def items(
    db: Cursor[Any], workspace: UUID, job_id: UUID, after: int, states: Sequence[str], limit: int
) -> list[dict[str, Any]]:
    """What came of the job's tickets or rows above place `after`, in order."""
    with db.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_SELECT_ITEMS, [workspace, job_id, after, list(states), limit]).fetchall()
