"""`TicketList` from 500,000 events, in events a second, beside the stock library's runner on the same view."""

import time
from contextlib import closing
from typing import Any, ClassVar, LiteralString

import psycopg
import uvloop
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import get_topic
from psycopg.sql import SQL, Identifier

from bench.append import stock_environment
from bench.desk import MASTER_KEY, opened
from bench.fill import fill
from bench.place import scratch, server, server_facts
from bench.result import Result
from eventstore.database import Role, conninfo
from eventstore.keyring import Keyring
from projections.catch_up import catch_up
from projections.ticket_list import TicketList

EVENTS = 500_000
STOCK_EVENTS = 3_000


def run() -> Result:
    """Our rebuild, then the stock runner over events of the same shape."""
    with server() as url, scratch(url) as ours, scratch(url, migrated=False) as theirs:
        events = uvloop.run(_fill(ours))
        seconds = _rebuilt(ours)
        floor = stock(theirs)
        conditions = {"events": events, "seconds": round(seconds, 2), "stock_events": STOCK_EVENTS}
        return Result("rebuild", events / seconds, "events/s", {"stock": floor}, {**conditions, **server_facts(url)})


async def _fill(url: str) -> int:
    async with opened(url) as (_, place):
        return await fill(url, place, EVENTS)


def _rebuilt(url: str) -> float:
    with closing(psycopg.connect(conninfo(url, Role.WORKER), autocommit=True)) as db:
        began = time.perf_counter()
        catch_up(url, Keyring(MASTER_KEY), TicketList(), db)
        return time.perf_counter() - began


class Ticket(Aggregate):
    """A ticket of the stock library whose events carry what the list shows."""

    @event("Opened")
    def __init__(self, title: str) -> None:
        self.title = title
        self.status = "new"

    @event("Moved")
    def move(self, status: str) -> None:
        """Go to another status."""
        self.status = status


class Tickets(Application[Any]):
    """The stock application that recorded them."""


class StockList(PostgresTrackingRecorder):
    """The same table, kept by the stock runner: one upsert and one tracking record a transaction."""

    UPSERT: ClassVar[Any] = SQL(
        "INSERT INTO ticket_list (workspace_id, ticket_id, number, title, status, kind, priority, category, tags, source, "
        "opened_at, updated_at, version, position, replies, notes, reopenings, reassignments) "
        "VALUES (%(id)s, %(id)s, '1', %(title)s, %(status)s, 'new', 'normal', '{}', '{}', 'api', "
        "%(at)s, %(at)s, %(version)s, %(position)s, 0, 0, 0, 0) "
        "ON CONFLICT (ticket_id) DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at, "
        "version = excluded.version, position = excluded.position"
    )

    def apply(self, values: dict[str, Any], tracking: Tracking) -> None:
        """One event."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self.UPSERT, values, prepare=True)


class StockProjection(Projection[StockList]):
    """Folds one event at a time, as the stock runner hands them over."""

    topics = (get_topic(Ticket.Opened), get_topic(Ticket.Moved))  # type: ignore[attr-defined]

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Upsert the event's ticket."""
        values = {
            "id": domain_event.originator_id,
            "title": getattr(domain_event, "title", None),
            "status": getattr(domain_event, "status", "new"),
            "at": domain_event.timestamp,
            "version": domain_event.originator_version,
            "position": tracking.notification_id,
        }
        self.view.apply(values, tracking)


_DEMANDED: LiteralString = """
    SELECT attname FROM pg_attribute WHERE attrelid = 'ticket_list'::regclass AND attnum > 0 AND attnotnull
    AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND indisprimary AND attnum = ANY(indkey))"""


def stock(url: str) -> float:
    """Events a second of the stock `ProjectionRunner` on the same table."""
    environment = stock_environment(url)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute((TicketList.TABLES + ";" + TicketList.INDEXES).encode())
        # It keeps what its events carry; our list has columns besides, of which it is asked nothing.
        for (name,) in db.execute(_DEMANDED).fetchall():
            db.execute(SQL("ALTER TABLE ticket_list ALTER {} DROP NOT NULL").format(Identifier(name)))
    with closing(Tickets(env=environment)) as app:
        for n in range(STOCK_EVENTS // 6):
            ticket = Ticket(title=f"Printer {n} is on fire")
            for status in ("open", "pending", "open", "resolved", "closed"):
                ticket.move(status)
            app.save(ticket)
        last = app.recorder.max_notification_id()
    began = time.perf_counter()
    with ProjectionRunner(
        application_class=Tickets, projection_class=StockProjection, view_class=StockList, env=environment
    ) as runner:
        runner.wait(last, timeout=120)
    return STOCK_EVENTS / (time.perf_counter() - began)
