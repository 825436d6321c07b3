"""Inbox: what people are told, how many of it they have not read, whatever the order in which the log is applied."""

import random
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from domain.conditions import Condition, Context, Leaf
from domain.event import SYSTEM, Actor
from domain.ids import ticket_id
from domain.inbox.notification import SendNotification, Told
from domain.inbox.preferences import Channel, Kind
from domain.inbox.reading import ReadNotifications
from domain.ticket.commands import EraseTicket, ReplyToTicket
from domain.ticket.messages import RedactMessage
from eventstore.erasure import erase
from eventstore.feed import read_page
from projections import builds, inbox
from projections.apply import apply_rows
from projections.inbox import Inbox
from projections.ticket_list import TicketList
from projections.ticket_timeline import TicketTimeline
from tests.desks import Office, an_office
from tests.projections.tables import KEYRING, built, contents, working

ANN, BOB = uuid4(), uuid4()
BOTH = (Channel.INBOX, Channel.MAIL)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    """A desk with a ticket T-1 and a reply on it."""
    async with an_office(database_url) as furnished:
        await furnished.ticket("T-1")
        await furnished.do(ReplyToTicket, number="T-1", body="On our way.", command_id=UUID(int=7))
        yield furnished


async def tell(office: Office, what: UUID, *people: UUID, kinds=(Kind.FOLLOWED,), channels=BOTH) -> int:
    receipt = await office.do(
        SendNotification,
        notification_id=what,
        ticket_id=ticket_id(office.workspace, "T-1"),
        number="T-1",
        doer=office.person,
        happened_at=NOON,
        first=2,
        last=2,
        told=tuple(Told(person_id=each, kinds=kinds, channels=channels) for each in people),
    )
    return receipt.position


async def tell_of_none(office: Office, what: UUID, person: UUID) -> None:
    told = (Told(person_id=person, kinds=(Kind.WEBHOOK_PAUSED,), channels=BOTH),)
    doer = Actor(kind="webhook", id="crm")
    await office.do(SendNotification, notification_id=what, doer=doer, happened_at=NOON, told=told)


async def read(office: Office, person: UUID, *notifications: UUID, upto: int = 0) -> None:
    await office.do(ReadNotifications, by=SYSTEM, person_id=person, upto=upto, notifications=notifications)


class Seen:
    """The read model's answers."""

    def __init__(self, office: Office, url: str) -> None:
        self._office, self._url = office, url

    def _asked(self, ask):
        with closing(working(self._url)) as db, db.transaction():
            db.execute("SET LOCAL ROLE ledgerdesk_reader")
            db.execute("SELECT set_config('ledgerdesk.workspace', %s, true)", [str(self._office.workspace)])
            return ask(db.cursor())

    def newest(self, person: UUID, **wanted) -> list[inbox.Notice]:
        return self._asked(lambda db: inbox.newest(db, person, **wanted))

    def unread(self, person: UUID) -> int:
        return self._asked(lambda db: inbox.unread(db, person))

    def said(self, person: UUID, reach: Condition | None = None) -> list[inbox.Said]:
        return self._asked(lambda db: inbox.said(db, inbox.newest(db, person), reach, Context(NOON)))


async def test_everybody_has_their_own_and_the_newest_is_first(office, database_url):
    one, other, mailed = uuid4(), uuid4(), uuid4()
    await tell(office, one, ANN, BOB)
    last = await tell(office, other, ANN, kinds=(Kind.MENTIONED, Kind.FOLLOWED))
    await tell(office, mailed, ANN, channels=(Channel.MAIL,))
    built(database_url, Inbox())
    seen = Seen(office, database_url)
    first, second = seen.newest(ANN)
    assert (first.notification_id, first.kinds, first.number) == (other, ["mentioned", "followed"], "T-1")
    assert (first.position, second.notification_id) == (last, one)
    assert seen.newest(ANN, before=last) == seen.newest(ANN, limit=2)[1:]
    assert (seen.unread(ANN), seen.unread(BOB), seen.unread(uuid4())) == (2, 1, 0)


async def test_what_was_read_stays_read_until_there_is_something_new_about_it(office, database_url):
    one, other, third = uuid4(), uuid4(), uuid4()
    await tell(office, one, ANN, BOB)
    upto = await tell(office, other, ANN)
    await read(office, ANN, upto=upto)
    await tell(office, third, ANN)
    await read(office, ANN, third)
    await tell(office, one, ANN, kinds=(Kind.ASSIGNED,))
    built(database_url, Inbox())
    seen = Seen(office, database_url)
    assert [notice.notification_id for notice in seen.newest(ANN, unread_only=True)] == [one]
    assert (seen.unread(ANN), seen.unread(BOB)) == (1, 1)


async def test_what_is_of_no_ticket_is_there_beside_what_is_of_one(office, database_url):
    one, none = uuid4(), uuid4()
    await tell(office, one, ANN)
    await tell_of_none(office, none, ANN)
    built(database_url, Inbox(), TicketList(), TicketTimeline())
    seen = Seen(office, database_url)
    newest, before = seen.newest(ANN)
    assert (newest.notification_id, newest.ticket_id, newest.number, newest.first) == (none, None, None, None)
    assert (newest.kinds, newest.doer_kind, newest.doer_id) == (["webhook_paused"], "webhook", "crm")
    assert (before.notification_id, seen.unread(ANN)) == (one, 2)
    assert seen.said(ANN)[0] == inbox.Said(None, None)
    assert seen.said(ANN)[1].title is not None


async def test_nobody_reads_what_is_still_to_come(office, database_url):
    one, other = uuid4(), uuid4()
    await tell(office, one, ANN)
    await read(office, ANN, upto=2**62)
    await tell(office, other, ANN)
    built(database_url, Inbox())
    assert [notice.notification_id for notice in Seen(office, database_url).newest(ANN, unread_only=True)] == [other]


async def test_counts_are_the_rows_however_the_log_is_cut(office, database_url):
    chance = random.Random(5)
    people, notices = [ANN, BOB, uuid4()], [uuid4() for _ in range(6)]
    for _ in range(60):
        who, what = chance.choice(people), chance.choice(notices)
        match chance.randrange(4):
            case 0:
                await read(office, who, what)
            case 1:
                await read(office, who, upto=chance.randrange(1, 80))
            case _:
                await tell(office, what, *chance.sample(people, 2), kinds=(chance.choice(list(Kind)),))
    model = Inbox()
    with closing(working(database_url)) as db:
        build = builds.begin(db, model)
        builds.enter(db.cursor(), build)
        while rows := read_page(db.cursor(), build.position, limit=chance.randrange(1, 9)):
            build = apply_rows(model, KEYRING, db, build, rows)
        with db.transaction():
            builds.swap(db.cursor(), model, build)
        kept = dict(db.execute("SELECT person_id, unread FROM inbox_unread").fetchall())
        counted = dict(
            db.execute("SELECT person_id, count(*) FILTER (WHERE read_at IS NULL) FROM inbox GROUP BY 1").fetchall()
        )
        assert kept == counted
    followed = contents(database_url, model)
    built(database_url, model)
    assert contents(database_url, model) == followed


async def test_it_says_what_was_written_as_long_as_that_may_be_read(office, database_url):
    await tell(office, uuid4(), ANN)
    models = (Inbox(), TicketList(), TicketTimeline())
    built(database_url, *models)
    seen = Seen(office, database_url)
    assert seen.said(ANN) == [("On our way.", "打印机坏了")]
    assert seen.said(ANN, Leaf(field="type", op="is", value="bike")) == [(None, None)]
    await office.do(RedactMessage, number="T-1", message_id=UUID(int=7), reason="x")
    built(database_url, *models)
    assert seen.said(ANN) == [(None, "打印机坏了")]
    await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked"))
    built(database_url, *models)
    assert seen.said(ANN) == [(None, None)]
