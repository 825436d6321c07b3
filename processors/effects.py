"""Runs one Process along the log: its commands have effects elsewhere, so they go first, under ids that repeat no harm."""

from collections.abc import Sequence
from typing import Any

import structlog
from psycopg import Connection, Cursor

from domain.errors import LedgerdeskError
from domain.event import Event, Recorded, UnknownEvent
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.desk import Desk
from eventstore.feed import decode_page, read_page
from eventstore.keyring import Keyring
from eventstore.newest import Newest
from processors import letters
from processors.checkpoint import Checkpoint, Whereabouts
from processors.letters import Asked, Letter
from processors.process import NewerEvent, Process
from projections.runner import is_outage

log = structlog.get_logger()

_EVENT = f"{SELECT_EVENTS} WHERE notification_id = %s"
UNAVAILABLE = 503
# Events of one transaction, which waits for all of their effects.
MOST = 50


class EffectFollower:
    """One process on the connection that holds its lease. After any exception a new one begins at the checkpoint."""

    def __init__(
        self,
        process: Process,
        keyring: Keyring,
        db: Connection[Any],
        desk: Desk,
        newest: Newest | None = None,
        checkpoint: Whereabouts | None = None,
    ) -> None:
        self._process, self._keyring, self._db, self._desk, self._newest = process, keyring, db, desk, newest
        self._cursor: Cursor[Any] = db.cursor()
        self._names = {event.NAME for event in process.EVENTS}
        self.checkpoint: Whereabouts = checkpoint or Checkpoint(self._cursor, process.NAME)

    async def step(self) -> bool:
        """Do what there is to do; False where there is nothing."""
        retried = False
        while asked := letters.asked_for(self._cursor, self._process.NAME, self.checkpoint.mine):
            await self._again(asked)
            retried = True
        return await self._follow() or retried

    async def _follow(self) -> bool:
        rows, end = self._seen()
        if self.checkpoint.reached >= end:
            self.checkpoint.keep()
            return False
        wanted = [each for each in self._wanted(rows) if not self.checkpoint.has(each.stream_id, each.position)]
        for start in range(0, len(wanted), MOST):
            some = wanted[start : start + MOST]
            await self._take_in(some, end if some[-1] is wanted[-1] else some[-1].position)
        if not wanted:
            self.checkpoint.passed(end)
        return True

    async def _take_in(self, wanted: Sequence[Recorded[Event]], end: int) -> None:
        with self._db.transaction():
            # First: who has lost the lease, or the partition, finds out before anything is done.
            self.checkpoint.advance(end)
            parked = letters.parked(self._cursor, self._process.NAME, {each.stream_id for each in wanted})
            failed = [letter for recorded in wanted if (letter := await self._taken_in(recorded, parked))]
            letters.park(self._cursor, failed)
        self.checkpoint.advanced(end)

    def _seen(self) -> tuple[list[StoredRow], int]:
        """Rows that are new, and up to where."""
        reached = self.checkpoint.reached
        held = self._newest.after(reached) if self._newest else None
        rows = read_page(self._cursor, reached) if held is None else held
        return rows, rows[-1].notification_id if rows else reached

    def _wanted(self, rows: list[StoredRow]) -> list[Recorded[Event]]:
        return decode_page(self._cursor, self._keyring, [row for row in rows if row.topic in self._names])

    async def _taken_in(self, recorded: Recorded[Event], parked: set[Any]) -> Letter | None:
        """What is to be kept of it: nothing where it succeeded."""
        error = None
        if recorded.stream_id not in parked:
            error = await self._failure(recorded)
            if error is None:
                return None
            parked.add(recorded.stream_id)
            log.error("process.parked", process=self._process.NAME, position=recorded.position, error=error)
        return self._letter(recorded, error)

    async def _failure(self, recorded: Recorded[Event]) -> str | None:
        """React and perform; the kind of failure, if any. Raises where the world around it is to blame."""
        if isinstance(recorded.event, UnknownEvent):
            raise NewerEvent(process=self._process.NAME, event=recorded.event.unknown_name)
        try:
            await self._react(recorded)
        except Exception as error:
            if is_outage(error) or isinstance(error, OSError) or _unavailable(error):
                raise
            # Its text is left out: it may quote what a customer wrote.
            return type(error).__qualname__
        return None

    async def _react(self, recorded: Recorded[Event]) -> None:
        # The first part of an event's name is its aggregate's.
        aggregate = recorded.event.NAME.partition(".")[0]
        loaded = await self._desk.state(recorded.metadata.workspace_id, aggregate, recorded.stream_id)
        for command in self._process.react(recorded, loaded.state):
            await self._process.perform(self._desk, command.model_copy(update={"at": self._desk.clock()}))

    async def _again(self, asked: Asked) -> None:
        rows = [StoredRow(*row) for row in self._cursor.execute(_EVENT, [asked.position], binary=True)]
        (recorded,) = self._wanted(rows)
        with self._db.transaction():
            self.checkpoint.hold(asked.stream)
            error = await self._failure(recorded)
            if error is None:
                letters.done(self._cursor, asked)
            else:
                letters.failed(self._cursor, self._letter(recorded, error))

    def _letter(self, recorded: Recorded[Event], error: str | None) -> Letter:
        return Letter(
            self._process.NAME,
            recorded.metadata.workspace_id,
            recorded.stream_id,
            position=recorded.position,
            topics=[recorded.event.NAME],
            error=error,
        )


def _unavailable(error: Exception) -> bool:
    return isinstance(error, LedgerdeskError) and error.status == UNAVAILABLE
