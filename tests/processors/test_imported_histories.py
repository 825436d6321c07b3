"""Imports of whole histories: what happened elsewhere is told with its times and people, once, and judged by nobody."""

import json
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from domain.event import UNKNOWN, Actor, Event, Recorded
from domain.ids import ticket_id
from domain.ticket import events as e
from domain.values import Priority
from eventstore.stories import stream
from processors.jobs import imports
from processors.jobs.import_mapping import ImportAsked, MappingIncomplete
from tests.desks import Office
from tests.processors.jobs import at_work
from tests.processors.test_jobs_imports import imported, opened, rows_of, tickets
from tests.projections.tables import KEYRING, working

Db = psycopg.Connection[TupleRow]
WHOLE = {"No": "number", "Subject": "title", "State": "status", "Prio": "priority", "Caller": "requester"}
WHOLE |= {"Opened": "opened_at", "Past": "history"}
UPDATES = {"No": "number", "Subject": "title", "State": "status", "When": "at", "Who": "by", "Said": "reply"}
UPDATES |= {"Noted": "note", "Room": "fields.room"}


def past_of(url: str, number: str, office: Office) -> list[Recorded[Event]]:
    with working(url) as db:
        return list(stream(db.cursor(), KEYRING, ticket_id(office.workspace, number)))


def at(hour: int) -> datetime:
    return datetime(2024, 3, 1, hour, tzinfo=UTC)


def entry(kind: str, hour: int, **tells: Any) -> dict[str, Any]:
    return {"kind": kind, "at": at(hour).isoformat(), **tells}


def lines(*rows: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def a_story(office: Office) -> dict[str, Any]:
    who = "Nobody@Example.com"
    return {
        "No": "H-1",
        "Subject": "打印机坏了",
        "State": "closed",
        "Caller": "Zoe <zoe@example.cn>",
        "Past": [
            entry("opened", 8, by="zoe@example.cn"),
            entry("reply", 9, by=who, body="Which floor?"),
            entry("reply", 10, by="zoe@example.cn", body="二楼"),
            entry("tag", 11, add=["printer"]),
            entry("status", 12, by=who, status="resolved"),
            entry("note", 12, by=who, body="A cable."),
            entry("priority", 7, by=who, priority="P1"),
        ],
    }


VALUES = {"priority": {"P1": "urgent"}}


@pytest.fixture
def told(office: Office) -> dict[str, Any]:
    """How the job is asked for; «nobody@…» of the other system is our person."""
    person = {"by": {"nobody@example.com": "Ann"}}
    return {"format": "jsonl", "mapping": WHOLE, "values": VALUES | person}


async def test_a_history_is_told_with_its_times_and_people(
    office: Office, database_url: str, told: dict[str, Any]
) -> None:
    with at_work(database_url):
        _, found = await imported(office, database_url, lines(a_story(office)), **told)
    assert found == [("1", "done", None, {"number": "H-1"})]
    ticket, past = opened(database_url, "H-1", office), past_of(database_url, "H-1", office)
    customer = Actor(kind="requester", id=str(ticket.requester_id))
    assert [(type(r.event), r.metadata.occurred_at, r.metadata.actor) for r in past] == [
        (e.TicketOpened, at(8), office.person),
        (e.TicketPrioritised, at(7), office.person),
        (e.TicketReplied, at(9), office.person),
        (e.TicketReplied, at(10), customer),
        (e.TicketTagged, at(11), UNKNOWN),
        (e.TicketResolved, at(12), office.person),
        (e.TicketNoted, at(12), office.person),
        # What the row says now and its history does not account for.
        (e.TicketClosed, at(12), UNKNOWN),
    ]
    assert past[0].metadata.on_behalf_of == customer
    assert (ticket.priority, ticket.status, ticket.tags) == (Priority.URGENT, "closed", {"printer"})


async def test_a_history_that_went_on_is_gone_on_with(
    office: Office, database_url: str, told: dict[str, Any], database: Db
) -> None:
    story = a_story(office)
    longer = {**story, "Past": [*story["Past"], entry("note", 13, body="Still works.")]}
    with at_work(database_url):
        await imported(office, database_url, lines(story), **told)
        _, again = await imported(office, database_url, lines(story), **told)
        before = len(past_of(database_url, "H-1", office))
        _, more = await imported(office, database_url, lines(longer), **told)
    assert [item[1:3] for item in (*again, *more)] == [("skipped", "already_imported"), ("done", None)]
    assert [type(r.event) for r in past_of(database_url, "H-1", office)[before:]][:1] == [e.TicketNoted]
    assert tickets(database) == 1


async def test_what_is_wrong_with_a_history_is_said_by_its_place_and_never_quoted(
    office: Office, database_url: str, told: dict[str, Any], database: Db
) -> None:
    bad = [
        entry("shout", 9),
        entry("reply", 9),
        {"kind": "note", "body": "x"},
        entry("status", 9, status="limbo"),
        entry("note", 9, by="stranger@example.com", body="x"),
        entry("tag", 9, ad=["secret"]),
        entry("reply", 9, body="\x00"),
    ]
    rows = [{"No": f"B-{n}", "Subject": "x", "Past": [each]} for n, each in enumerate(bad)]
    rows.append({"No": "B-9", "Subject": "x", "Past": "long ago"})
    with at_work(database_url):
        state, found = await imported(office, database_url, lines(*rows), **told)
    assert (state["failed"], tickets(database)) == (len(rows), 0)
    errors = [item[3]["errors"] for item in found]
    assert {each["column"] for row in errors for each in row} == {"Past"}
    said = [row[0]["reason"] for row in errors]
    for reason, part in zip(
        said, ("kind must", "body", "at is", "status", "by is", "can be told", "control", "list"), strict=True
    ):
        assert part in reason
    assert not any(word in json.dumps(errors) for word in ("stranger", "secret", "limbo", "shout", "long ago"))


LOG = rows_of(
    ["No", "Subject", "State", "When", "Who", "Said", "Noted", "Room"],
    ["U-1", "Down", "new", "2024-03-01 08:00", "Ann", "", "", "12"],
    ["U-2", "Up", "new", "2024-03-01 08:00", "", "", "", ""],
    ["U-1", "", "open", "2024-03-01 09:00", "Ann", "On it", "a cable?", ""],
    ["U-1", "Down again", "resolved", "2024-03-01 10:00", "Ann", "", "", "13"],
)


async def test_rows_that_are_updates_become_one_ticket_with_its_history(
    office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PAGE", 2)
    with at_work(database_url):
        _, found = await imported(office, database_url, LOG, mapping=UPDATES)
    assert [item[:3] for item in found] == [(str(row), "done", None) for row in (2, 3, 4, 5)]
    past = past_of(database_url, "U-1", office)
    assert [(type(r.event), r.metadata.occurred_at.hour) for r in past] == [
        (e.TicketOpened, 8),
        (e.TicketAccepted, 9),
        (e.TicketReplied, 9),
        (e.TicketNoted, 9),
        (e.TicketFieldsSet, 10),
        (e.TicketRetitled, 10),
        (e.TicketResolved, 10),
    ]
    assert opened(database_url, "U-1", office).fields == {"room": "13"}


async def test_updates_are_told_once_and_new_ones_are_added(office: Office, database_url: str, database: Db) -> None:
    more = LOG + rows_of(["U-1", "", "closed", "2024-03-01 11:00", "", "", "", ""])
    with at_work(database_url):
        await imported(office, database_url, LOG, mapping=UPDATES)
        _, found = await imported(office, database_url, more, mapping=UPDATES)
    assert [item[1] for item in found] == ["skipped"] * 4 + ["done"]
    assert (tickets(database), opened(database_url, "U-1", office).status) == (2, "closed")


async def test_a_dry_run_of_histories_says_the_same_and_writes_nothing(
    office: Office, database_url: str, database: Db, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PAGE", 2)
    bad = LOG + rows_of(["U-2", "", "limbo", "2024-03-01 11:00", "", "", "", ""], ["U-3", "", "", "2024-03-01 11:00"])
    head = database.execute("SELECT max(notification_id) FROM log.stored_events").fetchone()
    with at_work(database_url):
        _, rehearsed = await imported(office, database_url, bad, mapping=UPDATES, dry_run=True)
        _, story = await imported(office, database_url, lines(a_story(office)), dry_run=True, **told)
        assert database.execute("SELECT max(notification_id) FROM log.stored_events").fetchone() == head
        _, real = await imported(office, database_url, bad, mapping=UPDATES)
        _, again = await imported(office, database_url, bad, mapping=UPDATES, dry_run=True)
    assert [item[1] for item in rehearsed] == [item[1] for item in real] == ["done"] * 4 + ["failed"] * 2
    assert [item[1] for item in again] == ["skipped"] * 4 + ["failed"] * 2
    assert rehearsed == real
    assert story[0][1] == "done"


def test_updates_need_a_time_and_a_ticket() -> None:
    def check(*targets: str) -> None:
        mapping = {f"column {place}": target for place, target in enumerate(targets)}
        ImportAsked(file_id="018f0000-0000-7000-8000-000000000001", format="csv", mapping=mapping).check()

    with pytest.raises(MappingIncomplete, match="of which ticket"):
        check("title", "at")
    with pytest.raises(MappingIncomplete, match="when they were"):
        check("title", "number", "reply")
