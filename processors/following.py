"""Runs one TicketProcess along the log: each piece of it with its checkpoint in one transaction, failures parked."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from psycopg import Connection, Cursor, errors

from domain.happening import Happening
from domain.stream.telling import name_of
from eventstore.desk import Clock
from eventstore.feed import PAGE, read_whole
from eventstore.keyring import Keyring
from processors import letters
from processors.checkpoint import Checkpoint, Overtaken, Whereabouts
from processors.deciding import Reaction, cause_of
from processors.hurrying import hurried
from processors.letters import Asked, Letter
from processors.lookout import Lookout, Stretch
from processors.process import Memory, Output, TicketProcess, listening
from processors.recording import Conflict, Recorder, alone, remember, remembered
from processors.under_way import under_way
from processors.witness import Beside, SetUp, Told, Witness, has_topic, known, last_of, reaction
from projections.runner import is_outage

log = structlog.get_logger()

# How often it looks whether letters are to be tried again while there is other work, in seconds.
RETRY = 1.0


class _Piece(NamedTuple):
    """A happening and what it leads to, where that is known already."""

    told: Told
    outputs: tuple[Output, ...] | None = None


class _SeenAfter(Exception):
    """What is at that place is seen after what those before it lead to, once that is in the log."""

    def __init__(self, place: int) -> None:
        self.place = place


class Follower:
    """One process on one connection, which holds its lease. After any exception a new one begins at the checkpoint.

    It looks at what the lookout has of the log, and by itself where that does not reach back so far.
    """

    def __init__(
        self,
        process: TicketProcess,
        keyring: Keyring,
        db: Connection[Any],
        clock: Clock,
        lookout: Lookout | None = None,
        checkpoint: Whereabouts | None = None,
    ) -> None:
        self._process, self._db, self._clock, self._lookout = process, db, clock, lookout
        self._keyring = keyring
        self._cursor: Cursor[Any] = db.cursor()
        self._witness = self._own_witness()
        self._recorder = Recorder(self._cursor, keyring)
        self.checkpoint: Whereabouts = checkpoint or Checkpoint(self._cursor, process.NAME, from_now=process.FROM_NOW)
        # How many happenings are recorded at once: fewer after a failure, to find out which it was.
        self._most = PAGE
        self._retry_due = 0.0

    def _own_witness(self) -> Witness:
        process = self._process
        return Witness(self._keyring, process.TOPICS, process.OPENS, process.NAME, listening([process]))

    def step(self) -> bool:
        """Do what there is to do; False where there is nothing."""
        retried = time.monotonic() >= self._retry_due and self._retry()
        if not (followed := self._follow()):
            self.checkpoint.keep()
        return followed or retried or self._retry()

    def _follow(self) -> bool:
        told, end = self._seen()
        pieces = self._leading([each for each in told if not self.checkpoint.has(_stream(each), last_of(each))])
        while pieces:
            done = self._attempt(pieces[: self._most], end if len(pieces) <= self._most else None)
            pieces = pieces[done:]
        followed = bool(told) or self.checkpoint.reached < end
        if self.checkpoint.reached < end:
            self.checkpoint.passed(end)
        return followed

    def _seen(self) -> Stretch:
        reached = self.checkpoint.reached
        if self._lookout and (found := self._lookout.after(self._cursor, reached)):
            # What the lookout saw, one of our own has missed.
            self._witness = self._own_witness()
            return Stretch([each for each in found.told if self._wants(each)], found.end)
        rows = read_whole(self._cursor, reached)
        told = self._witness.happenings(self._cursor, rows) if rows else []
        return Stretch(told, rows[-1].notification_id if rows else reached)

    def _wants(self, told: Told) -> bool:
        if isinstance(told, SetUp):
            return True
        if isinstance(told, Beside):
            return self._listens(told)
        wanted = has_topic(self._process.TOPICS, told.events)
        if wanted:
            known(self._process.NAME, told.events)
        return wanted

    def _listens(self, told: Beside) -> bool:
        wanted = name_of(told.recorded.event) in self._process.listens(told.desk)
        if wanted:
            known(self._process.NAME, [told.recorded])
        return wanted

    def _leading(self, told: Sequence[Told]) -> list[_Piece]:
        """Those that lead to something. What leads to nothing whatever came before it needs no transaction, nor does it wait."""
        pieces = (_Piece(each, self._foreseen(each)) for each in told)
        return [piece for piece in pieces if piece.outputs is None or piece.outputs]

    def _foreseen(self, told: Told) -> tuple[Output, ...] | None:
        if self._process.REMEMBERS:
            return None
        try:
            return self._outputs(told, {})
        except Exception:  # noqa: BLE001 - it fails again when it is its turn, and is parked
            return None

    def _attempt(self, pieces: Sequence[_Piece], end: int | None) -> int:
        """How many of these were recorded: all, or none where it is to be tried with fewer."""
        upto = end or last_of(pieces[-1].told)
        try:
            with self._db.transaction():
                # First: whoever was faster is found out before anything is done twice.
                self.checkpoint.advance(upto)
                self._record(pieces)
        except _SeenAfter as found:
            self._most = found.place
            return 0
        except (Conflict, errors.DeadlockDetected):
            self._most = max(1, len(pieces) // 2)
            return 0
        except Exception as error:
            if is_outage(error) or _overtaken(error):
                raise
            if len(pieces) > 1:
                self._most = max(1, len(pieces) // 2)
                return 0
            self._park(pieces[0].told, error, upto)
        self.checkpoint.advanced(upto)
        self._most = min(PAGE, self._most * 2)
        return len(pieces)

    def _record(self, pieces: Sequence[_Piece]) -> None:
        """React and write, but for what waits behind a failure."""
        parked = letters.parked(self._cursor, self._process.NAME, {_stream(each.told) for each in pieces})
        waiting = [each for each in pieces if _stream(each.told) in parked]
        letters.park(self._cursor, (self._letter(each.told) for each in waiting))
        reactions = self._reactions([each for each in pieces if _stream(each.told) not in parked])
        self._recorder.record(self._clock(), reactions)

    def _reactions(self, pieces: Sequence[_Piece]) -> list[Reaction]:
        if not self._process.REMEMBERS:
            reactions = [self._reaction(each, {}) for each in pieces]
            return hurried(self._cursor, self._process, reactions, self.checkpoint.shared_upto)
        alone(self._cursor, self._process.NAME)
        workspaces = {cause_of(each.told).metadata.workspace_id for each in pieces}
        memories = remembered(self._cursor, self._process.NAME, workspaces)
        if self._process.IN_TURN:
            reactions = list(self._in_turn(pieces, memories))
        else:
            reactions = [self._remembering(each, memories) for each in pieces]
        remember(self._cursor, self._process.NAME, memories)
        return reactions

    def _remembering(self, piece: _Piece, memories: Mapping[UUID, Memory]) -> Reaction:
        return self._reaction(piece, memories[cause_of(piece.told).metadata.workspace_id])

    def _in_turn(self, pieces: Sequence[_Piece], memories: Mapping[UUID, Memory]) -> Iterator[Reaction]:
        ahead = under_way(self._cursor, self._keyring, [each.told for each in pieces], self._process.OPENS)
        for place, each in enumerate(pieces):
            if ahead.waits(each.told):
                raise _SeenAfter(place)
            made = self._remembering(_Piece(ahead.in_sight_of(each.told)), memories)
            ahead.add(made)
            yield made

    def _reaction(self, piece: _Piece, memory: Memory) -> Reaction:
        outputs = self._outputs(piece.told, memory) if piece.outputs is None else piece.outputs
        return Reaction.of(self._process.NAME, cause_of(piece.told), outputs)

    def _outputs(self, told: Told, memory: Memory) -> tuple[Output, ...]:
        return tuple(reaction(self._process, told, memory))

    def _park(self, told: Told, error: Exception, upto: int) -> None:
        # Its text is left out: it may quote what a customer wrote.
        kind = type(error).__qualname__
        log.error("process.parked", process=self._process.NAME, position=_first(told), error=kind)
        with self._db.transaction():
            self.checkpoint.advance(upto)
            letters.park(self._cursor, [self._letter(told, kind)])

    def _letter(self, told: Told, error: str | None = None) -> Letter:
        workspace, topics = cause_of(told).metadata.workspace_id, [each.event.NAME for each in _events(told)]
        number = told.after.ticket.number if isinstance(told, Happening) else None
        return Letter(self._process.NAME, workspace, _stream(told), number, _first(told), topics=topics, error=error)

    def _retry(self) -> bool:
        """Try again what somebody wants tried again, in the order of the log; a ticket's stop at its next failure."""
        retried, self._retry_due = False, time.monotonic() + RETRY
        while asked := letters.asked_for(self._cursor, self._process.NAME, self.checkpoint.mine):
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
                self.checkpoint.hold(asked.stream)
                if letters.done(self._cursor, asked):
                    self._recorder.record(self._clock(), self._reactions([_Piece(each) for each in told]))
        except (Conflict, errors.DeadlockDetected):
            # Still asked for: its turn comes again.
            return
        except Exception as error:
            if is_outage(error) or _overtaken(error):
                raise
            with self._db.transaction():
                self.checkpoint.hold(asked.stream)
                letters.failed(self._cursor, self._letter(told[0], type(error).__qualname__))


def _overtaken(error: Exception) -> bool:
    """Whether somebody else has moved the checkpoint; a table's own constraint would have a name."""
    return isinstance(error, Overtaken) or (
        isinstance(error, errors.UniqueViolation) and error.diag.constraint_name is None
    )


def _events(told: Told) -> Iterable[Any]:
    return told.events if isinstance(told, Happening) else [told.recorded]


def _first(told: Told) -> int:
    return told.events[0].position if isinstance(told, Happening) else told.recorded.position


def _stream(told: Told) -> Any:
    return told.events[0].stream_id if isinstance(told, Happening) else told.recorded.stream_id
