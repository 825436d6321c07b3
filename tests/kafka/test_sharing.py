"""Workers that share read models through Kafka: what is in the tables is what one worker that reads the log has in them."""

from contextlib import closing

import psycopg
import pytest

from domain.ticket.commands import NoteOnTicket
from eventstore.keyring import Keyring
from processors.stream.members import Member, NeedsOneOwner
from projections import builds
from projections.models import READ_MODELS
from tests.desks import MASTER, an_office
from tests.kafka.kit import delete_topic, read_all
from tests.kafka.publishing import log_head, publishing, settings_of
from tests.kafka.sharing import SHARED, sharing
from tests.projections import tables
from tests.waiting import until


def test_what_counts_over_tickets_is_not_shared(settings):
    alone = [model for model in READ_MODELS if not model.PARTITIONED]
    assert {model.NAME for model in SHARED} == {"ticket_timeline", "ticket_history", "ticket_drafts", "saved_views"}
    for model in alone:
        with pytest.raises(NeedsOneOwner):
            Member("", Keyring(MASTER), model, None, None, settings)


def reached(url):
    with psycopg.connect(url) as db:
        found = dict(db.execute("SELECT name, position FROM ops.builds WHERE state = 'live'").fetchall())
    return min((found.get(model.NAME, 0) for model in SHARED), default=0)


def owners(url):
    """How many sessions hold a share of the timeline."""
    with psycopg.connect(url) as db:
        query = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted "
            "AND classid = hashtext('read model')::oid AND objid = (hashtext('ticket_timeline')::bigint & 4294967295)::oid "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return db.execute(query).fetchone()[0]


async def test_while_workers_share_it_nobody_keeps_it_alone(database_url, settings):
    async with an_office(database_url) as office:
        await office.ticket()
        with publishing(database_url, settings):
            worker = sharing(database_url, settings)
            try:
                await until(lambda: owners(database_url) == 1, 120)
                with closing(tables.working(database_url)) as db:
                    asked = "SELECT pg_try_advisory_lock(hashtext('read model'), hashtext('ticket_timeline'))"
                    assert db.execute(asked).fetchone() == (False,)
            finally:
                worker.kill()
                worker.wait()


async def test_what_kafka_has_no_more_is_read_from_the_log(database_url, kafka):
    settings = settings_of(kafka)
    async with an_office(database_url) as office:
        for number in range(5):
            await office.ticket(f"T-{number}")
        with publishing(database_url, settings):
            worker = sharing(database_url, settings)
            await until(lambda: reached(database_url) >= log_head(database_url), 120)
            worker.kill()
            worker.wait()
        for number in range(5):
            await office.do(NoteOnTicket, number=f"T-{number}", body="Looked at it")
        with closing(tables.working(database_url)) as db:
            # As after weeks in which nobody ran: these offsets are gone.
            db.execute("UPDATE ops.partitions SET next_offset = 10000000")
        with publishing(database_url, settings):
            worker = sharing(database_url, settings)
            try:
                await until(lambda: reached(database_url) >= log_head(database_url), 120)
            finally:
                worker.kill()
                worker.wait()
    assert notes(database_url) == 5


async def test_a_topic_that_was_made_anew_is_not_gone_on_with_where_the_old_one_was_left(database_url, kafka):
    # Of one partition, so that no other one shows it.
    settings = settings_of(kafka, kafka_partitions=1)
    async with an_office(database_url) as office:
        await office.ticket()
        with publishing(database_url, settings):
            worker = sharing(database_url, settings)
            await until(lambda: reached(database_url) >= log_head(database_url), 120)
            await until(lambda: least_offset(database_url) > 0, 120)
            worker.kill()
            worker.wait()
        delete_topic(kafka, settings.events)
        for _ in range(30):
            await office.do(NoteOnTicket, number="T-1", body="Looked at it")
        with publishing(database_url, settings):
            assert len(read_all(kafka, settings.events, until=lambda found: len(found) >= 30)) == 30
            worker = sharing(database_url, settings)
            try:
                await until(lambda: reached(database_url) >= log_head(database_url), 120)
            finally:
                worker.kill()
                worker.wait()
    assert notes(database_url) == 30


def least_offset(url):
    """Where the read models go on in the topic."""
    with psycopg.connect(url) as db:
        count, least = db.execute("SELECT count(*), min(next_offset) FROM ops.partitions").fetchone()
    return least if count == len(SHARED) else 0


def notes(url):
    """How many the timeline has."""
    with closing(tables.working(url)) as db:
        timeline = builds.find(db.cursor(), "ticket_timeline", "live")
        count = f"SELECT count(*) FROM {timeline.schema}.ticket_timeline WHERE event = 'ticket.noted'"
        return db.execute(count).fetchone()[0]
