"""The stream: every event once and in order, told as CloudEvents, content only where it may be (J1, J2)."""

import json
import random
from collections import defaultdict
from contextlib import closing
from uuid import uuid4

import psycopg
import pytest
from kafka import KafkaProducer

from domain.requester import RegisterRequester
from domain.setup.streaming import SetStream
from domain.streaming import Shown
from domain.ticket.commands import EraseTicket, NoteOnTicket, ReplyToTicket
from domain.ticket.confidential import SetConfidential
from domain.ticket.messages import RedactMessage
from eventstore.erasure import erase
from eventstore.feed import read_page
from processors.stream.settings import SOON
from processors.stream.sources import Tickets
from projections.ticket_list import TicketList
from tests.desks import an_office
from tests.kafka.brokers import BACK_SOON
from tests.kafka.following import built
from tests.kafka.kit import make_topic, read_all, unique
from tests.kafka.publishing import header, log_head, positions, process, published, publishing, settings_of
from tests.waiting import until


def by_type(records):
    found = defaultdict(list)
    for record in records:
        found[header(record, "ce_type").rpartition(".")[0]].append(record)
    return found


def rows(url, topic):
    with psycopg.connect(url) as db:
        return [row for row in read_page(db.cursor(), 0) if row.topic == topic]


def data(record):
    return json.loads(record.value)


async def test_every_event_is_there_once_in_the_order_of_its_ticket(database_url, settings):
    async with an_office(database_url) as office:
        for number in range(30):
            await office.ticket(f"T-{number}")
        with publishing(database_url, settings):
            for number in range(30):
                await office.do(NoteOnTicket, number=f"T-{number}", body="Looked at it")
            found = published(database_url, settings)
    assert positions(found) == list(range(1, log_head(database_url) + 1))
    of = defaultdict(list)
    for record in sorted(found, key=lambda record: (record.partition, record.offset)):
        of[record.key].append(int(header(record, "ce_version")))
    assert all(versions == sorted(versions) for versions in of.values())


async def test_a_ticket_is_where_every_other_client_would_look_for_it(database_url, settings):
    async with an_office(database_url) as office:
        for number in range(20):
            await office.ticket(f"T-{number}")
        with publishing(database_url, settings):
            where = {record.key: record.partition for record in published(database_url, settings)}
    other = make_topic(settings.servers, unique("other"))
    with closing(KafkaProducer(bootstrap_servers=settings.servers, **SOON)) as producer:
        assert {key: producer.send(other, b"x", key).get(timeout=30).partition for key in where} == where


async def test_an_event_is_a_cloud_event_in_binary_mode(database_url, settings):
    async with an_office(database_url) as office:
        await office.ticket(title="打印机坏了", fields={})
        with publishing(database_url, settings):
            (record,) = by_type(published(database_url, settings))["ticket.opened"]
    headers = {name: value.decode() for name, value in record.headers}
    (stored,) = rows(database_url, "ticket.opened")
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_id"] == str(stored.event_id)
    assert headers["ce_type"] == "ticket.opened.v2"
    assert headers["ce_source"] == f"/workspaces/{office.workspace}"
    assert headers["ce_subject"] == record.key.decode()
    assert headers["content-type"] == "application/json"
    assert headers["ce_workspace"] == str(office.workspace)
    assert (headers["ce_version"], headers["ce_position"]) == ("1", str(stored.notification_id))
    assert headers["ce_actor"] == f"person:{office.person.id}"
    assert headers.keys() >= {"ce_time", "ce_position", "ce_correlationid", "ce_recorded", "ce_channel"}
    assert (data(record)["title"], data(record)["number"], data(record)["fields"]) == ("打印机坏了", "T-1", None)


async def test_customers_and_confidential_text_are_never_shown(database_url, settings):
    async with an_office(database_url) as office:
        await office.do(SetStream, shown=tuple(Shown))
        await office.do(RegisterRequester, requester_id=uuid4(), requester_name="王小明", email="wang@example.cn")
        await office.ticket()
        await office.do(SetConfidential, number="T-1", text="PIN 1234")
        with publishing(database_url, settings):
            found = published(database_url, settings)
    told = by_type(found)
    assert data(told["requester.registered"][0])["requester_name"] is None
    assert "text" not in data(told["ticket.confidential_set"][0])
    everything = b"".join(record.value for record in found).decode()
    assert "王小明" not in everything
    assert "wang@" not in everything
    assert "1234" not in everything
    assert "Ann" not in everything


async def test_a_workspace_says_what_is_shown(database_url, settings):
    async with an_office(database_url) as office, an_office(database_url, "other") as other:
        await office.do(SetStream, shown=())
        for each in (office, other):
            await each.ticket(title="Smoke", description="From the third floor")
        with publishing(database_url, settings):
            opened = by_type(published(database_url, settings))["ticket.opened"]
    shown = {header(record, "ce_workspace"): data(record) for record in opened}
    assert [shown[str(office.workspace)][name] for name in ("title", "description")] == [None, None]
    assert [shown[str(other.workspace)][name] for name in ("title", "description")] == ["Smoke", "From the third floor"]


async def test_what_was_erased_or_redacted_is_not_published_by_a_replay(database_url, settings):
    async with an_office(database_url) as office:
        for number in ("T-1", "T-2"):
            await office.ticket(number, title="Secret plans")
        said = office.command(ReplyToTicket, number="T-2", body="Call me at home")
        await office.desk.execute(said)
        with publishing(database_url, settings):
            first = by_type(published(database_url, settings))
            await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked for"))
            await office.do(RedactMessage, number="T-2", message_id=said.command_id, reason="a number")
            assert "ticket.erased" in by_type(published(database_url, settings))
        assert data(first["ticket.replied"][0])["body"] == "Call me at home"
        replay = unique("replay")
        with publishing(database_url, settings, replay):
            again = by_type(published(database_url, settings, replay))
    titles = {header(record, "ce_subject"): data(record)["title"] for record in again["ticket.opened"]}
    assert sorted(titles.values(), key=str) == [None, "Secret plans"]
    assert [header(r, "ce_erased") for r in again["ticket.opened"] if data(r)["title"] is None] == ["true"]
    (reply,) = again["ticket.replied"]
    assert (data(reply)["body"], header(reply, "ce_redacted")) == (None, "true")


async def test_tickets_as_they_are_now_and_tombstones(database_url, settings):
    async with an_office(database_url) as office:
        for number in ("T-1", "T-2"):
            await office.ticket(number)
        with built(database_url, TicketList()), publishing(database_url, settings, settings.tickets, Tickets):
            await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked for"))
            await office.do(NoteOnTicket, number="T-2", body="Looked at it")
            end = log_head(database_url)

            def told(found):
                last = {record.key: record for record in found}
                ends = [int(header(r, "ce_position")) for r in last.values() if r.value is not None]
                return end in ends and any(record.value is None for record in last.values())

            found = read_all(settings.servers, settings.tickets, until=told, seconds=60)
    last = {record.key: record.value for record in found}
    assert sorted(last.values(), key=lambda value: value is None)[1] is None
    (ticket,) = [json.loads(value) for value in last.values() if value is not None]
    assert (ticket["number"], ticket["title"], ticket["notes"], ticket["fields"]) == ("T-2", "打印机坏了", 1, None)


async def test_a_publisher_killed_at_any_point_loses_nothing_and_repeats_nothing(database_url, settings):
    async with an_office(database_url) as office:
        for number in range(150):
            await office.ticket(f"T-{number}")
    end = log_head(database_url)
    chance = random.Random(6)
    for _ in range(12):
        running = process(database_url, settings)
        try:
            committed = len(read_all_there(settings))
            if committed < end:
                await until(lambda committed=committed: len(read_all_there(settings)) > committed, 60)
                await until(lambda: chance.random() < 0.1)
        finally:
            running.kill()
            running.wait()
    with publishing(database_url, settings):
        found = published(database_url, settings)
    assert positions(found) == list(range(1, end + 1))


def read_all_there(settings):
    try:
        return read_all(settings.servers, settings.events)
    except AssertionError:
        return []


async def test_two_publishers_at_once_fence_each_other(database_url, settings):
    async with an_office(database_url) as office:
        for number in range(100):
            await office.ticket(f"T-{number}")
        both = [process(database_url, settings) for _ in range(2)]
        try:
            published(database_url, settings)
            for number in range(20):
                await office.ticket(f"U-{number}")
            found = published(database_url, settings)
        finally:
            for each in both:
                each.kill()
                each.wait()
    assert positions(found) == list(range(1, log_head(database_url) + 1))


@pytest.mark.parametrize("how", ["stopped", "hung"])
async def test_a_broker_that_is_away_is_waited_for(database_url, make_broker, how):
    broker = make_broker(BACK_SOON)
    settings = settings_of(broker.servers, kafka_deadline=2)
    async with an_office(database_url) as office:
        await office.ticket("T-0")
        with publishing(database_url, settings):
            published(database_url, settings)
            broker.kill() if how == "stopped" else broker.pause()
            # The desk goes on meanwhile; what it wrote is told as lag.
            for number in range(1, 50):
                await office.ticket(f"T-{number}")
            await until(lambda: lag(database_url, settings) >= 49)
            broker.start() if how == "stopped" else broker.resume()
            found = published(database_url, settings)
            assert positions(found) == list(range(1, log_head(database_url) + 1))
            await until(lambda: lag(database_url, settings) == 0)


def lag(url, settings):
    with psycopg.connect(url) as db:
        row = db.execute("SELECT lag_events FROM processes.progress WHERE process = %s", [settings.events]).fetchone()
    return row[0] if row else -1
