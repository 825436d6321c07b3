"""Comparisons: what rules, promises and people really did before and after a change, and of nothing beyond reach."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.sql import SQL

from domain.access import reach
from domain.backtest.comparison import change_of, sides_of
from domain.conditions import Context
from domain.permissions import Permission
from domain.rules.rule import rule_id
from domain.setup.policies import SetPolicy
from domain.setup.roles import SetRole
from domain.setup.rules import SetRule
from domain.sla.policy import PolicyDefinition, Target
from domain.ticket.commands import OpenTicket, ReopenTicket, ReplyToTicket, ResolveTicket, TagTicket
from domain.ticket.escalating import EscalateTicket
from domain.ticket.handling import AcceptTicket, TransferTicket
from domain.values import Assignee
from domain.workspace import AddPerson
from eventstore.database import reader_pool
from eventstore.reading import bound
from eventstore.stories import folded, stream
from processors.sla_clock import SlaClock
from processors.triggers import Triggers
from projections import comparison
from projections.comparison import Comparison, Figures, compared
from projections.ticket_history import TicketHistory
from projections.ticket_list import TicketList
from tests.desks import Office, an_office
from tests.processors import greeter
from tests.processors.greeter import connected, work_through
from tests.processors.test_backtest_jobs import URGENT, Db, definition
from tests.projections.tables import KEYRING, built

CHANGED = datetime.now(UTC) - timedelta(days=3)
EXPECTED = "Half as many late"


def at(hours: float) -> datetime:
    """So many hours after the change."""
    return CHANGED + timedelta(hours=hours)


async def changed(office: Office, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk on which a rule and a policy were changed: before, one of two tickets was late; after, the only one was not."""
    policy = PolicyDefinition(title="Usual", targets=(Target(measure="accept", normal=30, urgent=30),))
    await office.do(SetRule, key="rule", definition=definition(URGENT), at=at(-48))
    await office.do(SetPolicy, key="usual", definition=policy, at=at(-48))
    for number, accepted in (("T-1", 2.0), ("T-2", 0.2)):
        await office.do(OpenTicket, number=number, title="打印机坏了", at=at(-24))
        await office.do(AcceptTicket, number=number, at=at(-24 + accepted))
    await office.do(TagTicket, number="T-1", add={"urgent"}, at=at(-21))
    await acted(url, monkeypatch, at(-20))
    await office.do(ReplyToTicket, number="T-1", body="Seen", at=at(-20))
    await office.do(EscalateTicket, number="T-1", at=at(-19))
    await office.do(TransferTicket, number="T-1", to=Assignee(person=office.person.id), at=at(-19))
    await office.do(ResolveTicket, number="T-1", at=at(-18))
    await office.do(ReopenTicket, number="T-1", at=at(-17))
    await office.do(ResolveTicket, number="T-1", at=at(-16))
    reasons = {"why": "Too many were late", "expected": EXPECTED, "at": at(0)}
    await office.do(SetRule, key="rule", definition=definition(URGENT | {"title": "Sooner"}), **reasons)
    await office.do(SetPolicy, key="usual", definition=policy.model_copy(update={"title": "Sooner"}), **reasons)
    await office.do(OpenTicket, number="T-3", title="Scanner", at=at(1))
    await office.do(AcceptTicket, number="T-3", at=at(1.2))
    await office.do(TagTicket, number="T-3", add={"urgent"}, at=at(1.3))
    await acted(url, monkeypatch, at(2))
    # Long after the span, and so no part of it.
    await office.do(EscalateTicket, number="T-3", at=at(60))
    built(url, TicketList(), TicketHistory())


async def acted(url: str, monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Rules and promises catch up then."""
    monkeypatch.setattr(greeter, "LATER", moment)
    with connected(url) as db:
        work_through(db, Triggers())
        work_through(db, SlaClock())


def told(office: Office, url: str, kind: Any = "rule", days: int = 2, by: Office | None = None) -> Comparison:
    """The newest change of the rule or the policy, for whoever asks."""
    key, who, now = ("rule" if kind == "rule" else "usual"), (by or office).person, datetime.now(UTC)
    with reader_pool(url, size=1) as pool, bound(pool, office.workspace) as db:
        events = stream(db, KEYRING, office.workspace)
        change, desk = change_of(events, kind, key, None), folded("workspace", events)
        person = desk.acting(who)
        context = Context(now, person.zone, person.id, person.teams)
        return compared(db, office.workspace, change, sides_of(change, days, now), reach(desk, who), context)


def deeds(figures: Figures) -> tuple[int, ...]:
    return figures.acted, figures.escalations, figures.transfers, figures.reopenings


async def test_what_really_happened_before_and_after_stands_beside_what_was_expected(
    office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await changed(office, database_url, monkeypatch)
    found = told(office, database_url)
    assert (found.version, found.title, found.expected, found.by) == (2, "Sooner", EXPECTED, office.person)
    assert (found.days, found.cut) == (2.0, None)
    before, after = found.before, found.after
    assert (before.opened, after.opened) == (2, 1)
    assert (deeds(before), deeds(after)) == ((1, 1, 1, 1), (1, 0, 0, 0))
    assert before.first_response_seconds == timedelta(hours=4).total_seconds()
    assert before.resolution_seconds == timedelta(hours=8).total_seconds()
    assert (after.first_response_seconds, after.resolution_seconds) == (None, None)
    assert [dict(each) for each in (*before.kept, *after.kept)] == [
        {"measure": "accept", "promised": 2, "late": 1, "breach_rate": 0.5},
        {"measure": "accept", "promised": 1, "late": 0, "breach_rate": 0.0},
    ]
    assert (before.kept_by_policy, after.kept_by_policy) == ([], [])


async def test_a_policy_is_told_by_the_tickets_that_it_is_promised_to(
    office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await changed(office, database_url, monkeypatch)
    found = told(office, database_url, "policy", days=30)
    assert (found.cut, round(found.days)) == ("too_early", 3)
    assert (found.before.acted, found.after.acted) == (2, 1)
    assert found.before.kept_by_policy == found.before.kept
    # The span is longer, and so the escalation in it.
    assert found.after.escalations == 1


async def test_nothing_beyond_reach_is_counted_and_nothing_of_another_workspace(
    office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    permissions = (Permission.REPORT_EDIT, Permission.TICKET_VIEW)
    await office.do(SetRole, key="reporter", title="Reporter", permissions=permissions, types=("incident",))
    bob = Office(office.desk)
    await office.do(AddPerson, person_id=bob.person.id, person_name="Bob", role="reporter")
    await changed(office, database_url, monkeypatch)
    none = told(office, database_url, by=bob)
    assert [(side.opened, deeds(side), side.kept) for side in (none.before, none.after)] == [(0, (0, 0, 0, 0), [])] * 2
    async with an_office(database_url, "globex") as other:
        await other.do(SetRule, key="rule", definition=definition(URGENT), at=at(0))
        theirs = told(other, database_url)
    assert (theirs.before.opened, deeds(theirs.before), theirs.before.kept) == (0, (0, 0, 0, 0), [])


async def test_what_happened_in_a_span_is_found_by_indexes(
    office: Office, database_url: str, database: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    await changed(office, database_url, monkeypatch)
    within = [office.workspace, at(-48), at(0)]
    asked = (
        ("by_deed", comparison.DONE, within),
        ("by_rule", comparison.ACTED, [rule_id(office.workspace, "rule"), *within]),
        ("by_opening", comparison.OPENED + "SELECT * FROM opened", within[1:]),
    )
    with reader_pool(database_url, size=1) as pool, bound(pool, office.workspace) as db:
        db.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        for index, statement, values in asked:
            explain = SQL("EXPLAIN " + statement).format(meant=SQL("TRUE"))
            plan = "\n".join(row for (row,) in db.execute(explain, values))
            assert index in plan, plan
