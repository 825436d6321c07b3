"""`ledgerdesk inbox` and `ledgerdesk deliveries`: what people are told, and what becomes of it outside."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from domain.command import Command
from domain.errors import InvalidInput, NotAllowed
from domain.event import SYSTEM, Actor
from domain.ids import workspace_id
from domain.inbox.notification import SendNotification, Told
from domain.inbox.preferences import Channel, Kind
from eventstore.database import Role, connect
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from processors.deliveries import UnknownDelivery
from processors.following import Follower
from processors.notifications import Notifications
from tests.commandline import MASTER_KEY, Run
from tests.commandline import ledgerdesk as ledgerdesk

BOB = ("--as", "bob@acme.example")
DEAD = (
    "INSERT INTO processes.deliveries (delivery_id, workspace_id, channel, recipient, ticket_id, detail, state, due_at, "
    "attempts, outcome, asked_at, ended_at) SELECT %s, workspace_id, 'mail', 'person:x', originator_id, '{}', 'dead', "
    "now(), 16, 'no_answer', now(), now() FROM log.stored_events WHERE topic = 'ticket.opened'"
)


@pytest.fixture
def desk(ledgerdesk: Run) -> Run:
    """Bob and a ticket."""
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    ledgerdesk("do", "add-person", "person_name=Bob", "email=bob@acme.example", "role=agent")
    ledgerdesk("do", "open-ticket", "1", "title=Fire")
    return ledgerdesk


def test_people_see_what_they_were_told_and_mark_it_as_read(desk: Run, database_url: str) -> None:
    with connect(database_url, Role.WORKER) as db:
        follower = Follower(Notifications(), Keyring(MASTER_KEY), db, lambda: datetime.now(UTC))
        desk("do", "note-on-ticket", "1", "body=Look", "mentions=bob@acme.example")
        while follower.step():
            pass
    desk("rebuild")
    told = desk("inbox", *BOB, "--read").stdout
    assert told.startswith("1 unread.")
    assert "* " in told
    assert "1 «Fire»  mentioned, by The system" in told
    desk("rebuild")
    after = json.loads(desk("inbox", *BOB, "--json").stdout)
    assert (after["unread"], after["notifications"][0]["text"]) == (0, "Look")
    assert desk("inbox", *BOB, "--unread").stdout.strip() == "0 unread."


def test_what_is_of_no_ticket_is_told_without_one(desk: Run, database_url: str) -> None:
    lea, noon = uuid4(), datetime(2026, 11, 27, 12, tzinfo=UTC)
    desk("do", "add-person", f"person_id={lea}", "person_name=Lea", "email=lea@acme.example", "role=admin")
    sent = SendNotification(
        workspace_id=workspace_id("acme"),
        by=SYSTEM,
        at=noon,
        command_id=uuid4(),
        notification_id=uuid4(),
        doer=Actor(kind="webhook", id="crm"),
        happened_at=noon,
        told=(Told(person_id=lea, kinds=(Kind.WEBHOOK_PAUSED,), channels=(Channel.INBOX,)),),
    )
    asyncio.run(_executed(database_url, sent))
    desk("rebuild")
    assert (
        desk("inbox", "--as", "lea@acme.example").stdout.splitlines()[1]
        == "* 2026-11-27 12:00  webhook paused, by Webhook crm"
    )


async def _executed(url: str, command: Command) -> None:
    async with Desk(url, Keyring(MASTER_KEY)) as desk:
        await desk.execute(command)


def test_what_is_dead_is_listed_and_tried_again(desk: Run, database_url: str) -> None:
    which = uuid4()
    with connect(database_url, Role.WORKER) as db:
        db.execute(DEAD, [which])
    assert "dead (no_answer), 16 attempts" in desk("deliveries", "list", "--state", "dead").stdout
    assert desk("deliveries", "retry", str(which)).stdout.startswith("1 tried again")
    assert json.loads(desk("deliveries", "--json").stdout)["deliveries"][0]["state"] == "waiting"
    assert desk("deliveries", "retry", "--all").stdout.startswith("0 tried again")


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("inbox",), InvalidInput),
        (("deliveries", "retry"), InvalidInput),
        (("deliveries", "retry", "x"), InvalidInput),
        (("deliveries", "retry", str(uuid4())), UnknownDelivery),
        (("deliveries", *BOB), NotAllowed),
    ],
)
def test_what_cannot_be_done_is_said(desk: Run, words: tuple[str, ...], refusal: type[Exception]) -> None:
    desk("rebuild")
    with pytest.raises(refusal):
        desk(*words)
