"""Reading the log in order, for ever: LISTEN first, then pull pages, always poll as well."""

import threading
import time
from collections.abc import Container, Iterator, Sequence
from typing import Any

import psycopg
import structlog
from psycopg import Connection, Cursor

from domain.event import ERASED, Event, Recorded
from eventstore.codec import SELECT_EVENTS, StoredRow, decode, subject
from eventstore.database import Role, conninfo
from eventstore.keyring import Keyring, read_keys

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
    rows = db.execute(SELECT_PAGE if upto is None else SELECT_UPTO, asked, binary=True)
    return [StoredRow(*row) for row in rows]


def decode_page(
    db: Cursor[Any], keyring: Keyring, rows: Sequence[StoredRow], opens: Container[str] | None = None
) -> list[Recorded[Event]]:
    """The events of the rows, their keys fetched in one query. With `opens`, content of other events stays closed.

    Secrets stay closed to every reader: what comes from here goes into read models, histories, exports and streams.
    """
    opened = [opens is None or row.topic in opens for row in rows]
    subjects = {
        (row.workspace_id, owner) for row, open_ in zip(rows, opened, strict=True) if open_ and (owner := subject(row))
    }
    keys = read_keys(db, keyring, subjects)
    return [withheld(decode(row, keys if open_ else None)) for row, open_ in zip(rows, opened, strict=True)]


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
    ) -> None:
        self._conninfo = conninfo(url, role, "ledgerdesk-feed")
        self._poll, self._page = poll, page
        self._stopped = stop or threading.Event()
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
        while not self._stopped.is_set():
            try:
                db = self._listening()
                rows = read_page(db.cursor(), after, self._page)
                if not rows:
                    self._wait(db)
                    continue
            except psycopg.OperationalError as error:
                log.warning("feed.reconnecting", error=type(error).__name__)
                self.close()
                self._stopped.wait(0.2)
                continue
            yield rows
            after = rows[-1].notification_id

    def _listening(self) -> Connection[Any]:
        # LISTEN before the first pull: what commits in between wakes the wait that follows.
        if self._db is None or self._db.closed:
            self._db = psycopg.connect(self._conninfo, autocommit=True)
            self._db.execute(f"LISTEN {CHANNEL}".encode())
        return self._db

    def _wait(self, db: Connection[Any]) -> None:
        """Until something was appended, the poll is due, or we are stopped."""
        until = time.monotonic() + self._poll
        while not self._stopped.is_set() and time.monotonic() < until:
            # All of them: what woke us once must not wake us again for pages that we have read by then.
            if list(db.notifies(timeout=min(0.25, self._poll), stop_after=1)):
                return
