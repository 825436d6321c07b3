"""How far a process has come in the log: kept with all that it led to, and where it led to nothing, soon after."""

import time
from typing import Any

from psycopg import Cursor

from eventstore.feed import POLL, head
from eventstore.newest import REST

_POSITION = "SELECT notification_id FROM log.notification_tracking WHERE application_name = %s"
_ADVANCE = "SELECT processes.advance(%s, %s, %s)"


def kept_position(db: Cursor[Any], process: str) -> int | None:
    """How far a process has come, as it was kept last; None where it never was."""
    found = db.execute(_POSITION, [process]).fetchone()
    return found[0] if found else None


class Checkpoint:
    """Of one process, on the connection that holds its lease."""

    def __init__(self, db: Cursor[Any], process: str, *, from_now: bool = False) -> None:
        self._db, self._process, self._due = db, process, 0.0
        found = kept_position(db, process)
        self._kept = self.reached = found or 0
        if from_now and found is None:
            self.reached = head(db)
            self.keep()

    @property
    def patience(self) -> float:
        """How long there may be nothing to do before it is kept or somebody polls, in seconds."""
        return REST if self._kept < self.reached else POLL

    def advance(self, position: int) -> None:
        """Move the row, in the transaction under way; raises where somebody else has moved it."""
        self._db.execute(_ADVANCE, [self._process, self._kept, position])

    def advanced(self, position: int) -> None:
        """That transaction has been committed."""
        self._kept = self.reached = position
        self._due = time.monotonic() + REST

    def passed(self, position: int) -> None:
        """Nothing came of what was up to there."""
        self.reached = position
        if time.monotonic() >= self._due:
            self.keep()

    def keep(self) -> None:
        """Keep how far it has come."""
        if self._kept < self.reached:
            self.advance(self.reached)
            self.advanced(self.reached)
