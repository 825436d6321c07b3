"""Group read: concurrent readers of a process share one round trip for the streams that they want to decide on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from eventstore.arrays import Longs, Texts, Uuids
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.gathering import gathered
from eventstore.keyring import WrappedKey

MOST = 256
_POSITION = StoredRow._fields.index("notification_id")

# Each stream by its own key look-up: as a join the planner may read the whole log instead.
_WANTED = "unnest(%(streams)s, %(afters)s, %(shapes)s) WITH ORDINALITY AS wanted (stream, after, shape, place)"
_KEPT = (
    "SELECT version, state FROM log.snapshots "
    "WHERE originator_id = wanted.stream AND format = wanted.shape AND version > wanted.after LIMIT 1"
)
# OFFSET 0 keeps the version a value: as an expression with a query in it, it could not be looked up in the key, since what might
# leak is asked only after row-level security, and every change of a ticket with 10,000 events would read all of them.
# What a stream has beside its events comes in a row of its own, without a position.
SELECT_FOUND = f"""
    SELECT place, NULL::uuid, kept.version, own.master_id, kept.state, NULL::bigint, NULL::uuid, NULL::uuid,
        NULL::timestamptz, own.wrapped
    FROM {_WANTED}
    LEFT JOIN LATERAL ({_KEPT}) kept ON true
    LEFT JOIN LATERAL (SELECT master_id, wrapped FROM vault.keys
        WHERE workspace_id = %(workspace)s AND subject_id = wanted.stream LIMIT 1) own ON true
    UNION ALL
    SELECT place, e.*, NULL::bytea FROM {_WANTED}
    CROSS JOIN LATERAL (SELECT coalesce((SELECT version FROM ({_KEPT}) kept), wanted.after) AS version OFFSET 0) known
    CROSS JOIN LATERAL ({SELECT_EVENTS} WHERE originator_id = wanted.stream AND originator_version > known.version
        ORDER BY originator_version) e
"""  # noqa: S608 - put together of our own texts


class Ask(NamedTuple):
    """A stream from above a version; a newer snapshot of that shape saves the events before it."""

    stream: UUID
    after: int = 0
    shape: str = ""


class Found(NamedTuple):
    """What the log has of a stream: a snapshot's version and bytes if it is of use, its key's row, the events after."""

    kept: tuple[int, bytes] | None
    own: WrappedKey | None
    rows: list[StoredRow]


Read = Callable[[UUID, Sequence[Ask]], Awaitable[list[Found]]]
_Waiting = tuple[Ask, "asyncio.Future[Found]"]


async def read(db: AsyncConnection[Any], workspace: UUID, asks: Sequence[Ask]) -> list[Found]:
    """What the log has of each, in the order in which they were asked for."""
    if not asks:
        return []
    streams, afters, shapes = zip(*asks, strict=True)
    wanted = {"streams": Uuids(list(streams)), "afters": Longs(list(afters)), "shapes": Texts(list(shapes))}
    cursor = await db.execute(SELECT_FOUND, {**wanted, "workspace": workspace}, binary=True)
    heads: dict[int, Sequence[Any]] = {}
    rows: dict[int, list[StoredRow]] = {place: [] for place in range(1, len(asks) + 1)}
    for place, *row in await cursor.fetchall():
        if row[_POSITION] is None:
            heads[place] = row
        else:
            rows[place].append(StoredRow(*row[:-1]))
    return [_found(workspace, ask, heads[place], rows[place]) for place, ask in enumerate(asks, 1)]


def _found(workspace: UUID, ask: Ask, head: Sequence[Any], rows: list[StoredRow]) -> Found:
    _, version, master, state, *_, wrapped = head
    kept = None if version is None else (version, state)
    return Found(kept, None if master is None else WrappedKey(workspace, ask.stream, master, wrapped), rows)


class GroupRead:
    """Takes asks from any number of tasks of one event loop.

    One read of a workspace is under way at a time: meanwhile the next gathers. What was committed before somebody asked is
    in their answer, for nobody joins a read that has begun.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._waiting: dict[UUID, list[_Waiting]] = {}
        self._serving: dict[UUID, asyncio.Task[None]] = {}
        # Reads that the database is at: those who wait for them will want to append.
        self.under_way: set[asyncio.Future[None]] = set()

    async def ask(self, workspace: UUID, ask: Ask) -> Found:
        """What the log has of the stream now."""
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(workspace, []).append((ask, answer))
        if workspace not in self._serving:
            self._serving[workspace] = asyncio.create_task(self._serve(workspace))
        return await answer

    async def finish(self) -> None:
        """Return when nobody waits any more."""
        await asyncio.gather(*self._serving.values())

    async def _serve(self, workspace: UUID) -> None:
        while workspace in self._waiting:
            await gathered(self._waiting[workspace])
            waiting = self._waiting.pop(workspace)
            if later := waiting[MOST:]:
                self._waiting[workspace] = later
            await self._settle(workspace, waiting[:MOST])
        # Nobody can have asked since the loop ended: there was no turn in between.
        del self._serving[workspace]

    async def _settle(self, workspace: UUID, waiting: Sequence[_Waiting]) -> None:
        """Give everybody who waits an answer or the error."""
        under_way: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.under_way.add(under_way)
        try:
            found = await self._read(workspace, [ask for ask, _ in waiting])
        except BaseException as error:
            for _, answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            for (_, answer), each in zip(waiting, found, strict=True):
                # A reader that was cancelled has gone.
                if not answer.done():
                    answer.set_result(each)
        finally:
            self.under_way.discard(under_way)
            under_way.set_result(None)
