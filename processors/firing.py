"""Fires timers: any worker, as many at once as there are, each timer once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from psycopg import Connection, Cursor, errors

from domain.requester import Requester
from eventstore.desk import Clock
from eventstore.keyring import Keyring
from eventstore.loading import load_many
from eventstore.streams import Loaded
from processors import due, letters
from processors.deciding import Reaction
from processors.finding import Found, presents
from processors.hurrying import hastens, share
from processors.letters import Letter
from processors.process import Memory, TicketProcess, Timer
from processors.recording import Conflict, Recorder, alone, remember, remembered
from projections.runner import is_outage

log = structlog.get_logger()

# Timers that are fired in one transaction.
MOST = 500


class Poller:
    """Fires the timers of these processes on one connection of its own."""

    def __init__(self, processes: Iterable[TicketProcess], keyring: Keyring, db: Connection[Any], clock: Clock) -> None:
        self._processes = {process.NAME: process for process in processes}
        self._remembering = sorted(name for name, process in self._processes.items() if process.REMEMBERS)
        self._hastening = sorted(name for name, process in self._processes.items() if hastens(process))
        # Two timers of one ticket are never taken at once: whoever fires one decides alone whether it is opened.
        self._closed = {
            name for name, process in self._processes.items() if process.OPENS is not None and not process.OPENS
        }
        self._keyring, self._db, self._clock = keyring, db, clock
        self._cursor: Cursor[Any] = db.cursor()
        self._recorder = Recorder(self._cursor, keyring)
        self._most = MOST

    def step(self) -> int:
        """Fire what is due, at most so many at once. How many were tried, 0 where nothing is due; raises where it cannot."""
        timers: list[Timer] = []
        try:
            with self._db.transaction():
                at = self._clock()
                timers += self._taken(at)
                if timers:
                    self._fire(timers, at)
            self._most = min(MOST, self._most * 2)
        except (Conflict, errors.DeadlockDetected, errors.LockNotAvailable):
            self._fewer(timers)
        except Exception as error:
            if is_outage(error):
                raise
            self._fewer(timers)
            if len(timers) == 1:
                self._park(timers[0], error)
        return len(timers)

    def _taken(self, at: datetime) -> list[Timer]:
        for name in self._remembering:
            alone(self._cursor, name)
        # Before what is set up is read: whoever hastens after a change of it then finds the timers that are set here.
        for name in self._hastening:
            share(self._cursor, name)
        return due.take(self._cursor, list(self._processes), at, self._most)

    def _fewer(self, timers: Sequence[Timer]) -> None:
        """Next time half as many, down to the one that is to blame."""
        if timers:
            self._most = max(1, len(timers) // 2)

    def _fire(self, timers: Sequence[Timer], at: datetime) -> None:
        tickets = self._tickets(timers)
        timers = [timer for timer in timers if timer.ticket in tickets]
        requesters = self._requesters(timers, tickets)
        desks = self._recorder.desks({timer.workspace for timer in timers})
        memories = self._memories(timers)

        def reaction(timer: Timer) -> Reaction:
            process, now = self._processes[timer.process], tickets[timer.ticket].present
            requester = requesters.get(now.ticket.requester_id) if now.ticket.requester_id else None
            memory = memories.get(timer.process, {}).get(timer.workspace, {})
            outputs = process.fire(timer, now, desks[timer.workspace], requester, at, memory)
            return Reaction.of(timer.process, timer, outputs)

        reactions = [reaction(timer) for timer in timers]
        for name, changed in memories.items():
            remember(self._cursor, name, changed)
        self._recorder.record(at, reactions, _known(tickets, reactions), desks)

    def _tickets(self, timers: Sequence[Timer]) -> dict[UUID, Found]:
        closed = {timer.ticket for timer in timers if timer.process in self._closed}
        return presents(self._cursor, self._keyring, {timer.ticket: timer.workspace for timer in timers}, closed)

    def _requesters(self, timers: Sequence[Timer], tickets: Mapping[UUID, Found]) -> dict[UUID, Requester]:
        """Of those who look inside."""
        asking = {
            who: timer.workspace
            for timer in timers
            if timer.process not in self._closed
            and (who := tickets[timer.ticket].present.ticket.requester_id) is not None
        }
        loaded = load_many(self._cursor, self._keyring, "requester", asking)
        return {who: found.state for who, found in loaded.items()}

    def _memories(self, timers: Sequence[Timer]) -> Mapping[str, dict[UUID, Memory]]:
        wanted: dict[str, set[UUID]] = {}
        for timer in timers:
            if self._processes[timer.process].REMEMBERS:
                wanted.setdefault(timer.process, set()).add(timer.workspace)
        return {name: remembered(self._cursor, name, wanted[name]) for name in self._remembering if name in wanted}

    def _park(self, timer: Timer, error: Exception) -> None:
        kind = type(error).__qualname__
        log.error("timer.parked", process=timer.process, key=timer.key, error=kind)
        with self._db.transaction():
            if due.remove(self._cursor, timer):
                letter = Letter(timer.process, timer.workspace, timer.ticket, timer=timer, error=kind)
                letters.park(self._cursor, [letter])


def _known(tickets: Mapping[UUID, Found], reactions: Iterable[Reaction]) -> dict[UUID, Loaded]:
    """The streams as they were read, but for those that must be opened for what is to be decided on them."""
    opening = {each.stream for reaction in reactions for each in reaction.wanted if each.do.reads_content}
    return {
        ticket: found.loaded
        for ticket, found in tickets.items()
        if found.loaded is not None and not (found.closed and ticket in opening)
    }
