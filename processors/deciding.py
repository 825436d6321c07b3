"""Decides what reactions want done, one command after the other, each on what those before it led to."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
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
from eventstore.keyring import Keyring
from eventstore.stamp import stamp
from eventstore.streams import Loaded
from processors.process import Cause, Do, Output, Timer, command_id
from processors.witness import SetUp

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


def cause_of(told: Happening | SetUp) -> Happening | Recorded[Event]:
    """What a reaction to it is caused by."""
    return told.recorded if isinstance(told, SetUp) else told


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
        self._streams: dict[UUID, Loaded] = {}
        # What was decided on a stream, and is folded once somebody asks for its state again.
        self._decided: dict[UUID, list[Event]] = {}
        self._calls: dict[UUID, int] = {}
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
        before = self._state(command, stream)
        try:
            return self._called(command, stream, before, self._events(command, before))
        except Refusal as refusal:
            other = do.otherwise(refusal) if do.otherwise else None
        if other is not None:
            return self._done(other.model_copy(update=context), other.stream_id, replace(do, otherwise=None), context)
        # That it was refused is its answer: a replay must not find it allowed meanwhile.
        return self._called(command, stream, before, [])

    def _events(self, command: Command, before: Loaded) -> Decision:
        if command.expected_version is not None and command.expected_version != before.version:
            raise VersionConflict(seen=command.expected_version, actual=before.version)
        at_desk = command.AGGREGATE == "workspace"
        return decide(command, before.state, before.state if at_desk else self._desk(command.workspace_id))

    def _state(self, command: Command, stream: UUID) -> Loaded:
        if stream not in self._streams:
            self._streams[stream] = self._load(command, stream)
        if events := self._decided.pop(stream, None):
            before = self._streams[stream]
            self._streams[stream] = replace(before, state=reduce(evolve, events, before.state))
        return self._streams[stream]

    def _called(self, command: Command, stream: UUID, before: Loaded, events: Decision) -> UUID | None:
        call, keys = stamp(self._keyring, command, stream, before, events)
        self._streams[stream] = Loaded(before.state, before.version + len(events), {**before.keys, **keys})
        self._decided[stream] = events
        round_ = self._calls[stream] = self._calls.get(stream, -1) + 1
        if round_ == len(self.rounds):
            self.rounds.append([])
        self.rounds[round_].append(call)
        return call.events[0].event_id if call.events else None
