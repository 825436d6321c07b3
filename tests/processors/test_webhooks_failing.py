"""What goes wrong with one webhook stops no other, and nothing for longer than it must."""

import asyncio
import socket
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from domain.catalogue import Catalogue
from domain.event import SYSTEM, Actor
from domain.inbox.notification import NotificationSent
from domain.inbox.preferences import Kind
from domain.permissions import RoleName
from domain.setup.tags import SetTag
from domain.setup.webhooks import PauseWebhook, ResumeWebhook, RetireWebhook
from domain.webhooks import Because
from domain.workspace import AddPerson
from eventstore.feed import decode_page, read_page
from processors.channels import Sender
from processors.mail.channel import Mail
from processors.webhooks import message, rows
from processors.webhooks.sending import Courier, run
from tests.desks import Office
from tests.processors.endpoints import HERE, IMPATIENT, endpoint, says
from tests.processors.greeter import connected
from tests.processors.mail_server import taking
from tests.processors.test_mail import settings as mail_settings
from tests.processors.test_webhooks import CRM, KEYRING, Way, noted, subscribe
from tests.waiting import until

LEA = uuid4()


@pytest.fixture
async def way(office: Office, database_url: str) -> Way:
    """A desk with a ticket, before it has a webhook."""
    await office.ticket("T-1")
    return Way(database_url, office)


async def test_who_resumes_it_gives_its_endpoint_three_days_anew(office: Office, way: Way) -> None:
    with endpoint(says(503)) as there:
        await subscribe(office, there.url, events=("ticket.noted",))
        for days in (0, 3):
            way.now += timedelta(days=days)
            await noted(office, way)
            await way.send()
        assert await paused(office) is Because.FAILING
        await office.do(ResumeWebhook, key=CRM)
        way.now += timedelta(minutes=1)
        await noted(office, way)
        await way.send()
    assert len(there.came) == 4
    assert await paused(office) is None


async def paused(office: Office) -> Because | None:
    desk: Catalogue = (await office.desk.state(office.workspace, "workspace", office.workspace)).state
    return desk.webhooks[CRM].paused


async def test_a_pause_that_somebody_asked_for_does_not_count_as_failing(office: Office, way: Way) -> None:
    with endpoint(says(503)) as there:
        await subscribe(office, there.url, events=("ticket.noted",))
        await failed(office, way)
        await office.do(PauseWebhook, key=CRM)
        way.tell()
        way.now += timedelta(days=4)
        await office.do(ResumeWebhook, key=CRM)
        await failed(office, way)
    assert await paused(office) is None


async def test_another_address_has_three_days_of_its_own(office: Office, way: Way) -> None:
    with endpoint(says(503)) as there, endpoint(says(503)) as elsewhere:
        await subscribe(office, there.url, events=("ticket.noted",))
        await failed(office, way)
        way.now += timedelta(days=4)
        await subscribe(office, elsewhere.url, events=("ticket.noted",))
        await failed(office, way)
    assert await paused(office) is None
    assert len(elsewhere.came) == 2


async def test_another_title_is_not_another_address(office: Office, way: Way) -> None:
    with endpoint(says(503)) as there:
        await subscribe(office, there.url, events=("ticket.noted",))
        await failed(office, way)
        way.now += timedelta(days=4)
        await subscribe(office, there.url, events=("ticket.noted",), title="Customers")
        await failed(office, way)
    assert await paused(office) is Because.FAILING


async def failed(office: Office, way: Way) -> None:
    """Something happens, and what is due is not taken."""
    await noted(office, way)
    await way.send()


async def test_an_endpoint_that_took_nothing_as_long_as_one_was_tried_is_paused_without_another(
    office: Office, way: Way
) -> None:
    with endpoint(says(503)) as there:
        await subscribe(office, there.url, events=("ticket.noted",))
        await noted(office, way)
        while way.states()[0][0] == "waiting":
            await way.send()
            ((due,),) = way.rows("SELECT due_at FROM processes.deliveries")
            way.now = max(way.now, due)
    assert await paused(office) is Because.FAILING


async def test_what_is_given_up_after_three_days_pauses_nobody_who_takes_others(office: Office, way: Way) -> None:
    began = way.now
    with endpoint(says(503)) as there:
        await subscribe(office, there.url, events=("ticket.noted",))
        await noted(office, way)
        while way.states()[0][0] == "waiting":
            await way.send()
            ((due,),) = way.rows("SELECT due_at FROM processes.deliveries WHERE attempts > 0")
            way.now = max(way.now, due)
            # Another was taken meanwhile.
            way.rows("UPDATE processes.endpoints SET failing_since = %s RETURNING 1", way.now)
    assert timedelta(days=2) < way.now - began < timedelta(days=3)
    assert await paused(office) is None


async def test_operators_watch_endpoints_that_fail_and_are_in_use(office: Office, way: Way) -> None:
    with endpoint(says(503)) as there:
        await subscribe(office, there.url, events=("ticket.noted",))
        await failed(office, way)
        assert figures(way) == (1, 1)
        await office.do(RetireWebhook, key=CRM)
        way.tell()
        assert figures(way) == (1, 0)


def figures(way: Way) -> tuple[int, int]:
    with connected(way.url) as db:
        return rows.figures(db.cursor())


async def test_an_endpoint_that_is_gone_and_whose_webhook_is_retired_by_then_harms_nobody(
    office: Office, way: Way
) -> None:
    with endpoint(says(410)) as there:
        await subscribe(office, there.url, events=("ticket.noted",))
        await noted(office, way)
        with connected(way.url) as db:
            courier = Courier(db, KEYRING, HERE, office.desk, lambda: way.now)
            await courier.step(0)
            await office.do(RetireWebhook, key=CRM)
            await courier.finish()
    assert way.states() == [("dead", "gone", 1)]


async def test_names_that_nobody_answers_for_hold_up_no_other(
    office: Office, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, stop, look_up = threading.Event(), threading.Event(), socket.getaddrinfo

    def slow(host: Any, *given: Any, **options: Any) -> Any:
        if str(host).startswith("slow"):
            answered.wait(60)
        return look_up(host, *given, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with endpoint() as there:
        for n in range(10):
            await subscribe(office, f"https://slow{n}.invalid/", key=f"slow-{n}", events=("ticket.noted",))
        for _ in range(rows.EACH):
            await noted(office, way)
        await subscribe(office, there.url, events=("ticket.noted",))
        await noted(office, way)
        sending_ = threading.Thread(target=run, args=(way.url, KEYRING, IMPATIENT, stop))
        sending_.start()
        try:
            await until(lambda: there.came)
        finally:
            answered.set()
            stop.set()
            await asyncio.to_thread(sending_.join)


async def test_what_nothing_can_be_made_of_keeps_no_other_from_going_out(
    office: Office, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = message.body

    def fails(recorded: Any, *given: Any) -> bytes:
        if getattr(recorded.event, "body", None) == "My PIN is 4711.":
            raise ValueError(recorded.event.body)
        return body(recorded, *given)

    monkeypatch.setattr(message, "body", fails)
    with endpoint() as there, capture_logs() as said:
        await subscribe(office, there.url, events=("ticket.noted",))
        await noted(office, way, "My PIN is 4711.")
        await noted(office, way)
        await way.send()
    assert len(there.came) == 1
    assert way.states() == [("dead", "unsendable", 1), ("sent", "delivered", 1)]
    assert [(each["event"], each["error"]) for each in said] == [("webhook.unsendable", "ValueError")]
    assert "4711" not in str(said)


async def test_admins_are_told_of_a_dead_endpoint_also_where_it_failed_at_no_ticket(office: Office, way: Way) -> None:
    lea = {"person_id": LEA, "person_name": "Lea", "email": "lea@acme.example"}
    await office.do(AddPerson, role=RoleName.ADMIN, by=SYSTEM, **lea)
    with endpoint(says(410)) as there:
        await subscribe(office, there.url, events=("workspace.tag_set",))
        await office.do(SetTag, tag="vip", colour="#ff0000")
        way.tell()
        await way.send()
        way.tell()
    (notice,) = await notices(office, way)
    assert (notice.ticket_id, notice.number, notice.doer) == (None, None, Actor(kind="webhook", id=CRM))
    assert {each.person_id: each.kinds for each in notice.told} == dict.fromkeys(
        (LEA, UUID(office.person.id)), (Kind.WEBHOOK_PAUSED,)
    )
    with taking() as (server, port), connected(way.url) as db:
        Sender(db, Mail(mail_settings(port), KEYRING), lambda: way.now).step()
    (mail,) = server.messages
    assert mail["Subject"] == f"[Acme] The webhook «{CRM}» is paused: its endpoint is gone, or took nothing for days."
    assert (mail["References"], "desk.acme.example/inbox" in mail.get_content()) == (None, True)


async def test_of_a_pause_that_somebody_asked_for_nobody_is_told(office: Office, way: Way) -> None:
    await subscribe(office, "https://crm.example.com/")
    await office.do(PauseWebhook, key=CRM)
    way.tell()
    assert await notices(office, way) == []


async def notices(office: Office, way: Way) -> list[NotificationSent]:
    """What people were told."""
    with connected(way.url) as db:
        told = decode_page(db.cursor(), KEYRING, read_page(db.cursor(), 0, 1_000))
    return [each.event for each in told if isinstance(each.event, NotificationSent)]
