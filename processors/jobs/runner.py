"""Runs background jobs: takes them up in turn, keeps them alive, records their steps, and ends them."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import Any

import psycopg
import structlog
import uvloop

from domain.errors import LedgerdeskError
from eventstore.database import DatabaseUnavailable, Role, async_pool
from eventstore.desk import Desk
from eventstore.identifiers import uuid7
from eventstore.jobs import Job, JobLost, Jobs, State
from eventstore.keyring import Keyring
from processors.jobs.backtests import Backtest
from processors.jobs.bulk import Bulk
from processors.jobs.bulk_assign import BulkAssign
from processors.jobs.bulk_undo import BulkUndo
from processors.jobs.exports import Export
from processors.jobs.imports import Import
from processors.jobs.kind import Here, JobKind, granted

log = structlog.get_logger()

KINDS: tuple[JobKind, ...] = (Export(), Import(), Bulk(), BulkAssign(), BulkUndo(), Backtest())
# Jobs that a worker has under way at once.
SLOTS = 2
# How often an idle slot looks for work, an owner renews its lease, and old jobs are removed, in seconds.
IDLE, BEAT, SWEEP = 0.5, 1.0, 600.0
# How long a job may go on while others wait, in seconds.
TURN = 5.0
# A job that so many owners took up without coming further, perhaps because it kills them, is given up.
ATTEMPTS = 5
PAUSE = timedelta(seconds=2)


class JobGivenUp(LedgerdeskError):
    """Every attempt to go on ended the worker, or failed for a reason that is no refusal."""

    code = "job_given_up"
    sentence = "This stopped {attempts} times at the same place without a reason that we could tell. The worker's log may have it."


def run(url: str, keyring: Keyring, stop: threading.Event, kinds: Sequence[JobKind] = KINDS) -> None:
    """Work until stopped. Meant for a thread of its own."""
    while not stop.is_set():
        try:
            uvloop.run(_work(url, keyring, stop, kinds))
        except Exception as error:  # noqa: BLE001 - whatever it is, others' jobs still wait to be done
            # Its text is left out: it may quote what a customer wrote.
            log.error("jobs.failed", error=type(error).__qualname__)
            stop.wait(PAUSE.total_seconds())


async def _work(url: str, keyring: Keyring, stop: threading.Event, kinds: Sequence[JobKind]) -> None:
    readers = async_pool(url, Role.READER, "ledgerdesk-job-readers", size=SLOTS)
    async with Desk(url, keyring) as desk, Jobs(url, uuid7(), size=SLOTS + 1) as jobs, readers:
        runner = Runner(Here(desk, jobs, readers), kinds, stop)
        async with asyncio.TaskGroup() as group:
            for _ in range(SLOTS):
                group.create_task(runner.serve())
            group.create_task(runner.tidy())


class Runner:
    """The slots of one worker."""

    def __init__(self, here: Here, kinds: Sequence[JobKind], stop: threading.Event) -> None:
        self._here, self._stop = here, stop
        self._kinds = {kind.NAME: kind for kind in kinds}

    async def serve(self) -> None:
        """One slot: a job after another."""
        while not self._stop.is_set():
            job = await self._claimed()
            if job is None:
                await asyncio.sleep(IDLE)
            else:
                await self._carry_on(job)

    async def tidy(self) -> None:
        """Remove what has been kept for long enough, now and then."""
        clock = asyncio.get_running_loop().time
        due = clock()
        while not self._stop.is_set():
            if clock() >= due:
                with suppress(LedgerdeskError):
                    await self._here.jobs.sweep()
                due = clock() + SWEEP
            await asyncio.sleep(IDLE)

    async def _claimed(self) -> Job | None:
        try:
            return await self._here.jobs.claim(list(self._kinds))
        except (LedgerdeskError, psycopg.Error) as error:
            log.warning("jobs.waiting", error=type(error).__name__)
            return None

    async def _carry_on(self, job: Job) -> None:
        """One turn of a job, with its lease renewed beside it."""
        turn = asyncio.create_task(self._turn(job))
        beating = asyncio.create_task(self._beat(job, turn))
        # Not awaited as such: that the lease was lost cancels the turn, not this slot.
        await asyncio.wait({turn})
        beating.cancel()
        if not turn.cancelled():
            turn.result()

    async def _beat(self, job: Job, turn: asyncio.Task[None]) -> None:
        while True:
            await asyncio.sleep(BEAT)
            try:
                await self._here.jobs.beat(job)
            except JobLost:
                turn.cancel()
                return
            except LedgerdeskError as error:
                log.warning("jobs.waiting", error=error.code)

    async def _turn(self, job: Job) -> None:
        jobs = self._here.jobs
        try:
            ended = await self._steps(job)
            await (jobs.end(job, ended) if ended else jobs.release(job))
        except JobLost:
            log.warning("job.lost", job=str(job.job_id), kind=job.kind)
        except DatabaseUnavailable as error:
            # It is not the job's fault. Its lease ends by itself, and whoever has it next goes on.
            log.warning("jobs.waiting", error=error.code)
        except LedgerdeskError as error:
            log.info("job.failed", job=str(job.job_id), kind=job.kind, error=error.code)
            await self._if_possible(jobs.end(job, "failed", error))
        except Exception as error:  # noqa: BLE001 - taken up again a few times, then given up aloud
            log.error("job.stumbled", job=str(job.job_id), kind=job.kind, error=type(error).__qualname__)
            await self._if_possible(jobs.let_go(job, PAUSE))

    async def _if_possible(self, doing: Coroutine[Any, Any, None]) -> None:
        # What cannot be recorded now is found out again by whoever has the job next.
        with suppress(LedgerdeskError, psycopg.Error):
            await doing

    async def _steps(self, job: Job) -> State | None:
        """Go on until the job ends, somebody wants it to end, or it is others' turn."""
        kind, clock = self._kinds[job.kind], asyncio.get_running_loop().time
        given_up = job.attempts > ATTEMPTS
        # What was done of a step is told before anything ends the job: it could not be undone else.
        within_step = job.interrupted and kind.TAKES_TURNS and not given_up
        if job.cancel_requested and not within_step:
            return "cancelled"
        if given_up:
            raise JobGivenUp(attempts=ATTEMPTS)
        turn_ends = clock() + TURN
        if not within_step:
            await granted(job, self._here, *kind.NEEDS)
        async with aclosing(kind.steps(job, self._here)) as steps:
            async for step in steps:
                ends = await self._here.jobs.record(job, step)
                if within_step and step.checkpoint != job.checkpoint:
                    within_step = False
                    await granted(job, self._here, *kind.NEEDS)
                if ends and not within_step:
                    return "cancelled"
                if self._stop.is_set():
                    return None
                # Not before it has come further: it would be as far the next time.
                if kind.TAKES_TURNS and step.checkpoint != job.checkpoint and clock() >= turn_ends:
                    if await self._here.jobs.others_wait(list(self._kinds)):
                        return None
                    turn_ends = clock() + TURN
        return "done"
