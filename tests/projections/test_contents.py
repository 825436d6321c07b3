"""What read models say of a ticket is what happened to it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.errors import Refusal
from domain.ticket.commands import (
    AssignTicket,
    ChangePriority,
    CloseTicket,
    EditTicket,
    EraseTicket,
    NoteOnTicket,
    ReopenTicket,
    ReplyToTicket,
    ResolveTicket,
    TagTicket,
)
from domain.values import Assignee, Priority
from domain.workspace import AddTeam, ChangeTeams
from eventstore.erasure import erase
from projections import as_of, builds, bulk, catch_up, ticket_history, ticket_pages, ticket_timeline
from projections.directory import Directory
from projections.ticket_history import TicketHistory
from projections.ticket_list import TicketList
from projections.ticket_timeline import TicketTimeline
from tests.desks import Office, an_office
from tests.projections.tables import KEYRING, built, contents, live, working

MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
# What the list shows as the ticket's own state has it.
SAME = ("number", "title", "status", "priority", "type", "due_at", "requester_id", "replies", "notes", "reopenings")


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    """A furnished workspace with two teams."""
    async with an_office(database_url) as furnished:
        yield furnished


def row_of(url: str, ticket: UUID) -> dict[str, Any] | None:
    with closing(working(url)) as db:
        return ticket_pages.one(db.cursor(), ticket)


def steps(chance: random.Random, teams: list[UUID], person: UUID) -> Any:
    someone = Assignee(team=chance.choice([*teams, None]), person=chance.choice([person, None]))
    return chance.choice(
        [
            (AssignTicket, {"to": someone}),
            (ChangePriority, {"priority": chance.choice(list(Priority))}),
            (CloseTicket, {}),
            (EditTicket, {"title": f"Title {chance.random()}", "due_at": MORNING}),
            (EditTicket, {"description": f"{chance.random()}", "clear": frozenset({"due_at"})}),
            (EditTicket, {"requester_id": person, "fields": {"room": "B-12"}}),
            (NoteOnTicket, {"body": "inside"}),
            (ReopenTicket, {}),
            (ReplyToTicket, {"body": "outside"}),
            (ResolveTicket, {}),
            (TagTicket, {"add": frozenset(chance.sample("abcd", 2)), "remove": frozenset(chance.sample("abcd", 1))}),
        ]
    )


async def live_through(office: Office, seed: int) -> UUID:
    """Forty random commands; those that its state refuses are left out."""
    chance, teams = random.Random(seed), [uuid4(), uuid4()]
    for team in teams:
        await office.do(AddTeam, team_id=team, title=str(team))
    ticket = (await office.ticket("T-1", tags=("a",), at=MORNING)).stream_id
    for n in range(40):
        kind, fields = steps(chance, teams, UUID(office.person.id))
        try:
            await office.do(kind, number="T-1", at=MORNING + timedelta(minutes=n), **fields)
        except Refusal:
            continue
    return ticket


@pytest.mark.parametrize("seed", range(5))
async def test_the_list_agrees_with_the_log(office: Office, database_url: str, seed: int) -> None:
    ticket = await live_through(office, seed)
    built(database_url, TicketList())
    row = row_of(database_url, ticket)
    assert row is not None
    with closing(working(database_url)) as db:
        now = as_of.ticket(db.cursor(), KEYRING, ticket, "T-1")
    assert {name: row[name] for name in SAME} == {name: getattr(now, name) for name in SAME}
    assert (row["kind"], sorted(row["tags"]), row["version"]) == (now.kind, now.tags, now.version)
    assert (row["assignee_person"], row["assignee_team"]) == (now.assignee.person, now.assignee.team)
    assert (row["opened_at"], row["updated_at"]) == (MORNING, now.as_of)


async def test_the_list_counts_and_times_what_was_done(office: Office, database_url: str) -> None:
    team, at = uuid4(), [MORNING + timedelta(hours=n) for n in range(7)]
    await office.do(AddTeam, team_id=team, title="Network")
    await office.do(ChangeTeams, person_id=UUID(office.person.id), teams=(team,))
    ticket = (await office.ticket(at=at[0])).stream_id
    await office.do(AssignTicket, number="T-1", to=Assignee(team=team), at=at[1])
    await office.do(AssignTicket, number="T-1", to=Assignee(team=team, person=UUID(office.person.id)), at=at[1])
    await office.do(ReplyToTicket, number="T-1", body="On my way", at=at[2])
    await office.do(ReplyToTicket, number="T-1", body="Done", at=at[3])
    await office.do(ResolveTicket, number="T-1", at=at[4])
    built(database_url, TicketList())
    resolved = row_of(database_url, ticket)
    await office.do(ReopenTicket, number="T-1", at=at[5])
    await office.do(CloseTicket, number="T-1", at=at[6])
    built(database_url, TicketList())
    closed = row_of(database_url, ticket)
    assert resolved is not None
    assert closed is not None
    assert (resolved["first_response_at"], resolved["resolved_at"], resolved["closed_at"]) == (at[2], at[4], None)
    assert (closed["reassignments"], closed["replies"], closed["reopenings"]) == (1, 2, 1)
    assert (closed["resolved_at"], closed["closed_at"]) == (None, at[6])


async def test_a_deleted_ticket_leaves_list_and_timeline_but_not_history(office: Office, database_url: str) -> None:
    ticket = (await office.ticket(title="Geheimnis", description="my salary")).stream_id
    await office.do(ReplyToTicket, number="T-1", body="Geheimnis")
    await office.do(ChangePriority, number="T-1", priority=Priority.URGENT)
    await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked"))
    built(database_url)
    with closing(working(database_url)) as db:
        told = ticket_history.parsed(db.cursor(), ticket)
        assert ticket_timeline.entries(db.cursor(), ticket) == []
    assert row_of(database_url, ticket) is None
    assert [(entry["event"], entry["content"], entry["erased"]) for entry in told] == [
        ("ticket.opened", None, True),
        ("ticket.replied", None, True),
        ("ticket.prioritised", None, False),
        ("ticket.erasure_requested", None, False),
        ("ticket.erased", None, False),
    ]
    assert told[2]["changes"] == [{"field": "priority", "from": "normal", "to": "urgent"}]


async def test_a_history_says_who_and_what(office: Office, database_url: str) -> None:
    ticket = (await office.ticket(channel="web")).stream_id
    receipt = await office.do(EditTicket, number="T-1", title="Printer", fields={"room": "B-12"})
    built(database_url, TicketHistory())
    with closing(working(database_url)) as db:
        told = ticket_history.parsed(db.cursor(), ticket, after=1)
    assert [entry["version"] for entry in told] == [2, 3]
    assert told[-1]["position"] == receipt.position
    assert all(entry["actor"] == {"kind": "person", "id": office.person.id} for entry in told)
    assert [change for entry in told for change in entry["content"]] == [
        {"field": "title", "from": "打印机坏了", "to": "Printer"},
        {"field": "fields.room", "from": None, "to": "B-12"},
    ]


async def test_a_history_names_the_cause_in_the_same_ticket(office: Office, database_url: str) -> None:
    ticket = (await office.ticket("T-1")).stream_id
    await office.ticket("T-2")
    built(database_url, TicketHistory())
    with closing(working(database_url)) as db:
        (opened,) = ticket_history.parsed(db.cursor(), ticket)
        cause = UUID(opened["event_id"])
        other = (await office.do(NoteOnTicket, number="T-2", body="because of T-1", causation_id=cause)).stream_id
        await office.do(NoteOnTicket, number="T-1", body="because it was opened", causation_id=cause)
        await asyncio.to_thread(built, database_url, TicketHistory())
        noted = ticket_history.parsed(db.cursor(), ticket)[-1]
        elsewhere = ticket_history.parsed(db.cursor(), other)[-1]
    assert (noted["causation_id"], noted["cause"]) == (str(cause), {"event": "ticket.opened", "version": 1})
    assert (elsewhere["causation_id"], elsewhere["cause"]) == (str(cause), None)


async def test_a_timeline_reads_as_a_conversation(office: Office, database_url: str) -> None:
    ticket = (await office.ticket(description="On floor 3")).stream_id
    await office.do(NoteOnTicket, number="T-1", body="not again")
    await office.do(ReplyToTicket, number="T-1", body="On my way")
    built(database_url, TicketTimeline())
    with closing(working(database_url)) as db:
        everything = ticket_timeline.entries(db.cursor(), ticket)
        public = ticket_timeline.entries(db.cursor(), ticket, public_only=True)
        rest = ticket_timeline.entries(db.cursor(), ticket, after=1, limit=1)
    assert [entry["body"] for entry in everything] == ["On floor 3", "not again", "On my way"]
    assert [entry["body"] for entry in public] == ["On floor 3", "On my way"]
    assert [entry["body"] for entry in rest] == ["not again"]


async def test_the_directory_knows_people_and_teams(office: Office, database_url: str) -> None:
    team = uuid4()
    await office.do(AddTeam, team_id=team, title="Network")
    built(database_url, Directory())
    with closing(working(database_url)) as db:
        assert db.execute("SELECT team_id, title FROM desk.teams").fetchall() == [(team, "Network")]
        people = db.execute("SELECT person_id, role, active FROM desk.people").fetchall()
    assert people == [(UUID(office.person.id), "admin", True)]


async def test_several_pages_are_passed_in_one_swap(
    office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A row of an early page that a later one takes away must not come back with the page after.
    gone = (await office.ticket("T-2")).stream_id
    await erase(office.desk, office.command(EraseTicket, number="T-2", reason="asked"))
    await live_through(office, seed=1)
    built(database_url, TicketList())
    assert row_of(database_url, gone) is None
    before = contents(database_url, TicketList())
    monkeypatch.setattr(bulk, "FEW", 0)
    monkeypatch.setattr(catch_up, "PAGE", 1)
    with closing(working(database_url)) as db, closing(working(database_url)) as reader:
        build = builds.begin(db, TicketList())
        builds.enter(db.cursor(), build)
        catch_up._swap(KEYRING, TicketList(), db, reader, build)
        assert live(db, TicketList()).build == build.build
    assert contents(database_url, TicketList()) == before
