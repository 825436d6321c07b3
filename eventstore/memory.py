"""What a process remembers of streams: folded states, refreshed when a decision must not rest on an old one."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
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
    """What was read, and our own events after it: they are folded once somebody asks, for of most streams nobody does."""

    loaded: Loaded
    read_at: float
    ahead: Sequence[Event] = ()

    @property
    def version(self) -> int:
        return self.loaded.version + len(self.ahead)

    def now(self) -> Loaded:
        if self.ahead:
            state = reduce(evolve, self.ahead, self.loaded.state)
            self.loaded, self.ahead = Loaded(state, self.version, self.loaded.keys), ()
        return self.loaded


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
        """The remembered state, read anew when there is none or it was read longer than `within` seconds ago.

        A workspace's is as new as the newest read of any of its streams.
        """
        known = self._known.get(_place(workspace, stream))
        if known is None or known.version < self._streams.met(stream):
            return await self.read(workspace, aggregate, stream)
        if within is not None and _now() - known.read_at >= within:
            # One task reads; those that come meanwhile make do with what was good a moment ago.
            known.read_at = _now()
            return await self.read(workspace, aggregate, stream)
        self._known.move_to_end(_place(workspace, stream))
        return known.now()

    async def read(self, workspace: UUID, aggregate: str, stream: UUID) -> Loaded:
        """The state as the log has it now."""
        known = self._known.get(_place(workspace, stream))
        began = _now()
        try:
            loaded = await self._streams.load(workspace, aggregate, stream, known.now() if known else None)
        except NewerRelease:
            # Nobody makes do with what was good a moment ago.
            self.forget(workspace, stream)
            raise
        return self._remember(_place(workspace, stream), _Remembered(loaded, began)).now()

    def forget(self, workspace: UUID, stream: UUID) -> None:
        """Read it anew next time."""
        self._known.pop(_place(workspace, stream), None)

    def go_on(
        self, workspace: UUID, stream: UUID, before: Loaded, events: Sequence[Event], keys: dict[UUID, ContentKey]
    ) -> Callable[[], Loaded]:
        """Remember our own events without reading them back; who wants the state after them calls what is answered."""
        place = _place(workspace, stream)
        known = self._known.get(place)
        loaded = replace(before, keys={**before.keys, **keys}) if keys else before
        return self._remember(place, _Remembered(loaded, known.read_at if known else _now(), events)).now

    def _remember(self, place: Place, new: _Remembered) -> _Remembered:
        known = self._known.get(place)
        # Two tasks may have read at once; the one that saw more is right.
        if known is not None and known.version > new.version:
            new = _Remembered(known.loaded, new.read_at, known.ahead)
        self._known[place] = new
        self._known.move_to_end(place)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(KEPT, self._forget_old)
        return new

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
