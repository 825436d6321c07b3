"""95th percentile of a search at 1,000,000 tickets, common and rare words, beside the same at 10,000."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID, uuid5

import psycopg

from bench.generator import texts
from bench.place import scratch, server, server_facts
from bench.result import Result, percentile
from domain.conditions import Context
from domain.event import SYSTEM, Event, Metadata, Recorded
from domain.ticket import events as e
from domain.ticket.row import COLUMNS
from domain.values import StatusKind
from eventstore.database import Role, conninfo, reader_pool
from eventstore.reading import bound
from projections import builds
from projections.read_model import Page
from projections.search_hits import Audience, page
from projections.search_terms import parsed
from projections.ticket_list import TicketList
from projections.ticket_search import TicketSearch

SMALL, LARGE = 10_000, 1_000_000
# Characters of a ticket's text; its title comes beside.
BODY = 80
PAGE = 5_000
ROUNDS = 30
WORKSPACE = UUID("5ea5c000-0000-5000-8000-000000000001")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
# Words that one ticket in ten, a thousand, and a hundred thousand has, with the first of a million.
PLANTED = {"konferenz": 10, "kaffee": 30, "zepter": 1_000, "窗帘": 1_000, "quitte": 100_000, "蝴蝶": 100_000}
# Two common words, common with rare, two rare, two characters common and rare, a beginning, a common word alone.
QUERIES = (
    *("printer floor", "konferenz kaffee", "konferenz zepter", "zepter kaffee", "quitte konferenz", "zepter quitte"),
    *("打印", "网络 打印", "窗帘", "蝴蝶", "打印 蝴蝶", "print", "prin flo", "konferenz", "zept"),
)


PLACE = ("workspace_id", "ticket_id", "number")
LIKE_THE_FIRST = (*(name for name in COLUMNS if name not in PLACE), "involved", "shelf")
LISTED = """
    INSERT INTO ticket_list (workspace_id, ticket_id, number, place, {columns})
    SELECT s.workspace_id, s.ticket_id, s.position::text, first.place + row_number() OVER (ORDER BY s.position), {values}
    FROM desk.ticket_search s, ticket_list first WHERE s.ticket_id <> first.ticket_id
"""


def run() -> Result:
    """The same questions over both; the documents go through the read model's own fold, without a log before it."""
    with server() as url:
        small, _ = _measured(url, SMALL)
        large, conditions = _measured(url, LARGE)
        conditions |= {
            "tickets": LARGE,
            "at_10k": SMALL,
            "characters": BODY,
            "queries": len(QUERIES),
            **server_facts(url),
        }
        return Result("search", large, "ms", {"at_10k": small}, conditions)


def _measured(url: str, tickets: int) -> tuple[float, dict[str, Any]]:
    with scratch(url) as database:
        began = time.perf_counter()
        _filled(database, tickets)
        seconds = time.perf_counter() - began
        taken = _asked(database)
    everything = sorted(each for times in taken.values() for each in times)
    slowest = {query: round(percentile(times, 95), 2) for query, times in taken.items()}
    return percentile(everything, 95), {"fill_seconds": round(seconds), "p95_ms_by_query": slowest}


def _asked(url: str) -> dict[str, list[float]]:
    """Milliseconds of each query, in turns, so that none meets a cache of its own."""
    taken: dict[str, list[float]] = {query: [] for query in QUERIES}
    everybody = Audience(None, None, Context(now=datetime.now(UTC)))
    pool = reader_pool(url, size=1)
    pool.open()
    try:
        for _ in range(ROUNDS):
            for query in QUERIES:
                began = time.perf_counter()
                with bound(pool, WORKSPACE) as db:
                    page(db, parsed(query), everybody, 20, None)
                taken[query].append((time.perf_counter() - began) * 1000)
    finally:
        pool.close()
    return taken


def _filled(url: str, tickets: int) -> None:
    search, listed = TicketSearch(), TicketList()
    with psycopg.connect(conninfo(url, Role.WORKER, "ledgerdesk-bench"), autocommit=True) as db:
        made = builds.begin(db, search)
        builds.enter(db.cursor(), made)
        events = _events(tickets)
        first = next(events)
        for batch in iter(lambda: list(islice(events, PAGE)), []):
            with db.transaction(), db.cursor() as cursor:
                search.apply(Page(batch), cursor)
        with db.transaction(), db.cursor() as cursor:
            search.apply(Page([first]), cursor)
            cursor.execute(search.INDEXES.encode())
            builds.swap(cursor, search, made)
        rows = builds.begin(db, listed)
        builds.enter(db.cursor(), rows)
        with db.transaction(), db.cursor() as cursor:
            listed.apply(Page([first]), cursor)
            # The list is only looked up by ticket here: all its rows are like the first.
            cursor.execute(
                LISTED.format(
                    columns=", ".join(LIKE_THE_FIRST), values=", ".join(f"first.{name}" for name in LIKE_THE_FIRST)
                ).encode()
            )
            builds.swap(cursor, listed, rows)
        db.execute("VACUUM ANALYZE")


def _events(tickets: int) -> Iterator[Recorded[Event]]:
    chance = random.Random(4)
    for n, (title, text) in enumerate(texts(seed=9, count=tickets)):
        planted = " ".join(word for word, often in PLANTED.items() if chance.randrange(often) == 0)
        stream, at = uuid5(WORKSPACE, str(n)), BEGAN + timedelta(seconds=n * 20)
        event = e.TicketOpened(
            number=str(n), title=title, description=f"{text[:BODY]} {planted}", status="new", kind=StatusKind.NEW
        )
        told = Metadata(stream, WORKSPACE, at, SYSTEM, "bench", stream, stream)
        yield Recorded(n + 1, stream, 1, at, told, event)
