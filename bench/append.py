"""How many `execute(OpenTicket)` a second from 40 callers of one process, encryption on."""

import asyncio
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import uvloop
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from psycopg.conninfo import conninfo_to_dict

from bench.desk import opened
from bench.generator import texts
from bench.place import scratch, server, server_facts
from bench.result import Result
from cli.programs import binaries
from domain.command import Command
from eventstore.desk import Desk
from eventstore.process import settled

CALLERS = 40
CONNECTIONS = 16
TICKETS = 12_000
STOCK_SAVES = 2_000
COMMITS = 16_000
PGBENCH_SECONDS = 3
ROUNDS = 3


def run() -> Result:
    """Rounds of value and floors in turn, so that a busy moment of the machine meets all of them; medians."""
    with server() as url, scratch(url) as ours, scratch(url, migrated=False) as theirs:
        rounds = [(uvloop.run(opening(ours, n)), stock(theirs), commits(theirs)) for n in range(ROUNDS)]
        value, saves, single = (statistics.median(column) for column in zip(*rounds, strict=True))
        conditions: dict[str, Any] = {"callers": CALLERS, "tickets": TICKETS * ROUNDS}
        conditions["pgbench_commits"] = round(pgbench(theirs))
        conditions["rounds"] = [tuple(map(round, each)) for each in rounds]
        return Result(
            "append",
            value,
            "tickets/s",
            {"stock": saves, "commits": single},
            {**conditions, **server_facts(url)},
        )


async def opening(url: str, round_: int) -> float:
    """Tickets opened a second, after a warm-up."""
    async with opened(url, f"bench{round_}") as (desk, place):
        await carry_out(desk, [place.open_ticket(*text) for text in texts(seed=round_, count=CALLERS * 5)])
        work = [place.open_ticket(*text) for text in texts(seed=100 + round_, count=TICKETS)]
        settled()
        began = time.perf_counter()
        await carry_out(desk, work)
        return TICKETS / (time.perf_counter() - began)


async def carry_out(desk: Desk, commands: Sequence[Command]) -> None:
    """All of them, by so many callers at once."""
    left = iter(commands)

    async def caller() -> None:
        for command in left:
            await desk.execute(command)

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
    """Single-row commits a second from 16 connections of this process, as pgbench makes them, by the same driver."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE TABLE IF NOT EXISTS single_rows (id bigserial PRIMARY KEY, body text)")
    body = "x" * 400

    def connection(count: int) -> None:
        with psycopg.connect(url, autocommit=True, prepare_threshold=0) as db:
            for _ in range(count):
                db.execute("INSERT INTO single_rows (body) VALUES (%s)", [body])

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        began = time.perf_counter()
        list(threads.map(connection, [COMMITS // CONNECTIONS] * CONNECTIONS))
        return COMMITS / (time.perf_counter() - began)


def pgbench(url: str) -> float:
    """The same by pgbench itself, whose client costs next to nothing."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "insert.sql")
        script.write_text(f"INSERT INTO single_rows (body) VALUES ('{'x' * 400}');\n")
        command = [str(binaries() / "pgbench"), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2"]
        command += ["-T", str(PGBENCH_SECONDS), "-f", str(script), "-d", url]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    return float(found[1]) if found else 0.0
