"""Fires timers: any worker, as many at once as there are, each timer once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from psycopg import Connection, Cursor, errors

from domain.event import Event, Recorded
from domain.happening import Situation
from domain.requester import Requester
from eventstore.codec import decode
from eventstore.desk import Clock
from eventstore.feed import withheld
from eventstore.keyring import Keyring
from eventstore.loading import load_many, read_keys, rows_before
from eventstore.streams import Loaded
from processors import due, letters
from processors.deciding import Reaction
from processors.hurrying import hastens, share
from processors.letters import Letter
from processors.process import Memory, TicketProcess, Timer
from processors.recording import Conflict, Recorder, alone, remember, remembered
from processors.witness import Seen
from projections.runner import is_outage

log = structlog.get_logger()

# Timers that are fired in one transaction.
MOST = 500


class _Now(NamedTuple):
    """A ticket as it is; `loaded` is its stream where a decision may rest on what was read of it."""

    situation: Situation
    loaded: Loaded | None


class Poller:
    """Fires the timers of these processes on one connection of its own."""

    def __init__(self, processes: Iterable[TicketProcess], keyring: Keyring, db: Connection[Any], clock: Clock) -> None:
        self._processes = {process.NAME: process for process in processes}
        self._remembering = sorted(name for name, process in self._processes.items() if process.REMEMBERS)
        self._hastening = sorted(name for name, process in self._processes.items() if hastens(process))
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
        asking = {
            who: timer.workspace
            for timer in timers
            if timer.ticket in tickets and (who := tickets[timer.ticket].situation.ticket.requester_id) is not None
        }
        requesters = load_many(self._cursor, self._keyring, "requester", asking)
        desks = self._recorder.desks({timer.workspace for timer in timers})
        memories = self._memories(timers)

        def reaction(timer: Timer) -> Reaction:
            process, now = self._processes[timer.process], tickets[timer.ticket].situation
            who = requesters.get(now.ticket.requester_id) if now.ticket.requester_id else None
            requester: Requester | None = who.state if who else None
            memory = memories.get(timer.process, {}).get(timer.workspace, {})
            outputs = process.fire(timer, now, desks[timer.workspace], requester, at, memory)
            return Reaction.of(timer.process, timer, outputs)

        reactions = [reaction(timer) for timer in timers if timer.ticket in tickets]
        for name, changed in memories.items():
            remember(self._cursor, name, changed)
        known = {ticket: now.loaded for ticket, now in tickets.items() if now.loaded is not None}
        self._recorder.record(at, reactions, known, desks)

    def _tickets(self, timers: Sequence[Timer]) -> dict[UUID, _Now]:
        """The tickets as they are; what was never opened is not there."""
        of = {timer.ticket: timer.workspace for timer in timers}
        found = rows_before(self._cursor, of)
        keys = read_keys(self._cursor, self._keyring, of, chain.from_iterable(found.values()))
        tickets: dict[UUID, _Now] = {}
        for ticket, rows in found.items():
            events = [decode(row, keys) for row in rows]
            seen = Seen().after(map(withheld, events))
            if (situation := seen.situation) is not None:
                own = {ticket: keys[ticket]} if ticket in keys else {}
                loaded = Loaded(seen.ticket, rows[-1].originator_version, own)
                tickets[ticket] = _Now(situation, None if _has_secrets(events) else loaded)
        return tickets

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


def _has_secrets(events: Iterable[Recorded[Event]]) -> bool:
    return any(recorded.event.SECRETS for recorded in events)
