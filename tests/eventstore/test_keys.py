"""The master key: noticed when wrong, changed while the desk runs, not needed any more afterwards."""

import asyncio
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow
from typer.testing import CliRunner

from cli.master_key import app
from domain.errors import CommandIdReused
from domain.event import ERASED
from domain.ticket.commands import EraseTicket, NoteOnTicket, OpenTicket
from eventstore.desk import Desk
from eventstore.erasure import erase
from eventstore.keyring import Keyring, WrongMasterKey
from eventstore.rotation import check_master_key, left_to_rotate, rotate
from eventstore.settings import decode_key, new_key
from tests.desks import MASTER, Office, an_office

Db = psycopg.Connection[TupleRow]
NEW = b"n" * 32


def masters(database: Db) -> set[str]:
    rows = database.execute("SELECT DISTINCT master_id FROM vault.keys WHERE wrapped IS NOT NULL").fetchall()
    return {row[0] for row in rows}


async def test_a_wrong_master_key_is_noticed_at_start(office: Office, database_url: str) -> None:
    check_master_key(database_url, Keyring(MASTER))
    with pytest.raises(WrongMasterKey, match="LEDGERDESK_MASTER_KEY_PREVIOUS"):
        check_master_key(database_url, Keyring(NEW))
    check_master_key(database_url, Keyring(NEW, MASTER))


async def test_afterwards_the_old_key_is_not_needed(office: Office, database_url: str, database: Db) -> None:
    receipt = await office.ticket()
    both = Keyring(NEW, MASTER)
    left = left_to_rotate(database_url, both)
    told: list[int] = []
    assert rotate(database_url, both, told.append, page=1) == left == sum(told) > 1
    assert masters(database) == {Keyring(NEW).master_id}
    check_master_key(database_url, Keyring(NEW))
    async with Desk(database_url, Keyring(NEW)) as desk:
        loaded = await desk.state(office.workspace, "ticket", receipt.stream_id)
        assert loaded.state.title == "打印机坏了"
    assert rotate(database_url, both) == 0


async def test_a_rotation_that_was_stopped_goes_on(office: Office, database_url: str, database: Db) -> None:
    for number in range(4):
        await office.ticket(f"T-{number}")
    both = Keyring(NEW, MASTER)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate(database_url, both, stop, page=2)
    assert masters(database) == {Keyring(NEW).master_id, Keyring(MASTER).master_id}
    check_master_key(database_url, both)
    rotate(database_url, both, page=2)
    assert masters(database) == {Keyring(NEW).master_id}


async def test_the_desk_goes_on_meanwhile(database_url: str, database: Db) -> None:
    both = Keyring(NEW, MASTER)
    async with an_office(database_url, keyring=Keyring(MASTER, NEW)) as office:
        async with Desk(database_url, both) as ahead:
            work = [office.do(OpenTicket, number=f"A-{n}", title="before") for n in range(20)]
            more = [office.colleague(ahead).do(OpenTicket, number=f"B-{n}", title="after") for n in range(20)]
            rotation = asyncio.to_thread(rotate, database_url, both, page=3)
            await asyncio.gather(*work, rotation, *more)
        rotate(database_url, both)
        assert masters(database) == {Keyring(NEW).master_id}
        await office.do(NoteOnTicket, number="A-1", body="still here")
    async with Desk(database_url, Keyring(NEW)) as desk:
        for number in range(20):
            await office.colleague(desk).do(NoteOnTicket, number=f"B-{number}", body="read with the new key alone")


async def test_an_erased_key_stays_erased(office: Office, database_url: str) -> None:
    receipt = await office.ticket()
    await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked"))
    rotate(database_url, Keyring(NEW, MASTER))
    async with Desk(database_url, Keyring(NEW)) as desk:
        loaded = await desk.state(office.workspace, "ticket", receipt.stream_id)
    assert loaded.state.title is ERASED


async def test_a_repeat_is_known_after_the_rotation(office: Office, database_url: str) -> None:
    command = office.command(OpenTicket, number="T-1", title="once")
    first = await office.desk.execute(command)
    rotate(database_url, Keyring(NEW, MASTER))
    async with Desk(database_url, Keyring(NEW, MASTER)) as desk:
        assert (await desk.execute(command)).position == first.position
        with pytest.raises(CommandIdReused):
            await desk.execute(command.model_copy(update={"title": "something else"}))
    async with Desk(database_url, Keyring(NEW)) as desk:
        repeat = await desk.execute(command)
        assert (repeat.position, repeat.repeated) == (first.position, True)


async def test_operators_rotate_on_the_command_line(
    database_url: str, database: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = new_key(), new_key()
    async with an_office(database_url, keyring=Keyring(decode_key(old))):
        pass
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LEDGERDESK_MASTER_KEY", new)
    with pytest.raises(WrongMasterKey):
        CliRunner().invoke(app, ["rotate"], catch_exceptions=False)
    monkeypatch.setenv("LEDGERDESK_MASTER_KEY_PREVIOUS", old)
    result = CliRunner().invoke(app, ["rotate"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "not needed any more" in result.output
    assert masters(database) == {Keyring(decode_key(new)).master_id}


async def test_the_key_of_another_subject_does_not_open(office: Office) -> None:
    keyring = Keyring(MASTER)
    _, row = keyring.new_key(office.workspace, uuid4())
    stolen = type(row)(row.workspace_id, uuid4(), row.master_id, row.wrapped)
    with pytest.raises(WrongMasterKey):
        keyring.unwrap(stolen)
