"""Authenticated `POST /tickets` a second at 32 connections and 2 workers, beside a bare FastAPI handler."""

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
REQUESTS = 6_000
BODY = 400
ROUNDS = 3


def run() -> Result:
    """Rounds of the real and the bare service in turn; medians."""
    with server() as url, scratch(url) as ours, scratch(url, migrated=False) as theirs:
        key = uvloop.run(_furnish(ours))
        with service(ours) as real, bare(theirs) as floor:
            rounds = [(_load(real, "/api/v1/tickets", key, n), _load(floor, "/tickets", "", n)) for n in range(ROUNDS)]
        value, least = (statistics.median(load.per_second for load in column) for column in zip(*rounds, strict=True))
        latencies = [latency * 1000 for load, _ in rounds for latency in load.latencies]
        conditions: dict[str, Any] = {
            "connections": CONNECTIONS,
            "workers": WORKERS,
            "body_characters": BODY,
            "requests": REQUESTS,
        }
        conditions |= {"p50_ms": round(percentile(latencies, 50), 2), "p99_ms": round(percentile(latencies, 99), 2)}
        return Result("http", value, "requests/s", {"bare": least}, {**conditions, **server_facts(url)})


async def _furnish(url: str) -> str:
    async with opened(url) as (_, place):
        return access.create_api_key(url, place.workspace, UUID(place.agent.id), "bench", ["write", "read"])


def _load(port: int, path: str, key: str, round_: int) -> Load:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return uvloop.run(drive(port, _requests(path, headers, round_), CONNECTIONS))


def _requests(path: str, headers: dict[str, str], round_: int) -> Iterator[bytes]:
    bodies = [
        {"title": title[:100], "description": (description * BODY)[:BODY]}
        for title, description in texts(seed=round_, count=REQUESTS)
    ]
    return iter([post(path, body, headers) for body in bodies])
