"""Tickets opened, and replies to ten thousand of them, a second at the log: with a million tickets in it beside those."""

import random
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

import psycopg
import uvloop

from bench.append import CALLERS, carry_out
from bench.desk import Place, opened
from bench.fill import MadeUp, record
from bench.generator import texts
from bench.place import scratch, server, server_facts
from bench.result import Result
from domain.command import Command
from domain.ticket.commands import ReplyToTicket
from domain.ticket.events import TicketOpened
from domain.values import StatusKind
from eventstore.append import Call
from eventstore.desk import Desk
from eventstore.process import settled

MANY, FEW = 1_000_000, 10_000
WRITES = 8_000
ROUNDS = 5
BODY = 400


class Filled(NamedTuple):
    """A desk whose log has that many tickets."""

    desk: Desk
    place: Place
    tickets: int


Work = Callable[[Filled, int], list[Command]]


def run() -> Result:
    """Both logs in turn, so that a busy moment of the machine meets both; medians."""
    with server() as url, scratch(url) as small, scratch(url) as large:
        rates = uvloop.run(_measured(small, large))
        medians = {name: statistics.median(each) for name, each in rates.items()}
        conditions: dict[str, Any] = {
            "tickets": MANY,
            "callers": CALLERS,
            "writes_a_round": WRITES,
            **{name: round(each) for name, each in medians.items()},
            "replies_ratio": round(medians["replies_at_1m"] / medians["replies_at_10k"], 3),
            "rounds": {name: [round(each) for each in column] for name, column in rates.items()},
        }
        floors = {"at_10k": medians["creations_at_10k"]}
        return Result("writes", medians["creations_at_1m"], "writes/s", floors, {**conditions, **server_facts(url)})


async def _measured(small: str, large: str) -> dict[str, list[float]]:
    async with AsyncExitStack() as desks:
        sizes = {
            "10k": await desks.enter_async_context(_filled(small, FEW)),
            "1m": await desks.enter_async_context(_filled(large, MANY)),
        }
        settled()
        jobs: dict[str, Work] = {"creations": _creations, "replies": _replies}
        rates: dict[str, list[float]] = {f"{job}_at_{size}": [] for job in jobs for size in sizes}
        # The first round warms up both.
        for n in range(ROUNDS + 1):
            for name in rates if n % 2 else reversed(rates):
                job, _, size = name.partition("_at_")
                rate = await _rate(sizes[size], jobs[job](sizes[size], n))
                if n:
                    rates[name].append(rate)
        return rates


@asynccontextmanager
async def _filled(url: str, tickets: int) -> AsyncIterator[Filled]:
    async with opened(url) as (desk, place):
        await record(url, _tickets(place, tickets))
        # What the server does by itself in time: not while it is measured.
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as db:
            await db.execute("VACUUM ANALYZE")
        yield Filled(desk, place, tickets)


def _tickets(place: Place, count: int) -> Iterator[Call]:
    at = datetime.now(UTC)
    for n, (title, description) in enumerate(texts(seed=1, count=count)):
        number = f"W-{n}"
        told = {"title": title, "description": description[:BODY], "status": "new", "kind": StatusKind.NEW}
        yield MadeUp(place, number, at).recorded(TicketOpened(number=number, **told))


def _creations(filled: Filled, round_: int) -> list[Command]:
    return [filled.place.open_ticket(title, text[:BODY]) for title, text in texts(seed=100 + round_, count=WRITES)]


def _replies(filled: Filled, round_: int) -> list[Command]:
    # So many are worked on whatever the size, spread over the whole log: what is remembered of them is alike.
    chance, apart = random.Random(round_), filled.tickets // FEW
    reply = partial(ReplyToTicket, workspace_id=filled.place.workspace, by=filled.place.agent, at=datetime.now(UTC))
    return [
        reply(number=f"W-{chance.randrange(FEW) * apart}", body=text[:BODY], command_id=uuid4())
        for _, text in texts(seed=200 + round_, count=WRITES)
    ]


async def _rate(filled: Filled, commands: list[Command]) -> float:
    began = time.perf_counter()
    await carry_out(filled.desk, commands)
    return len(commands) / (time.perf_counter() - began)
