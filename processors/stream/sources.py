"""What is to be published next: a stretch of the log as events, or as the tickets that it changed."""

from typing import Any, NamedTuple, Protocol
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import dict_row

from domain.ticket.row import COLUMNS
from eventstore.codec import StoredRow
from eventstore.feed import read_page
from eventstore.keyring import Keyring
from processors.stream.batch import Message
from processors.stream.telling import gone, looked_up, present, shown_now, told
from projections.ticket_list import TicketList

# What may be in memory twice, once on its way and once prepared.
ROWS = 5_000
BYTES = 8 << 20

# How many of the next rows fit; the first does, however large.
_FITTING = """
    SELECT count(*) FROM (
        SELECT sum(size) OVER (ORDER BY notification_id) - size AS before FROM (
            SELECT notification_id, octet_length(state) AS size FROM log.stored_events
            WHERE notification_id > %s ORDER BY notification_id LIMIT %s) AS next) AS summed
    WHERE before < %s
"""

_LISTED = "SELECT position FROM ops.builds WHERE name = %s AND state = 'live'"
_TICKETS = f"SELECT {', '.join(COLUMNS)} FROM desk.ticket_list WHERE ticket_id = ANY(%s)"  # noqa: S608 - our own names


class Stretch(NamedTuple):
    """Messages, and the position of the log that they bring a topic to."""

    messages: list[Message]
    end: int


class Source(Protocol):
    """Where messages come from."""

    def after(self, db: Cursor[Any], position: int) -> Stretch | None:
        """The next stretch; None where there is nothing yet."""


class Rows:
    """Pages of the log that are as large as memory allows."""

    def __init__(self, most: int = ROWS) -> None:
        self._most = most

    def read(self, db: Cursor[Any], after: int, upto: int | None = None) -> list[StoredRow]:
        """The next rows."""
        (fitting,) = db.execute(_FITTING, [after, self._most, BYTES]).fetchone() or (0,)
        return read_page(db, after, fitting, upto) if fitting else []


class Events:
    """Every event of the log, once and in order."""

    def __init__(self, keyring: Keyring, most: int = ROWS) -> None:
        self._keyring, self._rows = keyring, Rows(most)

    def after(self, db: Cursor[Any], position: int) -> Stretch | None:
        """The next events."""
        rows = self._rows.read(db, position)
        return Stretch(told(looked_up(db, self._keyring, rows)), rows[-1].notification_id) if rows else None


class Tickets:
    """The tickets that a stretch of the log changed, as the list has them now; those that it has no more are gone."""

    def __init__(self) -> None:
        self._rows = Rows()

    def after(self, db: Cursor[Any], position: int) -> Stretch | None:
        """The tickets of the next events that the list knows of."""
        listed = db.execute(_LISTED, [TicketList.NAME]).fetchone()
        rows = self._rows.read(db, position, listed[0]) if listed and listed[0] > position else []
        if not rows:
            return None
        tickets = {row.originator_id for row in rows if row.topic.startswith("ticket.")}
        return Stretch(self._messages(db, list(tickets)), rows[-1].notification_id)

    def _messages(self, db: Cursor[Any], tickets: list[UUID]) -> list[Message]:
        with db.connection.cursor(row_factory=dict_row) as cursor:
            found = {row["ticket_id"]: row for row in cursor.execute(_TICKETS, [tickets])}
        shown = shown_now(db, {row["workspace_id"] for row in found.values()})
        return [
            present(found[ticket], shown[found[ticket]["workspace_id"]]) if ticket in found else gone(ticket)
            for ticket in tickets
        ]
