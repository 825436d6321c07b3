"""What happens at the newest end of the log, made out once for all processes of a worker."""

import threading
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg import Cursor

from eventstore.feed import erased_in
from eventstore.keyring import Keyring
from eventstore.newest import Newest
from processors.process import TicketProcess, listening
from processors.witness import Told, Witness, last_of


class Stretch(NamedTuple):
    """What was told up to a position."""

    told: Sequence[Told]
    end: int


class Lookout:
    """Of all topics that some process wants, with all content that some process needs; whoever asks first looks for all."""

    def __init__(self, newest: Newest, keyring: Keyring, processes: Sequence[TicketProcess]) -> None:
        self._newest, self._keyring = newest, keyring
        self._topics, self._opens = (_union([getattr(p, name) for p in processes]) for name in ("TOPICS", "OPENS"))
        self._listens = listening(processes)
        self._lock = threading.Lock()
        self._begin = self._end = -1
        self._told: list[Told] = []
        self._witness: Witness | None = None

    def after(self, db: Cursor[Any], position: int) -> Stretch | None:
        """What happened above the position; None where it does not reach back so far."""
        with self._lock:
            self._go_on(db)
            if self._witness is None or position < self._begin:
                return None
            return Stretch(self._above(position), self._end)

    def _go_on(self, db: Cursor[Any]) -> None:
        witness, self._witness = self._witness, None
        rows = self._newest.after(self._end) if witness else None
        if witness is None or rows is None:
            self._begin_anew()
            return
        if rows:
            self._told += witness.happenings(db, rows)
            self._end = rows[-1].notification_id
            if erased_in(rows):
                self._forget_content()
        # One that failed on the way has seen half: only now it is known that this one did not.
        self._witness = witness
        self._forget()

    def _begin_anew(self) -> None:
        """Where no command goes on; who is not as far yet comes there by himself."""
        self._begin = self._end = self._newest.end
        self._told = []
        self._witness = Witness(self._keyring, self._topics, self._opens, None, self._listens)

    def _forget_content(self) -> None:
        """What was told has content that is gone from the log: who has not heard it yet reads what is left."""
        self._begin, self._told = self._end, []

    def _forget(self) -> None:
        begin = self._newest.begin
        if begin > self._begin:
            self._begin = min(begin, self._end)
            self._told = self._above(self._begin)

    def _above(self, position: int) -> list[Told]:
        return self._told[bisect_right(self._told, position, key=last_of) :]


def _union(wanted: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    some = [each for each in wanted if each is not None]
    return frozenset().union(*some) if len(some) == len(wanted) else None
