"""What a process remembers of streams: folded states, refreshed when a decision must not rest on an old one."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.aggregates import evolve
from domain.errors import NewerRelease
from domain.event import Event
from eventstore.keyring import ContentKey
from eventstore.streams import Loaded, Streams

# Streams whose state a process remembers.
REMEMBERED = 4096
# What was not read for so long is forgotten within as long again, in seconds: another process may have erased it.
KEPT = 300.0

Place = tuple[int, int]


@dataclass(slots=True)
class _Remembered:
    loaded: Loaded
    read_at: float


class Memory:
    """Least recently used states by (workspace, stream)."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._known: OrderedDict[Place, _Remembered] = OrderedDict()
        self._sweep: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Forget everything."""
        self._known.clear()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    async def recall(self, workspace: UUID, aggregate: str, stream: UUID, *, within: float | None = None) -> Loaded:
        """The remembered state, read anew when there is none or it was read longer than `within` seconds ago."""
        known = self._known.get(_place(workspace, stream))
        if known is None:
            return await self.read(workspace, aggregate, stream)
        if within is not None and _now() - known.read_at >= within:
            # One task reads; those that come meanwhile make do with what was good a moment ago.
            known.read_at = _now()
            return await self.read(workspace, aggregate, stream)
        self._known.move_to_end(_place(workspace, stream))
        return known.loaded

    async def read(self, workspace: UUID, aggregate: str, stream: UUID) -> Loaded:
        """The state as the log has it now."""
        known = self._known.get(_place(workspace, stream))
        began = _now()
        try:
            loaded = await self._streams.load(workspace, aggregate, stream, known.loaded if known else None)
        except NewerRelease:
            # Nobody makes do with what was good a moment ago.
            self.forget(workspace, stream)
            raise
        return self._remember(_place(workspace, stream), loaded, began)

    def forget(self, workspace: UUID, stream: UUID) -> None:
        """Read it anew next time."""
        self._known.pop(_place(workspace, stream), None)

    def fold(
        self, workspace: UUID, stream: UUID, before: Loaded, events: Sequence[Event], keys: dict[UUID, ContentKey]
    ) -> Loaded:
        """The state after our own events, without reading them back."""
        state = before.state
        for event in events:
            state = evolve(state, event)
        after = Loaded(state, before.version + len(events), {**before.keys, **keys} if keys else before.keys)
        known = self._known.get(_place(workspace, stream))
        return self._remember(_place(workspace, stream), after, known.read_at if known else _now())

    def _remember(self, place: Place, loaded: Loaded, read_at: float) -> Loaded:
        known = self._known.get(place)
        # Two tasks may have read at once; the one that saw more is right.
        if known is not None and known.loaded.version > loaded.version:
            loaded = known.loaded
        self._known[place] = _Remembered(loaded, read_at)
        self._known.move_to_end(place)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(KEPT, self._forget_old)
        return loaded

    def _forget_old(self) -> None:
        since = _now() - KEPT
        for place in [place for place, known in self._known.items() if known.read_at <= since]:
            del self._known[place]
        self._sweep = asyncio.get_running_loop().call_later(KEPT, self._forget_old) if self._known else None


def _place(workspace: UUID, stream: UUID) -> Place:
    # Their integers, because a UUID computes its hash in Python each time.
    return workspace.int, stream.int


def _now() -> float:
    return asyncio.get_running_loop().time()
