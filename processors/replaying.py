"""What a process would have done over a finished history: the same react and fire, with timers in a heap and nothing recorded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

from domain.aggregates import decide, evolve
from domain.catalogue import Catalogue
from domain.copying import replace
from domain.errors import Refusal
from domain.event import Event
from domain.happening import Happening, Situation
from domain.requester import Requester
from domain.ticket.state import Promises
from processors.present import Present
from processors.process import CancelTimer, Do, Memory, Output, SetTimer, TicketProcess, Timer


class Foreseen(NamedTuple):
    """An event that it would have led to, on which ticket and when."""

    ticket: UUID
    number: str
    at: datetime
    version: int
    event: Event


@dataclass(slots=True)
class _Known:
    """A ticket as the history had it last, and what the replay has recorded of its promises."""

    now: Situation
    desk: Catalogue
    requester: Requester | None
    promises: Promises


@dataclass
class Replay:
    """Give it happenings in the order in which they happened, whatever tickets they are of; then `until` the end.

    Of what a history recorded of promises itself nothing is looked at: it is what the replay is held against.
    """

    process: TicketProcess
    memory: Memory = field(default_factory=dict)
    _heap: list[tuple[datetime, int, Timer]] = field(default_factory=list)
    _timers: dict[tuple[UUID, str], Timer] = field(default_factory=dict)
    _tickets: dict[UUID, _Known] = field(default_factory=dict)
    _order: Iterator[int] = field(default_factory=count)

    def happened(self, happening: Happening) -> Iterator[Foreseen]:
        """What came due up to that moment, then what it led to."""
        yield from self.until(happening.at)
        ticket, after = happening.after.row.ticket_id, happening.after
        known = self._tickets.get(ticket)
        promises = known.promises if known else Promises()
        before = _with(happening.before, promises) if happening.before else None
        self._tickets[ticket] = known = _Known(_with(after, promises), happening.desk, happening.requester, promises)
        if self.process.TOPICS is not None and self.process.TOPICS.isdisjoint(e.event.NAME for e in happening.events):
            return
        seen = replace(happening, before=before, after=known.now)
        workspace = happening.metadata.workspace_id
        yield from self._done(known, workspace, happening.at, self.process.react(seen, self.memory))

    def changed(self, at: datetime, desk: Catalogue) -> Iterator[Foreseen]:
        """What came due up to that moment; from then on the desk is another, and everything is looked at anew."""
        yield from self.until(at)
        for known in self._tickets.values():
            known.desk = desk
        for place, timer in self._timers.items():
            self._timers[place] = hastened = replace(timer, woken_at=at)
            heappush(self._heap, (at, next(self._order), hastened))
        yield from self.until(at)

    def until(self, at: datetime) -> Iterator[Foreseen]:
        """What came due by then, each at its moment and in order."""
        while self._heap and self._heap[0][0] <= at:
            due, _, timer = heappop(self._heap)
            if self._timers.get((timer.ticket, timer.key)) is not timer:
                continue
            del self._timers[timer.ticket, timer.key]
            known = self._tickets[timer.ticket]
            given = (timer, Present.of(known.now), known.desk, known.requester, due, self.memory)
            yield from self._done(known, timer.workspace, due, self.process.fire(*given))

    def _done(self, on: _Known, workspace: UUID, at: datetime, outputs: Iterable[Output]) -> Iterator[Foreseen]:
        ticket = on.now.row.ticket_id
        for output in outputs:
            match output:
                case Do():
                    yield from self._decided(on, at, output)
                case SetTimer(key=key, due_at=due, detail=detail):
                    timer = Timer(self.process.NAME, workspace, ticket, key, due, detail)
                    self._timers[ticket, key] = timer
                    heappush(self._heap, (due, next(self._order), timer))
                case CancelTimer(key=key):
                    for place in [place for place in self._timers if place[0] == ticket and key in (None, place[1])]:
                        del self._timers[place]

    def _decided(self, on: _Known, at: datetime, do: Do) -> Iterator[Foreseen]:
        try:
            events = decide(do.command, on.now.ticket, on.desk)
        except Refusal:
            return
        for event in events:
            on.promises = evolve(on.now.ticket, event).promises
            on.now = _with(on.now, on.promises)
            row = on.now.row
            yield Foreseen(row.ticket_id, row.number, at, row.version, event)


def _with(situation: Situation, promises: Promises) -> Situation:
    return replace(situation, ticket=replace(situation.ticket, promises=promises))


def in_time(happened: Iterable[Happening]) -> list[Happening]:
    """By the time at which they happened; a ticket's own stay in the order of the log, though other systems' clocks differ."""
    latest: dict[UUID, datetime] = {}
    placed = []
    for happening in happened:
        ticket = happening.after.row.ticket_id
        latest[ticket] = max(happening.at, latest.get(ticket, happening.at))
        placed.append((latest[ticket], happening.position, happening))
    return [happening for *_, happening in sorted(placed, key=itemgetter(0, 1))]


def lived(happening: Happening) -> Happening:
    """The same as if it had happened here: what another system told is then waited for, reminded of and escalated."""
    events = (each._replace(metadata=each.metadata._replace(channel="replay")) for each in happening.events)
    return replace(happening, events=tuple(events)) if happening.told else happening
