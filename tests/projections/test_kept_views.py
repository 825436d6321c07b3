"""What a saved view is said to show is what it shows: after whatever happened, and when snoozed tickets wake."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Cursor

from domain.conditions import Context, parse
from domain.ids import workspace_id
from domain.permissions import RoleName
from domain.saved_view import RemoveView, SaveView
from domain.staff import Person
from domain.ticket.commands import AssignTicket, ChangePriority
from domain.ticket.marking import FollowTicket, SnoozeTicket
from domain.values import Assignee, Priority
from domain.workspace import AddTeam
from eventstore.database import Role, connect
from eventstore.reading import bind
from projections import ticket_pages, ticket_totals, view_counts
from projections.kept_views import kept_counts, plan
from projections.ticket_list import TicketList
from projections.ticket_pages import ListQuery
from tests.desks import Office, an_office
from tests.projections.busy import busy, follow
from tests.projections.tables import built

WORKSPACE = workspace_id("acme")
ME, MY_TEAMS = {"me": True}, {"my_teams": True}
HIGH = {"field": "priority", "op": "is_any_of", "value": ["high", "urgent"]}
KEPT: list[Any] = [
    HIGH,
    {"all": []},
    {"all": [HIGH, {"field": "tags", "op": "has_any", "value": ["a", "cc"]}]},
    {"none": [{"field": "kind", "op": "is_any_of", "value": ["closed", "new"]}]},
    {"any": [{"field": "rating", "op": "gte", "value": 4}, {"field": "title", "op": "contains", "value": "打印"}]},
    {"all": [{"field": "assignee_person", "op": "is", "value": ME}]},
    {"all": [{"field": "followers", "op": "has_any", "value": [ME]}, HIGH]},
    {"all": [{"field": "assignee_team", "op": "is", "value": MY_TEAMS}, {"field": "tags", "op": "is_set"}]},
    {"field": "shelf", "op": "is", "value": "spam"},
    {"all": [{"field": "archived", "op": "is", "value": True}, HIGH]},
    {"field": "snoozed", "op": "is", "value": True},
    {"field": "requester_id", "op": "is_set"},
]
COUNTED: list[Any] = [
    {"field": "opened_at", "op": "within_last", "value": {"amount": 1, "unit": "hours"}},
    {"any": [{"field": "assignee_person", "op": "is", "value": ME}, HIGH]},
    {"field": "requester.tier", "op": "is_not_set"},
]


def _reading(url: str) -> Any:
    db = connect(url, Role.READER)
    bind(db.cursor(), WORKSPACE)
    return db


def _shown(db: Cursor[Any], condition: Any, context: Context) -> int:
    return len(ticket_pages.page(db, WORKSPACE, ListQuery(parse(condition), limit=200), context).rows)


async def _saved(office: Office, conditions: list[Any]) -> dict[UUID, Any]:
    views = {uuid4(): condition for condition in conditions}
    for view, condition in views.items():
        await office.do(SaveView, view_id=view, title="A view", condition=parse(condition))
    return views


async def test_kept_counts_of_views_are_what_they_show(database_url: str) -> None:
    team = uuid4()
    async with an_office(database_url) as office:
        await office.do(AddTeam, team_id=team, title="Billing")
        person = UUID(office.person.id)
        # Some are there before the list is built, some come while it follows, and two are changed and removed.
        views = await _saved(office, KEPT[::2])
        await office.ticket("B-1", assignee=Assignee(team=team), tags=("a",))
        built(database_url)
        views |= await _saved(office, KEPT[1::2] + COUNTED)
        changed, removed = list(await _saved(office, [HIGH, HIGH]))
        await office.ticket("B-2", assignee=Assignee(team=team), tags=("b",))
        await busy(office, uuid4())
        await office.do(AssignTicket, number="B-2", to=Assignee())
        await office.do(SaveView, view_id=changed, title="Other", condition=parse(KEPT[3]))
        await office.do(RemoveView, view_id=removed)
        views[changed] = KEPT[3]
    follow(database_url, pages_of=7)
    context = Context(datetime.now(UTC), person=person, teams=frozenset({team}))
    asker = Person(person, "Ann", None, RoleName.ADMIN, teams=frozenset({team}))
    with _reading(database_url) as db:
        cursor = db.cursor()
        kept = kept_counts(cursor, WORKSPACE, [*views, removed], person, [team])
        conditions = {view: parse(condition) for view, condition in views.items()}
        told = view_counts.of_saved(cursor, WORKSPACE, conditions, asker, context, None)
        shown = {view: _shown(cursor, condition, context) for view, condition in views.items()}
    assert {view: total.tickets for view, total in told.items()} == shown
    assert kept.keys() == {view for view, condition in views.items() if condition not in COUNTED}
    assert sum(kept.values()) > len(kept)


@pytest.mark.parametrize("condition", COUNTED)
def test_what_depends_on_time_or_on_others_is_not_kept(condition: Any) -> None:
    assert plan(parse(condition)) is None


async def test_a_snoozed_ticket_is_listed_when_its_time_has_come(database_url: str) -> None:
    now = datetime.now(UTC)
    async with an_office(database_url) as office:
        (view,) = await _saved(office, [HIGH])
        for n in range(3):
            await office.ticket(f"T-{n}", priority=Priority.HIGH)
        await office.do(SnoozeTicket, number="T-1", until=now + timedelta(hours=1))
        built(database_url)
        before, after = Context(now), Context(now + timedelta(hours=2))
        for context, numbers in ((before, ["T-2", "T-0"]), (after, ["T-2", "T-1", "T-0"])):
            _check(database_url, view, context, numbers)
        # With the next thing that happens on the desk it is as if somebody had woken it.
        await office.do(ChangePriority, number="T-2", priority=Priority.URGENT, at=now + timedelta(hours=2))
    follow(database_url, pages_of=7)
    _check(database_url, view, after, ["T-2", "T-1", "T-0"])
    with _reading(database_url) as db:
        assert db.execute("SELECT shelf, snoozed FROM desk.ticket_list WHERE number = 'T-1'").fetchone() == (
            "desk",
            False,
        )


def _check(url: str, view: UUID, context: Context, numbers: list[str]) -> None:
    asker = Person(uuid4(), "Ann", None, RoleName.ADMIN)
    condition = parse(HIGH)
    with _reading(url) as db:
        cursor = db.cursor()
        for query in (ListQuery(condition, sort="-opened_at"), ListQuery(condition, sort="-number", limit=1)):
            found, after = list[Any](), None
            while found == [] or after:
                page = ticket_pages.page(cursor, WORKSPACE, _after(query, after), context)
                found, after = [*found, *page.rows], page.next
            assert [row["number"] for row in found] == numbers
        assert ticket_totals.total(cursor, WORKSPACE, ListQuery(condition), context).tickets == len(numbers)
        told = view_counts.of_saved(cursor, WORKSPACE, {view: condition}, asker, context, None)
        assert told[view].tickets == len(numbers)
        assert view_counts.counts(cursor, WORKSPACE, asker, context, None)["all_open"].tickets == len(numbers)


def _after(query: ListQuery, after: str | None) -> ListQuery:
    return ListQuery(query.condition, sort=query.sort, limit=query.limit, after=after)


async def test_a_follower_of_a_ticket_counts_once(database_url: str) -> None:
    async with an_office(database_url) as office:
        person = UUID(office.person.id)
        views = await _saved(office, [{"field": "followers", "op": "has_any", "value": [ME]}])
        await office.ticket("T-1")
        built(database_url, TicketList())
        await office.do(FollowTicket, number="T-1", person_id=person)
    follow(database_url, pages_of=100)
    # The same page again changes nothing.
    with _reading(database_url) as db:
        assert list(kept_counts(db.cursor(), WORKSPACE, views, person, []).values()) == [1]
