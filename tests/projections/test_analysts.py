"""What an analyst's database login may read, and that it may do nothing else."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from domain.errors import InvalidInput
from domain.ids import workspace_id
from eventstore.database import Role, conninfo
from projections.analysts import LoginTaken, grant
from projections.models import READ_MODELS
from tests.desks import Office, an_office
from tests.projections.tables import built

ACME, OTHER = workspace_id("acme"), workspace_id("other")


@pytest.fixture
async def two_offices(database_url: str) -> AsyncIterator[None]:
    """Two companies with a ticket each, and their read models."""
    async with an_office(database_url) as acme:
        other = Office(acme.desk, "other")
        await other.furnish()
        await acme.ticket(title="ours")
        await other.ticket(title="theirs")
        built(database_url)
        yield


@pytest.fixture
def login(two_offices: None, superuser_url: str) -> Iterator[str]:
    """A name that no role has, dropped afterwards: roles belong to the whole server."""
    name = f"analyst_{uuid4().hex[:8]}"
    yield name
    with psycopg.connect(superuser_url, autocommit=True) as db:
        db.execute(SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(Identifier(name)))


@pytest.fixture
def analyst(login: str, database_url: str) -> Iterator[Connection[Any]]:
    """Signed in as an analyst of acme."""
    password = grant(database_url, login, ACME)
    with psycopg.connect(make_conninfo(database_url, user=login, password=password), autocommit=True) as db:
        yield db


VIEWS = "SELECT viewname FROM pg_views WHERE schemaname = 'desk' AND viewname <> 'freshness' ORDER BY viewname"


def test_an_analyst_reads_rows_of_its_own_workspace(analyst: Connection[Any]) -> None:
    views = [view for (view,) in analyst.execute(VIEWS)]
    assert {"ticket_list", "ticket_history", "ticket_timeline", "people", "teams", "statuses"} <= set(views)
    for view in views:
        found = analyst.execute(SQL("SELECT * FROM {}").format(Identifier("desk", view)))
        assert found.description is not None
        place = [column.name for column in found.description].index("workspace_id")
        assert {row[place] for row in found} <= {ACME}
    assert analyst.execute("SELECT title FROM desk.ticket_list").fetchall() == [("ours",)]
    assert analyst.execute("SELECT count(*) FROM desk.freshness WHERE state = 'live'").fetchone() == (len(READ_MODELS),)


def test_an_analyst_reads_how_promises_of_its_own_workspace_stand(analyst: Connection[Any], database_url: str) -> None:
    line = "%s, 'accept', %s, 'T-1', 'usual', 1, NULL, NULL, 'running', now(), 60, now(), NULL, NULL, 1, 0"
    with psycopg.connect(conninfo(database_url, Role.WORKER)) as worker:
        for workspace in (ACME, OTHER):
            worker.execute(f"INSERT INTO processes.sla_clocks VALUES ({line})", [uuid4(), workspace])
    assert analyst.execute("SELECT workspace_id, state FROM desk.sla_clocks").fetchall() == [(ACME, "running")]


def test_a_second_workspace_keeps_the_password(analyst: Connection[Any], login: str, database_url: str) -> None:
    assert grant(database_url, login, OTHER) is None
    assert analyst.execute("SELECT count(*) FROM desk.ticket_list").fetchone() == (2,)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM log.stored_events",
        "SELECT * FROM log.commands",
        "SELECT * FROM vault.keys",
        "SELECT * FROM access.credentials",
        "SELECT * FROM ops.builds",
        "SELECT * FROM processes.timers",
        "DELETE FROM processes.sla_clocks",
        "SELECT * FROM ops.analyst_workspaces",
        "INSERT INTO ops.analyst_workspaces VALUES (session_user, gen_random_uuid())",
        "DELETE FROM desk.ticket_list",
        "UPDATE desk.teams SET title = 'x'",
        "INSERT INTO desk.workspaces VALUES (gen_random_uuid(), 'a', 'b')",
        "CREATE TABLE desk.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "CREATE SCHEMA mine",
        "SET ROLE ledgerdesk_worker",
        "SET ROLE ledgerdesk_reader",
        "SET SESSION AUTHORIZATION ledgerdesk_worker",
    ],
)
def test_an_analyst_may_do_nothing_else(analyst: Connection[Any], statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        analyst.execute(statement.encode())


def test_binding_to_another_workspace_shows_an_analyst_nothing_more(analyst: Connection[Any]) -> None:
    analyst.execute("SELECT set_config('ledgerdesk.workspace', %s, false)", [str(OTHER)])
    assert analyst.execute("SELECT title FROM desk.ticket_list").fetchall() == [("ours",)]


@pytest.mark.parametrize("taken", ["ledgerdesk", "ledgerdesk_owner", "postgres"])
def test_a_role_that_is_no_analysts_is_left_alone(two_offices: None, database_url: str, taken: str) -> None:
    with pytest.raises(LoginTaken, match=taken):
        grant(database_url, taken, ACME)


@pytest.mark.parametrize("wrong", ["", "Ann", 'a"; DROP', "pg_mine", "x" * 64, "a\0b"])
def test_a_login_that_cannot_be_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput, match="login"):
        grant("postgresql://nowhere", wrong, ACME)
