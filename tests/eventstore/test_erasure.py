"""Deleting for ever: what nobody can read afterwards, and what stays."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow

from domain.errors import NotAllowed
from domain.event import ERASED, Actor
from domain.organisation import AddOrganisation, EraseOrganisation
from domain.requester import ChangeRequester, EraseRequester, RegisterRequester, RequesterErased
from domain.ticket.commands import EraseTicket, NoteOnTicket, ReplyToTicket
from domain.ticket.events import TicketOpened, TicketReplied
from domain.ticket.state import TicketErasedForEver, UnknownTicket
from domain.workspace import AddPerson
from eventstore import memory, snapshots
from eventstore.desk import Desk
from eventstore.erasure import erase
from eventstore.feed import decode_page, read_page
from eventstore.keyring import Keyring
from tests.desks import MASTER, Office
from tests.minds import in_mind
from tests.waiting import until

Db = psycopg.Connection[TupleRow]


def decoded(database: Db) -> list[Any]:
    with database.cursor() as db:
        return decode_page(db, Keyring(MASTER), read_page(db, 0))


async def test_an_erased_ticket_keeps_its_structure_and_loses_its_content(office: Office, database: Db) -> None:
    opened = await office.ticket()
    await office.do(ReplyToTicket, number="T-1", body="call me at home")
    receipt = await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked by mail"))
    assert (receipt.stream_id, receipt.version, receipt.events) == (opened.stream_id, 4, 2)
    events = [recorded for recorded in decoded(database) if recorded.stream_id == opened.stream_id]
    assert [r.event.NAME for r in events] == [
        "ticket.opened",
        "ticket.replied",
        "ticket.erasure_requested",
        "ticket.erased",
    ]
    first, reply, _, erased = (recorded.event for recorded in events)
    assert isinstance(first, TicketOpened)
    assert (first.title, first.description, first.status) == (ERASED, ERASED, "new")
    assert isinstance(reply, TicketReplied)
    assert reply.body is ERASED
    assert events[3].metadata.on_behalf_of == office.person
    assert erased.NAME == "ticket.erased"


async def test_the_key_is_gone_and_its_place_says_when(office: Office, database: Db) -> None:
    receipt = await office.ticket()
    await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked"))
    row = database.execute(
        "SELECT wrapped, destroyed_at IS NOT NULL FROM vault.keys WHERE subject_id = %s", [receipt.stream_id]
    ).fetchone()
    assert row == (None, True)


async def test_erasing_again_changes_nothing(office: Office) -> None:
    await office.ticket()
    command = office.command(EraseTicket, number="T-1", reason="asked")
    first = await erase(office.desk, command)
    repeat = await erase(office.desk, command)
    assert (repeat.version, repeat.position, repeat.repeated) == (first.version, first.position, True)
    again = await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked"))
    assert (again.version, again.events) == (first.version, 0)


async def test_a_desk_elsewhere_that_knew_the_ticket_can_neither_read_nor_write_it(
    office: Office, database_url: str
) -> None:
    receipt = await office.ticket()
    async with Desk(database_url, Keyring(MASTER)) as elsewhere:
        colleague = office.colleague(elsewhere)
        await colleague.do(NoteOnTicket, number="T-1", body="seen")
        await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked"))
        with pytest.raises(TicketErasedForEver):
            await colleague.do(ReplyToTicket, number="T-1", body="still there?")
        loaded = await elsewhere.state(office.workspace, "ticket", receipt.stream_id)
        assert (loaded.state.title, loaded.keys[receipt.stream_id]) == (ERASED, ERASED)


async def test_a_snapshot_goes_and_a_late_one_is_not_kept(
    office: Office, database: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "EVERY", 2)
    receipt = await office.ticket()
    for _ in range(4):
        await office.do(NoteOnTicket, number="T-1", body="once more")
    await until(lambda: database.execute("SELECT FROM log.snapshots").fetchall())
    await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked"))
    await office.desk.vault.put_snapshot(office.workspace, receipt.stream_id, 99, "shape", b"late")
    assert database.execute("SELECT FROM log.snapshots").fetchall() == []


async def test_no_key_is_destroyed_that_nobody_asked_to_destroy(office: Office) -> None:
    receipt = await office.ticket()
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="no request to erase"):
        await office.desk.vault.destroy_key(office.workspace, receipt.stream_id)


async def test_only_who_may_erase_can(office: Office) -> None:
    await office.ticket()
    bob = uuid4()
    await office.do(AddPerson, person_id=bob, person_name="Bob", role="agent")
    command = office.command(EraseTicket, number="T-1", reason="I would like to", by=Actor(kind="person", id=str(bob)))
    with pytest.raises(NotAllowed):
        await erase(office.desk, command)
    with pytest.raises(UnknownTicket):
        await erase(office.desk, office.command(EraseTicket, number="T-2", reason="typo"))


async def test_an_erased_requester_is_forgotten(office: Office, database: Db) -> None:
    requester = uuid4()
    await office.do(RegisterRequester, requester_id=requester, requester_name="王小明", email="wang@example.cn")
    await erase(office.desk, office.command(EraseRequester, requester_id=requester, reason="asked"))
    known = next(r.event for r in decoded(database) if r.stream_id == requester)
    assert (known.requester_name, known.email, known.phone) == (ERASED, ERASED, ERASED)
    with pytest.raises(RequesterErased):
        await office.do(ChangeRequester, requester_id=requester, phone="+86 10 1234")


async def test_an_erased_organisation_is_forgotten(office: Office, database: Db) -> None:
    company = uuid4()
    await office.do(AddOrganisation, organisation_id=company, organisation_name="示例公司", domains=("example.cn",))
    await erase(office.desk, office.command(EraseOrganisation, organisation_id=company, reason="asked"))
    known = next(r.event for r in decoded(database) if r.stream_id == company)
    assert (known.organisation_name, known.domains, known.contacts) == (ERASED, ERASED, ERASED)


async def test_what_another_process_may_have_erased_is_forgotten_in_a_while(
    office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt, secret = await office.ticket(title="A secret"), "A secret"
    monkeypatch.setattr(memory, "KEPT", 0.0)
    async with Desk(database_url, Keyring(MASTER)) as other:
        assert (await other.state(office.workspace, "ticket", receipt.stream_id)).state.title == secret
        await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked"))
        await until(lambda: secret not in in_mind(other._memory._known))
