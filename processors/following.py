"""Runs one TicketProcess along the log: each piece of it with its checkpoint in one transaction, failures parked."""

from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from psycopg import Connection, Cursor, errors

from domain.happening import Happening
from eventstore.desk import Clock
from eventstore.feed import PAGE, head, read_page
from eventstore.keyring import Keyring
from processors import letters
from processors.deciding import Reaction, cause_of
from processors.letters import Asked, Letter
from processors.process import Memory, TicketProcess
from processors.recording import Conflict, Recorder, alone, remember, remembered
from processors.witness import SetUp, Witness, whole
from projections.runner import is_outage

log = structlog.get_logger()

Told = Happening | SetUp

POSITION = "SELECT notification_id FROM log.notification_tracking WHERE application_name = %s"
CHECKPOINT = "SELECT processes.advance(%s, %s, %s)"


class Follower:
    """One process on one connection, which holds its lease. After any exception a new one begins at the checkpoint."""

    def __init__(self, process: TicketProcess, keyring: Keyring, db: Connection[Any], clock: Clock) -> None:
        self._process, self._db, self._clock = process, db, clock
        self._cursor: Cursor[Any] = db.cursor()
        self._witness = Witness(keyring, process.TOPICS, process.OPENS, process.NAME)
        self._recorder = Recorder(self._cursor, keyring)
        found = self._cursor.execute(POSITION, [process.NAME]).fetchone()
        self._position: int = found[0] if found else self._beginning()
        # How many happenings are recorded at once: fewer after a failure, to find out which it was.
        self._most = PAGE

    def _beginning(self) -> int:
        if not self._process.FROM_NOW:
            return 0
        position = head(self._cursor)
        self._cursor.execute(CHECKPOINT, [self._process.NAME, 0, position])
        return position

    def step(self) -> bool:
        """Do what there is to do; False where there is nothing."""
        retried = self._retry()
        return self._follow() or retried

    def _follow(self) -> bool:
        size, rows = PAGE, read_page(self._cursor, self._position, PAGE)
        while rows and not (kept := whole(rows, full=len(rows) == size)):
            # A command with more events than a page has.
            size *= 2
            rows = read_page(self._cursor, self._position, size)
        if not rows:
            return False
        told = self._witness.happenings(self._cursor, kept)
        while told:
            done = self._attempt(told[: self._most], kept[-1].notification_id if len(told) <= self._most else None)
            told = told[done:]
        if self._position < kept[-1].notification_id:
            self._checkpoint(kept[-1].notification_id)
            self._position = kept[-1].notification_id
        return True

    def _attempt(self, told: Sequence[Told], end: int | None) -> int:
        """How many of these were recorded: all, or none where it is to be tried with fewer."""
        upto = end or _last(told[-1])
        try:
            with self._db.transaction():
                # First: whoever was faster is found out before anything is done twice.
                self._checkpoint(upto)
                self._record(told)
        except (Conflict, errors.DeadlockDetected):
            self._most = max(1, len(told) // 2)
            return 0
        except Exception as error:
            if is_outage(error) or _overtaken(error):
                raise
            if len(told) > 1:
                self._most = max(1, len(told) // 2)
                return 0
            self._park(told[0], error, upto)
        self._position = upto
        self._most = min(PAGE, self._most * 2)
        return len(told)

    def _record(self, told: Sequence[Told]) -> None:
        """React and write, but for what waits behind a failure."""
        parked = letters.parked(self._cursor, self._process.NAME, {_stream(each) for each in told})
        waiting = [each for each in told if _stream(each) in parked]
        letters.park(self._cursor, (self._letter(each) for each in waiting))
        reactions = self._reactions([each for each in told if _stream(each) not in parked])
        self._recorder.record(self._clock(), reactions)

    def _reactions(self, told: Sequence[Told]) -> list[Reaction]:
        if not self._process.REMEMBERS:
            return [self._reaction(each, {}) for each in told]
        alone(self._cursor, self._process.NAME)
        workspaces = {cause_of(each).metadata.workspace_id for each in told}
        memories = remembered(self._cursor, self._process.NAME, workspaces)
        reactions = [self._reaction(each, memories[cause_of(each).metadata.workspace_id]) for each in told]
        remember(self._cursor, self._process.NAME, memories)
        return reactions

    def _reaction(self, told: Told, memory: Memory) -> Reaction:
        process = self._process
        outputs = process.set_up(*told) if isinstance(told, SetUp) else process.react(told, memory)
        return Reaction.of(process.NAME, cause_of(told), outputs)

    def _park(self, told: Told, error: Exception, upto: int) -> None:
        # Its text is left out: it may quote what a customer wrote.
        kind = type(error).__qualname__
        log.error("process.parked", process=self._process.NAME, position=_first(told), error=kind)
        with self._db.transaction():
            self._checkpoint(upto)
            letters.park(self._cursor, [self._letter(told, kind)])

    def _checkpoint(self, upto: int) -> None:
        self._cursor.execute(CHECKPOINT, [self._process.NAME, self._position, upto])

    def _letter(self, told: Told, error: str | None = None) -> Letter:
        workspace, topics = cause_of(told).metadata.workspace_id, [each.event.NAME for each in _events(told)]
        number = None if isinstance(told, SetUp) else told.after.ticket.number
        return Letter(self._process.NAME, workspace, _stream(told), number, _first(told), topics=topics, error=error)

    def _retry(self) -> bool:
        """Try again what somebody wants tried again, in the order of the log; a ticket's stop at its next failure."""
        retried = False
        while asked := letters.asked_for(self._cursor, self._process.NAME):
            self._tried_again(asked, self._seen_again(asked))
            retried = True
        return retried

    def _seen_again(self, asked: Asked) -> list[Told]:
        told = self._witness.again(self._cursor, asked.stream, asked.position)
        # A command on a workspace may have led to several changes.
        return [each for each in told if _first(each) == asked.position]

    def _tried_again(self, asked: Asked, told: Sequence[Told]) -> None:
        try:
            with self._db.transaction():
                if letters.done(self._cursor, asked):
                    self._recorder.record(self._clock(), self._reactions(told))
        except (Conflict, errors.DeadlockDetected):
            # Still asked for: its turn comes again.
            return
        except Exception as error:
            if is_outage(error):
                raise
            with self._db.transaction():
                letters.failed(self._cursor, self._letter(told[0], type(error).__qualname__))


def _overtaken(error: Exception) -> bool:
    """Whether somebody else has moved the checkpoint; a table's own constraint would have a name."""
    return isinstance(error, errors.UniqueViolation) and error.diag.constraint_name is None


def _events(told: Told) -> Iterable[Any]:
    return [told.recorded] if isinstance(told, SetUp) else told.events


def _first(told: Told) -> int:
    return told.recorded.position if isinstance(told, SetUp) else told.events[0].position


def _last(told: Told) -> int:
    return told.recorded.position if isinstance(told, SetUp) else told.position


def _stream(told: Told) -> Any:
    return told.recorded.stream_id if isinstance(told, SetUp) else told.events[0].stream_id
