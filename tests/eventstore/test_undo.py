"""Undo, drafts and secrets over a real log."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow

from domain.actions import ActOnTicket
from domain.errors import CommandIdReused
from domain.event import ERASED
from domain.ticket import commands as c
from domain.ticket.confidential import SetConfidential, TicketConfidentialSet
from domain.ticket.drafting import DiscardDraft, DraftTicket, SubmitDraft
from domain.ticket.state import Ticket, UnknownTicket
from domain.ticket.undoing import ChangedSince, NotUndoable, UnknownCommand
from eventstore.desk import Receipt
from eventstore.erasure import erase
from eventstore.feed import decode_page, read_page
from eventstore.keyring import Keyring
from eventstore.undo import undo
from tests.desks import MASTER, Office

Db = psycopg.Connection[TupleRow]


async def state_of(office: Office, stream: UUID) -> Ticket:
    state: Ticket = (await office.desk.state(office.workspace, "ticket", stream)).state
    return state


async def undone(office: Office, undoes: UUID, **more: Any) -> Receipt:
    command = office.command(c.ResolveTicket, number="T-1", **more)
    context = {name: getattr(command, name) for name in ("workspace_id", "by", "at", "command_id")}
    return await undo(office.desk, "T-1", undoes, context)


ACTIONS = [
    {"do": "set_field", "field": "room", "value": 1.0},
    {"do": "add_tags", "tags": ["vip", "二楼"]},
    {"do": "snooze", "until": "2999-01-01T00:00:00Z"},
    {"do": "resolve"},
]


async def test_what_actions_did_is_undone_from_the_log(office: Office) -> None:
    stream = (await office.ticket(fields={"room": True})).stream_id
    await office.do(SetConfidential, number="T-1", text="PIN 1")
    before = await state_of(office, stream)
    done = uuid4()
    await office.do(ActOnTicket, number="T-1", actions=ACTIONS, command_id=done)
    await office.do(c.NoteOnTicket, number="T-1", body="in between")
    receipt = await undone(office, done)
    assert receipt.events == 1
    fresh = await office.desk.streams.load(office.workspace, "ticket", stream)
    assert fresh.state == await state_of(office, stream)
    assert (fresh.state.fields, fresh.state.tags, fresh.state.status) == (before.fields, before.tags, before.status)
    assert fresh.state.fields["room"] is True
    assert (fresh.state.marks, fresh.state.notes) == (before.marks, 1)


async def test_an_undo_is_repeated_without_harm_and_not_given_twice(office: Office) -> None:
    await office.ticket()
    done, undoing = uuid4(), uuid4()
    await office.do(c.ResolveTicket, number="T-1", command_id=done)
    first = await undone(office, done, command_id=undoing)
    again = await undone(office, done, command_id=undoing)
    assert (again.version, again.repeated) == (first.version, True)
    with pytest.raises(ChangedSince):
        await undone(office, done)
    with pytest.raises(CommandIdReused):
        await undone(office, undoing, command_id=undoing)


async def test_confidential_text_is_put_back_and_stays_closed(office: Office, database: Db) -> None:
    stream = (await office.ticket()).stream_id
    await office.do(SetConfidential, number="T-1", text="PIN 1")
    done = uuid4()
    await office.do(SetConfidential, number="T-1", text="PIN 2", command_id=done)
    await undone(office, done)
    assert (await state_of(office, stream)).confidential == "PIN 1"
    with database.cursor() as db:
        read = decode_page(db, Keyring(MASTER), read_page(db, 0))
    assert [each.event.text for each in read if isinstance(each.event, TicketConfidentialSet)] == [ERASED, ERASED]
    assert "PIN" not in repr(read)


async def test_what_is_not_in_the_history_or_was_said_is_not_undone(office: Office) -> None:
    await office.ticket()
    with pytest.raises(UnknownCommand):
        await undone(office, uuid4())
    said = uuid4()
    await office.do(c.ReplyToTicket, number="T-1", body="Hello", command_id=said)
    with pytest.raises(NotUndoable):
        await undone(office, said)


async def test_a_draft_becomes_a_ticket_under_the_key_that_it_has(office: Office) -> None:
    drafted = await office.do(DraftTicket, title="半", confidential="PIN 1")
    number = drafted.number
    assert number is not None
    again = await office.do(DraftTicket, number=number, title="打印机坏了", confidential="PIN 1")
    submitted = await office.do(SubmitDraft, number=number)
    assert (drafted.version, again.version, submitted.version) == (1, 2, 4)
    loaded = await office.desk.streams.load(office.workspace, "ticket", submitted.stream_id)
    assert (loaded.state.title, loaded.state.confidential, loaded.state.number) == ("打印机坏了", "PIN 1", number)
    await erase(office.desk, office.command(c.EraseTicket, number=number, reason="asked"))
    loaded = await office.desk.streams.load(office.workspace, "ticket", submitted.stream_id)
    assert (loaded.state.title, loaded.state.confidential, loaded.state.draft) == (ERASED, ERASED, ERASED)


async def test_a_draft_sent_twice_is_one(office: Office) -> None:
    asked = {"title": "半", "command_id": uuid4()}
    first = await office.do(DraftTicket, **asked)
    again = await office.do(DraftTicket, **asked)
    assert (again.number, again.stream_id, again.repeated) == (first.number, first.stream_id, True)


async def test_a_discarded_draft_can_be_read_by_nobody(office: Office, database: Db) -> None:
    drafted = await office.do(DraftTicket, title="secret")
    gone = await erase(office.desk, office.command(DiscardDraft, number=drafted.number))
    assert gone.version == 3
    kept = database.execute("SELECT wrapped FROM vault.keys WHERE subject_id = %s", [drafted.stream_id]).fetchone()
    assert kept == (None,)
    loaded = await office.desk.streams.load(office.workspace, "ticket", drafted.stream_id)
    assert (loaded.state.draft, loaded.state.erased) == (ERASED, True)
    with pytest.raises(UnknownTicket):
        await office.do(SubmitDraft, number=drafted.number)
