"""A ticket as it stood after any of its events, or at any moment."""

from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.ticket.commands import EditTicket, EraseTicket, ReplyToTicket, ResolveTicket
from domain.ticket.drafting import DraftTicket
from eventstore.database import Role, connect
from eventstore.erasure import erase
from projections import as_of
from projections.as_of import NotYetThere, TicketAsOf
from tests.desks import Office, an_office
from tests.projections.tables import KEYRING, working

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEN, ELEVEN = NINE + timedelta(hours=1), NINE + timedelta(hours=2)


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    """A ticket opened at nine, answered at ten, renamed and resolved at eleven."""
    async with an_office(database_url) as furnished:
        await furnished.ticket(at=NINE)
        await furnished.do(ReplyToTicket, number="T-1", body="On my way", at=TEN)
        await furnished.do(EditTicket, number="T-1", title="Printer", at=ELEVEN)
        await furnished.do(ResolveTicket, number="T-1", at=ELEVEN)
        yield furnished


def stood(office: Office, url: str, **moment: Any) -> TicketAsOf:
    stream = office.command(ResolveTicket, number="T-1").stream_id
    with closing(working(url)) as db:
        return as_of.ticket(db.cursor(), KEYRING, stream, "T-1", **moment)


def test_by_version(office: Office, database_url: str) -> None:
    found = [stood(office, database_url, version=n) for n in (1, 2, 3, 4)]
    assert [each.title for each in found] == ["打印机坏了", "打印机坏了", "Printer", "Printer"]
    assert [each.replies for each in found] == [0, 1, 1, 1]
    assert [each.kind for each in found] == ["new", "new", "new", "resolved"]
    assert [each.version for each in found] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("at", "version"),
    [(NINE, 1), (TEN - timedelta(seconds=1), 1), (TEN, 2), (ELEVEN, 4), (ELEVEN + timedelta(days=900), 4)],
)
def test_by_time(office: Office, database_url: str, at: datetime, version: int) -> None:
    assert stood(office, database_url, at=at) == stood(office, database_url, version=version)


async def test_a_time_out_of_order_takes_what_was_before_it_along(office: Office, database_url: str) -> None:
    await office.do(ReplyToTicket, number="T-1", body="told late", at=TEN + timedelta(minutes=1))
    assert stood(office, database_url, at=TEN + timedelta(minutes=1)) == stood(office, database_url, version=5)


def test_now(office: Office, database_url: str) -> None:
    assert stood(office, database_url) == stood(office, database_url, version=4)


@pytest.mark.parametrize("moment", [{"version": 5}, {"version": 10**30}, {"at": NINE - timedelta(seconds=1)}])
def test_before_and_beyond(office: Office, database_url: str, moment: dict[str, Any]) -> None:
    with pytest.raises(NotYetThere, match="T-1"):
        stood(office, database_url, **moment)


async def test_what_was_somebody_s_draft_is_shown_to_nobody(office: Office, database_url: str) -> None:
    drafted = await office.do(DraftTicket, title="not yet")
    number = str(drafted.number)
    with closing(working(database_url)) as db:
        for moment in ({}, {"version": 1}):
            with pytest.raises(NotYetThere, match=number):
                as_of.ticket(db.cursor(), KEYRING, drafted.stream_id, number, **moment)


async def test_an_erased_ticket_had_a_past_without_content(office: Office, database_url: str) -> None:
    await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked"))
    then = stood(office, database_url, version=4)
    assert (then.title, then.description, then.fields) == (None, None, None)
    assert (then.kind, then.replies, then.erased) == ("resolved", 1, False)
    assert stood(office, database_url).erased


def test_another_workspace_has_no_such_ticket(office: Office, database_url: str) -> None:
    stream = office.command(ResolveTicket, number="T-1").stream_id
    with connect(database_url, Role.READER) as db, pytest.raises(NotYetThere):
        as_of.ticket(db.cursor(), KEYRING, stream, "T-1")
