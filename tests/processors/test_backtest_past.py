"""A backtest over a log tells what triggers and automations really did; of what was not in force, what it would have done."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.backtest.rules import on_trial
from domain.backtest.story import Found, Span
from domain.errors import Refusal
from domain.event import Actor
from domain.ids import ticket_id
from domain.requester import RegisterRequester
from domain.rules.rule import Rule, rule_id
from domain.ticket.commands import (
    ChangePriority,
    CloseTicket,
    MoveTicket,
    NoteOnTicket,
    OpenTicket,
    ReopenTicket,
    ReplyToTicket,
    ResolveTicket,
    TagTicket,
)
from domain.ticket.reporting import TicketRuleRefused
from processors.automations import Automations
from processors.past import Past, met, met_in
from processors.triggers import Triggers
from tests.processors.kit import BEGAN, Stage
from tests.processors.test_rules import after, leaf, rule


@pytest.fixture
def stage() -> Stage:
    """A desk whose rules act."""
    return Stage(Triggers(), Automations())


def backtest(stage: Stage, wanted: Rule, since: Any = BEGAN, until: Any = None) -> dict[str, list[Found]]:
    """What the rule would have done, by ticket; the quick look misses none of it."""
    test = on_trial(wanted)
    history = [each for each in stage.log if each.stream_id == stage.workspace]
    past = Past(test, Span(since, until or stage.now), history)
    found = {}
    for number in {event.event.number for event in stage.log if event.event.NAME == "ticket.opened"}:  # type: ignore[attr-defined]
        stream = ticket_id(stage.workspace, number)
        events = [each for each in stage.log if each.stream_id == stream]
        people = met(each for each in stage.log if each.stream_id in met_in(events))
        found[number] = past.found(events, people)
        assert past.may_concern(events, people) or not found[number]
    return {number: each for number, each in found.items() if each}


def really(stage: Stage, key: str) -> dict[str, list[Any]]:
    """When the rule acted on which tickets, and when it was refused."""
    wanted = stage.desk.rule(key).rule_id
    did: dict[str, list[Any]] = {}
    commands = set()
    for each in stage.log:
        if each.metadata.rule_id == wanted and each.metadata.command_id not in commands:
            commands.add(each.metadata.command_id)
            refusal = each.event.because if isinstance(each.event, TicketRuleRefused) else None
            number = next(n for n in NUMBERS if ticket_id(stage.workspace, n) == each.stream_id)
            did.setdefault(number, []).append((each.metadata.occurred_at, refusal))
    return did


def told(found: dict[str, list[Found]]) -> dict[str, list[Any]]:
    """The same of a backtest."""
    return {n: [(f.at, f.refusal.code if f.refusal else None) for f in each] for n, each in found.items()}


def draft(key: str, **definition: Any) -> Rule:
    """A rule that was never set up."""
    kind = "automation" if "timing" in definition else "trigger"
    return Rule(
        key=key, rule_id=rule_id(uuid4(), key), version=1, **({"title": key.title(), "kind": kind} | definition)
    )


NUMBERS = ("T-1", "T-2", "T-3")
TAG = {"do": "add_tags", "tags": ["seen"]}
RULES: dict[str, dict[str, Any]] = {
    "urgent": {"when": leaf("tags", "has_any", ["urgent"]), "then": [{"do": "set_priority", "priority": "urgent"}]},
    "follow": {"when": leaf("priority", "changed_to", "urgent"), "then": [TAG]},
    "calm": {
        "when": {"all": [leaf("before.priority", "is", "urgent"), leaf("actor", "is", "person")]},
        "then": [{"do": "note", "body": "Calmer: {{ticket.title}}"}],
    },
    "written": {"when": leaf("message", "contains", "news"), "then": [{"do": "set_priority", "priority": "high"}]},
    "customer": {"when": leaf("requester.tier", "is", "vip"), "then": [{"do": "add_tags", "tags": ["vip"]}]},
    "refused": {
        "when": leaf("event", "has_any", ["ticket.noted"]),
        "then": [{"do": "set_status", "status": "confirmed"}],
    },
    "late": {"when": leaf("kind", "is_any_of", ["new", "open"]), "then": [TAG], "timing": after("opened_at", 4)},
    "remind": {
        "when": leaf("kind", "is_not", "closed"),
        "then": [{"do": "note", "body": "{{ticket.number}} waits"}],
        "timing": after("unanswered_since", 3, repeat={"every": {"amount": 2, "unit": "hours"}, "at_most": 2}),
    },
    "settled": {"when": leaf("kind", "is", "resolved"), "then": [{"do": "close"}], "timing": after("moved_at", 5)},
    "bad": {
        "when": leaf("kind", "is", "new"),
        "then": [{"do": "set_status", "status": "confirmed"}],
        "timing": after("opened_at", 2),
    },
}
_ACTS = {
    "tag": (TagTicket, {"add": frozenset({"urgent"})}),
    "low": (ChangePriority, {"priority": "low"}),
    "move": (MoveTicket, {"status": "open"}),
    "ask": (ReplyToTicket, {"body": "Any news?"}),
    "answer": (ReplyToTicket, {"body": "Soon."}),
    "note": (NoteOnTicket, {"body": "Hm."}),
    "resolve": (ResolveTicket, {}),
    "reopen": (ReopenTicket, {}),
    "close": (CloseTicket, {}),
}
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(sorted(_ACTS)), st.sampled_from(NUMBERS)),
        st.tuples(st.just("wait"), st.integers(1, 300)),
    ),
    min_size=3,
    max_size=25,
)


# What is reopened and closed again in one instant is not late in between.
@example([("resolve", "T-1"), ("wait", 219), ("reopen", "T-1"), ("resolve", "T-1")], ["late"])
@example([("close", "T-1"), ("wait", 159), ("reopen", "T-1"), ("close", "T-1")], ["refused", "remind"])
@settings(max_examples=60)
@given(steps, st.lists(st.sampled_from(sorted(RULES)), unique=True, min_size=1))
def test_a_backtest_tells_what_rules_really_did(work: list[tuple[str, Any]], keys: list[str]) -> None:
    stage = Stage(Triggers(), Automations())
    for key in keys:
        rule(stage, key, **RULES[key])
    zoe = uuid4()
    stage.do(RegisterRequester, requester_id=zoe, requester_name="Zoe", tier="vip")
    for number in NUMBERS:
        stage.do(OpenTicket, number=number, title="打印机坏了", requester_id=zoe)
        stage.advance(minutes=7)
    for what, whom in work:
        if what == "wait":
            stage.advance(minutes=whom)
            continue
        kind, asked = _ACTS[what]
        by = {"by": Actor(kind="requester", id=str(zoe))} if what == "ask" else {}
        try:
            stage.do(kind, number=whom, **asked, **by)
        except Refusal:
            continue
    stage.advance(hours=30)
    for key in keys:
        assert told(backtest(stage, stage.desk.rule(key))) == really(stage, key), key
