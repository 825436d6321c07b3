"""Webhooks that name events of customers, organisations and the desk itself: told as tickets' are, and never who somebody is."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.event import EVENTS, Recorded, of_ticket
from domain.organisation import AddOrganisation
from domain.requester import EraseRequester, RegisterRequester
from domain.setup.tags import SetTag
from domain.setup.webhooks import RotateWebhookSecret, SetWebhook
from domain.webhooks import Subscription, Webhook, WebhookDefinition
from eventstore.erasure import erase
from eventstore.feed import head, read_page
from eventstore.newest import Newest
from processors.following import Follower
from processors.lookout import Lookout
from processors.sla_clock import SlaClock
from processors.webhooks import message
from processors.webhooks.process import Webhooks
from tests.desks import Office
from tests.eventstore.golden import METADATA, STREAM, WHEN
from tests.eventstore.samples import SAMPLES
from tests.processors.endpoints import endpoint, says
from tests.processors.greeter import connected
from tests.processors.kit import Stage
from tests.processors.test_webhooks import CRM, KEYRING, NEXT, SECRET, Way, noted, subscribe, told

CUSTOMERS = ("requester.registered", "requester.erased")


@pytest.fixture
async def way(office: Office, database_url: str) -> Way:
    """A desk with a ticket, before it has a webhook."""
    await office.ticket("T-1")
    return Way(database_url, office)


async def registered(office: Office, way: Way) -> UUID:
    who = uuid4()
    await office.do(RegisterRequester, requester_id=who, requester_name="Cy Twombly", email="cy@example.com")
    way.tell()
    return who


async def test_a_customer_is_told_of_without_who_they_are(office: Office, way: Way) -> None:
    with endpoint() as there:
        await subscribe(office, there.url, events=CUSTOMERS)
        who = await registered(office, way)
        await noted(office, way)
        await way.send()
    (request,) = there.came
    heard = request.read(SECRET)
    assert (heard["type"], heard["subject"], heard["closed"]) == ("requester.registered.v1", str(who), True)
    assert heard["data"]["email"] is heard["data"]["requester_name"] is None
    assert "ticketnumber" not in heard
    assert way.rows("SELECT ticket_id, subject_id FROM processes.deliveries") == [(None, who)]


async def test_what_is_set_up_is_told_without_secrets(office: Office, way: Way) -> None:
    with endpoint() as there:
        names = ("workspace.webhook_set", "workspace.webhook_secret_made", "workspace.tag_set", "organisation.added")
        await subscribe(office, there.url, events=names)
        await subscribe(office, "https://other.example/?token=4711", key="other", events=("ticket.closed",))
        await office.do(RotateWebhookSecret, key="other", secret=NEXT)
        await office.do(SetTag, tag="vip", colour="#ff0000")
        await office.do(AddOrganisation, organisation_id=uuid4(), organisation_name="Acme", domains=("acme.example",))
        way.tell()
        await way.send()
        heard = sorted(request.read(SECRET)["type"].rpartition(".")[0] for request in there.came)
    assert heard == sorted([*names, "workspace.webhook_set", "workspace.webhook_secret_made", names[1]])
    assert not any(word in request.body for request in there.came for word in (b"whsec", b"4711", b"acme.example"))


async def test_who_names_nothing_is_told_of_tickets_alone(office: Office, way: Way) -> None:
    with endpoint() as there:
        await subscribe(office, there.url)
        await registered(office, way)
        await noted(office, way)
        await way.send()
    assert [request.read(SECRET)["type"] for request in there.came] == ["ticket.noted.v1"]


async def test_what_happened_before_it_was_set_up_is_not_told_though_it_is_looked_at_together(
    office: Office, way: Way
) -> None:
    await office.do(RegisterRequester, requester_id=uuid4(), requester_name="Before")
    await subscribe(office, "https://crm.example.com/", events=CUSTOMERS)
    after = await registered(office, way)
    assert way.rows("SELECT subject_id FROM processes.deliveries") == [(after,)]


async def test_what_was_said_of_an_erased_customer_is_gone_with_them(office: Office, way: Way) -> None:
    with endpoint(says(200, b"Hello Cy")) as there:
        await subscribe(office, there.url, events=CUSTOMERS)
        who = await registered(office, way)
        await way.send()
        ((delivery,),) = way.rows("SELECT delivery_id FROM processes.deliveries")
        assert b"Hello Cy" in (await told(way, office, delivery))[0].exchange
        await erase(office.desk, office.command(EraseRequester, requester_id=who, reason="asked for"))
        way.tell()
        await way.send()
    assert (await told(way, office, delivery))[0].exchange is None
    assert [request.read(SECRET)["type"] for request in there.came][1:] == ["requester.erased.v1"]


async def test_what_was_said_of_the_desk_is_kept_under_the_desks_key(office: Office, way: Way) -> None:
    with endpoint(says(200, b"Thanks")) as there:
        await subscribe(office, there.url, events=("workspace.tag_set",))
        await office.do(SetTag, tag="vip", colour="#ff0000")
        way.tell()
        await way.send()
    ((delivery, kept),) = way.rows("SELECT delivery_id, exchange FROM processes.delivery_attempts")
    assert b"Thanks" not in kept
    assert b"Thanks" in (await told(way, office, delivery))[0].exchange


async def test_a_worker_whose_processes_look_together_queues_the_same(office: Office, way: Way) -> None:
    await subscribe(office, "https://crm.example.com/", events=CUSTOMERS)
    way.tell()
    with connected(way.url) as db:
        newest = Newest(head(db.cursor()))
        lookout = Lookout(newest, KEYRING, [Webhooks(), SlaClock()])
        assert lookout.after(db.cursor(), newest.end) is not None
        who = uuid4()
        await office.do(RegisterRequester, requester_id=who, requester_name="Cy")
        newest.add(read_page(db.cursor(), newest.end))
        for process in (Webhooks(), SlaClock()):
            Follower(process, KEYRING, db, lambda: way.now, lookout).step()
    assert way.rows("SELECT subject_id FROM processes.deliveries") == [(who,)]


def test_what_an_import_tells_of_customers_is_not_told_on() -> None:
    stage = Stage(Webhooks())
    definition = WebhookDefinition(title="CRM", events=CUSTOMERS)
    stage.do(SetWebhook, key=CRM, url="https://a.example/", secret=SECRET, definition=definition)
    stage.do(RegisterRequester, requester_id=uuid4(), requester_name="Cy", channel="import")
    assert stage.deliveries == []
    stage.do(RegisterRequester, requester_id=uuid4(), requester_name="Di")
    assert len(stage.deliveries) == 1


@pytest.mark.parametrize("sample", [each for each in SAMPLES if not of_ticket(each.NAME)], ids=lambda each: each.NAME)
def test_no_content_of_anything_but_tickets_is_ever_told(sample: Any) -> None:
    everything = Webhook(key=CRM, webhook_id=STREAM, version=1, title="CRM", shows=("title", "text", "fields", "files"))
    recorded = Recorded(12, STREAM, 7, WHEN, METADATA, sample)
    heard = json.loads(message.body(recorded, None, Subscription(everything, "https://a.example/"), ()))
    assert all(heard["data"].get(name) is None for name in type(sample).CONTENT)
    assert not heard["data"].keys() & type(sample).SECRETS
    assert heard["type"].rpartition(".")[0] in EVENTS
