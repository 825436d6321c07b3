"""Searching: what is found, in which order, by whom, and what is never found again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Cursor
from pydantic_core import from_json

from domain.conditions import Context, Leaf
from domain.ticket import commands as c
from domain.ticket.handling import UrgeTicket
from domain.ticket.messages import RedactMessage, RemarkOnTicket
from eventstore.database import reader_pool
from eventstore.erasure import erase
from eventstore.reading import bound
from projections.search_hits import Audience, Hits, opened_cursor, page
from projections.search_terms import parsed
from projections.ticket_list import TicketList
from projections.ticket_search import TicketSearch
from tests.desks import Office, an_office
from tests.projections.tables import built, contents

NOW = Context(now=datetime(2026, 11, 22, tzinfo=UTC))
EVERYBODY = Audience(None, None, NOW)


@pytest.fixture
async def office(database_url):
    async with an_office(database_url) as office:
        yield office


@contextmanager
def reading(url: str, workspace: UUID) -> Iterator[Cursor[Any]]:
    pool = reader_pool(url, size=1)
    pool.open()
    try:
        with bound(pool, workspace) as db:
            yield db
    finally:
        pool.close()


def searched(
    url: str, office: Office, text: str, asker: Audience = EVERYBODY, limit: int = 50, after: Any = None
) -> Hits:
    with reading(url, office.workspace) as db:
        return page(db, parsed(text), asker, limit, after)


def found(url: str, office: Office, text: str, asker: Audience = EVERYBODY) -> list[str]:
    return numbers(searched(url, office, text, asker))


def numbers(hits: Hits) -> list[str]:
    return [from_json(hit.written)["number"] for hit in hits.found]


async def test_words_characters_and_beginnings_find_titles_messages_fields_and_numbers(office, database_url):
    await office.ticket("A-1", title="打印机坏了", description="二楼东侧")
    await office.ticket("A-2", title="Printer is dead", fields={"asset": "INC-0001234", "seats": 4711})
    await office.do(c.ReplyToTicket, number="A-2", body="Straße gesperrt, wang@example.cn weiß mehr")
    await office.do(c.NoteOnTicket, number="A-1", body="call the vendor")
    await office.do(RemarkOnTicket, number="A-1", body="third floor as well")
    await office.do(UrgeTicket, number="A-1", body="赶快处理")
    built(database_url, TicketList(), TicketSearch())
    for text, expected in {
        "打印": ["A-1"], "印": ["A-1"], "机坏": ["A-1"], "坏机": [], "东侧": ["A-1"], "赶快": ["A-1"],
        "printer": ["A-2"], "PRIN": ["A-2"], "rinter": [], "inc-0001234": ["A-2"], "0001234": ["A-2"], "4711": ["A-2"],
        "strasse": ["A-2"], "ＷＡＮＧ": ["A-2"], "example.cn": [], "wang@example.cn": ["A-2"], "vendor third": ["A-1"],
        "a-2": ["A-2"], "vendor -third": [], '"third floor"': ["A-1"], '"floor third"': [], "打印 vendor": ["A-1"],
        "printer vendor": [],
    }.items():  # fmt: skip
        assert found(database_url, office, text) == expected, text


async def test_titles_come_first_then_the_newest_and_pages_follow_one_another(office, database_url):
    for number in range(7):
        title = "router" if number in (1, 4) else "something"
        await office.ticket(f"R-{number}", title=title, description="the router blinks")
    built(database_url, TicketList(), TicketSearch())
    assert found(database_url, office, "router") == ["R-4", "R-1", "R-6", "R-5", "R-3", "R-2", "R-0"]
    seen, after = [], None
    for _ in range(4):
        hits = searched(database_url, office, "router", limit=2, after=after)
        seen += numbers(hits)
        after = opened_cursor(hits.next) if hits.next else None
    assert (seen, after) == (["R-4", "R-1", "R-6", "R-5", "R-3", "R-2", "R-0"], None)


async def test_a_requester_finds_their_own_tickets_by_what_they_may_read(office, database_url):
    zoe, max_ = uuid4(), uuid4()
    await office.ticket("Z-1", title="screen broken", requester_id=zoe, fields={"secret": "fieldword"})
    await office.ticket("M-1", title="screen broken", requester_id=max_)
    await office.do(c.NoteOnTicket, number="Z-1", body="probably screen and grumpy customer")
    built(database_url, TicketList(), TicketSearch())
    hers = Audience((zoe,), None, NOW)
    assert found(database_url, office, "screen", hers) == ["Z-1"]
    for hidden in ("grumpy", "grum", "fieldword", '"grumpy customer"', "broken grumpy"):
        assert found(database_url, office, hidden, hers) == []
        assert found(database_url, office, hidden) != []
    (hit,) = searched(database_url, office, "screen", hers).found
    assert hit.body is None


async def test_a_role_with_a_scope_finds_what_is_in_it_however_much_is_not(office, database_url, monkeypatch):
    monkeypatch.setattr("projections.search_hits.WINDOW", 3)
    for number in range(10):
        await office.ticket(f"S-{number}", title="modem", type="fault" if number % 5 == 0 else "question")
    built(database_url, TicketList(), TicketSearch())
    scoped = Audience(None, Leaf(field="type", op="is", value="fault"), NOW)
    assert found(database_url, office, "modem", scoped) == ["S-5", "S-0"]


async def test_what_is_erased_or_redacted_or_written_over_is_found_no_more(office, database_url):
    note = uuid4()
    await office.ticket("E-1", title="old words", description="blue")
    await office.ticket("E-2", title="passport number", description="purple")
    await office.do(c.ReplyToTicket, number="E-1", body="unspeakable things", command_id=note)
    built(database_url, TicketList(), TicketSearch())
    assert found(database_url, office, "unspeak") == ["E-1"]
    await office.do(c.EditTicket, number="E-1", title="new words")
    await office.do(RedactMessage, number="E-1", message_id=note, reason="insult")
    await erase(office.desk, office.command(c.EraseTicket, number="E-2", reason="asked by mail"))
    built(database_url, TicketList(), TicketSearch())
    for gone in ("old", "unspeakable", "passport", "purple", "E-2"):
        assert found(database_url, office, gone) == []
    assert found(database_url, office, "new blue") == ["E-1"]
    everything = str(contents(database_url, TicketSearch()))
    assert not any(word in everything for word in ("unspeak", "passport", "purple", "things"))


async def test_other_workspaces_find_nothing_of_ours_even_by_asking_the_database(office, database_url):
    await office.ticket("T-1", title="our secret")
    async with an_office(database_url, "other") as other:
        await other.ticket("T-9", title="their secret")
        built(database_url, TicketList(), TicketSearch())
        assert found(database_url, other, "secret") == ["T-9"]
        with reading(database_url, other.workspace) as db:
            assert {row[0] for row in db.execute("SELECT DISTINCT workspace_id FROM desk.ticket_search")} == {
                other.workspace
            }


async def test_whoever_remembers_a_build_notices_that_another_is_live(office, database_url):
    await office.ticket("B-1", title="kettle")
    built(database_url, TicketList(), TicketSearch())
    with reading(database_url, office.workspace) as db:
        before = page(db, parsed("kettle"), EVERYBODY, 50, None)
        await office.ticket("B-2", title="kettle")
        built(database_url, TicketList(), TicketSearch())
        after = page(db, parsed("kettle"), EVERYBODY, 50, None)
    assert (numbers(before), numbers(after)) == (["B-1"], ["B-2", "B-1"])
    assert before.position < after.position


async def test_a_text_is_found_as_it_was_typed_or_as_it_is_compared(office, database_url):
    await office.ticket("F-1", title="one", description="the Straße")
    await office.ticket("F-2", title="two", description="ＳＴＲＡＳＳＥ")
    built(database_url, TicketList(), TicketSearch())
    hits = searched(database_url, office, "strasse")
    assert [(hit.part, hit.body) for hit in hits.found] == [
        ("description", "ＳＴＲＡＳＳＥ"),
        ("description", "the Straße"),
    ]


async def test_quotes_and_patterns_are_only_text(office, database_url):
    await office.ticket("Q-1", title="100% sure it's a_b \\ $$ here")
    built(database_url, TicketList(), TicketSearch())
    for text in ("it's", "a_b", "100%", "$$ here", "'; DROP TABLE x --  sure", '"100% sure"', "sure -'x'"):
        assert found(database_url, office, text) == (["Q-1"] if "DROP" not in text else []), text
