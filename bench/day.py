"""A desk's day over HTTP: create, reply, list, search and history at 100,000 tickets, beside a bare row that is read."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen
from uuid import UUID, uuid4

import psycopg
import uvloop

from api import access
from bench.client import Load, drive, get, post
from bench.desk import MASTER_KEY, Place, opened
from bench.fill import BATCH, MadeUp, lengthen, record
from bench.generator import texts
from bench.place import scratch, server, server_facts
from bench.result import Result, percentile
from bench.services import WORKERS, bare, resident_mib, whole_desk
from domain.event import SYSTEM, Actor
from domain.permissions import RoleName
from domain.ticket import events as e
from domain.values import Assignee, Priority, StatusKind
from domain.workspace import AddPerson, AddTeam
from eventstore.append import Call
from eventstore.database import Role, conninfo
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from projections.catch_up import catch_up
from projections.models import READ_MODELS

TICKETS = 100_000
CONNECTIONS = 16
REQUESTS = {"create": 8_000, "reply": 8_000, "list": 6_000, "search": 8_000, "history": 3_000, "bare": 12_000}
# The same asked by one caller alone, for the milliseconds that a person waits.
ALONE = 200
TEAMS = 12
REST_WITHIN = 1800.0
ENTRIES = 200
# These may go before what follows them: how far behind that was at their end is told beside their rates.
WRITES = ("reply", "create")
BEHIND = """
    SELECT max(lag_events) FILTER (WHERE read_model = 'ticket_list'), max(lag_events) FROM (
        SELECT read_model, lag_events FROM desk.freshness WHERE state = 'live'
        UNION ALL SELECT process, lag_events FROM processes.progress) followers
"""
RARE, FOUND = "zanzibar4711", 5
PRIORITIES = (Priority.LOW, Priority.NORMAL, Priority.NORMAL, Priority.HIGH, Priority.URGENT)


@dataclass(frozen=True)
class Measured:
    """A desk that is filled, and the agent's key to it."""

    key: str
    teams: tuple[UUID, ...]


def run() -> Result:
    """Each job alone, one after the other, on a whole desk whose read models follow along."""
    with server() as url, scratch(url) as ours, scratch(url, migrated=False) as theirs:
        desk = uvloop.run(_filled(ours))
        _projected(ours)
        with whole_desk(ours) as (port, supervisor), bare(theirs) as floor:
            uvloop.run(drive(floor, iter([post("/tickets", {"title": "x", "description": "y" * 400}, {})]), 1))
            _check(port, desk.key)
            _rested(ours)
            conditions: dict[str, Any] = {"tickets": TICKETS, "connections": CONNECTIONS, "workers": WORKERS}
            conditions["resident_mib_at_rest"] = round(resident_mib(supervisor))
            jobs = ("list", "search", "history", "reply", "create")
            loads = {}
            for job in jobs:
                loads[job] = _load(port, job, desk, REQUESTS[job], CONNECTIONS)
                if job in WRITES:
                    conditions |= {f"{job}_{name}": found for name, found in _caught_up(ours).items()}
            least = _load(floor, "bare", desk, REQUESTS["bare"], CONNECTIONS)
            for job, load in loads.items():
                conditions[f"{job}_per_second"] = round(load.per_second)
                alone = _load(port, job, desk, ALONE, 1)
                conditions[f"{job}_alone_p50_ms"] = round(percentile(alone.latencies, 50) * 1000, 2)
        value = loads["create"].per_second
        return Result("desk", value, "requests/s", {"bare": least.per_second}, {**conditions, **server_facts(url)})


def _load(port: int, job: str, desk: Measured, count: int, connections: int) -> Load:
    return uvloop.run(drive(port, iter(list(_requests(job, desk, count))), connections))


def _requests(job: str, desk: Measured, count: int) -> Iterator[bytes]:
    headers = {"Authorization": f"Bearer {desk.key}"}
    for n, (title, text) in enumerate(texts(seed=count, count=count)):
        match job:
            case "create":
                yield post("/api/v1/tickets", {"title": title[:100], "description": text[:400]}, headers)
            case "reply":
                yield post(f"/api/v1/tickets/D{n * 7 % TICKETS}/replies", {"body": text[:400]}, headers)
            case "list":
                wanted = {"team": desk.teams[n % TEAMS], "priority": PRIORITIES[n % 5], "kind": "open"}
                yield get(f"/api/v1/tickets?{urlencode(wanted | {'sort': '-opened_at', 'limit': 50})}", headers)
            case "search":
                yield get(f"/api/v1/search?q={quote(RARE)}", headers)
            case "history":
                yield get(f"/api/v1/tickets/LONG-{n % 10}/history?limit={ENTRIES}", headers)
            case _:
                yield get("/tickets/1", {})


def _check(port: int, key: str) -> None:
    """The rare word is found wherever it is: a quick answer that misses some would mean nothing."""
    asked = Request(f"http://127.0.0.1:{port}/api/v1/search?q={RARE}", headers={"Authorization": f"Bearer {key}"})
    with urlopen(asked, timeout=30) as answer:  # noqa: S310 - our own address
        found = len(json.load(answer)["tickets"])
    if found != FOUND:
        raise AssertionError(f"the rare word is in {FOUND} tickets, {found} were found")


def _rested(url: str) -> None:
    """Wait until the processes have followed the log that they found: before that, nobody is at rest."""
    began = time.monotonic()
    with psycopg.connect(url, autocommit=True) as db:
        while time.monotonic() - began < REST_WITHIN:
            begun, behind = db.execute("SELECT count(*), max(lag_events) FROM processes.progress").fetchone() or (0, 0)
            if begun and not behind:
                return
            time.sleep(0.5)
    raise TimeoutError("the worker is not at rest yet")


def _caught_up(url: str) -> dict[str, float]:
    """How many events lists were behind just now, and after how many seconds they, and everything else, had caught up."""
    began, told = time.monotonic(), dict[str, float]()
    with psycopg.connect(url, autocommit=True) as db:
        while time.monotonic() - began < REST_WITHIN:
            lists, everything = db.execute(BEHIND).fetchone() or (0, 0)
            told.setdefault("lists_behind_events", lists)
            if not lists:
                told.setdefault("lists_caught_up_s", round(time.monotonic() - began, 1))
            if not everything:
                return {**told, "all_caught_up_s": round(time.monotonic() - began, 1)}
            time.sleep(0.05)
    raise TimeoutError("the worker has not caught up yet")


async def _filled(url: str) -> Measured:
    async with opened(url) as (desk, place):
        teams, agent = await _staffed(desk, place)
        await record(url, _tickets(place, teams))
        for n in range(10):
            await lengthen(url, place, f"LONG-{n}", ENTRIES)
        key = access.create_api_key(url, place.workspace, UUID(agent.id), "bench", ["write", "read"])
        return Measured(key, teams)


async def _staffed(desk: Desk, place: Place) -> tuple[tuple[UUID, ...], Actor]:
    common = {"workspace_id": place.workspace, "by": SYSTEM, "at": datetime.now(UTC)}
    teams, person = tuple(uuid4() for _ in range(TEAMS)), uuid4()
    for n, team in enumerate(teams):
        await desk.execute(AddTeam(team_id=team, title=f"Team {n}", command_id=uuid4(), **common))
    await desk.execute(AddPerson(person_id=person, person_name="Bo", role=RoleName.AGENT, command_id=uuid4(), **common))
    return teams, Actor(kind="person", id=str(person))


def _tickets(place: Place, teams: tuple[UUID, ...]) -> Iterator[Call]:
    """Every ticket opened for a team; half of them answered, a third resolved. In pages, for a stream comes once a batch."""
    began = datetime.now(UTC) - timedelta(days=30)
    page: list[MadeUp] = []
    for n, (title, text) in enumerate(texts(seed=5, count=TICKETS)):
        ticket = MadeUp(place, f"D{n}", began + timedelta(seconds=n * 20))
        rare = f" {RARE}" if n % (TICKETS // FOUND) == 7 else ""
        yield ticket.recorded(_opening(ticket.number, n, title + rare * (n % 2), text + rare, teams))
        page.append(ticket)
        if len(page) == BATCH:
            yield from _worked(page)
            page = []
    yield from _worked(page)


def _opening(number: str, n: int, title: str, text: str, teams: tuple[UUID, ...]) -> e.TicketOpened:
    return e.TicketOpened(
        number=number,
        title=title,
        description=text,
        status="open",
        kind=StatusKind.OPEN,
        priority=PRIORITIES[n % 5],
        assignee=Assignee(team=teams[n * 7 % TEAMS]),
    )


def _worked(page: list[MadeUp]) -> Iterator[Call]:
    for n, ticket in enumerate(page):
        answered = [e.TicketReplied(message_id=uuid4(), body="We are looking into it. 我们正在处理。")] * (n % 2)
        ended = {
            "status": "resolved",
            "kind": StatusKind.RESOLVED,
            "previous": "open",
            "previous_kind": StatusKind.OPEN,
        }
        events = [*answered, *([e.TicketResolved(**ended)] if n % 3 == 0 else [])]
        if events:
            yield ticket.recorded(*events)


def _projected(url: str) -> None:
    with psycopg.connect(conninfo(url, Role.WORKER, "ledgerdesk-bench"), autocommit=True) as db:
        for model in READ_MODELS:
            catch_up(url, Keyring(MASTER_KEY), model, db)
        db.execute("ANALYZE")
