"""How promises stand, as rows: after whatever happened the same as counted anew, gone with erased tickets, each desk's its own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from domain.calendars.hours import NEVER
from domain.setup.policies import RetirePolicy, SetPolicy
from domain.sla.policy import PolicyDefinition, Target
from domain.ticket.commands import CloseTicket, EraseTicket, MoveTicket, ReplyToTicket
from domain.ticket.handling import AcceptTicket
from eventstore.database import Role, conninfo
from eventstore.feed import head
from eventstore.keyring import Keyring
from processors.firing import Poller
from processors.following import Follower
from processors.sla_clock import SlaClock
from tests.desks import MASTER, Office
from tests.processors.greeter import connected, rows

Db = psycopg.Connection[Any]
ACCEPT, RESOLVE = Target(measure="accept", normal=30), Target(measure="resolution", normal=240)
FOLLOW = Target(measure="follow_up", normal=60)
DUE = "SELECT number, measure FROM desk.sla_clocks WHERE met_at IS NULL AND due_at < %s ORDER BY due_at"


async def promise(office: Office, *targets: Target, key: str = "usual", **given: Any) -> None:
    definition = PolicyDefinition(**{"title": "Usual", "targets": targets, **given})
    await office.do(SetPolicy, key=key, definition=definition)


def watch(db: Db) -> None:
    """React and fire until all is quiet, in the present."""

    def now() -> datetime:
        return datetime.now(UTC)

    following = Follower(SlaClock(), Keyring(MASTER), db, now)
    firing = Poller([SlaClock()], Keyring(MASTER), db, now)
    while following.step() or firing.step():
        pass


async def a_life(office: Office, db: Db) -> None:
    """Tickets in all states of their promises, under policies that change meanwhile."""
    await promise(office, ACCEPT, RESOLVE, FOLLOW)
    long_ago = datetime.now(UTC) - timedelta(hours=5)
    for number, at in (("T-1", None), ("T-2", long_ago), ("T-3", None), ("T-4", long_ago), ("T-5", None)):
        await office.ticket(number, **({"at": at} if at else {}))
    watch(db)
    await office.do(MoveTicket, number="T-3", status="pending")
    for _ in range(2):
        await office.do(ReplyToTicket, number="T-1", body="Soon")
    await office.do(CloseTicket, number="T-4")
    watch(db)
    await promise(office, ACCEPT, Target(measure="resolution", normal=600), title="Milder")
    await office.do(AcceptTicket, number="T-1")
    watch(db)


async def test_followed_once_more_it_comes_to_the_same_rows_and_records_nothing_more(
    office: Office, database: Db, superuser_url: str, database_url: str
) -> None:
    with connected(database_url) as db:
        await a_life(office, db)
        kept, timers, end = rows(database, "sla_clocks"), rows(database, "timers"), head(database.cursor())
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute("TRUNCATE processes.sla_clocks")
            owner.execute(
                "UPDATE log.notification_tracking SET notification_id = 0 WHERE application_name = 'sla_clock'"
            )
        watch(db)
        assert (rows(database, "sla_clocks"), head(database.cursor())) == (kept, end)
        assert [row[:5] for row in rows(database, "timers")] == [row[:5] for row in timers]
    found = database.execute(
        "SELECT number, measure, state, policy_version FROM processes.sla_clocks ORDER BY 1, 2"
    ).fetchall()
    assert found == [
        ("T-1", "accept", "kept", 2),
        ("T-1", "resolution", "running", 2),
        ("T-2", "accept", "late", 2),
        ("T-2", "resolution", "running", 2),
        ("T-3", "accept", "kept", 2),
        ("T-3", "resolution", "paused", 2),
        # As it was promised when it ended.
        ("T-4", "accept", "broken", 1),
        ("T-4", "resolution", "broken", 1),
        ("T-5", "accept", "running", 2),
        ("T-5", "resolution", "running", 2),
    ]


async def test_what_is_due_within_the_hour_is_found_by_the_index(
    office: Office, database: Db, database_url: str
) -> None:
    with connected(database_url) as db:
        await promise(office, RESOLVE)
        for number, hours in (("T-1", 2), ("T-2", 3.5), ("T-3", 0)):
            await office.ticket(number, at=datetime.now(UTC) - timedelta(hours=hours))
        watch(db)
        soon = datetime.now(UTC) + timedelta(hours=1)
        with psycopg.connect(conninfo(database_url, Role.READER), autocommit=True) as reader:
            assert reader.execute(DUE, [soon]).fetchall() == []
            reader.execute("SELECT set_config('ledgerdesk.workspace', %s, false)", [str(office.workspace)])
            assert reader.execute(DUE, [soon]).fetchall() == [("T-2", "resolution")]
            reader.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
            plan = "\n".join(row[0] for row in reader.execute(f"EXPLAIN {DUE}", [soon]))
    assert "sla_clocks_due_idx" in plan
    assert "Sort" not in plan


async def test_an_erased_ticket_has_no_rows_and_neither_has_one_without_a_promise(
    office: Office, database: Db, database_url: str
) -> None:
    with connected(database_url) as db:
        await promise(office, RESOLVE)
        for number in ("T-1", "T-2"):
            await office.ticket(number)
        watch(db)
        await office.do(EraseTicket, number="T-1", reason="asked")
        watch(db)
        assert rows(database, "sla_clocks", "number, measure") == [("T-2", "resolution")]
        await office.do(RetirePolicy, key="usual")
        watch(db)
        assert rows(database, "sla_clocks") == []
    assert [row[4] for row in rows(database, "timers")] == [NEVER]


async def test_other_desks_rows_are_not_seen(office: Office, database: Db, database_url: str) -> None:
    other = Office(office.desk, "other")
    await other.furnish()
    with connected(database_url) as db:
        for desk in (office, other):
            await promise(desk, RESOLVE)
            await desk.ticket()
        watch(db)
    with psycopg.connect(conninfo(database_url, Role.READER), autocommit=True) as reader:
        reader.execute("SELECT set_config('ledgerdesk.workspace', %s, false)", [str(other.workspace)])
        found = reader.execute("SELECT workspace_id FROM desk.sla_clocks").fetchall()
        assert found == [(other.workspace,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("DELETE FROM processes.sla_clocks")
