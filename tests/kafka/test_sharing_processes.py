"""Workers that share processes through Kafka: what is in the log and kept beside it is what one worker that reads the log would have there."""

import asyncio
import random

import psycopg
import pytest

from eventstore.database import Role, connect
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from processors import runner
from processors.effects import EffectFollower
from processors.firing import Poller
from processors.following import Follower
from processors.process import TicketProcess
from processors.runner import PROCESSES
from processors.stream.group import NeedsOneOwner
from tests.desks import MASTER, an_office
from tests.kafka.publishing import publishing
from tests.kafka.sharing import SHARED, sharing
from tests.kafka.working import (
    BY_PARTITION,
    all_quiet,
    busy,
    commands,
    forget,
    furnish,
    kept,
    open_tickets,
)
from tests.projections import tables
from tests.waiting import until

ONE_OWNER = {"triggers", "automations"}


def members(url, process="sla_clock"):
    """How many sessions hold a share of it."""
    with psycopg.connect(url) as db:
        query = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted "
            "AND classid = 7305803::oid AND objid = (hashtext(%s)::bigint & 4294967295)::oid "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return db.execute(query, [process]).fetchone()[0]


def test_what_counts_over_tickets_has_one_owner(settings):
    assert {process.NAME for process in PROCESSES} - set(BY_PARTITION) == ONE_OWNER
    for process in PROCESSES:
        if not process.PARTITIONED:
            with pytest.raises(NeedsOneOwner):
                runner.share(process, None, settings, None)


async def followed_alone(url):
    """By one who reads the log; timers fire at its end, for they look at tickets as they are."""
    keyring, processes = Keyring(MASTER), [each for each in PROCESSES if isinstance(each, TicketProcess)]
    with connect(url, Role.WORKER) as db:
        for process in processes:
            following = Follower(process, keyring, db, runner.now)
            while following.step():
                pass
            following.checkpoint.keep()
        async with Desk(url, keyring) as desk:
            for process in set(PROCESSES) - set(processes):
                effects = EffectFollower(process, keyring, db, desk)
                while await effects.step():
                    pass
        firing = Poller(processes, keyring, db, runner.now)
        while firing.step():
            pass


@pytest.mark.timeout(600)
async def test_three_workers_killed_and_begun_again_under_load_do_what_one_would(database_url, superuser_url, settings):
    chance = random.Random(9)
    forget(superuser_url)
    async with an_office(database_url) as office:
        other = await furnish(office)
        await open_tickets(office, 40, other)
        with publishing(database_url, settings):
            workers = [sharing(database_url, settings) for _ in range(3)]
            try:
                await until(lambda: all(members(database_url, name) == 3 for name in BY_PARTITION), 180)
                for round_ in range(3):
                    await asyncio.gather(*(busy(office, 40, 10 * round_ + n, 40) for n in range(3)))
                    victim = chance.randrange(3)
                    workers[victim].kill()
                    workers[victim].wait()
                    await asyncio.gather(*(busy(office, 40, 100 * round_ + n, 40) for n in range(2)))
                    workers[victim] = sharing(database_url, settings)
                await until(lambda: all_quiet(database_url) and reached(database_url), 200)
            finally:
                for worker in workers:
                    worker.kill()
                    worker.wait()
    shared = {model.NAME: tables.contents(database_url, model) for model in SHARED}
    assert shared["ticket_timeline"]["ticket_timeline"]
    tables.built(database_url, *SHARED)
    again = {model.NAME: tables.contents(database_url, model) for model in SHARED}
    assert again == shared
    await same_as_one(database_url, superuser_url)


def reached(url):
    with psycopg.connect(url) as db:
        found = dict(db.execute("SELECT name, position FROM ops.builds WHERE state = 'live'").fetchall())
        (end,) = db.execute("SELECT max(notification_id) FROM log.stored_events").fetchone()
    return min((found.get(model.NAME, 0) for model in SHARED), default=0) >= end


def said(url, ids):
    """What these commands led to."""
    query = (
        "SELECT k.command_id, k.events, e.topic, convert_from(e.state, 'UTF8')::jsonb->'metadata'->>'channel' "
        "FROM log.commands k LEFT JOIN log.stored_events e USING (command_id) WHERE k.command_id = ANY(%s)"
    )
    with psycopg.connect(url) as db:
        return db.execute(query, [list(ids)]).fetchall()


async def same_as_one(url, superuser_url):
    """A worker that follows the log from its beginning finds all that it would do done, and keeps the same."""
    before, done = kept(url), commands(url)
    assert all(before[table] for table in ("timers", "sla_clocks", "deliveries"))
    assert not before["dead_letters"]
    forget(superuser_url)
    await followed_alone(url)
    assert said(url, commands(url) - done) == []
    after = kept(url)
    for table, rows in before.items():
        assert after[table] == rows, table
