"""Decides what reactions want done, one command after the other, each on what those before it led to."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from typing import NamedTuple
from uuid import UUID

from domain.aggregates import decide, evolve
from domain.catalogue import Catalogue
from domain.command import Command, Decision
from domain.copying import replace
from domain.errors import Refusal, VersionConflict
from domain.event import Event, Recorded
from domain.happening import Happening
from eventstore.append import Call
from eventstore.keyring import ContentKey, Keyring
from eventstore.stamp import stamp
from eventstore.streams import Loaded
from processors.process import Cause, Do, Output, Timer, command_id
from processors.witness import Told

# The first event of each command that is answered already; None where it led to none.
Answered = Mapping[UUID, UUID | None]


class Wanted(NamedTuple):
    """Something to be done, with the id that it always has, and the stream that it is decided on."""

    do: Do
    command_id: UUID
    stream: UUID


@dataclass(frozen=True, slots=True)
class Reaction:
    """What one cause led to in one process. Timers of one that is `hurried` are looked at now."""

    process: str
    cause: Cause
    outputs: tuple[Output, ...]
    wanted: tuple[Wanted, ...]
    hurried: bool = False

    @classmethod
    def of(cls, process: str, cause: Cause, outputs: Iterable[Output]) -> "Reaction":
        """What it is once it is known what it leads to."""
        # What the ids of its commands follow from.
        occasion = cause.occasion if isinstance(cause, Timer) else cause.metadata.event_id
        every = tuple(outputs)
        doing = (output for output in every if isinstance(output, Do))
        wanted = (
            Wanted(do, command_id(process, occasion, place), do.command.stream_id) for place, do in enumerate(doing)
        )
        return cls(process, cause, every, tuple(wanted))

    @property
    def workspace(self) -> UUID:
        """Where it happened."""
        return self.cause.workspace if isinstance(self.cause, Timer) else self.cause.metadata.workspace_id


def cause_of(told: Told) -> Happening | Recorded[Event]:
    """What a reaction to it is caused by."""
    return told if isinstance(told, Happening) else told.recorded


@dataclass(slots=True)
class _Stream:
    """A stream as it was read, and what was decided on it since; how many calls there are for it."""

    loaded: Loaded
    decided: Decision = field(default_factory=list)
    keys: dict[UUID, ContentKey] = field(default_factory=dict)
    calls: int = 0

    def now(self) -> Loaded:
        """What was decided is folded only once somebody asks."""
        if self.decided:
            before, keys = self.loaded, {**self.loaded.keys, **self.keys}
            state = reduce(evolve, self.decided, before.state)
            self.loaded = Loaded(state, before.version + len(self.decided), keys)
            self.decided, self.keys = [], {}
        return self.loaded


class Deciding:
    """The calls that reactions come to, in rounds: in each at most one for a stream."""

    def __init__(
        self,
        keyring: Keyring,
        at: datetime,
        load: Callable[[Command, UUID], Loaded],
        desk: Callable[[UUID], Catalogue],
        answered: Answered,
    ) -> None:
        self._keyring, self._at = keyring, at
        self._load, self._desk, self._answered = load, desk, answered
        self._streams: dict[UUID, _Stream] = {}
        self.rounds: list[list[Call]] = []

    def add(self, reaction: Reaction) -> None:
        """Decide all that it wants done. What was answered once, before a crash or a replay, is not decided again."""
        firsts: list[UUID | None] = []
        for do, id_, stream in reaction.wanted:
            if id_ in self._answered:
                firsts.append(self._answered[id_])
                continue
            context: dict[str, object] = {"command_id": id_, "at": self._at}
            if do.after is not None and (cause := firsts[do.after]) is not None:
                context["causation_id"] = cause
            firsts.append(self._done(do.command.model_copy(update=context), stream, do, context))

    def _done(self, command: Command, stream: UUID, do: Do, context: dict[str, object]) -> UUID | None:
        on = self._stream(command, stream)
        try:
            return self._called(command, stream, on, self._events(command, on.now()))
        except Refusal as refusal:
            other = do.otherwise(refusal) if do.otherwise else None
        if other is not None:
            return self._done(other.model_copy(update=context), other.stream_id, replace(do, otherwise=None), context)
        # That it was refused is its answer: a replay must not find it allowed meanwhile.
        return self._called(command, stream, on, [])

    def _events(self, command: Command, before: Loaded) -> Decision:
        if command.expected_version is not None and command.expected_version != before.version:
            raise VersionConflict(seen=command.expected_version, actual=before.version)
        at_desk = command.AGGREGATE == "workspace"
        return decide(command, before.state, before.state if at_desk else self._desk(command.workspace_id))

    def _stream(self, command: Command, stream: UUID) -> _Stream:
        if (known := self._streams.get(stream)) is None:
            known = self._streams[stream] = _Stream(self._load(command, stream))
        return known

    def _called(self, command: Command, stream: UUID, on: _Stream, events: Decision) -> UUID | None:
        call, keys = stamp(self._keyring, command, stream, on.loaded, events)
        on.decided, on.keys = events, keys
        if on.calls == len(self.rounds):
            self.rounds.append([])
        self.rounds[on.calls].append(call)
        on.calls += 1
        return call.events[0].event_id if call.events else None
