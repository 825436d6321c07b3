"""Pages of the ticket list: every row once under every sort, and cursors that are never trusted."""

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Cursor
from psycopg.sql import SQL

from cli.cluster import Cluster
from domain.conditions import Context
from domain.errors import InvalidInput
from domain.ids import workspace_id
from domain.values import Priority
from eventstore.database import Role, connect
from eventstore.reading import bind
from projections.ticket_filter import TicketFilter
from projections.ticket_pages import ListQuery, page, select
from projections.ticket_sorts import SORTS, beyond, opened, parse_sort
from projections.ticket_totals import Total, total
from tests.conftest import scratch
from tests.desks import an_office
from tests.projections.tables import built

TICKETS = 23
WORKSPACE = workspace_id("acme")
NOW = Context(now=datetime(2026, 1, 3, tzinfo=UTC))

columns = st.lists(st.tuples(st.sampled_from(list(SORTS)), st.booleans()), min_size=1, unique_by=lambda each: each[0])
sorts = columns.map(lambda chosen: ",".join(f"-{name}" if down else name for name, down in chosen))
same_database = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@pytest.fixture(scope="module")
def listed(cluster: Cluster) -> Iterator[str]:
    """Tickets with many equal values, half of them without a due time, half with plain numbers; they are only looked at."""
    with scratch(cluster) as url:
        asyncio.run(_open_tickets(url))
        built(url)
        yield url


async def _open_tickets(url: str) -> None:
    async with an_office(url) as office:
        for n in range(1, TICKETS + 1):
            due = None if n % 2 else datetime(2026, 1, n % 5 + 1, tzinfo=UTC)
            number = str(n) if n % 2 else f"T-{n}"
            await office.ticket(number, priority=list(Priority)[n % 4], due_at=due, tags=("odd",) if n % 2 else ())


@pytest.fixture
def reader(listed: str) -> Iterator[Cursor[Any]]:
    """Somebody of the workspace."""
    with connect(listed, Role.READER) as db:
        bind(db.cursor(), WORKSPACE)
        yield db.cursor()


def pages(db: Cursor[Any], **asked: Any) -> Iterator[list[dict[str, Any]]]:
    after = None
    while True:
        found = page(db, WORKSPACE, ListQuery(after=after, **asked), NOW)
        yield found.rows
        if (after := found.next) is None:
            return


@given(sort=sorts, limit=st.integers(1, 12))
@same_database
def test_every_ticket_is_on_exactly_one_page(reader: Cursor[Any], sort: str, limit: int) -> None:
    whole = page(reader, WORKSPACE, ListQuery(sort=sort, limit=100), NOW).rows
    assert len(whole) == TICKETS
    assert [row for rows in pages(reader, sort=sort, limit=limit) for row in rows] == whole


def numbers(db: Cursor[Any], **asked: Any) -> list[str]:
    return [row["number"] for row in page(db, WORKSPACE, ListQuery(limit=100, **asked), NOW).rows]


def test_numbers_go_by_value_and_those_with_letters_come_after(reader: Cursor[Any]) -> None:
    found = numbers(reader, sort="number")
    plain = [str(n) for n in range(1, TICKETS + 1, 2)]
    assert found[: len(plain)] == plain
    assert all(number.startswith("T-") for number in found[len(plain) :])


@pytest.mark.parametrize("sort", ["due_at", "-due_at"])
def test_tickets_without_a_due_time_come_last(reader: Cursor[Any], sort: str) -> None:
    due = [row["due_at"] for row in page(reader, WORKSPACE, ListQuery(sort=sort, limit=100), NOW).rows]
    dated = [moment for moment in due if moment is not None]
    assert due == sorted(dated, reverse=sort[0] == "-") + [None] * (TICKETS - len(dated))


def test_priorities_go_by_rank(reader: Cursor[Any]) -> None:
    found = [row["priority"] for row in page(reader, WORKSPACE, ListQuery(sort="-priority", limit=100), NOW).rows]
    assert list(dict.fromkeys(found)) == ["urgent", "high", "normal", "low"]


def test_filters_narrow_pages_and_totals(reader: Cursor[Any]) -> None:
    wanted = TicketFilter(priority=(Priority.LOW, Priority.NORMAL), tags_all=("odd",)).condition()
    found = total(reader, WORKSPACE, ListQuery(condition=wanted), NOW)
    everything = [row for rows in pages(reader, condition=wanted, limit=2) for row in rows]
    assert found == Total(len(everything))
    assert len(everything) > 2
    assert all(row["priority"] == "normal" and row["tags"] == ["odd"] for row in everything)


def cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("sort", "after"),
    [
        ("-updated_at", "x"),
        ("-updated_at", "é"),
        ("-updated_at", base64.urlsafe_b64encode(b"5").decode()),
        ("-updated_at", base64.urlsafe_b64encode(b'{"a": 1}').decode()),
        ("updated_at", cursor("updated_at", "yesterday", 1)),
        ("updated_at", cursor("-updated_at", "2026-01-01T00:00:00Z", 1)),
        ("updated_at", cursor("updated_at", "2026-01-01T00:00:00Z")),
        ("updated_at", cursor("updated_at", "2026-01-01T00:00:00Z", "not a place")),
        ("due_at", cursor("due_at", "garbage", 1)),
        ("status", cursor("status", "a\0b", 1)),
        ("number", cursor("number", "a\0b", 1)),
        ("number", cursor("number", "\ud800", 1)),
        ("priority", cursor("priority", 10**40, 1)),
        ("number", cursor("number", "7", 2**31)),
        ("number", cursor("number", "7", "7")),
    ],
)
def test_a_cursor_that_does_not_fit_is_refused(after: str, sort: str) -> None:
    with pytest.raises(InvalidInput):
        page(None, WORKSPACE, ListQuery(sort=sort, after=after), NOW)  # type: ignore[arg-type]  # refused before any query


@pytest.mark.parametrize("sort", ["-updated_at", "number", "-due_at", "priority", "-status", "-priority,updated_at"])
def test_the_next_page_begins_at_an_index(reader: Cursor[Any], sort: str) -> None:
    first = page(reader, WORKSPACE, ListQuery(sort=sort, limit=5), NOW)
    assert first.next is not None
    sorts = parse_sort(sort)
    condition, values = beyond(sorts, opened(first.next, sort, sorts))
    meant = SQL("workspace_id = %s AND listed AND {}").format(condition)
    statement, values = select(sorts, SQL("desk.ticket_list"), meant), [WORKSPACE, *values, 6]
    # A small table would be scanned and sorted; that it need not be is what counts when it is large.
    reader.execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off")
    plan = "\n".join(row for (row,) in reader.execute(SQL("EXPLAIN ") + statement, values))
    assert "Sort" not in plan
    assert "ROW(" in plan.partition("Index Cond:")[2].partition("\n")[0]


@pytest.mark.parametrize("sort", ["nonsense", "", "number,-number", "number,"])
def test_a_sort_that_does_not_exist_is_refused(sort: str) -> None:
    with pytest.raises(InvalidInput, match="sort"):
        page(None, WORKSPACE, ListQuery(sort=sort), NOW)  # type: ignore[arg-type]
