"""What several processes of a worker are told, made out once, is what each would have found by itself."""

import asyncio

import psycopg
from psycopg.rows import TupleRow

from domain.happening import Happening
from domain.ticket.commands import EraseTicket, NoteOnTicket
from eventstore.erasure import erase
from eventstore.feed import read_page
from eventstore.keyring import Keyring
from eventstore.newest import Newest
from processors.following import Follower
from processors.lookout import Lookout
from processors.sla_clock import SlaClock
from processors.waking import Waking
from processors.witness import Witness
from tests.desks import MASTER, Office
from tests.minds import in_mind
from tests.processors.greeter import LATER, Greeter, connected, done, follower
from tests.processors.test_witness import a_busy_day

Db = psycopg.Connection[TupleRow]
KEYRING = Keyring(MASTER)


async def test_what_is_told_is_what_a_witness_tells(office: Office, database: Db) -> None:
    with database.cursor() as db:
        beginning = read_page(db, 0)
        newest = Newest(beginning[-1].notification_id)
        lookout = Lookout(newest, KEYRING, [SlaClock(), Greeter()])
        assert lookout.after(db, newest.end) == ([], newest.end)
        await a_busy_day(office)
        rows = read_page(db, newest.end)
        newest.add(rows[:3])
        first, middle = lookout.after(db, beginning[-1].notification_id), newest.end
        newest.add(rows[3:])
        second = lookout.after(db, middle)
        whole = lookout.after(db, beginning[-1].notification_id)
        told = Witness(KEYRING).happenings(db, [*beginning, *rows])[-len(whole.told) :] if whole else []
    assert first
    assert second
    assert whole
    assert [*first.told, *second.told] == list(whole.told) == told
    assert whole.end == rows[-1].notification_id


async def test_one_that_lags_behind_looks_for_itself(office: Office, database: Db) -> None:
    await a_busy_day(office)
    with database.cursor() as db:
        newest = Newest(read_page(db, 0)[-1].notification_id)
        lookout = Lookout(newest, KEYRING, [Greeter()])
        assert lookout.after(db, newest.end - 1) is None
        assert lookout.after(db, newest.end) is not None


async def test_a_follower_does_the_same_with_it_and_comes_to_it_from_behind(
    office: Office, database: Db, database_url: str
) -> None:
    await office.ticket("T-1")
    with connected(database_url) as db:
        newest = Newest(read_page(db.cursor(), 0)[-1].notification_id)
        following = Follower(Greeter(), KEYRING, db, lambda: LATER, Lookout(newest, KEYRING, [Greeter()]))
        following.step()
        for number in ("T-2", "T-3"):
            await office.ticket(number)
            newest.add(read_page(db.cursor(), newest.end))
            while following.step():
                pass
        written = [topic for _, topic, _ in done(database, office.workspace)]
        assert sorted(written) == ["ticket.noted"] * 3 + ["ticket.tagged"] * 3
        newest.add(read_page(db.cursor(), newest.end))
        assert following.step()
        assert not follower(db).step()


async def test_what_leads_to_nothing_costs_no_transaction_each(office: Office, database: Db, database_url: str) -> None:
    await office.ticket("T-1")
    with connected(database_url) as db:
        following = Follower(Waking(), KEYRING, db, lambda: LATER)
        assert following.step()
        for n in range(3):
            await office.do(NoteOnTicket, number="T-1", body=f"Note {n}")
        statements = iter(range(1000))
        db.moment = lambda: next(statements)  # type: ignore[attr-defined]
        assert await asyncio.to_thread(following.step)
        # Two moments a statement: the page was read, and that was all.
        assert next(statements) <= 4
        assert following.checkpoint.patience < 1
        assert not following.step()
        assert following.checkpoint.patience >= 1


async def test_content_that_was_erased_is_in_nobodys_mind(office: Office, database: Db) -> None:
    for number in ("T-1", "T-2"):
        await office.ticket(number, title=f"A secret of {number}")
    with database.cursor() as db:
        newest = Newest(0)
        lookout = Lookout(newest, KEYRING, [SlaClock()])
        assert lookout.after(db, 0)
        newest.add(read_page(db, 0))
        heard = lookout.after(db, 0)
        assert heard
        assert "A secret of T-1" in in_mind(lookout)
        await erase(office.desk, office.command(EraseTicket, number="T-1", reason="Asked for."))
        newest.add(read_page(db, newest.end))
        # Who has heard all of it goes on; who has not reads the log.
        assert lookout.after(db, heard.end) is None
        assert lookout.after(db, newest.end) == ([], newest.end)
        assert "A secret of T-1" not in in_mind(lookout)
        rest = Witness(KEYRING).happenings(db, newest.after(0) or [])
        assert [each.after.row.title for each in rest if isinstance(each, Happening)][:2] == [None, "A secret of T-2"]
