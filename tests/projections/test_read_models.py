"""Every read model: the same page twice, a rebuild beside the live one, what erasure leaves, what is explained."""

from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection

from domain.command import Command
from domain.conditions import ALWAYS
from domain.event import SYSTEM
from domain.ids import ticket_id
from domain.inbox.notification import SendNotification, Told
from domain.inbox.preferences import Channel, Kind
from domain.inbox.reading import ReadNotifications
from domain.organisation import AddOrganisation
from domain.permissions import Permission
from domain.requester import RegisterRequester
from domain.saved_view import SaveView
from domain.setup.organisations import MergeOrganisation, UndoOrganisationMerge
from domain.setup.roles import SetRole
from domain.setup.tags import MergeTags, RenameTag
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
from domain.ticket.drafting import DiscardDraft, DraftTicket, SubmitDraft
from domain.ticket.handling import AcceptTicket, ClaimTicket, ReturnTicket, TransferTicket, UrgeTicket
from domain.ticket.marking import ArchiveTicket, FollowTicket, PinTicket, SnoozeTicket, WakeTicket
from domain.ticket.messages import AttachToTicket, RedactMessage, RemarkOnTicket
from domain.values import Assignee, Attachment, Priority
from domain.workspace import AddCategory, AddTeam
from eventstore.codec import StoredRow
from eventstore.database import Role, connect
from eventstore.erasure import erase
from eventstore.feed import read_page
from projections import builds
from projections.apply import apply_rows
from projections.models import READ_MODELS
from projections.read_model import ReadModel
from tests.desks import Office, an_office
from tests.projections.tables import KEYRING, built, contents, live, working

SECRETS = ("Geheimnis", "salary")

each_read_model = pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.NAME)


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    """A workspace in which everything has happened that read models follow."""
    async with an_office(database_url) as furnished:
        await _work(furnished)
        yield furnished


async def _work(office: Office) -> None:
    team = uuid4()
    await office.do(AddTeam, team_id=team, title="Network")
    await office.do(AddCategory, path=("Hardware", "Printer"))
    await office.ticket("T-1", description="On floor 3", tags=("a", "b"), category=("Hardware", "Printer"))
    await office.ticket("T-2", title="Geheimnis", description="my salary", fields={"amount": "salary"})
    await office.ticket("T-3", title="Geheimnis")
    await office.do(SaveView, view_id=uuid4(), title="All", condition=ALWAYS)
    await office.do(RegisterRequester, requester_id=uuid4(), requester_name="Wang")
    await _organise(office)
    await office.do(SetRole, key="tier-2", title="Second line", permissions=(Permission.TICKET_VIEW,))
    await office.ticket("T-4", tags=("b", "d"), priority=Priority.LOW)
    await office.do(RenameTag, tag="b", to="bb")
    await office.do(MergeTags, tags={"d"}, into="bb")
    await office.do(AssignTicket, number="T-1", to=Assignee(team=team))
    await _handle(office, "T-4", team)
    await office.do(ReplyToTicket, number="T-1", body="On my way")
    await office.do(TagTicket, number="T-1", add={"c"}, remove={"a"})
    await office.do(ResolveTicket, number="T-1")
    await office.do(ReopenTicket, number="T-1")
    await office.do(CloseTicket, number="T-1")
    await office.do(EditTicket, number="T-2", title="Geheimnis 2", description="salary", fields={"amount": "Geheimnis"})
    await office.do(ChangePriority, number="T-2", priority=Priority.HIGH)
    await office.do(ReplyToTicket, number="T-2", body="Geheimnis")
    await office.do(NoteOnTicket, number="T-2", body="salary")
    await _draft(office)
    await _tell(office)


async def _organise(office: Office) -> None:
    """Four organisations that are one but for one that was so for a while."""
    ids = [uuid4() for _ in range(4)]
    for each in ids:
        await office.do(AddOrganisation, organisation_id=each, organisation_name="Wang & Sons")
    for duplicate, into in pairwise(ids):
        await office.do(MergeOrganisation, organisation_id=duplicate, into=into)
    await office.do(UndoOrganisationMerge, organisation_id=ids[2])


async def _tell(office: Office) -> None:
    """The person hears of two things, and reads one of them."""
    me, ticket = UUID(office.person.id), ticket_id(office.workspace, "T-1")
    about = {"ticket_id": ticket, "number": "T-1", "doer": SYSTEM, "happened_at": datetime(2026, 1, 1, tzinfo=UTC)}
    told = (Told(person_id=me, kinds=(Kind.FOLLOWED,), channels=(Channel.INBOX,)),)
    ids = [uuid4(), uuid4()]
    for each in ids:
        await office.do(SendNotification, notification_id=each, first=1, last=1, told=told, **about)
    await office.do(ReadNotifications, person_id=me, notifications=ids[:1])


async def _draft(office: Office) -> None:
    """A draft that is kept, one that is submitted, one that is thrown away."""
    kept, submitted, thrown = [(await office.do(DraftTicket, title="Half")).number for _ in range(3)]
    await office.do(DraftTicket, number=kept, title="Geheimnis", confidential="salary")
    await office.do(SubmitDraft, number=submitted)
    await office.do(DiscardDraft, number=thrown)


def a_file(name: str) -> Attachment:
    return Attachment(attachment_id=uuid4(), name=name, media_type="text/plain", size=5, sha256="0" * 64, key="key")


async def _handle(office: Office, number: str, team: UUID) -> None:
    """Everything that people do to a ticket from hand to hand."""
    person = UUID(office.person.id)
    steps: list[tuple[type[Command], dict[str, Any]]] = [
        (AcceptTicket, {}),
        (ClaimTicket, {}),
        (TransferTicket, {"to": Assignee(team=team), "note": "Geheimnis"}),
        (AssignTicket, {"to": Assignee(person=person)}),
        (ReturnTicket, {"reason": "Geheimnis"}),
        (UrgeTicket, {"body": "Geheimnis"}),
        (RemarkOnTicket, {"body": "Geheimnis", "attachments": (a_file("Geheimnis.txt"),)}),
        (AttachToTicket, {"attachments": (a_file("salary.txt"),), "internal": True}),
        (FollowTicket, {"person_id": person}),
        (PinTicket, {}),
        (SnoozeTicket, {"until": datetime(2100, 1, 1, tzinfo=UTC)}),
        (WakeTicket, {}),
        (ResolveTicket, {}),
        (ArchiveTicket, {}),
    ]
    for kind, fields in steps:
        await office.do(kind, number=number, **fields)
    said = await office.do(NoteOnTicket, number=number, body="salary")
    note = await office.desk.state(office.workspace, "ticket", said.stream_id)
    await office.do(RedactMessage, number=number, message_id=note.state.messages[-1].message_id, reason="by mistake")


def page_after(db: Connection[Any], position: int) -> list[StoredRow]:
    return read_page(db.cursor(), position)


def again(db: Connection[Any], model: ReadModel, position: int) -> None:
    """Apply everything above the position once more."""
    build = live(db, model)
    builds.enter(db.cursor(), build)
    db.execute("UPDATE ops.builds SET position = %s WHERE build = %s", [position, build.build])
    apply_rows(model, KEYRING, db, build._replace(position=position), page_after(db, position))


@each_read_model
def test_the_same_page_twice_changes_nothing(office: Office, database_url: str, model: ReadModel) -> None:
    built(database_url, model)
    before = contents(database_url, model)
    assert any(before.values())
    with closing(working(database_url)) as db:
        again(db, model, 0)
        again(db, model, live(db, model).position // 2)
    assert contents(database_url, model) == before


@each_read_model
async def test_a_rebuild_equals_what_followed_event_by_event(
    office: Office, database_url: str, model: ReadModel
) -> None:
    with closing(working(database_url)) as db:
        build = builds.begin(db, model)
        builds.enter(db.cursor(), build)
        await erase(office.desk, office.command(EraseTicket, number="T-3", reason="asked"))
        await _apply_one_by_one(db, model, build)
        await erase(office.desk, office.command(EraseTicket, number="T-2", reason="asked"))
        build = await _apply_one_by_one(db, model, builds.begin(db, model))
        with db.transaction():
            builds.swap(db.cursor(), model, build)
    followed = contents(database_url, model)
    built(database_url, model)
    assert contents(database_url, model) == followed


async def _apply_one_by_one(db: Connection[Any], model: ReadModel, build: builds.Build) -> builds.Build:
    while rows := read_page(db.cursor(), build.position, limit=1):
        build = apply_rows(model, KEYRING, db, build, rows)
    return build


@each_read_model
async def test_erasure_leaves_no_content(office: Office, database_url: str, model: ReadModel) -> None:
    built(database_url, model)
    for number in ("T-2", "T-3", "T-4"):
        await office.do(EraseTicket, number=number, reason="asked")
    with closing(working(database_url)) as db:
        build = live(db, model)
        builds.enter(db.cursor(), build)
        apply_rows(model, KEYRING, db, build, page_after(db, build.position))
    kept = str(contents(database_url, model))
    assert not any(secret in kept for secret in SECRETS)


@each_read_model
def test_every_table_and_column_is_explained(office: Office, database_url: str, model: ReadModel) -> None:
    built(database_url, model)
    missing = """
        SELECT c.relname, a.attname FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'desk'::regnamespace
        AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid) IS NULL)
    """
    with closing(working(database_url)) as db:
        assert db.execute(missing).fetchall() == []


@each_read_model
async def test_readers_see_their_own_workspace(office: Office, database_url: str, model: ReadModel) -> None:
    other = Office(office.desk, "other")
    await other.furnish()
    await _work(other)
    for each in (office, other):
        await erase(each.desk, each.command(EraseTicket, number="T-3", reason="asked"))
    built(database_url, model)
    with closing(working(database_url)) as db:
        tables = builds.tables(db.cursor(), live(db, model))
    with connect(database_url, Role.READER) as db:
        for table in tables:
            where = f"{'ops' if table in model.SEARCHED else 'desk'}.{table}"
            query = f"SELECT DISTINCT workspace_id FROM {where}"
            assert db.execute(query.encode()).fetchall() == []
            db.execute("SELECT set_config('ledgerdesk.workspace', %s, false)", [str(office.workspace)])
            assert db.execute(query.encode()).fetchall() == [(office.workspace,)]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(f"DELETE FROM {where}".encode())
            db.execute("SELECT set_config('ledgerdesk.workspace', '', false)")
