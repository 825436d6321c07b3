"""The sweep takes away what is on no ticket, and nothing else."""

import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.ids import ticket_id
from domain.ticket.commands import EraseTicket, TagTicket
from domain.ticket.messages import TicketAttached, TicketAttachmentRemoved
from eventstore.database import Role, connect
from eventstore.erasure import erase
from eventstore.files.local import LocalFiles
from eventstore.files.sweep import SPARED, Swept, remember_named, sweep
from eventstore.stamp import stamp
from tests.desks import Office, an_office
from tests.eventstore.files import pieces

LATER = datetime.now(UTC) + SPARED + timedelta(hours=1)
Sweep = Callable[..., Awaitable[Swept]]


@pytest.fixture
def store(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "files")


@pytest.fixture
def sweeping(database_url: str, store: LocalFiles, office: Office) -> Sweep:
    """A sweep with the worker's rights."""

    async def run(now: datetime = LATER, workspace: UUID | None = None, **how: Any) -> Swept:
        with connect(database_url, Role.WORKER) as db, db.cursor() as cursor:
            remember_named(cursor)
            return await sweep(cursor, store, workspace or office.workspace, now, **how)

    return run


async def put(store: LocalFiles, office: Office) -> str:
    return (await store.put(office.workspace, pieces(os.urandom(100)))).sha256


async def record(office: Office, number: str, *events: Any) -> None:
    """Append events to a ticket as its commands would."""
    stream = ticket_id(office.workspace, number)
    before = await office.desk.state(office.workspace, "ticket", stream)
    command = office.command(TagTicket, number=number)
    call, _ = stamp(office.desk.keyring, command, stream, before, events)
    assert (await office.desk._appender.append(call)).verdict == "done"


async def attach(office: Office, number: str, sha256: str) -> UUID:
    attachment = uuid4()
    file = {"media_type": "text/plain", "size": 1, "file_name": "x.txt", "key": "k"}
    await record(office, number, TicketAttached(attachment_id=attachment, sha256=sha256, **file))
    return attachment


async def test_only_what_is_on_no_ticket_goes(office, store, sweeping):
    await office.ticket()
    attached, forgotten = await put(store, office), await put(store, office)
    await attach(office, "T-1", attached)
    assert await sweeping() == Swept(kept=1, removed=1)
    assert [await store.exists(office.workspace, name) for name in (attached, forgotten)] == [True, False]
    assert await sweeping() == Swept(kept=1, removed=0)


async def test_a_dry_run_counts_and_leaves_all(office, store, sweeping):
    forgotten = await put(store, office)
    assert await sweeping(dry_run=True) == Swept(kept=0, removed=1)
    assert await store.exists(office.workspace, forgotten)


async def test_what_may_still_be_attached_is_spared(office, store, sweeping):
    await put(store, office)
    assert await sweeping(now=LATER - timedelta(hours=2)) == Swept(kept=1, removed=0)


async def test_files_of_an_erased_ticket_go(office, store, sweeping):
    await office.ticket("T-1")
    await office.ticket("T-2")
    erased, both = await put(store, office), await put(store, office)
    await attach(office, "T-1", erased)
    await attach(office, "T-1", both)
    await attach(office, "T-2", both)
    await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked"))
    assert await sweeping() == Swept(kept=1, removed=1)
    assert await store.exists(office.workspace, both)


async def test_a_file_taken_off_goes_unless_another_ticket_has_it(office, store, sweeping):
    await office.ticket("T-1")
    await office.ticket("T-2")
    off, elsewhere = await put(store, office), await put(store, office)
    for sha256 in (off, elsewhere):
        attachment = await attach(office, "T-1", sha256)
        await record(
            office, "T-1", TicketAttachmentRemoved(attachment_id=attachment, sha256=sha256, reason="wrong file")
        )
    await attach(office, "T-2", elsewhere)
    assert await sweeping() == Swept(kept=1, removed=1)
    assert await store.exists(office.workspace, elsewhere)


async def test_a_file_attached_again_stays(office, store, sweeping):
    await office.ticket()
    sha256 = await put(store, office)
    attachment = await attach(office, "T-1", sha256)
    await record(office, "T-1", TicketAttachmentRemoved(attachment_id=attachment, sha256=sha256, reason="oops"))
    await attach(office, "T-1", sha256)
    assert await sweeping() == Swept(kept=1, removed=0)


async def test_another_workspaces_ticket_keeps_nothing_of_ours(office, store, sweeping, database_url):
    async with an_office(database_url, "other") as other:
        await other.ticket()
        ours, theirs = [await store.put(each.workspace, pieces(b"the same")) for each in (office, other)]
        assert ours == theirs
        await attach(other, "T-1", theirs.sha256)
        assert await sweeping() == Swept(kept=0, removed=1)
        assert await sweeping(workspace=other.workspace) == Swept(kept=1, removed=0)


async def test_a_ticket_whose_key_is_missing_keeps_its_files(office, store, sweeping, superuser_url):
    await office.ticket()
    await attach(office, "T-1", await put(store, office))
    with connect(superuser_url) as db:
        db.execute("ALTER TABLE vault.keys DISABLE TRIGGER USER")
        db.execute("DELETE FROM vault.keys")
    assert await sweeping() == Swept(kept=1, removed=0)


async def test_foreign_things_in_the_folder_are_left_alone(office, store, sweeping, tmp_path):
    stranger = tmp_path / "files" / str(office.workspace) / "ab" / "notes.txt"
    await put(store, office)
    stranger.parent.mkdir(parents=True, exist_ok=True)
    stranger.write_text("mine")
    assert await sweeping() == Swept(kept=0, removed=1)
    assert stranger.exists()
