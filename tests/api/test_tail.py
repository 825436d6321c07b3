"""The tail: news wakes everybody who has a mark, also where nobody had one for a while and it did not listen."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from api import tail as module
from api.tail import Tail
from eventstore.feed import CHANNEL
from tests.waiting import until

Db = psycopg.Connection[TupleRow]
# Longer than any test takes: what happens before that is not the poll's doing.
NEVER = 3600.0


def tell(database: Db, channel: str = CHANNEL) -> None:
    database.execute("SELECT pg_notify(%s, '')", [channel])


@pytest.fixture
async def tail(database_url: str, database: Db, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tail]:
    monkeypatch.setattr(module, "POLL", NEVER)
    async with Tail(database_url) as opened:
        mark = opened.mark()
        # It listens once it hears.
        await until(lambda: tell(database) or mark.is_set())
        yield opened


@pytest.mark.parametrize("channel", module.CHANNELS)
async def test_news_wakes_who_waits(tail: Tail, database: Db, channel: str) -> None:
    waiting = [asyncio.create_task(tail.wait(tail.mark(), 30)) for _ in range(3)]
    await asyncio.sleep(0)
    tell(database, channel)
    assert await asyncio.gather(*waiting) == [True] * 3


async def test_what_comes_after_the_mark_counts_though_nobody_waits_yet(tail: Tail, database: Db) -> None:
    mark = tail.mark()
    tell(database)
    await until(mark.is_set)
    assert await tail.wait(mark, 0)


async def test_news_is_heard_again_after_nobody_had_a_mark(tail: Tail, database: Db) -> None:
    for _ in range(3):
        tell(database)
        mark = tail.mark()
        # What came before may be told too: whoever looks then finds nothing new and takes another mark.
        tell(database)
        await until(mark.is_set)


async def test_it_listens_as_long_as_somebody_waits(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL", 0.01)
    # What another role asks is hidden.
    monkeypatch.setattr(module, "conninfo", lambda url, _, name: make_conninfo(url, application_name=name))
    asked = (
        "SELECT query FROM pg_stat_activity WHERE application_name = 'ledgerdesk-tail' AND datname = current_database()"
    )
    with psycopg.connect(database_url, autocommit=True) as watching:
        async with Tail(database_url) as tail:
            for _ in range(2):
                assert await tail.wait(tail.mark(), 30)
                await until(lambda: watching.execute(asked).fetchone() == ("UNLISTEN *",))
