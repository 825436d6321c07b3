"""Webhooks from the log to real endpoints: signed, at least once under one id, again for three days, never what is gone."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks import Webhook as Signer

from domain.ids import ticket_id
from domain.inbox.notification import NotificationSent
from domain.setup.webhooks import PauseWebhook, RetireWebhook, RotateWebhookSecret, SetWebhook
from domain.streaming import Shown
from domain.ticket.calling import CallWebhook
from domain.ticket.commands import ChangePriority, EraseTicket, NoteOnTicket
from domain.ticket.confidential import SetConfidential
from domain.ticket.messages import RedactMessage
from domain.webhooks import Because, WebhookDefinition, recipient, webhook_id
from eventstore.erasure import erase
from eventstore.keyring import Keyring
from processors.following import Follower
from processors.webhooks import rows
from processors.webhooks.process import Webhooks
from processors.webhooks.sending import Courier
from tests.desks import MASTER, Office
from tests.processors.endpoints import HERE, IMPATIENT, Endpoint, Request, endpoint, hangs, says
from tests.processors.greeter import connected

KEYRING = Keyring(MASTER)
SECRET, NEXT = f"whsec_{'b25l' * 10}", f"whsec_{'dHdv' * 10}"
CRM = "crm"


class Way:
    """The process that queues and the courier that sends; the clock is a number."""

    def __init__(self, url: str, office: Office) -> None:
        self.now, self.url, self.office, self.settings = datetime.now(UTC), url, office, HERE
        self.tell()

    def tell(self) -> None:
        """All that happened leads to deliveries."""
        self.now = max(self.now, datetime.now(UTC))
        with connected(self.url) as db:
            follower = Follower(Webhooks(), KEYRING, db, lambda: self.now)
            while follower.step():
                pass

    async def send(self) -> None:
        """All that is due goes out, and what came of it is recorded."""
        with connected(self.url) as db:
            courier = Courier(db, KEYRING, self.settings, self.office.desk, lambda: self.now)
            while await courier.step(0.05):
                pass
            await courier.finish()

    def states(self) -> list[tuple[str, str | None, int]]:
        """Of each delivery how it stands, why, and after how many attempts."""
        return self.rows("""
            SELECT state, outcome, attempts FROM processes.deliveries WHERE channel = 'webhook' ORDER BY asked_at, delivery_id""")

    def rows(self, query: str, *values: Any) -> list[Any]:
        """What the database has."""
        with connected(self.url) as db:
            return db.execute(query.encode(), values or None).fetchall()


@pytest.fixture
async def way(office: Office, database_url: str) -> Way:
    """A desk with a ticket, before it has a webhook."""
    await office.ticket("T-1", title="打印机坏了")
    return Way(database_url, office)


async def subscribe(office: Office, url: str, key: str = CRM, **definition: Any) -> None:
    made = WebhookDefinition(**{"title": "CRM"} | definition)
    await office.do(SetWebhook, key=key, url=url, secret=SECRET, definition=made)


async def noted(office: Office, way: Way, body: str = "Please look.") -> None:
    await office.do(NoteOnTicket, number="T-1", body=body)
    way.tell()


async def test_what_happens_is_told_signed_and_in_the_shape_that_all_services_know(office: Office, way: Way) -> None:
    with endpoint() as there:
        await subscribe(office, there.url)
        await noted(office, way)
        await way.send()
    (request,) = there.came
    told = request.read(SECRET)
    assert (told["type"], told["ticketnumber"], told["data"]["body"]) == ("ticket.noted.v1", "T-1", "Please look.")
    assert told["timestamp"] == told["time"]
    assert way.states() == [("sent", "delivered", 1)]


async def test_only_events_that_it_wants_and_only_where_its_condition_holds(office: Office, way: Way) -> None:
    urgent = {"field": "priority", "op": "is", "value": "urgent"}
    with endpoint() as there:
        await subscribe(office, there.url, events=("ticket.noted",), when=urgent)
        await noted(office, way)
        await office.do(ChangePriority, number="T-1", priority="urgent")
        await noted(office, way, "Now it burns.")
        await way.send()
    assert [request.read(SECRET)["data"]["body"] for request in there.came] == ["Now it burns."]


async def test_a_called_webhook_is_told_whatever_it_subscribes_to(office: Office, way: Way) -> None:
    with endpoint() as there, endpoint() as other:
        await subscribe(office, there.url, events=("ticket.closed",))
        await subscribe(office, other.url, key="other")
        await office.do(CallWebhook, number="T-1", webhook=CRM)
        way.tell()
        await way.send()
    assert [request.read(SECRET)["type"] for request in there.came] == ["ticket.webhook_called.v1"]
    assert other.came == []


async def test_what_failed_comes_again_under_the_same_id(office: Office, way: Way) -> None:
    with endpoint(says(500)) as there:
        await subscribe(office, there.url)
        await noted(office, way)
        await way.send()
        await way.send()
        assert len(there.came) == 1
        there.answering = says(200)
        way.now += timedelta(minutes=1)
        await way.send()
    assert there.came[0].id == there.came[1].id
    assert way.states() == [("sent", "delivered", 2)]


async def test_pauses_grow_and_after_three_days_it_is_dead_and_the_webhook_paused(office: Office, way: Way) -> None:
    began = way.now
    with endpoint(says(503)) as there:
        await subscribe(office, there.url)
        await noted(office, way)
        while way.states()[0][0] == "waiting":
            await way.send()
            ((due,),) = way.rows("SELECT due_at FROM processes.deliveries")
            way.now = max(way.now, due)
    assert way.states()[0][0] == "dead"
    assert way.now - began < timedelta(days=4)
    assert 15 < len(there.came) < 40
    # What happens then finds out that nobody has answered for three days.
    way.now = began + timedelta(days=3, minutes=1)
    await noted(office, way)
    with endpoint(says(503)) as there_again:
        await subscribe(office, there_again.url)
        await way.send()
    desk = (await office.desk.state(office.workspace, "workspace", office.workspace)).state
    assert desk.webhooks[CRM].paused is Because.FAILING
    way.tell()
    (told,) = way.rows("SELECT count(*) FROM log.stored_events WHERE topic = %s", NotificationSent.NAME)
    assert told == (1,)


async def test_an_endpoint_that_is_gone_is_paused_at_once_and_its_deliveries_are_kept(office: Office, way: Way) -> None:
    with endpoint(says(410)) as there:
        await subscribe(office, there.url)
        await noted(office, way)
        await way.send()
        await noted(office, way)
        await way.send()
    assert [state[:2] for state in way.states()] == [("dead", "gone"), ("dead", "paused")]
    assert len(there.came) == 1


async def test_a_slow_endpoint_holds_up_no_other(office: Office, way: Way) -> None:
    arrived: list[int] = []
    way.settings = IMPATIENT
    with endpoint(hangs) as slow, endpoint() as quick:
        await subscribe(office, slow.url, key="slow")
        await subscribe(office, quick.url, key="quick")
        for _ in range(12):
            await noted(office, way)

        def answers(_: Endpoint, connection: Any, request: Request) -> None:
            arrived.append(len(slow.came))
            says(204)(_, connection, request)

        quick.answering = answers
        await way.send()
    assert len(arrived) == 12
    # All were there before the slow one had more than it is given at once and the next turn.
    assert max(arrived) <= 2 * rows.EACH


async def test_an_endpoint_that_failed_is_tried_one_at_a_time(office: Office, way: Way) -> None:
    with endpoint(says(500)) as there:
        await subscribe(office, there.url)
        await noted(office, way)
        await way.send()
        for _ in range(3):
            await noted(office, way)
        way.now += timedelta(minutes=1)
        with connected(way.url) as db:
            found = rows.claim(db.cursor(), Counter(), way.now, rows.MOST)
    assert len(found) == rows.FAILING


WORKER = """
import sys, threading
from eventstore.keyring import Keyring
from processors.webhooks.sending import run
from tests.processors.endpoints import HERE
run(sys.argv[1], Keyring(b"k" * 32), HERE, threading.Event())
"""


async def test_a_worker_killed_between_sending_and_recording_sends_again_under_the_same_id(
    office: Office, way: Way
) -> None:
    with endpoint() as there:
        await subscribe(office, there.url)
        await noted(office, way)
        command = [sys.executable, "-c", WORKER, way.url]
        worker = await asyncio.to_thread(subprocess.Popen, command)

        def kills(endpoint_: Endpoint, connection: Any, request: Request) -> None:
            worker.kill()
            says(204)(endpoint_, connection, request)

        there.answering = kills
        assert await asyncio.to_thread(worker.wait, 60) == -signal.SIGKILL
        there.answering = says(204)
        await way.send()
        assert len(there.came) == 1
        way.now = datetime.now(UTC) + rows.LEASE + timedelta(seconds=1)
        await way.send()
    assert [request.id for request in there.came] == [there.came[0].id] * 2
    assert way.states() == [("sent", "delivered", 2)]


async def test_words_that_were_taken_back_or_are_being_erased_are_not_sent(office: Office, way: Way) -> None:
    with endpoint() as there:
        await subscribe(office, there.url, events=("ticket.noted",))
        await noted(office, way, "My PIN is 4711.")
        ticket = (await office.desk.state(office.workspace, "ticket", _ticket(office))).state
        await office.do(RedactMessage, number="T-1", message_id=ticket.messages[-1].message_id, reason="private")
        await way.send()
        assert there.came[0].read(SECRET)["redacted"] is True
        await noted(office, way, "My PIN is 4712.")
        await office.do(EraseTicket, number="T-1", reason="asked for")
        await way.send()
    assert len(there.came) == 2
    assert b"PIN" not in b"".join(request.body for request in there.came)


async def test_what_it_may_be_shown_is_said_by_the_webhook(office: Office, way: Way) -> None:
    with endpoint() as there:
        await subscribe(office, there.url, shows=(Shown.TITLE,))
        await noted(office, way, "Only for us.")
        await office.do(SetConfidential, number="T-1", text="4711")
        way.tell()
        await way.send()
    assert len(there.came) == 2
    assert not any(word in request.body for request in there.came for word in (b"Only for us", b"4711"))


async def test_the_answer_is_kept_encrypted_and_gone_with_its_ticket(office: Office, way: Way) -> None:
    with endpoint(says(200, b"Thanks for: Please look.", x_request="7")) as there:
        await subscribe(office, there.url)
        await noted(office, way)
        await way.send()
    (kept,) = way.rows(
        "SELECT a.delivery_id, exchange, status FROM processes.delivery_attempts a "
        "JOIN processes.deliveries d USING (delivery_id)"
    )
    delivery, exchange, status = kept
    assert b"Please" not in exchange
    assert status == 200
    assert b"Please look" in (await told(way, office, delivery))[0].exchange
    await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked for"))
    assert (await told(way, office, delivery))[0].exchange is None


async def told(way: Way, office: Office, delivery: UUID) -> list[rows.Attempt]:
    with connected(way.url) as db:
        return rows.attempts(db.cursor(), KEYRING, office.workspace, [delivery])[delivery]


async def test_after_a_rotation_both_secrets_sign_for_a_day(office: Office, way: Way) -> None:
    with endpoint() as there:
        await subscribe(office, there.url, events=("ticket.noted",))
        await office.do(RotateWebhookSecret, key=CRM, secret=NEXT)
        await noted(office, way)
        await way.send()
        for secret in (SECRET, NEXT):
            assert there.came[0].read(secret)
        way.now += timedelta(days=1, minutes=1)
        await noted(office, way)
        await way.send()
    signatures = there.came[1].headers["webhook-signature"].split()
    at = datetime.fromtimestamp(int(there.came[1].headers["webhook-timestamp"]), UTC)
    assert signatures == [Signer(NEXT).sign(there.came[1].id, at, there.came[1].body.decode())]


async def test_everything_since_a_time_is_sent_again_under_the_same_ids(office: Office, way: Way) -> None:
    with endpoint() as there:
        await subscribe(office, there.url, events=("ticket.noted",))
        for _ in range(3):
            await noted(office, way)
        await way.send()
        whom = recipient(webhook_id(office.workspace, CRM))
        vault, since = office.desk.vault, way.now - timedelta(hours=1)
        assert await rows.redeliver(vault, office.workspace, whom, since, only_failed=True) == 0
        assert await rows.redeliver(vault, office.workspace, whom, since) == 3
        way.now = datetime.now(UTC)
        await way.send()
        await rows.redeliver_one(vault, office.workspace, whom, UUID(there.came[0].id))
        way.now = datetime.now(UTC)
        await way.send()
    ids = [request.id for request in there.came]
    assert sorted(ids[:3]) == sorted(ids[3:6])
    assert ids[6] == ids[0]


async def test_a_paused_webhook_is_told_nothing_and_a_retired_one_is_forgotten(office: Office, way: Way) -> None:
    with endpoint() as there:
        await subscribe(office, there.url, events=("ticket.noted",))
        await noted(office, way)
        await office.do(PauseWebhook, key=CRM)
        await way.send()
        await noted(office, way)
        await office.do(RetireWebhook, key=CRM)
        await way.send()
        await noted(office, way)
    assert there.came == []
    assert [state[:2] for state in way.states()] == [("dead", "paused"), ("dropped", "retired")]


def _ticket(office: Office) -> UUID:
    return ticket_id(office.workspace, "T-1")
