"""Group commit: concurrent callers of a process share one round trip and one commit, each with its own verdict."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection, Cursor
from psycopg.rows import TupleRow

from domain.errors import LedgerdeskError
from eventstore.arrays import Bytes, Ints, Longs, Packed, Texts, Uuids
from eventstore.database import DatabaseUnavailable, Role, StorageFull, conninfo, explained, server_name
from eventstore.gathering import ENOUGH, Coming, gathered
from eventstore.keyring import WrappedKey

log = structlog.get_logger()

MAX_BATCH = 256
# How long a caller waits for a database that went away before it is told to come back.
PATIENCE = 15.0


class AppendFailed(LedgerdeskError):
    """The database refused the batch for a reason that is no verdict."""

    code = "append_failed"
    sentence = "The log did not take this ({reason}); nothing was recorded."


class NewEvent(NamedTuple):
    """An encoded event on its way into the log."""

    topic: str
    event_id: UUID
    state: bytes


class Call(NamedTuple):
    """One command's events for one stream, which the caller believes to be at version `after`."""

    workspace_id: UUID
    command_id: UUID
    fingerprint: bytes
    stream_id: UUID
    after: int
    events: Sequence[NewEvent]
    keys: Sequence[WrappedKey] = ()


class Answer(NamedTuple):
    """What became of a call. `verdict` is done, repeat (the first answer) or conflict (only stream_id is set)."""

    verdict: str
    stream_id: UUID
    version: int
    events: int
    position: int
    fingerprint: bytes


@dataclass(slots=True)
class _Waiting:
    call: Call
    since: float
    answer: "asyncio.Future[Answer]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Appender:
    """Takes calls from any number of tasks of one event loop.

    One batch is under way at a time: meanwhile the next gathers. A second connection would only wait for the same lock
    with smaller batches. What is `coming` is what callers wait for who will append afterwards.
    """

    def __init__(self, url: str, *, patience: float = PATIENCE, coming: Coming = ()) -> None:
        self._url, self._patience, self._coming = url, patience, coming
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._committing: asyncio.Task[None] | None = None
        self._connection: AsyncConnection[Any] | None = None

    async def __aenter__(self) -> Self:
        self._committing = asyncio.create_task(self._commit_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._wake.set()
        if self._committing is not None:
            await self._committing
        await self._drop_connection()

    async def append(self, call: Call) -> Answer:
        """The verdict, once it is durable. DatabaseUnavailable leaves the outcome open: repeat the same command."""
        return await self.submit(call)

    def submit(self, call: Call) -> "asyncio.Future[Answer]":
        """The same, for callers who have several."""
        if self._closing:
            raise DatabaseUnavailable(server="the log", reason="we are shutting down")
        waiting = _Waiting(call, _now())
        self._waiting.append(waiting)
        self._wake.set()
        return waiting.answer

    async def _commit_for_ever(self) -> None:
        while not (self._closing and not self._waiting):
            self._wake.clear()
            if not self._waiting:
                await self._wake.wait()
            await gathered(self._waiting, self._coming)
            if not (batch := self._next_batch()):
                continue
            try:
                await self._settle(batch)
            except asyncio.CancelledError:
                _fail([*batch, *self._waiting], DatabaseUnavailable(server="the log", reason="we are shutting down"))
                raise
            except Exception as error:  # noqa: BLE001 - a batch that fails must not take the committer with it
                log.error("append.failed", error=type(error).__name__)
                await self._drop_connection()
                _fail(batch, AppendFailed(reason=type(error).__name__))

    def _next_batch(self) -> list[_Waiting]:
        """Calls in order of arrival, at most one for a stream and one for a command.

        Of many, half: while the database records these, their callers' successors are decided beside the other half.
        """
        most = min(MAX_BATCH, max(ENOUGH, (len(self._waiting) + 1) // 2))
        batch: list[_Waiting] = []
        later: list[_Waiting] = []
        taken: set[object] = set()
        while self._waiting and len(batch) < most:
            waiting = self._waiting.popleft()
            call = waiting.call
            # Their integers, because a UUID computes its hash in Python each time.
            marks = (call.stream_id.int, (call.workspace_id.int, call.command_id.int))
            if taken.isdisjoint(marks):
                taken.update(marks)
                batch.append(waiting)
            else:
                later.append(waiting)
        self._waiting.extendleft(reversed(later))
        return batch

    async def _settle(self, batch: list[_Waiting]) -> None:
        """Give every caller of the batch an answer or an error."""
        # Counted from when they asked: who came while an earlier batch waited must not wait as long once more.
        deadline = batch[-1].since + self._patience
        while True:
            try:
                answers = await self._sent([waiting.call for waiting in batch])
            except (psycopg.Error, TimeoutError) as error:
                if isinstance(error, psycopg.Error) and self._connection is not None and not self._connection.closed:
                    return await self._refuse(batch, error)
                # The commit may or may not have happened. The same calls again tell: their command ids are known then.
                await self._drop_connection()
                if _now() > deadline:
                    return _fail(batch, _unavailable(self._url, error))
                log.warning("append.reconnecting", waiting=len(batch))
                await asyncio.sleep(0.1)
            else:
                for waiting, answer in zip(batch, answers, strict=True):
                    _tell(waiting, answer)
                return None

    async def _sent(self, calls: Sequence[Call]) -> list[Answer]:
        async with asyncio.timeout(self._patience):
            if self._connection is None:
                address = conninfo(self._url, Role.WRITER, "ledgerdesk-append")
                self._connection = await AsyncConnection.connect(address, autocommit=True, prepare_threshold=0)
            return await send(self._connection, calls)

    async def _drop_connection(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _refuse(self, batch: list[_Waiting], error: psycopg.Error) -> None:
        """The database rolled the batch back. One bad call must not fail the others: try them one by one."""
        if isinstance(error, psycopg.errors.DiskFull):
            _fail(batch, StorageFull())
        elif len(batch) == 1:
            _fail(batch, AppendFailed(reason=error.sqlstate or type(error).__name__))
        else:
            for waiting in batch:
                await self._settle([waiting])


def _now() -> float:
    return asyncio.get_running_loop().time()


def _unavailable(url: str, error: psycopg.Error | TimeoutError) -> LedgerdeskError:
    if isinstance(error, psycopg.Error):
        return explained(url, error)
    return DatabaseUnavailable(server=server_name(url), reason="no answer in time")


def _tell(waiting: _Waiting, answer: Answer) -> None:
    # A caller that was cancelled has gone; what it asked for is recorded all the same.
    with suppress(asyncio.InvalidStateError):
        waiting.answer.set_result(answer)


def _fail(batch: list[_Waiting], error: LedgerdeskError) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)


APPEND = (
    "SELECT call, verdict, stream, version, events, position, fingerprint "
    "FROM log.append(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b)"
)


async def send(connection: AsyncConnection[Any], calls: Sequence[Call]) -> list[Answer]:
    """One round trip: the answers to the calls, in their order."""
    cursor = await connection.execute(APPEND, arguments(calls), binary=True)
    return answers(await cursor.fetchall())


def append(db: Cursor[Any], calls: Sequence[Call]) -> list[Answer]:
    """The same within a transaction of a worker's: the log's turn is its until it commits."""
    return answers(db.execute(APPEND, arguments(calls), binary=True).fetchall())


def arguments(calls: Sequence[Call]) -> Sequence[Packed]:
    """The calls as APPEND takes them."""
    events = [(place, event) for place, call in enumerate(calls, 1) for event in call.events]
    keys = [(place, key) for place, call in enumerate(calls, 1) for key in call.keys]
    return (
        Uuids([call.workspace_id for call in calls]),
        Uuids([call.command_id for call in calls]),
        Bytes([call.fingerprint for call in calls]),
        Uuids([call.stream_id for call in calls]),
        Longs([call.after for call in calls]),
        Ints([place for place, _ in events]),
        Texts([event.topic for _, event in events]),
        Uuids([event.event_id for _, event in events]),
        Bytes([event.state for _, event in events]),
        Ints([place for place, _ in keys]),
        Uuids([key.subject_id for _, key in keys]),
        Texts([key.master_id for _, key in keys]),
        Bytes([key.wrapped or b"" for _, key in keys]),
    )


def answers(rows: Sequence[TupleRow]) -> list[Answer]:
    """What APPEND answered, in the order of the calls."""
    by_place = {row[0]: Answer(*row[1:]) for row in rows}
    return [by_place[place] for place in range(1, len(rows) + 1)]
