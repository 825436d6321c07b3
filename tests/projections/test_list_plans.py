"""However a page is read, by an index or by facets, it is the same page; and totals are the number of its tickets."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import Cursor
from pydantic import TypeAdapter
from pydantic_core import from_json

from api.ticket_lists import TicketRow
from cli.cluster import Cluster
from domain.conditions import Context, parse
from domain.ids import workspace_id
from domain.ticket.marking import PinTicket
from domain.values import Assignee, Priority
from domain.workspace import AddCategory, AddTeam
from eventstore.database import Role, connect
from eventstore.reading import bind
from projections import place_sets, place_spans, ticket_facets, ticket_pages, ticket_sets, ticket_totals, written_pages
from projections.ticket_pages import ListQuery, SortTooWide, page
from projections.ticket_totals import total
from tests.conftest import scratch
from tests.desks import an_office
from tests.projections.tables import built

WORKSPACE = workspace_id("acme")
NOW = Context(datetime(2026, 1, 3, tzinfo=UTC), person=UUID(int=1))
REQUESTERS = [uuid5(WORKSPACE, str(n)) for n in range(3)]
TEAM = uuid5(WORKSPACE, "team")
VALUES: dict[str, list[Any]] = {
    "priority": list(map(str, Priority)),
    "status": ["new", "open", "closed"],
    "requester_id": list(map(str, REQUESTERS)),
    "fields.kind": ["a", "A", "Straße", "STRASSE", "b c", "ß" * 40],
    "type": ["incident", "none"],
}
singles = st.sampled_from(list(VALUES)).flatmap(
    lambda field: st.one_of(
        st.fixed_dictionaries(
            {"field": st.just(field), "op": st.sampled_from(["is", "is_not"]), "value": st.sampled_from(VALUES[field])}
        ),
        st.fixed_dictionaries(
            {
                "field": st.just(field),
                "op": st.sampled_from(["is_any_of", "is_none_of"]),
                "value": st.lists(st.sampled_from(VALUES[field]), min_size=1, max_size=3),
            }
        ),
    )
)
others_are: list[dict[str, Any]] = [
    {"field": "tags", "op": "has_any", "value": ["vip", "x"]},
    {"field": "tags", "op": "has_all", "value": ["vip", "x"]},
    {"field": "tags", "op": "has_none", "value": ["VIP"]},
    {"field": "assignee_person", "op": "is", "value": {"me": True}},
    {"field": "assignee_person", "op": "is_not_set"},
    {"field": "title", "op": "contains", "value": "1"},
    {"field": "fields.many", "op": "has_any", "value": ["One", "three"]},
    {"field": "fields.flag", "op": "is", "value": True},
    {"field": "fields.flag", "op": "is", "value": False},
    {"field": "assignee_person", "op": "is_set"},
    {"field": "assignee_team", "op": "is", "value": str(TEAM)},
    {"field": "category", "op": "under", "value": ["a", "b"]},
    {"field": "category", "op": "not_under", "value": ["a"]},
    {"field": "pinned", "op": "is", "value": True},
    {"field": "pinned", "op": "is", "value": False},
    {"field": "followers", "op": "has_any", "value": [{"me": True}]},
    {"field": "opened_at", "op": "after", "value": "2025-06-25T00:00:00Z"},
    {"field": "opened_at", "op": "between", "value": ["2025-02-05T00:00:00Z", "2025-05-19T00:00:00Z"]},
    {"field": "updated_at", "op": "older_than", "value": {"amount": 3, "unit": "weeks"}},
    {"field": "due_at", "op": "within_next", "value": {"amount": 99, "unit": "days"}},
]
others = st.sampled_from(others_are)
leaves = st.one_of(singles, others)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        *(st.lists(inner, max_size=3).map(lambda parts, name=name: {name: parts}) for name in ("all", "any", "none"))
    ),
    max_leaves=6,
)
# Looked up; a short walk, and what follows when it was too short; a long walk; along the list.
PLANS: tuple[dict[str, int], ...] = (
    {"LOOKED_UP": 0},
    {"LOOKED_UP": 1000, "DENSE": 0, "WALK": 0},
    {"LOOKED_UP": 1000, "DENSE": 0, "WALK": 0, "MOST_SORTED": 0},
    {"LOOKED_UP": 1000, "DENSE": 0},
    {"LOOKED_UP": 1000, "DENSE": 1000},
)
sorts = st.sampled_from(
    ["-updated_at", "number", "-priority,number", "due_at,-opened_at", "priority,-updated_at", "opened_at"]
)


@pytest.fixture(scope="module")
def small_chunks() -> Iterator[None]:
    """So few places in a chunk that a few tickets are in several; some are due within the while."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (place_sets, place_spans, ticket_facets):
            patch.setattr(module, "CHUNK", 8)
        patch.setattr(place_sets, "_BYTES", 1)
        patch.setattr(place_sets, "_FEW", 0)
        patch.setattr(place_spans, "WHILE", timedelta(days=40))
        yield


@pytest.fixture(scope="module")
def listed(cluster: Cluster, small_chunks: None) -> Iterator[str]:
    """Tickets that have much in common; they are only looked at."""
    with scratch(cluster) as url:
        asyncio.run(_open_tickets(url))
        built(url)
        yield url


async def _open_tickets(url: str) -> None:
    async with an_office(url) as office:
        await office.do(AddTeam, team_id=TEAM, title="Billing")
        for depth in (1, 2, 3):
            await office.do(AddCategory, path=("a", "b", "c")[:depth])
        for n in range(36):
            at = datetime(2025, 1 + n // 4, 1 + n % 4 * 7, tzinfo=UTC)
            office.desk.clock = lambda at=at: at
            await office.ticket(
                f"T-{n}",
                title=f"Ticket {n}",
                priority=list(Priority)[n % 4],
                type="incident" if n % 3 else None,
                category=("a", "b", "c")[: n % 4],
                requester_id=REQUESTERS[n % 3],
                tags=[(), ("vip",), ("x", "vip"), ("VIP",)][n % 4],
                fields={"kind": VALUES["fields.kind"][n % 6], "many": ["one", "two"][: n % 3], "flag": n % 2 == 0},
                assignee=[Assignee(person=UUID(office.person.id)), Assignee(team=TEAM), Assignee()][n % 3],
                due_at=[None, datetime(2026, 1 + n * 5 % 12, 9, tzinfo=UTC), *[at + timedelta(days=n)] * 2][n % 4],
                at=at,
            )
        office.desk.clock = lambda: NOW.now
        for n in range(0, 36, 5):
            await office.do(PinTicket, number=f"T-{n}")


@pytest.fixture
def reader(listed: str) -> Iterator[Cursor[Any]]:
    """Somebody of the workspace."""
    with connect(listed, Role.READER) as db:
        bind(db.cursor(), WORKSPACE)
        yield db.cursor()


@given(condition=conditions, sort=sorts)
@example({"field": "fields.kind", "op": "is", "value": "A"}, "number")
@example({"field": "fields.kind", "op": "is_any_of", "value": ["STRASSE"]}, "-priority,number")
@example({"all": [others_are[0], {"field": "priority", "op": "is_not", "value": "low"}]}, "-updated_at")
@example({"all": [others_are[0], others_are[-1]]}, "opened_at")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
def test_every_plan_gives_the_same_page(reader: Cursor[Any], condition: Any, sort: str) -> None:
    query = ListQuery(parse(condition), sort=sort, limit=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ticket_sets, "asked", lambda whole, _: ticket_sets.unknown(whole))
        usual = page(reader, WORKSPACE, query, NOW).rows
    for plan in PLANS:
        most = plan.get("MOST_SORTED", 1000)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in plan.items():
                patch.setattr(ticket_pages, name, value)
            try:
                found = page(reader, WORKSPACE, query, NOW)
                assert found.rows == usual
                assert total(reader, WORKSPACE, query, NOW, found.found) == (len(usual), False)
            except SortTooWide:
                assert most == 0
    assert total(reader, WORKSPACE, query, NOW) == (len(usual), False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ticket_totals, "MOST", 3)
        counted = total(reader, WORKSPACE, query, NOW)
    assert counted == (len(usual), False) or (counted == (3, True) and len(usual) > 3)


BY_AGE = [f"{down}{name}" for name in sorted(place_spans.SPANNED) for down in ("", "-")]
PRIORITIES = ["-priority", "priority", "-priority,updated_at", "priority,-updated_at"]
MOMENTS: list[dict[str, Any]] = [
    {"field": field, "op": op, "value": f"2025-0{month}-09T00:00:00Z"}
    for field in ("opened_at", "updated_at")
    for op in ("before", "after")
    for month in (2, 5, 9)
]
since = st.sampled_from([*MOMENTS, *({"none": [moment]} for moment in MOMENTS)])


@given(
    condition=leaves,
    moments=st.lists(since, max_size=2),
    sort=st.sampled_from([*BY_AGE, *PRIORITIES]),
    limit=st.integers(3, 8),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_chunks_that_a_sort_comes_to_first_make_the_same_pages(
    reader: Cursor[Any], condition: Any, moments: list[Any], sort: str, limit: int
) -> None:
    query = ListQuery(parse({"all": [condition, *moments]}), sort=sort, limit=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ticket_sets, "asked", lambda whole, _: ticket_sets.unknown(whole))
        usual = page(reader, WORKSPACE, query, NOW).rows
    shown, after = list[dict[str, Any]](), None
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("SOON", 0), ("LOOKED_UP", 1)):
            patch.setattr(ticket_pages, name, value)
        patch.setattr(ticket_totals, "SMALL", 0)
        while not shown or after:
            found = page(reader, WORKSPACE, replace(query, limit=limit, after=after), NOW)
            assert total(reader, WORKSPACE, query, NOW, found.found) == (len(usual), False)
            shown, after = [*shown, *found.rows], found.next
            if not shown:
                break
    assert shown == usual


@pytest.mark.parametrize("sort", [sort for sort in BY_AGE if "number" not in sort])
def test_a_page_by_age_or_due_time_looks_up_a_part_of_what_matches(
    reader: Cursor[Any], sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up, looks_up = list[int](), ticket_pages.PageReader._looked_up

    def noted(self: Any, places: Any) -> Any:
        looked_up.append(len(places))
        return looks_up(self, places)

    monkeypatch.setattr(ticket_pages.PageReader, "_looked_up", noted)
    for name, value in (("SOON", 0), ("LOOKED_UP", 1)):
        monkeypatch.setattr(ticket_pages, name, value)
    condition = parse({"field": "priority", "op": "is_none_of", "value": ["low"]})
    assert len(page(reader, WORKSPACE, ListQuery(condition, sort=sort, limit=4), NOW).rows) == 4
    assert len(looked_up) == 1
    assert looked_up[0] < 27


QUEUE = [("assignee_team", "is", str(TEAM)), ("kind", "is", "new"), ("priority", "is", "high")]


@pytest.mark.parametrize("sort", ["opened_at", "-opened_at"])
def test_a_queue_goes_by_age(reader: Cursor[Any], sort: str) -> None:
    parts = [dict(zip(("field", "op", "value"), leaf, strict=True)) for leaf in QUEUE]
    query = ListQuery(parse({"all": parts}), sort=sort, limit=2)
    shown, after = list[str](), None
    while not shown or after:
        found = page(reader, WORKSPACE, replace(query, after=after), NOW)
        shown, after = [*shown, *(row["number"] for row in found.rows)], found.next
    wanted = [f"T-{n}" for n in range(36) if n % 3 == 1 and list(Priority)[n % 4] is Priority.HIGH]
    assert shown == (wanted if sort == "opened_at" else wanted[::-1])


def test_a_written_page_says_what_a_read_one_says(reader: Cursor[Any]) -> None:
    for query in (ListQuery(limit=7), ListQuery(sort="-priority,number", limit=40, everywhere=True)):
        read = page(reader, WORKSPACE, query, NOW)
        written = written_pages.written(reader, WORKSPACE, query, NOW)
        rows = TypeAdapter(list[TicketRow])
        assert rows.validate_json(written.rows) == rows.validate_python(read.rows)
        assert list(from_json(written.rows)[0]) == list(read.rows[0])
        assert written.next == read.next
        assert written.responsible == {row[by] for row in read.rows for by in ("assignee_person", "assignee_team")} - {
            None
        }
    some = written_pages.written(reader, WORKSPACE, ListQuery(limit=1), NOW, ["title", "tags"])
    assert list(from_json(some.rows)[0]) == ["title", "tags"]
