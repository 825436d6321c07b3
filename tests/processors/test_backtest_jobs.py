"""Backtests as jobs: what rules really did is what they tell, they act on nothing, and go on where a killed one was."""

import json
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from domain.ids import ticket_id
from domain.permissions import Permission, RoleName
from domain.requester import RegisterRequester
from domain.rules.rule import Rule, RuleDefinition, rule_id
from domain.setup.roles import SetRole
from domain.setup.rules import SetRule
from domain.ticket.commands import NoteOnTicket, OpenTicket, TagTicket
from domain.workspace import AddPerson
from eventstore import jobs as store
from eventstore.feed import head
from processors.automations import Automations
from processors.jobs import backtests
from processors.jobs.backtests import BacktestAsked
from processors.triggers import Triggers
from projections.ticket_list import TicketList
from tests.desks import Office
from tests.processors import greeter
from tests.processors.greeter import connected, work_through
from tests.processors.jobs import asked, at_work, ended, items, under_way
from tests.processors.test_jobs_kills import start
from tests.projections.tables import built

__all__ = ["start"]
Db = psycopg.Connection[Any]
URGENT = {
    "when": {
        "all": [
            {"field": "event", "op": "has_any", "value": ["ticket.tagged"]},
            {"field": "tags", "op": "has_any", "value": ["urgent"]},
        ]
    },
    "then": [
        {"do": "set_priority", "priority": "urgent"},
        {"do": "note", "body": "{{ticket.title}} of {{requester.name}}"},
    ],
}
LATE = {
    "when": {"all": []},
    "then": [{"do": "add_tags", "tags": ["late"]}],
    "timing": {"since": "opened_at", "after": {"amount": 4, "unit": "hours"}},
}
REFUSED = {
    "when": {"field": "event", "op": "has_any", "value": ["ticket.noted"]},
    "then": [{"do": "set_status", "status": "confirmed"}],
}
SINCE = datetime.now(UTC) - timedelta(days=2)


def definition(rule: dict[str, Any]) -> RuleDefinition:
    kind = "automation" if "timing" in rule else "trigger"
    return RuleDefinition.model_validate({"title": "Rule", "kind": kind} | rule)


def wanted(office: Office, rule: dict[str, Any], key: str = "rule", **span: Any) -> dict[str, Any]:
    """The parameters of a backtest of it, up to now."""
    made = Rule(key=key, rule_id=rule_id(office.workspace, key), version=1, **dict(definition(rule)))
    times = {"since": SINCE, "until": datetime.now(UTC) + timedelta(days=1)} | span
    return BacktestAsked(rule=made, **times).model_dump(mode="json")


async def worked(office: Office, count: int = 5, **fields: Any) -> None:
    """So many tickets, every other one tagged, all with a note."""
    numbers = [f"T-{n}" for n in range(1, count + 1)]
    for kind, asked_, of in (
        (OpenTicket, {"title": "打印机坏了", **fields}, numbers),
        (TagTicket, {"add": frozenset({"urgent"})}, numbers[::2]),
        (NoteOnTicket, {"body": "Seen"}, numbers),
    ):
        await office.desk.execute_all([office.command(kind, number=n, **asked_) for n in of])


async def result(office: Office, url: str, parameters: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """What a backtest came to, and its tickets."""
    with at_work(url):
        job = await asked(office, "backtest", **parameters)
        state = await ended(url, job)
    assert state["state"] == "done", state
    return state, items(url, job)


async def test_what_a_trigger_would_have_done_is_told_and_not_done(
    office: Office, database: Db, database_url: str
) -> None:
    zoe = uuid4()
    await office.do(RegisterRequester, requester_id=zoe, requester_name="Zoe")
    await worked(office, requester_id=zoe)
    built(database_url, TicketList())
    before = head(database.cursor())
    state, told = await result(office, database_url, wanted(office, URGENT))
    assert head(database.cursor()) == before
    assert [item[:3] for item in told] == [(f"T-{n}", "done", None) for n in (1, 3, 5)]
    act = told[0][3]["acts"][0]
    assert (act["version"], act["actions"]) == (2, [{"do": "set_priority", "priority": "urgent"}, {"do": "note"}])
    assert (state["done"], state["total"]) == (5, 5)
    sums = state["result"]
    assert (sums["events"], sums["tickets"], sums["acted"], sums["refused"]) == (13, 3, 3, 0)
    assert list(sums["days"].values()) == [{"acted": 3, "refused": 0}]
    assert "打印机" not in json.dumps(told, ensure_ascii=False)
    assert "Zoe" not in json.dumps(told)


async def test_it_tells_what_the_rules_really_did(
    office: Office, database: Db, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.do(SetRule, key="urgent", definition=definition(URGENT))
    await office.do(SetRule, key="refused", definition=definition(REFUSED))
    await office.do(SetRule, key="late", definition=definition(LATE))
    for number in range(1, 4):
        old = datetime.now(UTC) - timedelta(hours=5 if number == 2 else 1)
        await office.ticket(f"T-{number}", at=old)
    await office.do(TagTicket, number="T-1", add=frozenset({"urgent"}))
    monkeypatch.setattr(greeter, "LATER", datetime.now(UTC))
    with connected(database_url) as db:
        work_through(db, Triggers())
        work_through(db, Automations())
        work_through(db, Triggers())
    built(database_url, TicketList())
    for key, definition_ in (("urgent", URGENT), ("refused", REFUSED), ("late", LATE)):
        _, told = await result(office, database_url, wanted(office, definition_, key))
        query = (
            "SELECT DISTINCT originator_id FROM log.stored_events "
            "WHERE convert_from(state, 'UTF8')::jsonb->'metadata'->>'rule_id' = %s"
        )
        acted = {row[0] for row in database.execute(query, [str(rule_id(office.workspace, key))])}
        really = [f"T-{n}" for n in range(1, 4) if ticket_id(office.workspace, f"T-{n}") in acted]
        assert [item[0] for item in told] == really, key
        assert really, key


async def test_refusals_are_told_apart(office: Office, database: Db, database_url: str) -> None:
    await worked(office, 2)
    built(database_url, TicketList())
    state, told = await result(office, database_url, wanted(office, REFUSED))
    assert [item[:3] for item in told] == [("T-1", "failed", "illegal_move"), ("T-2", "failed", "illegal_move")]
    assert (state["result"]["acted"], state["result"]["refused"], state["failed"]) == (0, 2, 2)


async def test_what_is_opened_after_it_was_asked_for_is_not_read(
    office: Office, database: Db, database_url: str
) -> None:
    parameters = wanted(office, URGENT)
    job = await asked(office, "backtest", **parameters)
    await worked(office)
    built(database_url, TicketList())
    with at_work(database_url):
        state = await ended(database_url, job)
    assert (state["state"], state["total"], items(database_url, job)) == ("done", 0, [])


async def test_only_tickets_in_reach_are_read(office: Office, database: Db, database_url: str) -> None:
    permissions = (Permission.REPORT_EDIT, Permission.TICKET_VIEW)
    await office.do(SetRole, key="reporter", title="Reporter", permissions=permissions, types=("incident",))
    for number, kind in (("T-1", "incident"), ("T-2", "request")):
        await office.do(OpenTicket, number=number, title="x", type=kind)
        await office.do(TagTicket, number=number, add=frozenset({"urgent"}))
    built(database_url, TicketList())
    bob = Office(office.desk)
    await office.do(AddPerson, person_id=bob.person.id, person_name="Bob", role="reporter")
    _, told = await result(bob, database_url, wanted(office, URGENT))
    assert [item[0] for item in told] == ["T-1"]


async def test_who_may_neither_edit_rules_nor_reports_gets_none(
    office: Office, database: Db, database_url: str
) -> None:
    bob = Office(office.desk)
    await office.do(AddPerson, person_id=bob.person.id, person_name="Bob", role=RoleName.LEAD)
    with at_work(database_url):
        state = await ended(database_url, await asked(bob, "backtest", **wanted(office, URGENT)))
    assert (state["state"], state["error_code"]) == ("failed", "not_allowed")


async def test_it_can_be_cancelled(
    office: Office, database: Db, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtests, "PAGE", 1)
    await worked(office, 60)
    built(database_url, TicketList())
    with at_work(database_url):
        job = await asked(office, "backtest", **wanted(office, URGENT))
        await under_way(database_url, job)
        await store.cancel(office.desk.vault, job, office.workspace)
        state = await ended(database_url, job)
    assert state["state"] == "cancelled"
    assert state["result"]["tickets"] == len(items(database_url, job))


async def test_another_worker_goes_on_with_a_killed_ones_backtest(
    office: Office, database: Db, database_url: str, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    count = backtests.PAGE * 4
    await worked(office, count)
    built(database_url, TicketList())
    job = await asked(office, "backtest", **wanted(office, URGENT))
    first = start()
    await under_way(database_url, job)
    first.send_signal(signal.SIGKILL)
    first.wait()
    start()
    state = await ended(database_url, job, 60)
    assert (state["state"], state["done"]) == ("done", count)
    assert state["result"]["acted"] == len(items(database_url, job)) == count // 2
    assert sorted({item[0] for item in items(database_url, job)}) == sorted(f"T-{n}" for n in range(1, count, 2))
