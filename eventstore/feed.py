"""Reading the log in order, for ever: LISTEN first, then pull pages, always poll as well."""

import threading
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection, Cursor
from pydantic_core import from_json

from domain.event import ERASED, EVENTS, Event, Recorded
from eventstore.codec import SELECT_EVENTS, StoredRow, decode, subject
from eventstore.database import Role, conninfo
from eventstore.keyring import Keyring, Keys, read_keys

log = structlog.get_logger()

CHANNEL = "stored_events"
PAGE = 1000
# A notification may be lost; this is how late a reader can be then, in seconds.
POLL = 1.0

SELECT_PAGE = SELECT_EVENTS + " WHERE notification_id > %s ORDER BY notification_id LIMIT %s"
SELECT_UPTO = SELECT_EVENTS + " WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id LIMIT %s"


def read_page(db: Cursor[Any], after: int, limit: int = PAGE, upto: int | None = None) -> list[StoredRow]:
    """Rows above `after` (and not above `upto`) in order. Every row ever to appear there is there already."""
    asked = [after, limit] if upto is None else [after, upto, limit]
    rows = db.execute(SELECT_PAGE if upto is None else SELECT_UPTO, asked, binary=True).fetchall()
    return [StoredRow(*row) for row in rows]


def read_whole(db: Cursor[Any], after: int, limit: int = PAGE) -> list[StoredRow]:
    """The same, ending with the last event of a command: longer where one command has more events than that."""
    while rows := read_page(db, after, limit):
        if kept := whole(rows, full=len(rows) == limit):
            return kept
        limit *= 2
    return []


def whole(rows: list[StoredRow], *, full: bool) -> list[StoredRow]:
    """The rows without the last command's, where the page may have cut it in two; none where there is but one."""
    if not full:
        return rows
    stream, last, kept = rows[-1].originator_id, command_of(rows[-1]), len(rows)
    while kept and rows[kept - 1].originator_id == stream and command_of(rows[kept - 1]) == last:
        kept -= 1
    return rows[:kept]


def command_of(row: StoredRow) -> str:
    """The id of the command that led to the row."""
    command: str = from_json(row.state)["metadata"]["command_id"]
    return command


def decode_page(
    db: Cursor[Any], keyring: Keyring, rows: Sequence[StoredRow], opens: Container[str] | None = None
) -> list[Recorded[Event]]:
    """The events of the rows, their keys fetched in one query. With `opens`, content of other events stays closed.

    Secrets stay closed to every reader: what comes from here goes into read models, histories, exports and streams.
    """
    opened = [opens is None or row.topic in opens for row in rows]
    own = [row for row, open_ in zip(rows, opened, strict=True) if open_ and not isinstance(row, SharedRow)]
    keys = read_keys(db, keyring, _subjects(own))

    def event(row: StoredRow, open_: bool) -> Recorded[Event]:
        if isinstance(row, SharedRow):
            return row.shared.decoded(row, db, keyring, open_)
        return withheld(decode(row, keys if open_ else None))

    return [event(row, open_) for row, open_ in zip(rows, opened, strict=True)]


def _subjects(rows: Sequence[StoredRow]) -> set[tuple[UUID, UUID]]:
    return {(row.workspace_id, owner) for row in rows if (owner := subject(row))}


class SharedRow(StoredRow):
    """A row that several readers of one process decode."""

    shared: "Shared"


class Shared:
    """Rows that were read together, each decoded once for all: opened only once somebody needs its content."""

    def __init__(self, rows: Sequence[StoredRow]) -> None:
        self.rows = [SharedRow(*row) for row in rows]
        for row in self.rows:
            row.shared = self
        self._lock = threading.Lock()
        self._keys: Keys | None = None
        self._known: dict[tuple[int, bool], Recorded[Event]] = {}

    def decoded(self, row: SharedRow, db: Cursor[Any], keyring: Keyring, open_: bool) -> Recorded[Event]:
        """The event; the first who needs content reads the keys for all."""
        kind = EVENTS.get(row.topic)
        place = (row.notification_id, open_ and kind is not None and bool(kind.CONTENT))
        with self._lock:
            if (known := self._known.get(place)) is None:
                if place[1] and self._keys is None:
                    self._keys = read_keys(db, keyring, _subjects(self.rows))
                known = self._known[place] = withheld(decode(row, self._keys if place[1] else None))
        return known

    def forget(self) -> None:
        """Keep no content in mind, nor the keys to it: whoever needs some still finds what was not erased."""
        with self._lock:
            self._keys = None
            self._known.clear()


def erases(name: str) -> bool:
    """Whether an event of that name says that its stream's keys are destroyed; of a newer release's too."""
    return name.endswith(".erased")


def erased_in(rows: Iterable[StoredRow]) -> set[UUID]:
    """The streams that were erased by then: nobody is to have their content in mind."""
    return {row.originator_id for row in rows if erases(row.topic)}


def withheld(recorded: Recorded[Event]) -> Recorded[Event]:
    """The event without its secrets."""
    if not recorded.event.SECRETS:
        return recorded
    closed = recorded.event.model_copy(update=dict.fromkeys(recorded.event.SECRETS, ERASED))
    return recorded._replace(event=closed)


def head(db: Cursor[Any]) -> int:
    """Position of the newest event, 0 in an empty log."""
    row = db.execute("SELECT coalesce(max(notification_id), 0) FROM log.stored_events").fetchone()
    return int(row[0]) if row else 0


class Feed:
    """One reader's way through the log. Survives lost connections and a restarted database."""

    def __init__(
        self,
        url: str,
        *,
        role: Role | None = Role.WORKER,
        poll: float = POLL,
        page: int = PAGE,
        stop: threading.Event | None = None,
        also: str | None = None,
        whole: bool = False,
    ) -> None:
        self._conninfo = conninfo(url, role, "ledgerdesk-feed")
        self._poll, self._page, self._whole = poll, page, whole
        self._stopped = stop or threading.Event()
        self._channels = (CHANNEL, also) if also else (CHANNEL,)
        self._db: Connection[Any] | None = None

    def stop(self) -> None:
        """Make `pages` end soon; safe from any thread."""
        self._stopped.set()

    def close(self) -> None:
        """Let go of the connection."""
        if self._db is not None:
            self._db.close()

    def pages(self, after: int) -> Iterator[list[StoredRow]]:
        """Pages of rows above `after`, never empty, until stopped. A lost connection is made anew."""
        return (rows for rows in self.looks(after) if rows)

    def looks(self, after: int) -> Iterator[list[StoredRow]]:
        """The same, and an empty page when the other channel has news."""
        while not self._stopped.is_set():
            try:
                db = self._listening()
                rows = (read_whole if self._whole else read_page)(db.cursor(), after, self._page)
                if not rows and not self._other_news(db):
                    continue
            except psycopg.OperationalError as error:
                log.warning("feed.reconnecting", error=type(error).__name__)
                self.close()
                self._stopped.wait(0.2)
                continue
            yield rows
            after = rows[-1].notification_id if rows else after

    def _listening(self) -> Connection[Any]:
        # LISTEN before the first pull: what commits in between wakes the wait that follows.
        if self._db is None or self._db.closed:
            self._db = psycopg.connect(self._conninfo, autocommit=True)
            for channel in self._channels:
                self._db.execute(f"LISTEN {channel}".encode())
        return self._db

    def _other_news(self, db: Connection[Any]) -> bool:
        """Wait until something was appended, the poll is due, or we are stopped. Whether the other channel has news."""
        until = time.monotonic() + self._poll
        while not self._stopped.is_set() and time.monotonic() < until:
            # All of them: what woke us once must not wake us again for pages that we have read by then.
            if news := list(db.notifies(timeout=min(0.25, self._poll), stop_after=1)):
                return any(notice.channel != CHANNEL for notice in news)
        return False
