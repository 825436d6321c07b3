"""Workers that share read models through Kafka: what is in the tables is what one worker that reads the log has in them."""

import asyncio
import random
from contextlib import closing
from uuid import uuid4

import psycopg
import pytest

from domain.errors import Refusal
from domain.ticket.commands import EraseTicket, NoteOnTicket, ReplyToTicket, TagTicket
from domain.ticket.messages import RedactMessage
from eventstore.erasure import erase
from eventstore.keyring import Keyring
from processors.stream.members import Member, NeedsOneOwner
from projections import builds
from projections.models import READ_MODELS
from tests.desks import MASTER, an_office
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


async def busy(office, tickets, seed):
    """People who work on many tickets at once."""
    chance = random.Random(seed)
    for _ in range(60):
        number = f"T-{chance.randrange(tickets)}"
        what = chance.random()
        try:
            if what < 0.5:
                await office.do(NoteOnTicket, number=number, body="Looked at it")
            elif what < 0.85:
                said = office.command(ReplyToTicket, number=number, body="Hello", command_id=uuid4())
                await office.desk.execute(said)
                if what > 0.8:
                    await office.do(RedactMessage, number=number, message_id=said.command_id, reason="a number")
            elif what < 0.98:
                await office.do(TagTicket, number=number, add=(chance.choice("abcdef"),))
            else:
                await erase(office.desk, office.command(EraseTicket, number=number, reason="asked"))
        except Refusal:
            # Erased meanwhile.
            continue


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


@pytest.mark.timeout(240)
async def test_three_workers_killed_and_begun_again_under_load_end_in_the_tables_of_one(database_url, settings):
    chance = random.Random(9)
    async with an_office(database_url) as office:
        for number in range(40):
            await office.ticket(f"T-{number}")
        with publishing(database_url, settings):
            workers = [sharing(database_url, settings) for _ in range(3)]
            try:
                await until(lambda: owners(database_url) == 3, 60)
                for round_ in range(4):
                    await asyncio.gather(*(busy(office, 40, 10 * round_ + n) for n in range(3)))
                    victim = chance.randrange(3)
                    workers[victim].kill()
                    workers[victim].wait()
                    await asyncio.gather(*(busy(office, 40, 100 * round_ + n) for n in range(2)))
                    workers[victim] = sharing(database_url, settings)
                end = log_head(database_url)
                await until(lambda: reached(database_url) >= end, 90)
            finally:
                for worker in workers:
                    worker.kill()
                    worker.wait()
    shared = {model.NAME: tables.contents(database_url, model) for model in SHARED}
    assert shared["ticket_timeline"]["ticket_timeline"]
    rebuilt(database_url)
    assert {model.NAME: tables.contents(database_url, model) for model in SHARED} == shared


def rebuilt(url):
    tables.built(url, *SHARED)


async def test_while_workers_share_it_nobody_keeps_it_alone(database_url, settings):
    async with an_office(database_url) as office:
        await office.ticket()
        with publishing(database_url, settings):
            worker = sharing(database_url, settings)
            try:
                await until(lambda: owners(database_url) == 1, 60)
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
            await until(lambda: reached(database_url) >= log_head(database_url), 60)
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
                await until(lambda: reached(database_url) >= log_head(database_url), 60)
            finally:
                worker.kill()
                worker.wait()
    with closing(tables.working(database_url)) as db:
        timeline = builds.find(db.cursor(), "ticket_timeline", "live")
        notes = f"SELECT count(*) FROM {timeline.schema}.ticket_timeline WHERE event = 'ticket.noted'"
        assert db.execute(notes).fetchone() == (5,)
