"""The measured services: ours as an operator starts it, and the bare one that is its floor."""

import base64
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import psycopg

from bench.desk import MASTER_KEY

WORKERS = 2


@contextmanager
def service(url: str) -> Iterator[int]:
    """The port of our API over the database, without rate limits."""
    with _ours("api", url) as (port, _):
        yield port


@contextmanager
def whole_desk(url: str) -> Iterator[tuple[int, psutil.Process]]:
    """The port of everything that `ledgerdesk up` starts but for the database, and its supervisor."""
    with _ours("up", url) as (port, supervisor):
        yield port, psutil.Process(supervisor.pid)


def resident_mib(supervisor: psutil.Process) -> float:
    """Memory of the supervisor and its processes; what they share counts once (PSS), as the kernel has it."""
    processes = [supervisor, *supervisor.children(recursive=True)]
    return sum(process.memory_full_info().pss for process in processes) / 2**20


@contextmanager
def _ours(command: str, url: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = _free_port()
    environment = {
        "DATABASE_URL": url,
        "LEDGERDESK_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
        "LEDGERDESK_PORT": str(port),
        "LEDGERDESK_API_WORKERS": str(WORKERS),
        "LEDGERDESK_RATE_LIMIT": "0",
        "LEDGERDESK_LOG_LEVEL": "warning",
        "LEDGERDESK_DEMO": "false",
    }
    probe = f"http://127.0.0.1:{port}/api/v1/health/live"
    with _running([sys.executable, "-m", "cli", command], environment, probe) as process:
        yield port, process


@contextmanager
def bare(url: str) -> Iterator[int]:
    """The port of a bare FastAPI service over the database."""
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
def _running(command: list[str], environment: dict[str, str], probe: str) -> Iterator[subprocess.Popen[bytes]]:
    # What it says of itself is no part of a measurement.
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        _wait_for(probe, process)
        yield process
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
