"""Authenticated `POST /tickets` a second at 32 connections and 2 workers, beside a bare FastAPI handler."""

import base64
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import uvloop

from api import access
from bench.client import Load, drive, post
from bench.desk import MASTER_KEY, opened
from bench.generator import texts
from bench.place import scratch, server, server_facts
from bench.result import Result, percentile

CONNECTIONS = 32
WORKERS = 2
REQUESTS = 6_000
BODY = 400
ROUNDS = 3


def run() -> Result:
    """Rounds of the real and the bare service in turn; medians."""
    with server() as url, scratch(url) as ours, scratch(url, migrated=False) as theirs:
        key = uvloop.run(_furnish(ours))
        with _service(ours) as real, _bare(theirs) as bare:
            rounds = [(_load(real, "/api/v1/tickets", key, n), _load(bare, "/tickets", "", n)) for n in range(ROUNDS)]
        value, floor = (statistics.median(load.per_second for load in column) for column in zip(*rounds, strict=True))
        latencies = [latency * 1000 for load, _ in rounds for latency in load.latencies]
        conditions: dict[str, Any] = {
            "connections": CONNECTIONS,
            "workers": WORKERS,
            "body_characters": BODY,
            "requests": REQUESTS,
        }
        conditions |= {"p50_ms": round(percentile(latencies, 50), 2), "p99_ms": round(percentile(latencies, 99), 2)}
        return Result("http", value, "requests/s", {"bare": floor}, {**conditions, **server_facts(url)})


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


@contextmanager
def _service(url: str) -> Iterator[int]:
    port = _free_port()
    environment = {
        "DATABASE_URL": url,
        "LEDGERDESK_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
        "LEDGERDESK_PORT": str(port),
        "LEDGERDESK_API_WORKERS": str(WORKERS),
        "LEDGERDESK_RATE_LIMIT": "0",
        "LEDGERDESK_LOG_LEVEL": "warning",
    }
    with _running([sys.executable, "-m", "cli", "api"], environment, f"http://127.0.0.1:{port}/api/v1/health/live"):
        yield port


@contextmanager
def _bare(url: str) -> Iterator[int]:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE TABLE bare (id bigserial PRIMARY KEY, body text NOT NULL)")
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "bench.bare:create_app", "--factory", "--port", str(port)]
    command += ["--workers", str(WORKERS), "--log-level", "error", "--no-access-log"]
    with _running(command, {"BARE_DATABASE": url}, f"http://127.0.0.1:{port}/openapi.json"):
        yield port


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _running(command: list[str], environment: dict[str, str], probe: str) -> Iterator[None]:
    process = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        _wait_for(probe, process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not answer")
