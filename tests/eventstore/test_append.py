"""The append: each caller its own verdict, nothing acknowledged that is not durable, nothing recorded twice."""

import asyncio
import random
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow

from eventstore import append
from eventstore.append import Answer, Appender, AppendFailed, Call, NewEvent
from eventstore.database import DatabaseUnavailable
from eventstore.identifiers import uuid7
from tests.eventstore.proxies import CuttingProxy

Db = psycopg.Connection[TupleRow]
WORKSPACE = uuid4()


def a_call(stream: UUID | None = None, after: int = 0, events: int = 1, command: UUID | None = None) -> Call:
    new = [NewEvent("thing.happened", uuid7(), b"{}") for _ in range(events)]
    return Call(WORKSPACE, command or uuid4(), b"asked", stream or uuid4(), after, new)


def recorded(database: Db, command: UUID) -> int:
    row = database.execute("SELECT count(*) FROM log.stored_events WHERE command_id = %s", [command]).fetchone()
    return int(row[0]) if row else 0


def check_log(database: Db) -> None:
    """Positions without gaps, streams without gaps, every answer of a command as the log has it."""
    assert database.execute(
        "SELECT count(*) = coalesce(max(notification_id), 0) FROM log.stored_events"
    ).fetchone() == (True,)
    gaps = "SELECT originator_id FROM log.stored_events GROUP BY 1 HAVING count(*) <> max(originator_version)"
    assert database.execute(gaps).fetchall() == []
    wrong = (
        "SELECT k.command_id FROM log.commands k LEFT JOIN log.stored_events e USING (workspace_id, command_id)"
        " GROUP BY 1, k.events, k.version, k.position HAVING count(e.event_id) <> k.events"
        " OR k.events > 0 AND (max(e.originator_version), max(e.notification_id)) <> (k.version, k.position)"
    )
    assert database.execute(wrong).fetchall() == []


async def test_done_conflict_and_repeat(database_url: str, database: Db) -> None:
    async with Appender(database_url) as appender:
        first = a_call(events=3)
        done = await appender.append(first)
        assert done == Answer("done", first.stream_id, 3, 3, 3, b"asked")
        late = a_call(first.stream_id, after=2)
        assert (await appender.append(late)).verdict == "conflict"
        ahead = a_call(first.stream_id, after=4)
        assert (await appender.append(ahead)).verdict == "conflict"
        assert (await appender.append(a_call(first.stream_id, after=3))).position == 4
        assert await appender.append(first) == done._replace(verdict="repeat")
    check_log(database)


async def test_a_command_that_changes_nothing_is_remembered(database_url: str, database: Db) -> None:
    async with Appender(database_url) as appender:
        first = a_call()
        await appender.append(first)
        nothing = a_call(first.stream_id, after=1, events=0)
        answer = await appender.append(nothing)
        assert answer == Answer("done", first.stream_id, 1, 0, 1, b"asked")
        await appender.append(a_call(first.stream_id, after=1))
        assert await appender.append(nothing) == answer._replace(verdict="repeat")
    check_log(database)


async def test_concurrent_callers_share_commits(database_url: str, database: Db) -> None:
    async with Appender(database_url) as appender:
        calls = [a_call() for _ in range(200)]
        answers = await asyncio.gather(*(appender.append(call) for call in calls))
    assert [answer.stream_id for answer in answers] == [call.stream_id for call in calls]
    commits = database.execute("SELECT count(DISTINCT xmin::text) FROM log.stored_events").fetchone()
    assert commits is not None
    assert commits[0] < 20
    check_log(database)


async def test_callers_of_one_stream_wait_for_each_other(database_url: str, database: Db) -> None:
    stream = uuid4()
    async with Appender(database_url) as appender:
        answers = await asyncio.gather(*(appender.append(a_call(stream, after=n)) for n in range(30)))
        assert [answer.version for answer in answers] == list(range(1, 31))
        same = a_call(stream, after=30)
        twice = await asyncio.gather(appender.append(same), appender.append(same))
        assert sorted(answer.verdict for answer in twice) == ["done", "repeat"]
    check_log(database)


async def test_a_bad_call_does_not_fail_the_others(database_url: str, database: Db) -> None:
    taken = uuid7()
    async with Appender(database_url) as appender:
        bad = Call(WORKSPACE, uuid4(), b"asked", uuid4(), 0, [NewEvent("thing.happened", taken, b"{}")])
        await appender.append(
            Call(WORKSPACE, uuid4(), b"asked", uuid4(), 0, [NewEvent("thing.happened", taken, b"{}")])
        )
        calls = [*(a_call() for _ in range(10)), bad, *(a_call() for _ in range(10))]
        answers = await asyncio.gather(*(appender.append(call) for call in calls), return_exceptions=True)
        failed = [answer for answer in answers if not isinstance(answer, Answer)]
        assert [type(error) for error in failed] == [AppendFailed]
        assert (await appender.append(a_call())).verdict == "done"
    assert recorded(database, bad.command_id) == 0
    check_log(database)


async def test_a_mistake_of_ours_stops_nobody_else(database_url: str, database: Db) -> None:
    broken = Call(WORKSPACE, uuid4(), b"asked", uuid4(), 0, ["no event"])  # type: ignore[list-item]
    async with Appender(database_url) as appender:
        for _ in range(3):
            with pytest.raises(AppendFailed):
                await appender.append(broken)
        assert (await appender.append(a_call())).verdict == "done"
    check_log(database)


async def test_a_caller_that_gives_up_takes_nobody_with_it(database_url: str, database: Db) -> None:
    async with Appender(database_url) as appender:
        calls = [a_call() for _ in range(20)]
        waiting = [asyncio.create_task(appender.append(call)) for call in calls]
        await asyncio.sleep(0)
        waiting[7].cancel()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(answer, Answer) for answer in answers) == 19
    check_log(database)


async def test_who_waits_at_the_end_is_served_and_who_comes_later_is_told(database_url: str, database: Db) -> None:
    async with Appender(database_url) as appender:
        waiting = [asyncio.create_task(appender.append(a_call())) for _ in range(20)]
        await asyncio.sleep(0)
    assert {answer.verdict for answer in await asyncio.gather(*waiting)} == {"done"}
    with pytest.raises(DatabaseUnavailable):
        await asyncio.wait_for(appender.append(a_call()), 30)
    check_log(database)


@pytest.fixture
def wires() -> Iterator[Path]:
    # A socket's path may not be long: pytest's own folders are.
    with tempfile.TemporaryDirectory(prefix="wire-") as folder:
        yield Path(folder)


async def test_an_answer_that_is_lost_on_the_way_is_looked_up(database_url: str, database: Db, wires: Path) -> None:
    async with CuttingProxy(database_url, wires) as proxy, Appender(proxy.url) as appender:
        await appender.append(a_call())
        for _ in range(5):
            proxy.arm()
            call = a_call()
            answer = await appender.append(call)
            assert (answer.verdict, answer.events) == ("repeat", 1)
            assert recorded(database, call.command_id) == 1
    assert proxy.cuts == 5
    check_log(database)


async def test_a_database_that_stays_away_is_told_and_later_known(database_url: str, database: Db, wires: Path) -> None:
    call = a_call()
    async with CuttingProxy(database_url, wires) as proxy, Appender(proxy.url, patience=0.3) as appender:
        await appender.append(a_call())
        proxy.arm(for_good=True)
        with pytest.raises(DatabaseUnavailable):
            await appender.append(call)
    assert recorded(database, call.command_id) == 1
    async with Appender(database_url) as appender:
        assert (await appender.append(call)).verdict == "repeat"
    check_log(database)


async def test_those_behind_a_batch_that_waits_do_not_wait_as_long_once_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = [0.0]
    monkeypatch.setattr(append, "_now", lambda: clock[0])
    async with Appender(f"postgresql:///x?host={tmp_path}", patience=30.0) as appender:
        asked = [asyncio.create_task(appender.append(a_call())) for _ in range(3)]
        await asyncio.sleep(0)
        asked += [asyncio.create_task(appender.append(a_call())) for _ in range(3)]
        await asyncio.sleep(0)
        clock[0] = 31.0
        failed = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 10)
    assert {type(error) for error in failed} == {DatabaseUnavailable}


async def test_backends_that_are_killed_under_load_lose_and_double_nothing(
    database_url: str, superuser_url: str, database: Db
) -> None:
    acknowledged: list[Answer] = []
    async with Appender(database_url) as one, Appender(database_url) as other:

        async def work(appender: Appender) -> None:
            stream = uuid4()
            for after in range(25):
                answer = await appender.append(a_call(stream, after))
                assert answer.verdict in ("done", "repeat")
                assert answer.version == after + 1
                acknowledged.append(answer)

        workers = asyncio.gather(*(work(appender) for appender in (one, other) for _ in range(20)))
        killer = asyncio.create_task(kill_appenders(superuser_url))
        await workers
        killer.cancel()
        with suppress(asyncio.CancelledError):
            await killer
    positions = {answer.position for answer in acknowledged}
    assert positions == set(range(1, 1001))
    check_log(database)


async def kill_appenders(superuser_url: str) -> None:
    """Ends a backend of the append now and then, until cancelled."""
    chance = random.Random(7)
    async with await psycopg.AsyncConnection.connect(superuser_url, autocommit=True) as db:
        while True:
            await db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ledgerdesk-append'"
                " AND datname = current_database() ORDER BY random() LIMIT 1"
            )
            await asyncio.sleep(chance.uniform(0.0, 0.05))
