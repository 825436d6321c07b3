"""What a command did to a ticket is seen with everything as it was then, however the log is cut into pages."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow

from domain.actions import ActOnTicket, AddTags, SetPriority
from domain.happening import Happening
from domain.permissions import RoleName
from domain.requester import ChangeRequester, RegisterRequester
from domain.ticket.commands import ChangePriority, ReplyToTicket
from domain.ticket.drafting import DraftTicket, SubmitDraft
from domain.ticket.folds import listed
from domain.values import Priority
from domain.workspace import AddPerson
from eventstore.feed import read_page, whole
from eventstore.keyring import Keyring
from processors.witness import SetUp, Witness
from tests.desks import MASTER, Office

Db = psycopg.Connection[TupleRow]


def seen(db: Db, page: int = 1000, **asked: Any) -> list[Happening | SetUp]:
    """All that happened, the log read in pages of that size."""
    witness, told, after, size = Witness(Keyring(MASTER), **asked), [], 0, page
    with db.cursor() as cursor:
        while rows := read_page(cursor, after, size):
            size *= 2
            if kept := whole(rows, full=len(rows) == size // 2):
                told += witness.happenings(cursor, kept)
                after, size = kept[-1].notification_id, page
    return told


def happenings(db: Db, page: int = 1000, **asked: Any) -> list[Happening]:
    return [each for each in seen(db, page, **asked) if isinstance(each, Happening)]


async def a_busy_day(office: Office) -> None:
    requester = uuid4()
    await office.do(RegisterRequester, requester_id=requester, requester_name="Cy", email="cy@example.com")
    await office.ticket("T-1", requester_id=requester, tags=("printer",))
    await office.ticket("T-2")
    both = (SetPriority(do="set_priority", priority=Priority.HIGH), AddTags(do="add_tags", tags={"vip"}))
    await office.do(ActOnTicket, number="T-1", actions=both)
    await office.do(AddPerson, person_id=uuid4(), person_name="Bob", role=RoleName.AGENT)
    await office.do(ChangeRequester, requester_id=requester, requester_name="Cyd")
    await office.do(ReplyToTicket, number="T-1", body="Soon.")
    await office.do(ChangePriority, number="T-2", priority=Priority.LOW)


async def test_a_command_is_one_happening_with_the_ticket_before_and_after(office: Office, database: Db) -> None:
    await a_busy_day(office)
    opened, other, acted, replied, _ = happenings(database)
    assert (opened.before, opened.after.ticket.tags) == (None, {"printer"})
    assert other.after.row.number == "T-2"
    assert acted.before == opened.after
    assert (acted.after.ticket.priority, acted.after.row.tags) == ("high", ["printer", "vip"])
    assert len(acted.events) == 2
    assert replied.after.course.answered == (replied.at,)
    assert replied.after.row == listed(each for h in (opened, acted, replied) for each in h.events)


async def test_desk_and_requester_are_as_they_were(office: Office, database: Db) -> None:
    await a_busy_day(office)
    opened, _, acted, replied, _ = happenings(database)
    assert [len(each.desk.people) for each in (opened, acted, replied)] == [1, 1, 2]
    assert [each.requester and each.requester.requester_name for each in (opened, acted, replied)] == [
        "Cy",
        "Cy",
        "Cyd",
    ]


@pytest.mark.parametrize("page", [1, 2, 3, 5])
async def test_pages_of_any_size_tell_the_same(office: Office, database: Db, page: int) -> None:
    await a_busy_day(office)
    assert seen(database, page) == seen(database)


async def test_seen_again_it_is_the_same(office: Office, database: Db) -> None:
    await a_busy_day(office)
    for each in happenings(database):
        with database.cursor() as cursor:
            again = Witness(Keyring(MASTER)).again(cursor, each.after.row.ticket_id, each.events[0].position)
        assert again == [each]


@pytest.mark.parametrize("page", [1, 1000])
async def test_those_who_want_few_topics_are_told_no_others(office: Office, database: Db, page: int) -> None:
    await a_busy_day(office)
    wanted = frozenset({"ticket.tagged", "ticket.replied"})
    some = happenings(database, page, topics=wanted)
    assert some == [each for each in happenings(database) if wanted & {e.event.NAME for e in each.events}]
    assert len(some) == 2


async def test_content_that_is_not_wanted_stays_closed(office: Office, database: Db) -> None:
    await a_busy_day(office)
    assert {each.after.row.title for each in happenings(database, opens=frozenset())} == {None}
    assert {each.after.row.title for each in happenings(database)} == {"打印机坏了"}


async def test_a_change_of_the_workspace_is_told_with_the_desk_after_it(office: Office, database: Db) -> None:
    changes = [each for each in seen(database) if isinstance(each, SetUp)]
    assert changes[0].recorded.event.NAME == "workspace.created"
    assert len(changes[-1].desk.people) == 1
    assert UUID(office.person.id) in changes[-1].desk.people


async def test_a_draft_does_not_happen_until_it_is_submitted(office: Office, database: Db) -> None:
    drafted = await office.do(DraftTicket, title="Not yet")
    assert happenings(database) == []
    await office.do(SubmitDraft, number=drafted.number)
    (submitted,) = happenings(database)
    assert (submitted.before, submitted.after.ticket.opened) == (None, True)
