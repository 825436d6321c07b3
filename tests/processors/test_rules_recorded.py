"""Rules over a real log: what they did is recorded once, and the rule log sees it as it was."""

from typing import Any
from uuid import UUID

import psycopg
import pytest

from domain.ids import ticket_id
from domain.rules.chain import Said
from domain.rules.rule import RuleDefinition
from domain.setup.rules import SetRule
from domain.ticket.commands import TagTicket
from eventstore.keyring import Keyring
from eventstore.stories import stream
from processors.automations import Automations
from processors.looking_back import happenings_of
from processors.process import TicketProcess
from processors.rule_log import entries
from processors.triggers import Triggers
from tests.desks import MASTER, Office
from tests.processors.greeter import connected, work_through

Db = psycopg.Connection[Any]
HIGH = {"do": "set_priority", "priority": "high"}
WAITED = {"since": "opened_at", "after": {"amount": 4, "unit": "hours"}}
TAGGED = {"field": "tags", "op": "has_any", "value": ["urgent"]}


def definition(kind: str, when: Any, *then: Any, **more: Any) -> RuleDefinition:
    return RuleDefinition.model_validate({"title": "Rule", "kind": kind, "when": when, "then": then} | more)


@pytest.fixture
async def ruled(office: Office) -> Office:
    """A desk with a trigger and an automation, and a ticket that both concern."""
    await office.do(SetRule, key="urgent", definition=definition("trigger", TAGGED, HIGH))
    late = definition("automation", {"all": []}, {"do": "note", "body": "Late"}, timing=WAITED)
    await office.do(SetRule, key="late", definition=late)
    await office.ticket()
    await office.do(TagTicket, number="T-1", add=frozenset({"urgent"}))
    return office


def work(db: Db, *processes: TicketProcess) -> None:
    """Until both are through; all that is waited for has come."""
    for process in processes:
        work_through(db, process)


async def test_rules_act_once_whoever_works_and_however_often(ruled: Office, database: Db, database_url: str) -> None:
    with connected(database_url) as db, connected(database_url) as another:
        work(db, Triggers(), Automations())
        work(another, Triggers(), Automations())
    events = stream(database.cursor(), Keyring(MASTER), ticket_id(ruled.workspace, "T-1"))
    assert [each.event.NAME for each in events] == [
        "ticket.opened",
        "ticket.tagged",
        "ticket.prioritised",
        "ticket.noted",
    ]
    assert [each.metadata.channel for each in events[2:]] == ["trigger", "automation"]


async def test_the_rule_log_sees_rules_as_they_were_then(ruled: Office, database: Db, database_url: str) -> None:
    with connected(database_url) as db:
        work(db, Triggers())
    await ruled.do(SetRule, key="urgent", definition=definition("trigger", {"any": []}, HIGH))
    await ruled.do(TagTicket, number="T-1", add=frozenset({"other"}))
    ticket: UUID = ticket_id(ruled.workspace, "T-1")
    opened, tagged, acted, after = entries(happenings_of(database.cursor(), Keyring(MASTER), ruled.workspace, ticket))
    assert [(look.key, look.version, look.said) for look in opened.triggers] == [("urgent", 1, Said.NO)]
    assert [(look.key, look.version, look.said) for look in tagged.triggers] == [("urgent", 1, Said.ACTED)]
    assert (acted.by_rule and acted.by_rule.key, acted.triggers) == ("urgent", [])
    assert [(look.version, look.said, look.because[0].place) for look in after.triggers] == [(2, Said.NO, "condition")]


async def test_the_history_says_which_rule(ruled: Office, database: Db, database_url: str) -> None:
    with connected(database_url) as db:
        work(db, Triggers())
    *_, last = stream(database.cursor(), Keyring(MASTER), ticket_id(ruled.workspace, "T-1"))
    assert (last.metadata.actor.kind, last.metadata.rule_version) == ("rule", 1)
