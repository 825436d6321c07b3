"""Reads streams: an aggregate's events, its snapshot and its keys, in one round trip."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

from psycopg import AsyncConnection, IsolationLevel

from domain.aggregates import INITIAL, evolve
from domain.event import Erased, Event, Recorded
from eventstore import group_read, snapshots
from eventstore.append import Answer
from eventstore.arrays import Uuids
from eventstore.codec import SELECT_EVENTS, StoredRow, decode, event_of, subject
from eventstore.database import Role, async_pool
from eventstore.gathering import Coming
from eventstore.group_read import Ask, Found, GroupRead
from eventstore.keyring import SELECT_KEYS, ContentKey, Keyring, WrappedKey
from eventstore.reading import BoundAsync

SELECT_AFTER = f"{SELECT_EVENTS} WHERE originator_id = %s AND originator_version > %s ORDER BY originator_version"
SELECT_HISTORIES = f"""
    SELECT e.* FROM unnest(%s::uuid[]) AS wanted (stream)
    CROSS JOIN LATERAL ({SELECT_EVENTS} WHERE originator_id = wanted.stream ORDER BY originator_version) e
"""  # noqa: S608 - put together of our own texts
SELECT_COMMAND = (
    "SELECT 'repeat', originator_id, version, events, position, fingerprint FROM log.commands "
    "WHERE workspace_id = %s AND command_id = %s"
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A stream's folded state at a version, with the keys that its content needs."""

    state: Any
    version: int = 0
    keys: dict[UUID, ContentKey | Erased] = field(default_factory=dict)


class Streams:
    """Loads and refreshes aggregates; every query is bound to one workspace by row-level security."""

    def __init__(self, url: str, keyring: Keyring, *, size: int = 4) -> None:
        self.keyring = keyring
        self._pool = async_pool(url, Role.READER, "ledgerdesk-streams", size=size, configure=_prepared)
        self._together = GroupRead(self._read)
        # Of workspaces whose set-up was loaded: up to where reads have met it.
        self._set_up: dict[int, int] = {}

    async def __aenter__(self) -> Self:
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._together.finish()
        await self._pool.close()

    @property
    def under_way(self) -> Coming:
        """The shared reads that the database is at, as they come and go."""
        return self._together.under_way

    def met(self, stream: UUID) -> int:
        """Up to which version reads have met a workspace's set-up; 0 of any other stream."""
        return self._set_up.get(stream.int, 0)

    @asynccontextmanager
    async def bound(self, workspace: UUID) -> AsyncIterator[AsyncConnection[Any]]:
        """A transaction that sees one workspace. A database that is away becomes DatabaseUnavailable."""
        async with BoundAsync(self._pool, workspace) as db, db.pipeline(), db.transaction():
            yield db

    async def load(self, workspace: UUID, aggregate: str, stream: UUID, known: Loaded | None = None) -> Loaded:
        """The state now; `known` saves reading what is folded already. Those who load at a time share a round trip."""
        loaded = await self._load(workspace, aggregate, stream, known)
        if stream == workspace:
            self._met(workspace, loaded.version)
        return loaded

    async def _load(self, workspace: UUID, aggregate: str, stream: UUID, known: Loaded | None) -> Loaded:
        before = known or Loaded(INITIAL[aggregate])
        for shape in (snapshots.shape(aggregate), ""):
            found = await self._together.ask(workspace, Ask(stream, before.version, shape))
            own = self._own(found, before)
            if known and not (found.rows or own or found.kept):
                return known
            keys = {**before.keys, **own}
            if missing := _missing(found.rows, keys):
                async with self.bound(workspace) as db:
                    keys |= await self._keys(db, workspace, missing)
            # A snapshot that cannot be opened any more is passed over: the events tell the same.
            if (loaded := await _folded_from(aggregate, stream, before, found, keys)) is not None:
                return loaded
        return before

    def _own(self, found: Found, before: Loaded) -> dict[UUID, ContentKey | Erased]:
        own = found.own
        # A key never changes, it can only be destroyed.
        if own is None or (own.wrapped is not None and own.subject_id in before.keys):
            return {}
        return self._unwrapped([own])

    async def load_many(self, workspace: UUID, aggregate: str, streams: Sequence[UUID]) -> dict[UUID, Loaded]:
        """The states of many streams now, read set-wise; one whose snapshot cannot be opened is read by itself."""
        shape, nothing = snapshots.shape(aggregate), Loaded(INITIAL[aggregate])
        async with self.bound(workspace) as db:
            found = await self._found(db, workspace, [Ask(stream, 0, shape) for stream in streams])
            keys = self._unwrapped([each.own for each in found if each.own])
            keys |= await self._keys(db, workspace, {who for each in found for who in _missing(each.rows, keys)})
        loaded: dict[UUID, Loaded] = {}
        for stream, each in zip(streams, found, strict=True):
            needed = {who: keys[who] for who in {stream, *filter(None, map(subject, each.rows))} if who in keys}
            folded_ = await _folded_from(aggregate, stream, nothing, each, needed)
            loaded[stream] = folded_ or await self.load(workspace, aggregate, stream)
        return loaded

    async def _read(self, workspace: UUID, asks: Sequence[Ask]) -> list[Found]:
        """One statement needs no transaction."""
        async with BoundAsync(self._pool, workspace) as db:
            return await self._found(db, workspace, asks)

    async def _found(self, db: AsyncConnection[Any], workspace: UUID, asks: Sequence[Ask]) -> list[Found]:
        """What was asked. Who reads is about to decide: whether there is a newer set-up is asked beside it."""
        met = self._set_up.get(workspace.int)
        beside = [] if met is None else [Ask(workspace, met)]
        found = await group_read.read(db, workspace, [*asks, *beside])
        if beside and (rows := found.pop().rows):
            self._met(workspace, rows[-1].originator_version)
        return found

    def _met(self, workspace: UUID, version: int) -> None:
        self._set_up[workspace.int] = max(version, self._set_up.get(workspace.int, 0))

    async def events(self, workspace: UUID, stream: UUID, after: int = 0) -> list[Recorded[Event]]:
        """The stream's events above version `after`, secrets and all."""
        async with self.bound(workspace) as db:
            found = await db.execute(SELECT_AFTER, [stream, after], binary=True)
            rows = [StoredRow(*row) for row in await found.fetchall()]
            keys = await self._keys(db, workspace, {owner for row in rows if (owner := subject(row))})
        return [recorded async for recorded in _decoded(rows, keys)]

    async def events_of_many(self, workspace: UUID, streams: Sequence[UUID]) -> dict[UUID, list[Recorded[Event]]]:
        """All events of many streams, read set-wise."""
        found: dict[UUID, list[Recorded[Event]]] = {stream: [] for stream in streams}
        async with self.bound(workspace) as db:
            cursor = await db.execute(SELECT_HISTORIES, [Uuids(list(streams))], binary=True)
            rows = [StoredRow(*row) for row in await cursor.fetchall()]
            keys = await self._keys(db, workspace, {owner for row in rows if (owner := subject(row))})
        async for recorded in _decoded(rows, keys):
            found[recorded.stream_id].append(recorded)
        return found

    async def first_answer(self, workspace: UUID, command: UUID) -> Answer | None:
        """What a command id was answered with, if it ever was."""
        async with self.bound(workspace) as db:
            row = await (await db.execute(SELECT_COMMAND, [workspace, command])).fetchone()
        return Answer(*row) if row else None

    async def _keys(
        self, db: AsyncConnection[Any], workspace: UUID, subjects: set[UUID]
    ) -> dict[UUID, ContentKey | Erased]:
        if not subjects:
            return {}
        found = await db.execute(SELECT_KEYS, [[workspace] * len(subjects), list(subjects)])
        return self._unwrapped(await found.fetchall())

    def _unwrapped(self, rows: Sequence[Any]) -> dict[UUID, ContentKey | Erased]:
        return {row[1]: self.keyring.unwrap(WrappedKey(*row)) for row in rows}


async def _prepared(db: AsyncConnection[Any]) -> None:
    # A snapshot that another process drops between two of our queries would leave us the events after it alone.
    await db.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    # A stream is a handful of rows under its own key. Where the planner knows little of a young table, it would
    # intersect that with all rows of the workspace, for each stream anew.
    await db.execute(
        "SELECT set_config(name, 'off', false) FROM unnest(ARRAY['enable_bitmapscan', 'enable_seqscan']) name"
    )
    # There is one way to look these up: planning afresh costs several times as much as running.
    await db.execute("SET plan_cache_mode = force_generic_plan")


# Reading a long stream must not keep the event loop from everybody else.
_SLICE = 500


async def _decoded(rows: Sequence[StoredRow], keys: dict[UUID, ContentKey | Erased]) -> AsyncIterator[Recorded[Event]]:
    for place, row in enumerate(rows, 1):
        yield decode(row, keys)
        if place % _SLICE == 0:
            await asyncio.sleep(0)


def _missing(rows: Sequence[StoredRow], keys: Mapping[UUID, ContentKey | Erased]) -> set[UUID]:
    return {owner for row in rows if (owner := subject(row)) and owner not in keys}


async def _folded_from(
    aggregate: str, stream: UUID, before: Loaded, found: Found, keys: dict[UUID, ContentKey | Erased]
) -> Loaded | None:
    """The state now, or None where the snapshot does not open."""
    if found.kept is not None:
        state = snapshots.opened(aggregate, stream, *found.kept, keys.get(stream))
        if state is None:
            return None
        before = Loaded(state, found.kept[0], keys)
    return await folded(before, found.rows, keys)


async def folded(before: Loaded, rows: Sequence[StoredRow], keys: dict[UUID, ContentKey | Erased]) -> Loaded:
    """The state after the rows."""
    state = before.state
    for start in range(0, len(rows), _SLICE):
        for row in rows[start : start + _SLICE]:
            if row.originator_version > before.version:
                state = evolve(state, event_of(row, keys))
        if len(rows) > _SLICE:
            await asyncio.sleep(0)
    version = max([before.version, *(row.originator_version for row in rows[-1:])])
    return Loaded(state, version, keys)
