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
from psycopg import AsyncConnection

from domain.errors import LedgerdeskError
from eventstore.arrays import Bytes, Ints, Longs, Texts, Uuids
from eventstore.database import DatabaseUnavailable, Role, conninfo, explained
from eventstore.keyring import WrappedKey

log = structlog.get_logger()

MAX_BATCH = 256
# Two connections: while one batch commits, the next is prepared. More would only wait for the same lock.
COMMITTERS = 2
# How long a caller waits for a database that went away before it is told to come back.
PATIENCE = 15.0


class StorageFull(LedgerdeskError):
    """The database has no room left; nothing was recorded."""

    code = "storage_full"
    status = 503
    sentence = "The database has no room left, so nothing was recorded. Try again once the operator has made room."


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
    answer: "asyncio.Future[Answer]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Appender:
    """Takes calls from any number of tasks of one event loop."""

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        self._url, self._patience = url, patience
        self._waiting: deque[_Waiting] = deque()
        self._busy: set[Any] = set()
        self._wake = asyncio.Event()
        self._closing = False
        self._committers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._committers = [asyncio.create_task(self._commit_for_ever()) for _ in range(COMMITTERS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._wake.set()
        await asyncio.gather(*self._committers, return_exceptions=True)

    async def append(self, call: Call) -> Answer:
        """The verdict, once it is durable. DatabaseUnavailable leaves the outcome open: repeat the same command."""
        waiting = _Waiting(call)
        self._waiting.append(waiting)
        self._wake.set()
        return await waiting.answer

    async def _commit_for_ever(self) -> None:
        connection: AsyncConnection[Any] | None = None
        try:
            while True:
                batch = self._next_batch()
                if not batch:
                    if self._closing and not self._waiting:
                        return
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                try:
                    connection = await self._settle(batch, connection)
                finally:
                    self._release(batch)
        finally:
            if connection is not None:
                await connection.close()

    def _next_batch(self) -> list[_Waiting]:
        """Calls in order of arrival, at most one for a stream and one for a command at any time."""
        batch: list[_Waiting] = []
        later: list[_Waiting] = []
        while self._waiting and len(batch) < MAX_BATCH:
            waiting = self._waiting.popleft()
            marks = {waiting.call.stream_id, (waiting.call.workspace_id, waiting.call.command_id)}
            if marks & self._busy:
                later.append(waiting)
            else:
                self._busy |= marks
                batch.append(waiting)
        self._waiting.extendleft(reversed(later))
        return batch

    def _release(self, batch: list[_Waiting]) -> None:
        for waiting in batch:
            self._busy -= {waiting.call.stream_id, (waiting.call.workspace_id, waiting.call.command_id)}
        self._wake.set()

    async def _settle(
        self, batch: list[_Waiting], connection: AsyncConnection[Any] | None
    ) -> AsyncConnection[Any] | None:
        """Give every caller of the batch an answer or an error."""
        deadline = asyncio.get_running_loop().time() + self._patience
        while True:
            try:
                connection = connection or await self._connect()
                answers = await send(connection, [waiting.call for waiting in batch])
            except psycopg.Error as error:
                if connection is not None and not connection.closed:
                    await self._refuse(batch, connection, error)
                    return connection
                # The commit may or may not have happened. The same calls again tell: their command ids are known then.
                connection = None
                if asyncio.get_running_loop().time() > deadline:
                    _fail(batch, explained(self._url, error))
                    return None
                log.warning("append.reconnecting", waiting=len(batch))
                await asyncio.sleep(0.1)
            except BaseException as error:
                _fail(batch, DatabaseUnavailable(server="the log", reason="we are shutting down"))
                raise error
            else:
                for waiting, answer in zip(batch, answers, strict=True):
                    _tell(waiting, answer)
                return connection

    async def _connect(self) -> AsyncConnection[Any]:
        return await AsyncConnection.connect(
            conninfo(self._url, Role.WRITER, "ledgerdesk-append"), autocommit=True, prepare_threshold=0
        )

    async def _refuse(self, batch: list[_Waiting], connection: AsyncConnection[Any], error: psycopg.Error) -> None:
        """The database rolled the batch back. One bad call must not fail the others: try them one by one."""
        if len(batch) > 1 and not isinstance(error, psycopg.errors.DiskFull):
            for waiting in batch:
                await self._settle([waiting], connection)
            return
        full = isinstance(error, psycopg.errors.DiskFull)
        _fail(batch, StorageFull() if full else AppendFailed(reason=error.sqlstate or type(error).__name__))


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
    events = [(place, event) for place, call in enumerate(calls, 1) for event in call.events]
    keys = [(place, key) for place, call in enumerate(calls, 1) for key in call.keys]
    cursor = await connection.execute(
        APPEND,
        (
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
        ),
        binary=True,
    )
    by_place = {row[0]: Answer(*row[1:]) for row in await cursor.fetchall()}
    return [by_place[place] for place in range(1, len(calls) + 1)]
