"""Events a second of a rule run over the past by one reader and by two, beside the bare decode of the same events."""

import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from uuid import UUID

import uvloop

from bench.desk import MASTER_KEY, Place, opened
from bench.fill import fill
from bench.place import scratch, server, server_facts
from bench.result import Result
from domain.backtest.rules import on_trial
from domain.backtest.story import Span
from domain.rules.rule import Rule, rule_id
from eventstore.database import Role, connect
from eventstore.feed import decode_page
from eventstore.keyring import Keyring
from eventstore.loading import BY_KEY, rows_before
from processors.rereading import Rereading

EVENTS = 100_000
# Tickets that are read at once, as by the job.
PAGE = 400
_RULES = {
    "trigger": {"kind": "trigger", "when": {"field": "priority", "op": "changed_to", "value": "urgent"}},
    "often": {"kind": "trigger", "when": {"field": "event", "op": "has_any", "value": ["ticket.resolved"]}},
    "words": {"kind": "trigger", "when": {"field": "message", "op": "contains", "value": "no such words"}},
    "automation": {
        "kind": "automation",
        "when": {"field": "kind", "op": "is", "value": "confirmed"},
        "timing": {"since": "opened_at", "after": {"amount": 4, "unit": "hours"}},
    },
}


def run() -> Result:
    """A trigger that finds nothing, by two readers; the floor is one process. What other rules cost is in the conditions."""
    with server() as url, scratch(url) as ours:
        place, events = uvloop.run(_filled(ours))
        tickets = _tickets(ours, place.workspace)
        floor = events / _timed(lambda: _decoded(ours, tickets))
        one = {name: events / _timed(lambda name=name: reread(ours, place.workspace, name, tickets)) for name in _RULES}
        both = events / _by_two(ours, place.workspace, tickets)
        # The value is of a rule that finds nothing; "often" acts on every ticket, each of which is then read whole.
        conditions = {
            "events": events,
            "readers": 2,
            "acts": "never",
            "decode_processes": 1,
            "one_reader": {name: round(each) for name, each in one.items()},
        }
        return Result("backtest", both, "events/s", {"decode": floor}, {**conditions, **server_facts(url)})


async def _filled(url: str) -> tuple[Place, int]:
    async with opened(url) as (_, place):
        return place, await fill(url, place, EVENTS)


def _tickets(url: str, workspace: UUID) -> list[UUID]:
    query = "SELECT originator_id FROM log.stored_events WHERE workspace_id = %s AND topic = 'ticket.opened'"
    with connect(url, Role.WORKER) as db:
        return [row[0] for row in db.execute(query, [workspace])]


def _timed(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began


def _decoded(url: str, tickets: list[UUID]) -> None:
    keyring = Keyring(MASTER_KEY)
    with connect(url, Role.WORKER) as db, db.cursor() as cursor:
        cursor.execute(BY_KEY)
        for start in range(0, len(tickets), PAGE):
            found = rows_before(cursor, tickets[start : start + PAGE])
            decode_page(cursor, keyring, [row for rows in found.values() for row in rows], frozenset())


def reread(url: str, workspace: UUID, name: str, tickets: list[UUID]) -> None:
    """The rule over the tickets, page by page."""
    then = [{"do": "add_tags", "tags": ["seen"]}]
    rule = Rule.model_validate(
        {"key": name, "title": name, "then": then, "version": 1, **_RULES[name], "rule_id": rule_id(workspace, name)}
    )
    span = Span(datetime.now(UTC) - timedelta(days=90), datetime.now(UTC))
    with connect(url, Role.WORKER) as db, db.cursor() as cursor:
        cursor.execute(BY_KEY)
        replay = Rereading(cursor, Keyring(MASTER_KEY), workspace, on_trial(rule), span)
        for start in range(0, len(tickets), PAGE):
            replay.of(tickets[start : start + PAGE])


def _by_two(url: str, workspace: UUID, tickets: list[UUID]) -> float:
    """Seconds that two readers take for a half each, once they have started."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(reread, [url] * 2, [workspace] * 2, ["trigger"] * 2, [tickets[:1], tickets[1:2]]))
        began = time.perf_counter()
        list(pool.map(reread, [url] * 2, [workspace] * 2, ["trigger"] * 2, [tickets[::2], tickets[1::2]]))
        return time.perf_counter() - began
