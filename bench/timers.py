"""Timers fired a second when 50,000 of a million are due at once, and how late they are at 500 a second."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import uvloop

from bench.desk import MASTER_KEY, Place, opened
from bench.fill import BATCH, MadeUp, record
from bench.generator import texts
from bench.place import scratch, server, server_facts
from bench.result import Result, percentile
from domain.ids import ticket_id
from domain.ticket.events import TicketOpened
from domain.ticket.marking import TicketSnoozed
from domain.values import StatusKind
from eventstore.append import Call
from eventstore.database import Role, connect
from eventstore.keyring import Keyring
from eventstore.process import settled
from processors import firing, runner
from processors.waking import Waking

PENDING, DUE = 1_000_000, 50_000
RATE, SECONDS = 500, 20
# Before the first of those at a steady rate is due, so that all are set by then.
AHEAD = timedelta(seconds=3)
LOOK = 0.05

_FUTURE = """
    INSERT INTO processes.timers (ticket_id, process, key, workspace_id, due_at, wake_at)
    SELECT gen_random_uuid(), 'waking', 'wake', %s, due, due
    FROM generate_series(1, %s) n, LATERAL (SELECT now() + interval '1 day' + n * interval '1 second' AS due) d
"""
_SET = """
    INSERT INTO processes.timers (ticket_id, process, key, workspace_id, due_at, wake_at)
    SELECT s.ticket, 'waking', 'wake', %s, s.due, s.due FROM unnest(%s::uuid[], %s::timestamptz[]) AS s (ticket, due)
"""
_LEFT = "SELECT count(*) FROM processes.timers WHERE wake_at <= %s"
# What firing has to do to the rows at least, in batches of the same size.
_BARE = """
    UPDATE processes.timers t SET correlation = gen_random_uuid() FROM (
        SELECT ticket_id, process, key FROM processes.timers WHERE wake_at <= now() AND correlation IS NULL
        ORDER BY wake_at LIMIT %s FOR UPDATE SKIP LOCKED) d
    WHERE (t.ticket_id, t.process, t.key) = (d.ticket_id, d.process, d.key)
"""
_WOKEN = (
    "SELECT originator_id, recorded_at FROM log.stored_events WHERE topic = 'ticket.woken' AND notification_id > %s"
)
_HEAD = "SELECT max(notification_id) FROM log.stored_events"
_FOLLOWED = "SELECT log.insert_tracking('waking', %s)"


def run() -> Result:
    """All that is due at once, fired by one worker; then a steady stream of what becomes due."""
    steady = RATE * SECONDS
    with server() as url, scratch(url) as ours:
        place = uvloop.run(_filled(ours, DUE + steady))
        tickets = [ticket_id(place.workspace, f"{n}") for n in range(DUE + steady)]
        with connect(ours, Role.WORKER) as db:
            _pending(db, place, tickets[:DUE])
            floor = _bare(db)
            # As every worker of a supervisor.
            settled()
            fired = _fired(ours, db)
            late = _lateness(ours, db, place, tickets[DUE:])
        conditions = {
            "pending": PENDING,
            "due_at_once": DUE,
            "lateness_p99_s": round(percentile(late, 99), 3),
            "lateness_p50_s": round(percentile(late, 50), 3),
            "steady_rate_per_s": RATE,
            "what": "each wakes a snoozed ticket: its history read, decided, recorded as an event",
            "read models": "none follows meanwhile",
        }
        return Result("timers", fired, "timers/s", {"sql": floor}, {**conditions, **server_facts(url)})


async def _filled(url: str, tickets: int) -> Place:
    async with opened(url) as (_, place):
        await record(url, _snoozed(place, tickets))
        return place


def _snoozed(place: Place, tickets: int) -> Iterator[Call]:
    """Tickets that sleep until a minute ago; calls of one ticket a batch apart."""
    began, until = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) - timedelta(minutes=1)
    told = list(texts(seed=1, count=1000))
    for start in range(0, tickets, BATCH):
        some = [MadeUp(place, f"{n}", began) for n in range(start, min(start + BATCH, tickets))]
        for n, ticket in enumerate(some, start):
            title, text = told[n % 1000]
            yield ticket.recorded(
                TicketOpened(number=ticket.number, title=title, description=text, status="new", kind=StatusKind.NEW)
            )
        for ticket in some:
            yield ticket.recorded(TicketSnoozed(until=until))


def _pending(db: psycopg.Connection[Any], place: Place, due: list[UUID]) -> None:
    db.execute(_FUTURE, [place.workspace, PENDING - len(due)])
    now = datetime.now(UTC) - timedelta(minutes=1)
    db.execute(_SET, [place.workspace, due, [now + timedelta(milliseconds=n) for n in range(len(due))]])
    # Fired are those; the process has seen what set them.
    db.execute(_FOLLOWED, db.execute(_HEAD).fetchone())


def _bare(db: psycopg.Connection[Any]) -> float:
    began = time.perf_counter()
    while db.execute(_BARE, [firing.MOST]).rowcount:
        pass
    return DUE / (time.perf_counter() - began)


@contextmanager
def _worker(url: str) -> Iterator[None]:
    stop = threading.Event()
    worker = threading.Thread(target=runner.run, args=(url, Keyring(MASTER_KEY), stop, (Waking(),)))
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def _fired(url: str, db: psycopg.Connection[Any]) -> float:
    """A second, from when the first was gone until the last was."""
    until = datetime.now(UTC)
    with _worker(url):
        left = first = _left(db, until)
        while left == first:
            left = _left(db, until)
        began, begun_with = time.perf_counter(), left
        while _left(db, until):
            time.sleep(LOOK)
        return begun_with / (time.perf_counter() - began)


def _left(db: psycopg.Connection[Any], until: datetime) -> int:
    (left,) = db.execute(_LEFT, [until]).fetchone() or (0,)
    return int(left)


def _lateness(url: str, db: psycopg.Connection[Any], place: Place, tickets: list[UUID]) -> list[float]:
    """Of each, seconds from when it was due until what it led to was recorded."""
    head = db.execute(_HEAD).fetchone()
    with _worker(url):
        began = datetime.now(UTC) + AHEAD
        due = {ticket: began + timedelta(seconds=n / RATE) for n, ticket in enumerate(tickets)}
        db.execute(_SET, [place.workspace, list(due), list(due.values())])
        while _left(db, max(due.values())):
            time.sleep(LOOK)
    return [(recorded - due[stream]).total_seconds() for stream, recorded in db.execute(_WOKEN, head)]
