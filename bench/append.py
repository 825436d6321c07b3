"""How many `execute(OpenTicket)` a second from 40 callers of one process, encryption on."""

import asyncio
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import psycopg
import uvloop
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from psycopg.conninfo import conninfo_to_dict

from bench.desk import Place, opened
from bench.generator import texts
from bench.place import scratch, server, server_facts
from bench.result import Result
from cli.cluster import binaries
from eventstore.desk import Desk

CALLERS = 40
CONNECTIONS = 16
TICKETS = 12_000
STOCK_SAVES = 2_000
COMMIT_SECONDS = 3
ROUNDS = 3


def run() -> Result:
    """Rounds of value and floors in turn, so that a busy moment of the machine meets all of them; medians."""
    with server() as url, scratch(url) as ours, scratch(url, migrated=False) as theirs:
        rounds = [(uvloop.run(_ours(ours, n)), stock(theirs), commits(theirs)) for n in range(ROUNDS)]
        value, saves, single = (statistics.median(column) for column in zip(*rounds, strict=True))
        return Result(
            "append",
            value,
            "tickets/s",
            {"stock": saves, "commits": single},
            {"callers": CALLERS, "tickets": TICKETS * ROUNDS, "rounds": rounds, **server_facts(url)},
        )


async def _ours(url: str, round_: int) -> float:
    async with opened(url, f"bench{round_}") as (desk, place):
        await _all(desk, place, texts(seed=round_, count=CALLERS * 5))
        work = texts(seed=100 + round_, count=TICKETS)
        began = time.perf_counter()
        await _all(desk, place, work)
        return TICKETS / (time.perf_counter() - began)


async def _all(desk: Desk, place: Place, work: Iterator[tuple[str, str]]) -> None:
    async def caller() -> None:
        for title, description in work:
            await desk.execute(place.open_ticket(title, description))

    await asyncio.gather(*(caller() for _ in range(CALLERS)))


class StockTicket(Aggregate):
    """The same ticket as the stock library would keep it."""

    def __init__(self, title: str, description: str) -> None:
        self.title = title
        self.description = description


def stock_environment(url: str) -> dict[str, str]:
    """Settings of the stock library for a database."""
    parts = conninfo_to_dict(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(parts["dbname"]),
        "POSTGRES_HOST": str(parts.get("host", "127.0.0.1")),
        "POSTGRES_PORT": str(parts.get("port", "5432")),
        "POSTGRES_USER": str(parts.get("user", "")),
        "POSTGRES_PASSWORD": str(parts.get("password", "")),
        "POSTGRES_POOL_SIZE": str(CALLERS),
        "POSTGRES_MAX_OVERFLOW": "10",
    }


def stock(url: str) -> float:
    """`Application.save` a second at 40 threads."""
    app: Application[UUID] = Application(env=stock_environment(url))
    try:
        with ThreadPoolExecutor(CALLERS) as threads:
            for count in (CALLERS, STOCK_SAVES):
                work = list(texts(seed=count, count=count))
                began = time.perf_counter()
                list(threads.map(lambda text: app.save(StockTicket(*text)), work))
            return STOCK_SAVES / (time.perf_counter() - began)
    finally:
        app.close()


def commits(url: str) -> float:
    """Single-row commits a second from 16 connections, by pgbench."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE TABLE IF NOT EXISTS single_rows (id bigserial PRIMARY KEY, body text)")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "insert.sql")
        script.write_text(f"INSERT INTO single_rows (body) VALUES ('{'x' * 400}');\n")
        command = [str(binaries() / "pgbench"), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2"]
        command += ["-T", str(COMMIT_SECONDS), "-f", str(script), "-d", url]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    return float(found[1]) if found else 0.0
