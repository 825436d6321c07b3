"""The newest stretch of the log, read once for all that follow it in one process."""

import math
import threading
import time
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import NamedTuple

import structlog

from eventstore.codec import StoredRow
from eventstore.database import Role, connect
from eventstore.feed import PAGE, Feed, Shared, SharedRow, erased_in, head

log = structlog.get_logger()

# Rows that are held for those who are not as far yet.
HELD = 2 * PAGE
# After a look that found something nobody looks for so long, in seconds: what comes meanwhile is followed in one go.
GATHER = 0.02
# What leads to nothing may be kept this late, in seconds, so that not every page costs everybody a transaction.
REST = 0.25
# Somebody has decided what becomes of dead letters.
DECIDED = "processes"
_NEVER = 2**62


class _Waiting(NamedTuple):
    """Somebody who waits for one of the topics above the position; for anything where there are none."""

    position: int
    topics: Collection[str] | None
    woken: threading.Event


class Newest:
    """Safe from any thread. Who is further behind than it reaches has to read the log himself."""

    def __init__(self, begin: int) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._rows: list[SharedRow] = []
        self._begin = self._end = begin

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
        with self._lock:
            return None if position < self._begin else [*self._above(position)]

    def at(self, positions: Sequence[int]) -> list[StoredRow] | None:
        """The rows at those positions, which are in order; None where it has not all of them."""
        with self._lock:
            if positions[0] <= self._begin or positions[-1] > self._end or not self._rows:
                return None
            # Positions follow each other without gaps.
            first = self._rows[0].notification_id
            return [self._rows[position - first] for position in positions]

    def wait(self, position: int, seconds: float, topics: Collection[str] | None = None) -> None:
        """Until there is something above the position, somebody has decided on dead letters, or that time is over.

        With topics: one of these, or a whole page of others. Whom nothing concerns is not woken by every look of the reader.
        """
        waiting = _Waiting(position, topics, threading.Event())
        with self._lock:
            if self._concerns(waiting, self._above(position)):
                return
            self._waiting.append(waiting)
        if not waiting.woken.wait(seconds):
            with self._lock:
                self._waiting = [each for each in self._waiting if each is not waiting]

    def add(self, rows: Sequence[StoredRow]) -> None:
        """What a look at the log has found above the end; nothing where there was other news."""
        with self._lock:
            if not rows:
                self._wake_all()
                return
            self._take(rows)
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                if self._concerns(each, rows):
                    each.woken.set()
                else:
                    self._waiting.append(each)

    def close(self) -> None:
        """Nobody adds any more: everybody reads for himself, as often as they would poll."""
        with self._lock:
            self._rows, self._begin, self._end = [], _NEVER, _NEVER
            # Who waits now is not to wait for what nobody adds; who comes later rests, so as not to keep the database busy.
            self._wake_all()

    def _take(self, rows: Sequence[StoredRow]) -> None:
        if erased_in(rows):
            for shared in {row.shared for row in self._rows}:
                shared.forget()
        self._rows += Shared(rows).rows
        self._end = rows[-1].notification_id
        if gone := self._rows[:-HELD]:
            self._begin = gone[-1].notification_id
            del self._rows[: len(gone)]

    def _concerns(self, waiting: _Waiting, rows: Sequence[StoredRow]) -> bool:
        position, topics, _ = waiting
        if not position < self._end < _NEVER:
            return False
        if topics is None or position < self._begin or self._end >= position + PAGE:
            return True
        return any(row.topic in topics for row in rows)

    def _above(self, position: int) -> list[SharedRow]:
        return self._rows[bisect_right(self._rows, position, key=_position) :]

    def _wake_all(self) -> None:
        for each in self._waiting:
            each.woken.set()
        self._waiting = []


class Pace:
    """How one of those who follow waits.

    Who has leisure looks once in so many seconds: lists are shown sooner, and many events share a transaction. What comes
    after a while without any is taken at once, and so is what is urgent, and a whole page.
    """

    def __init__(
        self, newest: Newest, stop: threading.Event, leisure: float = 0.0, urgent: Collection[str] = frozenset()
    ) -> None:
        self._newest, self._stop, self._leisure, self._urgent = newest, stop, leisure, urgent
        self._looked = -math.inf

    def wait(self, position: int, seconds: float, topics: Collection[str] | None = None) -> None:
        """As the newest stretch has it, and then for as long as there is leisure."""
        self._newest.wait(position, seconds, topics)
        if (rest := self._looked + self._leisure - time.monotonic()) > 0 and not self._stop.is_set():
            self._newest.wait(position, rest, self._urgent)
        self._looked = time.monotonic()


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
