"""Events a second that triggers look at, with 200 of them on a busy desk, beside the same run with none (D1, D9)."""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
import uvloop

from bench.desk import MASTER_KEY, Place, opened
from bench.generator import texts
from bench.place import scratch, server, server_facts
from bench.result import Result
from domain.catalogue import Catalogue
from domain.command import Command
from domain.conditions import Leaf, leaves
from domain.conditions.fields import field_named
from domain.event import SYSTEM
from domain.happening import Happening
from domain.rules.assigning import Roster
from domain.rules.automating import Look, next_look
from domain.rules.chain import chain
from domain.rules.rule import Rule, RuleDefinition, rule_id
from domain.setup.rules import SetRule
from domain.ticket.commands import ChangePriority, NoteOnTicket, OpenTicket, ReplyToTicket, TagTicket
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.database import Role, connect
from eventstore.keyring import Keyring
from eventstore.loading import BY_KEY
from processors.following import Follower
from processors.triggers import Triggers
from processors.witness import Witness

TICKETS = 2_000
ACTIVE, MANY = 200, 1_000
# Of so many tags that the desk uses each trigger of the first kind waits for one.
TAGS = 1_000
PURE = 5 * TICKETS
T = TypeVar("T")

_PAGE = SELECT_EVENTS + " WHERE topic LIKE 'ticket.%%' ORDER BY notification_id LIMIT %s"


def run() -> Result:
    """The same work on two desks, followed by the real process; then the chain alone, by numbers of triggers."""
    with server() as url, scratch(url) as quiet, scratch(url) as busy:
        uvloop.run(_worked(quiet, 0))
        uvloop.run(_worked(busy, ACTIVE))
        floor, _ = _followed(quiet)
        value, acted = _followed(busy)
        happened = _happenings(quiet)
        numbers = (0, ACTIVE, MANY)
        costs = {f"{count}_triggers_us": round(_cost(happened, count), 1) for count in numbers}
        waits = {f"{count}_automations_us": round(_wait(happened, count), 1) for count in numbers}
        conditions: dict[str, Any] = {
            "triggers": ACTIVE,
            "tickets": TICKETS,
            "events_by_rules": acted,
            "chain_alone_per_happening": costs,
            "next_look_of_automations_per_happening": waits,
        }
        return Result("rules", value, "events/s", {"none": floor}, {**conditions, **server_facts(url)})


async def _worked(url: str, triggers: int) -> None:
    """A desk with that many triggers, then a day's work on it."""
    async with opened(url) as (desk, place):
        for key, definition in _definitions(triggers):
            await desk.execute(_wish(place, SetRule, by=SYSTEM, key=key, definition=definition))
        await desk.execute_all([_opening(place, n, *text) for n, text in enumerate(texts(0, TICKETS))])
        for kind, fields in _WORK:
            await desk.execute_all([_wish(place, kind, number=f"B-{n}", **fields(n)) for n in range(TICKETS)])


def _opening(place: Place, n: int, title: str, description: str) -> Command:
    return _wish(place, OpenTicket, number=f"B-{n}", title=title, description=description)


_WORK: tuple[tuple[type[Command], Callable[[int], dict[str, Any]]], ...] = (
    (TagTicket, lambda n: {"add": {f"tag-{n * 7 % TAGS}"}}),
    (ReplyToTicket, lambda n: {"body": f"Please look at part word{n % TAGS} again. 请再看一下。"}),
    (ChangePriority, lambda n: {"priority": ("high", "urgent", "low")[n % 3]}),
    (NoteOnTicket, lambda n: {"body": f"Seen {n}"}),
)


def _wish(place: Place, kind: type[Command], **asked: Any) -> Command:
    context = {"workspace_id": place.workspace, "by": place.agent, "at": datetime.now(UTC), "command_id": uuid4()}
    return kind(**context | asked)


def _definitions(count: int) -> Iterator[tuple[str, RuleDefinition]]:
    """Triggers of five kinds, as desks have them: by tag, by words of a reply, by priority, by type, by status."""
    for n in range(count):
        when, then = _KINDS[n % len(_KINDS)](n)
        definition = {"title": f"Rule {n}", "kind": "trigger", "when": when, "then": [then]}
        yield f"rule-{n}", RuleDefinition.model_validate(definition)


def _leaf(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def _tag(n: int) -> dict[str, Any]:
    return {"do": "add_tags", "tags": [f"by-rule-{n}"]}


_KINDS: tuple[Callable[[int], tuple[dict[str, Any], dict[str, Any]]], ...] = (
    lambda n: (_leaf("tags", "has_any", [f"tag-{n}"]), {"do": "set_priority", "priority": "urgent"}),
    lambda n: (
        {"all": [_leaf("event", "has_any", ["ticket.replied"]), _leaf("message", "contains_word", f"word{n}")]},
        _tag(n),
    ),
    lambda n: (
        {"all": [_leaf("priority", "changed_to", "urgent"), _leaf("title", "contains", f"part {n}")]},
        {"do": "note", "body": "{{ticket.number}} is urgent."},
    ),
    lambda n: (
        {"all": [_leaf("event", "has_any", ["ticket.opened"]), _leaf("type", "is", f"type-{n}")]},
        _tag(n),
    ),
    lambda n: ({"all": [_leaf("status", "changed_to", "resolved"), _leaf("rating", "lt", 3)]}, _tag(n)),
)


def _followed(url: str) -> tuple[float, int]:
    """Events of people a second, and how many events rules made."""
    with connect(url, Role.WORKER, "bench") as db:
        db.execute(BY_KEY.encode())
        follower = Follower(Triggers(), Keyring(MASTER_KEY), db, lambda: datetime.now(UTC))
        events, before = _count(db), time.perf_counter()
        while follower.step():
            pass
        return events / (time.perf_counter() - before), _count(db) - events


def _count(db: psycopg.Connection[Any]) -> int:
    found = db.execute("SELECT count(*) FROM log.stored_events WHERE topic LIKE 'ticket.%'").fetchone()
    return found[0] if found else 0


def _happenings(url: str) -> list[Happening]:
    with connect(url, Role.WORKER, "bench") as db, db.cursor() as cursor:
        rows = [StoredRow(*row) for row in cursor.execute(_PAGE, [PURE], binary=True)]
        return [each for each in Witness(Keyring(MASTER_KEY)).happenings(cursor, rows) if isinstance(each, Happening)]


def _cost(happened: list[Happening], triggers: int) -> float:
    """Microseconds that the chain takes for one happening."""
    desk = _with(happened[0].desk, _definitions(triggers))
    return _median(lambda each: chain(each, Roster()), [replace(each, desk=desk) for each in happened])


def _wait(happened: list[Happening], automations: int) -> float:
    """Microseconds that it takes after one happening to tell when automations are to look at the ticket."""
    desk = _with(happened[0].desk, islice(_waiting(automations), automations))
    return _median(next_look, [Look(each.after, desk, each.requester, each.at) for each in happened])


def _median(do: Callable[[T], object], asked: list[T]) -> float:
    """Microseconds for one of them, in the median of five rounds."""
    do(asked[0])
    rounds = []
    for _ in range(5):
        before = time.perf_counter()
        for each in asked:
            do(each)
        rounds.append((time.perf_counter() - before) / len(asked))
    return statistics.median(rounds) * 1e6


def _waiting(count: int) -> Iterator[tuple[str, RuleDefinition]]:
    """As many automations that wait a day while what the triggers ask about still holds."""
    timing = {"since": "touched_at", "after": {"amount": 1, "unit": "days"}}
    for key, trigger in _definitions(2 * count):
        if lasting := list(filter(None, map(_lasting, leaves(trigger.when)))):
            made = {**trigger.model_dump(), "kind": "automation", "when": {"all": lasting}, "timing": timing}
            yield key, RuleDefinition.model_validate(made)


def _lasting(leaf: Leaf) -> dict[str, Any] | None:
    if field_named(leaf.field).of_happening:
        return None
    return _leaf(leaf.field, "is" if leaf.op == "changed_to" else leaf.op, leaf.value)


def _with(desk: Catalogue, definitions: Iterable[tuple[str, RuleDefinition]]) -> Catalogue:
    workspace = uuid4()
    rules = {
        key: (Rule(key=key, rule_id=rule_id(workspace, key), version=1, **dict(definition)),)
        for key, definition in definitions
    }
    return replace(desk, rules=rules, rule_order=tuple(rules))
