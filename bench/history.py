"""The full history of a ticket with 10,000 events, in milliseconds from asking to the JSON text."""

import statistics
import time
from contextlib import closing
from uuid import UUID

import psycopg
import uvloop

from bench.desk import MASTER_KEY, Place, opened
from bench.fill import lengthen
from bench.place import scratch, server, server_facts
from bench.result import Result, percentile
from eventstore.database import Role, conninfo, reader_pool
from eventstore.keyring import Keyring
from eventstore.reading import bound
from projections.catch_up import catch_up
from projections.ticket_history import TicketHistory, entries

EVENTS = 10_000
READS = 40


def run() -> Result:
    """The 95th percentile of some reads."""
    with server() as url, scratch(url) as ours:
        place, stream = uvloop.run(_furnish(ours))
        with closing(psycopg.connect(conninfo(ours, Role.WORKER), autocommit=True)) as db:
            catch_up(ours, Keyring(MASTER_KEY), TicketHistory(), db)
        times, size = _read(ours, place, stream)
        conditions = {"events": EVENTS, "reads": READS, "bytes": size, "median_ms": round(statistics.median(times), 2)}
        return Result("history", percentile(times, 95), "ms", {}, {**conditions, **server_facts(url)})


async def _furnish(url: str) -> tuple[Place, UUID]:
    async with opened(url) as (_, place):
        return place, await lengthen(url, place, "LONG-1", EVENTS)


def _read(url: str, place: Place, stream: UUID) -> tuple[list[float], int]:
    times: list[float] = []
    with reader_pool(url, size=1) as pool, bound(pool, place.workspace) as db:
        for _ in range(READS):
            began = time.perf_counter()
            body, last, _ = entries(db, stream)
            times.append((time.perf_counter() - began) * 1000)
    if last != EVENTS:
        raise ValueError(f"the history ends at version {last}")
    return times, len(body)
