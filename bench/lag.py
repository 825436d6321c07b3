"""From an action to its being visible in the list, in milliseconds, at 300 actions a second, with a real worker."""

import asyncio
import base64
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import uvloop

from bench.desk import MASTER_KEY, Place, opened
from bench.generator import texts
from bench.place import scratch, server, server_facts
from bench.result import Result, percentile
from domain.ticket.commands import ReplyToTicket
from eventstore.database import Role, connect, conninfo
from eventstore.desk import Desk
from projections.models import READ_MODELS

RATE = 300
WARM_UP, SECONDS = 3, 12
BUILT = "SELECT count(*) FROM ops.builds WHERE state = 'live'"
POSITION = "SELECT position FROM ops.builds WHERE name = 'ticket_list' AND state = 'live'"


def run() -> Result:
    """The 99th percentile over all actions after the warm-up."""
    with server() as url, scratch(url) as ours, _worker(ours):
        lags = uvloop.run(_measure(ours))
        conditions = {"actions_per_s": RATE, "actions": len(lags), "p50_ms": round(percentile(lags, 50), 2)}
        return Result("lag", percentile(lags, 99), "ms", {}, {**conditions, **server_facts(url)})


@contextmanager
def _worker(url: str) -> Iterator[None]:
    environment = {"DATABASE_URL": url, "LEDGERDESK_MASTER_KEY": base64.b64encode(MASTER_KEY).decode()}
    process = subprocess.Popen([sys.executable, "-m", "cli", "worker"], env={**os.environ, **environment})
    try:
        _until_it_follows(url)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _until_it_follows(url: str) -> None:
    """With all that it keeps: how long it takes to start and build is another figure."""
    deadline = time.monotonic() + 60
    with connect(url, Role.WORKER) as db:
        while db.execute(BUILT).fetchone() != (len(READ_MODELS),):
            if time.monotonic() > deadline:
                raise TimeoutError("the worker did not get there")
            time.sleep(0.05)


class Watch:
    """Notes when the list has come to the position of an action."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[int, float]] = deque()
        self.lags: list[float] = []
        self.position = 0
        self._moved = asyncio.Event()

    def acted(self, position: int, began: float) -> None:
        """An action that is to become visible; answered in any order."""
        if position <= self.position:
            self.lags.append((time.perf_counter() - began) * 1000)
        else:
            self.waiting.append((position, began))

    def reached(self, position: int) -> None:
        """The list shows everything up to the position."""
        now = time.perf_counter()
        self.position = position
        visible = [began for at, began in self.waiting if at <= position]
        self.waiting = deque((at, began) for at, began in self.waiting if at > position)
        self.lags += [(now - began) * 1000 for began in visible]
        self._moved.set()

    async def caught_up(self) -> None:
        """Return when every action is visible."""
        while self.waiting:
            self._moved.clear()
            await self._moved.wait()


@asynccontextmanager
async def _watching(url: str) -> AsyncIterator[Watch]:
    watch = Watch()
    address = conninfo(url, Role.WORKER, "ledgerdesk-bench")
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as db:
        await db.execute("LISTEN read_models")
        watcher = asyncio.create_task(_follow(db, watch))
        yield watch
        watcher.cancel()


async def _follow(db: psycopg.AsyncConnection[Any], watch: Watch) -> None:
    while True:
        row = await (await db.execute(POSITION)).fetchone()
        watch.reached(row[0] if row else 0)
        async for _ in db.notifies(timeout=0.5, stop_after=1):
            pass


async def _measure(url: str) -> list[float]:
    async with opened(url) as (desk, place), _watching(url) as watch:
        actions = RATE * (WARM_UP + SECONDS)
        numbers: deque[str] = deque(maxlen=500)
        began = time.perf_counter()
        doing = []
        for n, (title, text) in enumerate(texts(seed=3, count=actions)):
            await asyncio.sleep(max(0.0, began + n / RATE - time.perf_counter()))
            doing.append(asyncio.create_task(_act(desk, place, watch, numbers, n, title, text)))
        await asyncio.gather(*doing)
        await asyncio.wait_for(watch.caught_up(), timeout=30)
        return watch.lags[RATE * WARM_UP :]


async def _act(desk: Desk, place: Place, watch: Watch, numbers: deque[str], n: int, title: str, text: str) -> None:
    """Every third action opens a ticket, the others reply to one of the last."""
    began = time.perf_counter()
    if n % 3 == 0 or not numbers:
        receipt = await desk.execute(place.open_ticket(title, text))
        numbers.append(receipt.number or "")
    else:
        reply = ReplyToTicket(
            number=numbers[n % len(numbers)],
            body=text,
            workspace_id=place.workspace,
            by=place.agent,
            at=datetime.now(UTC),
            command_id=uuid4(),
        )
        receipt = await desk.execute(reply)
    watch.acted(receipt.position, began)
