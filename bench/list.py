"""A filtered, sorted page of the ticket list with its count, in ms at the 95th percentile: at a million tickets."""

import random
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from psycopg import Cursor

from bench.list_fill import END, TYPES, WORKSPACE, Desk, fill
from bench.place import scratch, server, server_facts
from bench.result import Result, percentile
from domain.conditions import Context, parse
from eventstore.database import reader_pool
from eventstore.reading import bound
from projections.ticket_pages import ListQuery
from projections.ticket_totals import total
from projections.written_pages import written

MANY, FEW = 1_000_000, 10_000
ROUNDS = 30
NOW = Context(END)
Times = dict[str, list[float]]


def run() -> Result:
    """The same questions of a small desk and of a large one, round by round, so that a busy moment meets both."""
    with server() as url, scratch(url) as few, scratch(url) as many:
        desks = [fill(few, FEW), fill(many, MANY)]
        with (
            reader_pool(few, size=1) as few_pool,
            reader_pool(many, size=1) as many_pool,
            bound(few_pool, WORKSPACE) as of_few,
            bound(many_pool, WORKSPACE) as of_many,
        ):
            small, large = timed([of_few, of_many], desks, ROUNDS)
        slowest = sorted(((percentile(times, 95), name) for name, times in large.items()), reverse=True)[:5]
        conditions: dict[str, Any] = {
            "tickets": MANY,
            "rounds": ROUNDS,
            "questions": len(large),
            "p50_ms": round(percentile(_all(large), 50), 2),
            "p50_ms_at_10k": round(percentile(_all(small), 50), 2),
            "p99_ms": round(percentile(_all(large), 99), 2),
            "slowest": {name: round(ms, 1) for ms, name in slowest},
            "measured": "page of 50 and total, in process under row-level security; filled through the fold, no log",
        }
        at_10k = percentile(_all(small), 95)
        value = percentile(_all(large), 95)
        return Result("list", value, "ms", {"at_10k": at_10k}, {**conditions, **server_facts(url)})


def _all(times: Times) -> list[float]:
    return [ms for each in times.values() for ms in each]


def timed(readers: Sequence[Cursor[Any]], desks: Sequence[Desk], rounds: int) -> list[Times]:
    """Milliseconds of each kind of question on each desk, asked about other things every time, and not the first time."""
    chances = [random.Random(5) for _ in desks]
    times: list[Times] = [{} for _ in desks]
    for round_ in range(rounds + 1):
        for db, desk, chance, kept in zip(readers, desks, chances, times, strict=True):
            for name, query in questions(desk, chance):
                began = time.perf_counter()
                found = written(db, WORKSPACE, query, NOW).found
                total(db, WORKSPACE, query, NOW, found)
                if round_:
                    kept.setdefault(name, []).append((time.perf_counter() - began) * 1000)
    return times


def questions(made: Desk, chance: random.Random) -> Iterator[tuple[str, ListQuery]]:
    """What people ask of a list; who and what it is about is drawn evenly, so that the rare is asked as often."""
    team, person = str(chance.choice(made.teams)), str(chance.choice(made.people))
    tag, other, product = chance.choice(made.tags), chance.choice(made.tags), chance.choice(made.products)
    unfinished = ("kind", "is_any_of", ["new", "open", "pending"])
    month = (END - timedelta(days=30)).isoformat()
    asked: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
        "newest": ("-updated_at", []),
        "open of a team and priority": (
            "-updated_at",
            [("status", "is", "open"), ("assignee_team", "is", team), ("priority", "is", "high")],
        ),
        "unfinished of a person": ("-priority,updated_at", [unfinished, ("assignee_person", "is", person)]),
        "unassigned and new": ("opened_at", [("assignee_person", "is_not_set"), ("status", "is", "new")]),
        "a tag": ("-updated_at", [("tags", "has_any", [tag])]),
        "a tag, oldest first": ("opened_at", [("tags", "has_any", [tag])]),
        "two tags and a status": ("-due_at", [("tags", "has_any", [tag, other]), ("status", "is", "closed")]),
        "a requester": ("-opened_at", [("requester_id", "is", str(chance.choice(made.requesters)))]),
        "a product": ("-priority", [("fields.product", "is", product)]),
        "a product of VIPs, unfinished": (
            "due_at",
            [("fields.product", "is", product), ("fields.vip", "is", True), unfinished],
        ),
        "a category by type": (
            "number",
            [("category", "under", [f"Area {chance.randrange(12)}"]), ("type", "is", chance.choice(TYPES))],
        ),
        "last month of a team": (
            "-opened_at",
            [("opened_at", "after", month), ("assignee_team", "is", team), ("source", "is", "mail")],
        ),
        "anything but low": ("-status", [("priority", "is_not", "low"), ("source", "is_any_of", ["mail", "phone"])]),
        "closed, oldest first": ("updated_at", [("status", "is", "closed"), ("type", "is", chance.choice(TYPES))]),
        "a tag of a person": ("-updated_at", [("tags", "has_all", [tag]), ("assignee_person", "is", person)]),
    }
    for name, (sort, leaves) in asked.items():
        data = {"all": [dict(zip(("field", "op", "value"), leaf, strict=False)) for leaf in leaves]}
        yield name, ListQuery(parse(data), sort=sort)
