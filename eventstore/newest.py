"""The newest stretch of the log, read once for all that follow it in one process."""

import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import structlog

from eventstore.codec import StoredRow
from eventstore.database import Role, connect
from eventstore.feed import PAGE, Feed, Shared, SharedRow, erased_in, head

log = structlog.get_logger()

# Rows that are held for those who are not as far yet.
HELD = 2 * PAGE
# After a look that found something nobody looks for so long, in seconds: what comes meanwhile is followed in one go.
GATHER = 0.02
# Those who nobody sits and waits for let more of it gather, in seconds: lists are shown sooner, and many share a transaction.
LEISURE = 0.1
# What leads to nothing may be kept this late, in seconds, so that not every page costs everybody a transaction.
REST = 0.25
# Somebody has decided what becomes of dead letters.
DECIDED = "processes"
_NEVER = 2**62


class Newest:
    """Safe from any thread. Who is further behind than it reaches has to read the log himself."""

    def __init__(self, begin: int) -> None:
        self._changed = threading.Condition()
        self._rows: list[SharedRow] = []
        self._begin = self._end = begin
        self._decided = 0

    @property
    def begin(self) -> int:
        """It has all rows above that position."""
        return self._begin

    @property
    def end(self) -> int:
        """Up to there; no command goes on after it."""
        return self._end

    def after(self, position: int) -> list[StoredRow] | None:
        """Rows above the position; None where it does not reach back so far."""
        with self._changed:
            if position < self._begin:
                return None
            return [*self._rows[bisect_right(self._rows, position, key=_position) :]]

    def wait(self, position: int, seconds: float, leisure: float = 0.0) -> None:
        """Until there is something above the position, somebody has decided on dead letters, or that time is over.

        With leisure so many seconds longer, unless a whole page is there.
        """
        with self._changed:
            decided = self._decided
            self._changed.wait_for(lambda: position < self._end < _NEVER or self._decided != decided, seconds)
        if leisure and self._end < position + PAGE:
            # Not on the condition: each look of the reader would wake everybody for nothing.
            time.sleep(leisure)

    def add(self, rows: Sequence[StoredRow]) -> None:
        """What a look at the log has found above the end; nothing where there was other news."""
        with self._changed:
            if rows:
                if erased_in(rows):
                    for shared in {row.shared for row in self._rows}:
                        shared.forget()
                self._rows += Shared(rows).rows
                self._end = rows[-1].notification_id
                if gone := self._rows[:-HELD]:
                    self._begin = gone[-1].notification_id
                    del self._rows[: len(gone)]
            else:
                self._decided += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody adds any more: everybody reads for himself, as often as they would poll."""
        with self._changed:
            self._rows, self._begin, self._end = [], _NEVER, _NEVER
            # Who waits now is not to wait for what nobody adds; who comes later rests, so as not to keep the database busy.
            self._decided += 1
            self._changed.notify_all()


def _position(row: StoredRow) -> int:
    return row.notification_id


@contextmanager
def following(url: str, stop: threading.Event) -> Iterator[Newest]:
    """The newest stretch from now on, kept up in a thread until stopped."""
    with connect(url, Role.WORKER) as db, db.cursor() as cursor:
        begin = head(cursor)
    newest = Newest(begin)
    thread = threading.Thread(target=_follow, args=(url, newest, begin, stop), name="newest")
    thread.start()
    try:
        yield newest
    finally:
        stop.set()
        thread.join()


def _follow(url: str, newest: Newest, begin: int, stop: threading.Event) -> None:
    try:
        with closing(Feed(url, stop=stop, also=DECIDED, whole=True)) as feed:
            for rows in feed.looks(begin):
                newest.add(rows)
                stop.wait(GATHER if rows else 0)
    except Exception as error:  # noqa: BLE001 - everybody goes on without it
        # Its text is left out: it may quote what a customer wrote.
        log.error("newest.failed", error=type(error).__qualname__)
    finally:
        # Whatever ended it, nobody waits for it.
        newest.close()
