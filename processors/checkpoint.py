"""How far a process has come in the log: kept with all that it led to, and where it led to nothing, soon after."""

import time
from typing import Any, Protocol
from uuid import UUID

from psycopg import Cursor

from domain.errors import LedgerdeskError
from eventstore.feed import POLL, head
from eventstore.newest import REST
from processors.stream.batch import partition_of

_POSITION = "SELECT notification_id FROM log.notification_tracking WHERE application_name = %s"
_ADVANCE = "SELECT processes.advance(%s, %s, %s)"
_SHARED = "SELECT partition, position FROM processes.places WHERE process = %s"


def kept_position(db: Cursor[Any], process: str) -> int | None:
    """How far a process has come, as it was kept last; None where it never was."""
    found = db.execute(_POSITION, [process]).fetchone()
    return found[0] if found else None


class Overtaken(LedgerdeskError):
    """Somebody else has gone on: the caller has lost what it had, or has to look again where it is."""

    code = "overtaken"
    sentence = "Another worker has gone on with {name}."


class Whereabouts(Protocol):
    """How far who follows for a process has come, and how that is kept."""

    reached: int

    @property
    def patience(self) -> float:
        """How long there may be nothing to do before it is kept or somebody polls, in seconds."""

    @property
    def shared_upto(self) -> int:
        """Up to there others may have come to later events first, of other streams."""

    def has(self, stream: UUID, position: int) -> bool:
        """Whether that was taken in, though it is not reached."""

    def mine(self, stream: UUID) -> bool:
        """Whether it is for us to go on with a stream."""

    def hold(self, stream: UUID) -> None:
        """Until the transaction under way ends nobody else goes on with the stream."""

    def advance(self, position: int) -> None:
        """Keep it in the transaction under way; raises where somebody else has gone on."""

    def advanced(self, position: int) -> None:
        """That transaction has been committed."""

    def passed(self, position: int) -> None:
        """Nothing came of what was up to there."""

    def keep(self) -> None:
        """Keep how far it has come."""


class Checkpoint:
    """Of one process, on the connection that holds its lease.

    Workers that shared the process by partitions may have come further in some of them: what they have taken in is passed over.
    """

    def __init__(self, db: Cursor[Any], process: str, *, from_now: bool = False) -> None:
        self._db, self._process, self._due = db, process, 0.0
        self._shared: dict[int, int] = dict(db.execute(_SHARED, [process]).fetchall())
        found = kept_position(db, process)
        self._kept = found or 0
        self.reached = max(self._kept, min(self._shared.values(), default=0))
        if from_now and found is None and not self._shared:
            self.reached = head(db)
            self.keep()

    @property
    def shared_upto(self) -> int:
        """Up to there others may have come to later events first, of other streams."""
        return max(self._shared.values(), default=0)

    def has(self, stream: UUID, position: int) -> bool:
        """Whether that was taken in by partition."""
        if position > self.shared_upto:
            return False
        return position <= self._shared[partition_of(str(stream).encode(), len(self._shared))]

    def mine(self, stream: UUID) -> bool:
        """Whether it is for us to go on with a stream."""
        return True

    def hold(self, stream: UUID) -> None:
        """Until the transaction ends nobody else goes on with the stream; who has the lease is alone anyway."""

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
