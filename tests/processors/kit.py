"""A desk in memory for tests of ticket processes: commands in, the processes react until all is quiet, time is a number.

stage = Stage(Waking())
stage.do(OpenTicket, number="T-1", title="x")
stage.do(SnoozeTicket, number="T-1", until=stage.now + timedelta(hours=4))
stage.advance(hours=4)
assert stage.topics("T-1") == ["opened", "snoozed", "woken"]
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any
from uuid import UUID, uuid4

from domain.aggregates import INITIAL, decide, evolve
from domain.catalogue import Catalogue
from domain.command import Command
from domain.event import SYSTEM, Actor, Event, Recorded
from domain.happening import Happening, Situation
from domain.ids import ticket_id, workspace_id
from domain.permissions import RoleName
from domain.sla.standing import ClockLine
from domain.workspace import AddPerson, CreateWorkspace
from eventstore.append import Call
from eventstore.codec import StoredRow, decode
from eventstore.keyring import Keyring
from eventstore.stamp import stamp
from eventstore.streams import Loaded
from processors.deciding import Deciding, Reaction, cause_of
from processors.present import Present
from processors.process import CancelTimer, Deliver, Hasten, Keep, Memory, SetTimer, TicketProcess, Timer
from processors.witness import Beside, Seen, SetUp, Told, reaction

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SLUG = "acme"


class Stage:
    """A furnished workspace with an admin, and processes that follow it. Everything that they did is in its attributes."""

    def __init__(self, *processes: TicketProcess, at: datetime = BEGAN) -> None:
        self.processes, self.now = {process.NAME: process for process in processes}, at
        self.workspace, self.person = workspace_id(SLUG), Actor(kind="person", id=str(uuid4()))
        self.log: list[Recorded[Event]] = []
        self.timers: dict[tuple[str, UUID, str], Timer] = {}
        self.deliveries: list[Deliver] = []
        self.lines: dict[str, dict[str, ClockLine]] = {}
        self.memories: dict[str, Memory] = {name: {} for name in self.processes}
        self._keyring = Keyring(b"k" * 32)
        self._streams: dict[UUID, Loaded] = {}
        self._seen: dict[UUID, Seen] = {}
        self._answered: dict[UUID, UUID | None] = {}
        self._hastened: set[tuple[str, UUID, str]] = set()
        self._told: deque[Told] = deque()
        self.do(CreateWorkspace, slug=SLUG, title="Acme", by=SYSTEM)
        self.do(AddPerson, person_id=UUID(self.person.id), person_name="Ann", role=RoleName.ADMIN, by=SYSTEM)

    def do(self, kind: type[Command], /, **fields: Any) -> Sequence[Event]:
        """Execute a command of the admin's, or of whoever is given; then the processes react until all is quiet."""
        context = {"workspace_id": self.workspace, "by": self.person, "at": self.now, "command_id": uuid4()}
        command = kind(**(context | fields))
        before = self._loaded(command, command.stream_id)
        events = decide(command, before.state, before.state if kind.AGGREGATE == "workspace" else self.desk)
        call, _ = stamp(self._keyring, command, command.stream_id, before, events)
        self._take(call)
        self.settle()
        return events

    def advance(self, **amount: float) -> None:
        """Let time pass: each timer fires when it is due. A timedelta's arguments."""
        end = self.now + timedelta(**amount)
        while (due := self._next(end)) is not None:
            self.now = max(self.now, due.due_at)
            self._fire(due)
        self.now = end

    def sleep(self, **amount: float) -> None:
        """Let time pass as for a machine that slept: what was due meanwhile fires late, in order."""
        self.now += timedelta(**amount)
        while (due := self._next(self.now)) is not None:
            self._fire(due)

    def settle(self) -> None:
        """React until all is quiet."""
        while self._told:
            told = self._told.popleft()
            for name, process in self.processes.items():
                if isinstance(told, Beside) and told.recorded.event.NAME not in process.listens(told.desk):
                    continue
                if not isinstance(told, Happening):
                    self._apply(Reaction.of(name, told.recorded, reaction(process, told, self.memories[name])))
                elif process.TOPICS is None or not process.TOPICS.isdisjoint(e.event.NAME for e in told.events):
                    self._apply(Reaction.of(name, cause_of(told), process.react(told, self.memories[name])))
        if self._hastened:
            self.sleep()

    @property
    def desk(self) -> Catalogue:
        """What the workspace has set up."""
        catalogue: Catalogue = self._streams[self.workspace].state
        return catalogue

    def ticket(self, number: str) -> Situation:
        """A ticket as it is."""
        situation = self._seen[ticket_id(self.workspace, number)].situation
        assert situation is not None
        return situation

    def events(self, number: str) -> list[Event]:
        """What a ticket had, in order."""
        stream = ticket_id(self.workspace, number)
        return [recorded.event for recorded in self.log if recorded.stream_id == stream]

    def topics(self, number: str) -> list[str]:
        """The names of its events, without "ticket."."""
        return [event.NAME.removeprefix("ticket.") for event in self.events(number)]

    def due(self, number: str) -> dict[str, datetime]:
        """The ticket's timers, by key."""
        stream = ticket_id(self.workspace, number)
        return {key: timer.due_at for (_, ticket, key), timer in self.timers.items() if ticket == stream}

    def _loaded(self, command: Command, stream: UUID) -> Loaded:
        return self._streams.get(stream, Loaded(INITIAL[command.AGGREGATE]))

    def _next(self, until: datetime) -> Timer | None:
        waiting = (t for place, t in self.timers.items() if t.due_at <= until or place in self._hastened)
        return min(waiting, key=lambda timer: timer.woken_at or timer.due_at, default=None)

    def _fire(self, timer: Timer) -> None:
        place = (timer.process, timer.ticket, timer.key)
        del self.timers[place]
        self._hastened.discard(place)
        situation = self._seen[timer.ticket].situation
        if situation is not None:
            who = self._streams.get(situation.ticket.requester_id) if situation.ticket.requester_id else None
            given = (timer, Present.of(situation), self.desk, who and who.state, self.now, self.memories[timer.process])
            self._apply(Reaction.of(timer.process, timer, self.processes[timer.process].fire(*given)))
        self.settle()

    def _apply(self, reaction: Reaction) -> None:
        deciding = Deciding(self._keyring, self.now, self._loaded, lambda _: self.desk, self._answered)
        deciding.add(reaction)
        for output in reaction.outputs:
            if isinstance(output, SetTimer):
                self._set(reaction, output)
            elif isinstance(output, CancelTimer):
                self._cancel(reaction.process, output)
            elif isinstance(output, Hasten):
                self._hasten(reaction.process)
            elif isinstance(output, Deliver):
                self.deliveries.append(output)
            elif isinstance(output, Keep):
                self.lines[output.number] = {line.measure.value: line for line in output.lines}
        for calls in deciding.rounds:
            for call in calls:
                self._take(call)

    def _set(self, reaction: Reaction, wish: SetTimer) -> None:
        cause = reaction.cause
        causes = (
            (cause.cause, cause.correlation)
            if isinstance(cause, Timer)
            else (cause.metadata.event_id, cause.metadata.correlation_id)
        )
        place = (reaction.process, wish.ticket, wish.key)
        self._hastened.discard(place)
        self.timers[place] = Timer(
            reaction.process, self.workspace, wish.ticket, wish.key, wish.due_at, dict(wish.detail), *causes
        )

    def _hasten(self, process: str) -> None:
        for place, timer in self.timers.items():
            if place[0] == process:
                self._hastened.add(place)
                self.timers[place] = replace(timer, woken_at=self.now)

    def _cancel(self, process: str, wish: CancelTimer) -> None:
        for place in list(self.timers):
            if place[:2] == (process, wish.ticket) and wish.key in (None, place[2]):
                del self.timers[place]
                self._hastened.discard(place)

    def _take(self, call: Call) -> None:
        """The call's events happen."""
        before = self._streams.get(call.stream_id)
        keys = {**(before.keys if before else {}), **{row.subject_id: self._keyring.unwrap(row) for row in call.keys}}
        every = {key: value for loaded in self._streams.values() for key, value in loaded.keys.items()} | keys
        recorded = [decode(row, every) for row in self._rows(call)]
        self._answered[call.command_id] = recorded[0].metadata.event_id if recorded else None
        if not recorded:
            return
        state = before.state if before else INITIAL[_aggregate(call)]
        state = reduce(evolve, (each.event for each in recorded), state)
        self._streams[call.stream_id] = Loaded(state, call.after + len(recorded), keys)
        self.log += recorded
        self._tell(call.stream_id, recorded)

    def _rows(self, call: Call) -> Iterable[StoredRow]:
        for place, event in enumerate(call.events, 1):
            position, version = len(self.log) + place, call.after + place
            yield StoredRow(
                call.stream_id, version, event.topic, event.state, position, call.workspace_id, event.event_id, self.now
            )

    def _tell(self, stream: UUID, recorded: Sequence[Recorded[Event]]) -> None:
        if stream == self.workspace:
            self._told += [SetUp(each, self.desk) for each in recorded]
        elif recorded[0].event.NAME.startswith("ticket."):
            before = self._seen.get(stream, Seen())
            self._seen[stream] = after = before.after(recorded)
            who = self._streams.get(after.ticket.requester_id) if after.ticket.requester_id else None
            if happening := before.became(tuple(recorded), after, self.desk, who.state if who else None):
                self._told.append(happening)
        else:
            self._told += [Beside(each, self.desk) for each in recorded]


def _aggregate(call: Call) -> str:
    return "workspace" if call.stream_id == call.workspace_id else call.events[0].topic.partition(".")[0]
