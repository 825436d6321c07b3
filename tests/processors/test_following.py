"""Whatever dies whenever: all that a happening leads to is recorded together, and once."""

import asyncio
import sys
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow

from domain.ticket.commands import CloseTicket, NoteOnTicket, ReopenTicket, TagTicket
from domain.workspace import AddTeam
from eventstore.keyring import Keyring
from processors import due, recording
from processors.firing import Poller
from processors.following import Follower
from processors.process import Do, Hasten, SetTimer, because_of
from tests.desks import MASTER, Office
from tests.house.test_house import ROOT
from tests.processors.greeter import LATER, Died, Greeter, connected, done, follower, rows, work_through

Db = psycopg.Connection[TupleRow]
NEVER = datetime(2200, 1, 1, tzinfo=UTC)
NUMBERS = ("T-1", "T-2", "T-3")


@pytest.fixture
async def three(office: Office) -> Office:
    """An office with three new tickets."""
    for number in NUMBERS:
        await office.ticket(number)
    return office


def kept(database: Db, office: Office) -> tuple[Any, ...]:
    """All that processes left behind."""
    memories = rows(database, "memories", "process, state")
    return done(database, office.workspace), memories, rows(database, "timers"), rows(database, "dead_letters")


def dying_at(db: psycopg.Connection[Any], moment: int, die: Callable[[], None]) -> None:
    """It ends at that moment: before or after one of its statements."""
    count = iter(range(moment))

    def passes() -> None:
        if next(count, None) is None:
            die()

    db.moment = passes  # type: ignore[attr-defined]


async def test_a_happening_leads_to_commands_timers_and_memories(
    three: Office, database: Db, database_url: str
) -> None:
    with connected(database_url) as db:
        while follower(db).step():
            pass
        written = [topic for _, topic, _ in done(database, three.workspace)]
        assert sorted(written) == ["ticket.noted"] * 3 + ["ticket.tagged"] * 3
        assert len(rows(database, "timers")) == 3
        assert rows(database, "memories", "process, state") == [("greeter", {"opened": 3, "first": "T-1"})]
        work_through(db)
    assert [topic for _, topic, _ in done(database, three.workspace)].count("ticket.prioritised") == 6
    assert rows(database, "timers") == []
    assert rows(database, "memories", "process, state")[0][1]["fired"] == 6


async def test_a_command_names_the_one_that_it_follows(three: Office, database: Db, database_url: str) -> None:
    with connected(database_url) as db:
        follower(db).step()
    tagged, noted = (
        database.execute(
            "SELECT event_id, convert_from(state, 'UTF8')::jsonb->'metadata'->>'causation_id' "
            "FROM log.stored_events WHERE topic = %s ORDER BY notification_id",
            [topic],
        ).fetchall()
        for topic in ("ticket.tagged", "ticket.noted")
    )
    assert {UUID(cause) for _, cause in noted} == {event for event, _ in tagged}


async def test_a_connection_lost_at_any_step_changes_nothing(three: Office, database: Db, database_url: str) -> None:
    """One desk is lost at every moment, each time a little later; another is never. Both come to the same."""
    survived = 0
    for moment in range(1000):
        with connected(database_url) as db:

            def die(db: psycopg.Connection[Any] = db) -> None:
                db.close()
                raise Died

            dying_at(db, moment, die)
            try:
                work_through(db)
            except psycopg.OperationalError:
                continue
            survived = moment
            break
    assert survived > 20
    counts: dict[UUID, int] = {}
    for _, _, command in done(database, three.workspace):
        counts[command] = counts.get(command, 0) + 1
    assert set(counts.values()) == {1}
    assert len(counts) == 12
    assert rows(database, "memories", "process, state") == [("greeter", {"opened": 3, "first": "T-1", "fired": 6})]
    assert rows(database, "timers") == rows(database, "dead_letters") == []


KILLED = """
import os, signal, sys
from tests.processors.greeter import connected, work_through
for moment in range(1000):
    child = os.fork()
    if not child:
        count = iter(range(moment))
        db = connected(sys.argv[1])
        db.moment = lambda: next(count, None) is None and os.kill(os.getpid(), signal.SIGKILL)
        work_through(db)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        print(moment)
        break
"""


async def test_a_process_killed_at_any_step_changes_nothing(three: Office, database: Db, database_url: str) -> None:
    killing = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, database_url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    survived, _ = await killing.communicate()
    assert int(survived) > 20
    commands = [command for _, _, command in done(database, three.workspace)]
    assert len(commands) == len(set(commands)) == 12
    assert rows(database, "memories", "process, state") == [("greeter", {"opened": 3, "first": "T-1", "fired": 6})]


async def test_a_replay_repeats_nothing(three: Office, database: Db, database_url: str) -> None:
    with connected(database_url) as db:
        work_through(db)
        before = kept(database, three)
        # What was refused or led to nothing would be allowed now: a replay asks for it no more.
        for number in NUMBERS:
            await three.do(CloseTicket, number=number)
        database.execute("DELETE FROM processes.memories")
        database.execute("DELETE FROM log.notification_tracking WHERE application_name = 'greeter'")
        work_through(db)
    assert kept(database, three) == before


async def test_what_was_refused_stays_refused(office: Office, database: Db, database_url: str) -> None:
    await office.ticket("T-1")
    await office.do(CloseTicket, number="T-1")
    with connected(database_url) as db:
        work_through(db)
        before = done(database, office.workspace)
        await office.do(ReopenTicket, number="T-1")
        database.execute("DELETE FROM log.notification_tracking WHERE application_name = 'greeter'")
        database.execute("DELETE FROM processes.memories")
        work_through(db)
    assert done(database, office.workspace) == before


async def test_what_others_write_meanwhile_is_decided_on(
    three: Office, database: Db, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else tags between our reading and our writing, again and again."""
    append, loop, busy = recording.append, asyncio.get_running_loop(), iter(("one", "seen", "two"))

    def interrupted(*given: Any) -> Any:
        if (tag := next(busy, None)) is not None:
            doing = three.do(TagTicket, number="T-1", add={tag})
            asyncio.run_coroutine_threadsafe(doing, loop).result()
        return append(*given)

    monkeypatch.setattr(recording, "append", interrupted)
    with connected(database_url) as db:
        await asyncio.to_thread(work_through, db)
    written = [topic for _, topic, _ in done(database, three.workspace)]
    # On the first ticket somebody else was faster.
    assert (written.count("ticket.tagged"), written.count("ticket.noted")) == (2, 3)


async def test_a_failure_parks_its_ticket_and_others_go_on(office: Office, database: Db, database_url: str) -> None:
    await office.ticket("T-1")
    await office.ticket("T-2", title="bad")
    await office.do(NoteOnTicket, number="T-2", body="Is anybody there?")
    await office.ticket("T-3")
    with connected(database_url) as db:
        work_through(db)
    letters = database.execute(
        "SELECT topics, error, attempts, state FROM processes.dead_letters ORDER BY position"
    ).fetchall()
    assert letters == [(["ticket.opened"], "ZeroDivisionError", 1, "waiting"), (["ticket.noted"], None, 0, "waiting")]
    assert rows(database, "memories", "process, state")[0][1]["opened"] == 2


class Mended(Greeter):
    """The next release, which copes with bad titles."""

    def react(self, happening: Any, memory: Any) -> Any:
        """Nothing is too much."""
        if happening.before is None and happening.metadata.channel != "process":
            yield from Greeter.react(self, _retitled(happening), memory)


def _retitled(happening: Any) -> Any:
    row = copy(happening.after.row)
    row.title = "good"
    return replace(happening, after=replace(happening.after, row=row))


def resolve(database: Db, letter: int, decided: str) -> bool:
    found = database.execute(
        "SELECT processes.resolve((SELECT workspace_id FROM processes.dead_letters LIMIT 1), %s, %s, '{}')",
        [letter, decided],
    ).fetchone()
    assert found is not None
    return bool(found[0])


async def parked(office: Office, database: Db, url: str) -> list[int]:
    """A ticket whose happenings wait."""
    await office.ticket("T-1", title="bad")
    await office.do(NoteOnTicket, number="T-1", body="Is anybody there?")
    with connected(url) as db:
        work_through(db)
    return [row[0] for row in rows(database, "dead_letters", "letter_id, state")]


async def test_a_retry_goes_on_in_order_from_the_first(office: Office, database: Db, database_url: str) -> None:
    first, second = await parked(office, database, database_url)
    with connected(database_url) as db:
        assert resolve(database, second, "retry")
        work_through(db)
        assert rows(database, "dead_letters", "letter_id, state, attempts") == [
            (first, "waiting", 2),
            (second, "waiting", 0),
        ]
        assert resolve(database, first, "retry")
        work_through(db, Mended())
    assert rows(database, "dead_letters", "letter_id, state") == [(first, "done"), (second, "done")]
    assert [topic for _, topic, _ in done(database, office.workspace)][:2] == ["ticket.tagged", "ticket.noted"]


async def test_what_is_skipped_is_passed_over_and_the_rest_goes_on(
    office: Office, database: Db, database_url: str
) -> None:
    first, second = await parked(office, database, database_url)
    assert resolve(database, first, "skipped")
    assert not resolve(database, first, "skipped")
    with connected(database_url) as db:
        work_through(db)
        await office.do(NoteOnTicket, number="T-1", body="Now it is two.")
        work_through(db)
    states = rows(database, "dead_letters", "letter_id, state")
    assert states[:2] == [(first, "skipped"), (second, "waiting")]


async def test_a_timer_that_fails_waits_for_somebody(
    three: Office, database: Db, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fire = Greeter.fire

    def failing(self: Greeter, timer: Any, now: Any, *given: Any) -> Any:
        if now.ticket.number == "T-2":
            raise ZeroDivisionError
        return fire(self, timer, now, *given)

    with connected(database_url) as db:
        with monkeypatch.context() as broken:
            broken.setattr(Greeter, "fire", failing)
            work_through(db)
        ((letter, key, error),) = database.execute(
            "SELECT letter_id, timer->>'key', error FROM processes.dead_letters"
        ).fetchall()
        assert (key, error) == ("first", "ZeroDivisionError")
        assert resolve(database, letter, "retry")
        work_through(db)
    assert [topic for _, topic, _ in done(database, three.workspace)].count("ticket.prioritised") == 6
    assert rows(database, "dead_letters", "letter_id, state") == [(letter, "done")]


async def test_timers_of_one_ticket_fire_one_after_the_other(three: Office, database: Db, database_url: str) -> None:
    with connected(database_url) as db, connected(database_url) as other:
        follower(db).step()
        database.execute(
            "INSERT INTO processes.timers SELECT ticket_id, process, 'second', workspace_id, due_at + interval '1 s', "
            "due_at + interval '1 s' FROM processes.timers"
        )
        with other.transaction():
            assert [timer.key for timer in due.take(other.cursor(), ["greeter"], LATER, 2)] == ["first", "first"]
            # Those that wait behind what the other has just taken are left alone.
            assert [timer.key for timer in due.take(db.cursor(), ["greeter"], LATER, 9)] == ["first"]


class Hasty(Greeter):
    """Notes whenever it looks at a ticket, though what it waits for never comes."""

    NAME = "hasty"
    TOPICS = frozenset({"ticket.opened"})
    REMEMBERS = False

    def react(self, happening: Any, memory: Any) -> Any:
        """It waits."""
        return [SetTimer(happening.after.row.ticket_id, "look", NEVER)]

    def fire(self, timer: Any, now: Any, *given: Any) -> Any:
        """It looks, and waits on."""
        note = NoteOnTicket(number=now.ticket.number, body="Not yet.", **because_of(timer))
        return [Do(note), SetTimer(timer.ticket, "look", NEVER)]

    def set_up(self, recorded: Any, desk: Any) -> Any:
        """Whatever changes, it looks again."""
        return [Hasten()]


async def test_what_rests_on_a_change_is_looked_at_again_with_every_change(
    three: Office, database: Db, database_url: str
) -> None:
    with connected(database_url) as db:
        clock = iter(datetime(2090, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(1000))
        following = Follower(Hasty(), Keyring(MASTER), db, lambda: next(clock))
        firing = Poller([Hasty()], Keyring(MASTER), db, lambda: next(clock))
        following.step()
        assert firing.step() == 0
        for changes in (1, 2):
            await three.do(AddTeam, team_id=uuid4(), title=f"Billing {changes}")
            following.step()
            assert firing.step() == 3
            assert firing.step() == 0
            written = [topic for _, topic, _ in done(database, three.workspace)]
            assert written == ["ticket.noted"] * 3 * changes
        assert {row[0] for row in rows(database, "timers", "due_at, wake_at")} == {NEVER}
