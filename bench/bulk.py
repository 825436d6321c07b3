"""Tickets a second of a bulk tag and assign over 100,000 matching tickets, beside `append` of the same run."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import uvloop

from bench import append
from bench.desk import MASTER_KEY, Place, opened
from bench.fill import MadeUp, record
from bench.generator import texts
from bench.place import scratch, server, server_facts
from bench.result import Result
from domain.ticket.events import TicketOpened
from domain.values import StatusKind
from eventstore import jobs
from eventstore.append import Call
from eventstore.database import Role, conninfo
from eventstore.keyring import Keyring
from eventstore.vault import Vault
from processors.jobs import runner
from projections.catch_up import catch_up
from projections.ticket_list import TicketList

TICKETS = 100_000
ROUNDS = 3
LOOK = 0.1
STATE = "SELECT state, done, extract(epoch FROM finished_at - started_at) FROM jobs.jobs WHERE job_id = %s"


def run() -> Result:
    """Rounds of the job and of `append` in turn, so that a busy moment of the machine meets both; medians."""
    with server() as url, scratch(url) as ours, scratch(url) as floor:
        place = uvloop.run(_filled(ours))
        _listed(ours)
        rounds = []
        for n in range(ROUNDS):
            appended = uvloop.run(append.opening(floor, n))
            rounds.append((_changed(ours, place, n), appended))
        value, appended = (statistics.median(column) for column in zip(*rounds, strict=True))
        conditions: dict[str, Any] = {
            "tickets": TICKETS,
            "rounds": [tuple(map(round, each)) for each in rounds],
            "actions": "one tag and one assignee, decided as one command",
            "read models": "list built before; none follows meanwhile",
        }
        return Result("bulk", value, "tickets/s", {"append": appended}, {**conditions, **server_facts(url)})


async def _filled(url: str) -> Place:
    async with opened(url) as (_, place):
        await record(url, _openings(place))
        return place


def _openings(place: Place) -> Iterator[Call]:
    """Tickets as they are when they come in, one a second."""
    began = datetime.now(UTC) - timedelta(seconds=TICKETS + 60)
    for n, (title, text) in enumerate(texts(seed=1, count=TICKETS)):
        ticket = MadeUp(place, f"{1000 + n}", began + timedelta(seconds=n))
        yield ticket.recorded(
            TicketOpened(number=ticket.number, title=title, description=text, status="new", kind=StatusKind.NEW)
        )


def _listed(url: str) -> None:
    with closing(psycopg.connect(conninfo(url, Role.WORKER), autocommit=True)) as db:
        catch_up(url, Keyring(MASTER_KEY), TicketList(), db)


def _changed(url: str, place: Place, round_: int) -> float:
    """One bulk change of all tickets by a worker, each round with another tag and another assignee."""
    stop = threading.Event()
    worker = threading.Thread(target=runner.run, args=(url, Keyring(MASTER_KEY), stop))
    worker.start()
    try:
        to = {"person": place.agent.id} if round_ % 2 == 0 else {}
        actions: list[dict[str, Any]] = [{"do": "add_tags", "tags": [f"round-{round_}"]}, {"do": "assign", "to": to}]
        condition = {"field": "status", "op": "is", "value": "new"}
        return _ended(url, uvloop.run(_asked(url, place, actions, condition)))
    finally:
        stop.set()
        worker.join()


async def _asked(url: str, place: Place, actions: list[dict[str, Any]], condition: dict[str, Any]) -> UUID:
    job = uuid4()
    async with Vault(url) as vault:
        wanted = {"actions": actions, "condition": condition}
        await jobs.ask(vault, job, place.workspace, "bulk", place.agent, wanted)
    return job


def _ended(url: str, job: UUID) -> float:
    """Tickets a second, from when a worker took the job up until it was done."""
    with psycopg.connect(conninfo(url, Role.WORKER), autocommit=True) as db:
        while True:
            state, done, seconds = db.execute(STATE, [job]).fetchone() or ("gone", 0, None)
            if seconds is not None:
                break
            time.sleep(LOOK)
    assert (state, done) == ("done", TICKETS), f"{state}: {done} tickets were changed"  # noqa: S101 - no measurement
    return TICKETS / float(seconds)
