"""Authenticated `POST` of a public reply a second at 32 connections and 2 workers, beside a bare FastAPI handler."""

import asyncio
import statistics
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import uvloop

from api import access
from bench.client import Load, drive, post
from bench.desk import opened
from bench.generator import texts
from bench.place import scratch, server, server_facts
from bench.result import Result, percentile
from bench.services import WORKERS, bare, service

CONNECTIONS = 32
TICKETS = 2_000
REQUESTS = 6_000
BODY = 400
ROUNDS = 3


def run() -> Result:
    """Rounds of the real and the bare service in turn; medians."""
    with server() as url, scratch(url) as ours, scratch(url, migrated=False) as theirs:
        key, numbers = uvloop.run(_furnish(ours))
        with service(ours) as real, bare(theirs) as floor:
            rounds = [(_replies(real, key, numbers, n), _rows(floor, n)) for n in range(ROUNDS)]
        value, least = (statistics.median(load.per_second for load in column) for column in zip(*rounds, strict=True))
        latencies = [latency * 1000 for load, _ in rounds for latency in load.latencies]
        conditions: dict[str, Any] = {
            "connections": CONNECTIONS,
            "workers": WORKERS,
            "tickets": TICKETS,
            "body_characters": BODY,
            "requests": REQUESTS,
            "p50_ms": round(percentile(latencies, 50), 2),
            "p99_ms": round(percentile(latencies, 99), 2),
        }
        return Result("reply", value, "requests/s", {"bare": least}, {**conditions, **server_facts(url)})


async def _furnish(url: str) -> tuple[str, list[str]]:
    async with opened(url) as (desk, place):
        receipts = await asyncio.gather(*(desk.execute(place.open_ticket(*text)) for text in texts(0, TICKETS)))
        key = access.create_api_key(url, place.workspace, UUID(place.agent.id), "bench", ["write", "read"])
        return key, [receipt.number or "" for receipt in receipts]


def _replies(port: int, key: str, numbers: list[str], round_: int) -> Load:
    headers = {"Authorization": f"Bearer {key}"}
    requests = [
        post(f"/api/v1/tickets/{numbers[n % TICKETS]}/replies", {"body": body}, headers)
        for n, body in enumerate(_bodies(round_))
    ]
    return uvloop.run(drive(port, iter(requests), CONNECTIONS))


def _rows(port: int, round_: int) -> Load:
    requests = [post("/tickets", {"title": "A reply", "description": body}, {}) for body in _bodies(round_)]
    return uvloop.run(drive(port, iter(requests), CONNECTIONS))


def _bodies(round_: int) -> Iterator[str]:
    return ((description * BODY)[:BODY] for _, description in texts(seed=round_, count=REQUESTS))
