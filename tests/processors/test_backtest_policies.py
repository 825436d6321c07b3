"""Backtests of policies: what the clock of promises really recorded is what they tell; another policy comes to other rates."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.setup.policies import SetPolicy
from domain.sla.policy import LadderStep, Policy, PolicyDefinition, Target
from domain.ticket.commands import MoveTicket
from domain.ticket.handling import AcceptTicket
from eventstore.feed import head
from processors.jobs.backtests import BacktestAsked
from processors.sla_clock import SlaClock
from projections.ticket_list import TicketList
from tests.desks import Office
from tests.processors import greeter
from tests.processors.greeter import connected, work_through
from tests.processors.test_backtest_jobs import SINCE, Db, result
from tests.projections.tables import built

ACCEPT = Target(measure="accept", normal=30)
RESOLVE = Target(measure="resolution", normal=240)
LADDER = (LadderStep(key="late", level=1, measures=("resolution",), after=0),)
FACTS = """
    SELECT topic, count(*), count(DISTINCT originator_id) FROM log.stored_events
    WHERE topic IN ('ticket.sla_breached', 'ticket.escalated') GROUP BY topic ORDER BY topic
"""


def wanted(office: Office, *targets: Target, **span: Any) -> dict[str, Any]:
    """The parameters of a backtest of a policy with these targets, up to now."""
    definition = PolicyDefinition(title="Usual", targets=targets, ladder=LADDER)
    policy = Policy(key="usual", policy_id=office.workspace, version=1, **dict(definition))
    times = {"since": SINCE, "until": datetime.now(UTC) + timedelta(minutes=1)} | span
    return BacktestAsked(policy=policy, **times).model_dump(mode="json")


async def opened(office: Office) -> None:
    """Four tickets of five hours ago, one of which was accepted and waited for the customer; and one of a day before."""
    long_ago = datetime.now(UTC) - timedelta(hours=5)
    for number in ("T-1", "T-2", "T-3", "T-4"):
        await office.ticket(number, at=long_ago)
    await office.ticket("T-5", at=long_ago - timedelta(days=1))
    await office.do(AcceptTicket, number="T-1", at=long_ago + timedelta(minutes=5))
    await office.do(MoveTicket, number="T-1", status="pending", at=long_ago + timedelta(minutes=6))


async def test_it_tells_what_the_clock_of_promises_really_recorded(
    office: Office, database: Db, database_url: str, monkeypatch: Any
) -> None:
    await office.do(
        SetPolicy, key="usual", definition=PolicyDefinition(title="x", targets=(ACCEPT, RESOLVE), ladder=LADDER)
    )
    await opened(office)
    monkeypatch.setattr(greeter, "LATER", datetime.now(UTC))
    with connected(database_url) as db:
        work_through(db, SlaClock())
    built(database_url, TicketList())
    before = head(database.cursor())
    state, told = await result(office, database_url, wanted(office, ACCEPT, RESOLVE))
    assert head(database.cursor()) == before
    sums, really = state["result"], {topic: counts for topic, *counts in database.execute(FACTS)}
    assert really == {"ticket.escalated": [4, 4], "ticket.sla_breached": [8, 4]}
    assert (sums["tickets"], sums["breached_tickets"], sums["escalated_tickets"]) == (5, 4, 4)
    assert (sums["breach_rate"], sums["escalation_rate"]) == (0.8, 0.8)
    assert sums["measures"] == {"accept": 4, "resolution": 4}
    assert told[0][0] == "T-5"
    assert {item[0] for item in told[1:]} == {"T-2", "T-3", "T-4"}
    assert [act["fact"] for act in told[0][3]["acts"]] == ["breached", "breached", "escalated"]


async def test_a_milder_policy_and_a_shorter_span_come_to_less(office: Office, database: Db, database_url: str) -> None:
    await opened(office)
    built(database_url, TicketList())
    mild = Target(measure="resolution", normal=360)
    state, told = await result(office, database_url, wanted(office, mild))
    assert [item[0] for item in told] == ["T-5"]
    assert (state["result"]["tickets"], state["result"]["breach_rate"]) == (5, 0.2)
    recent = datetime.now(UTC) - timedelta(hours=2)
    state, told = await result(office, database_url, wanted(office, ACCEPT, RESOLVE, since=recent))
    assert state["result"]["measures"] == {"resolution": 3}
