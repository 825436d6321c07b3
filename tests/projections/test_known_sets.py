"""Sets that a process remembers are those of the database: what changed is read again, and nothing else."""

import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg import Cursor

from domain.conditions import Context, parse
from domain.ticket.commands import TagTicket
from eventstore.database import Role, connect, reader_pool
from eventstore.reading import bind, bound
from projections import known_sets, place_sets, ticket_pages
from projections.known_sets import Memory
from projections.place_sets import Places
from projections.ticket_facets import Facet, sets
from projections.ticket_list import TicketList
from projections.ticket_pages import ListQuery, page
from tests.desks import Office, an_office
from tests.projections.busy import follow
from tests.projections.tables import built, working

MODEL = TicketList()
TAGS: list[Facet] = [("tags", tag) for tag in ("a", "b", "c")]


@pytest.fixture
def reader(database_url: str) -> Iterator[Cursor[Any]]:
    """Somebody who remembers."""
    with connect(database_url, Role.READER) as db:
        yield db.cursor()


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was made of chunks that came over."""
    made, joins = list[Any](), place_sets.joined

    def noted(chunks: Any) -> Places:
        made.append(list(chunks))
        return joins(made[-1])

    monkeypatch.setattr(place_sets, "joined", noted)
    return made


def having(reader: Cursor[Any], workspace: UUID) -> list[list[int]]:
    """The places of the tickets with each tag, as somebody finds them who may remember some."""
    bind(reader, workspace)
    found = sets(reader, workspace, TAGS)
    assert found.current
    return [list(found.have[tag]) for tag in TAGS]


async def retag(office: Office, number: str, add: set[str], remove: set[str]) -> None:
    """Tags put on a ticket, and taken off."""
    await office.do(TagTicket, number=number, add=frozenset(add), remove=frozenset(remove))


async def test_only_what_changed_is_read_again(database_url: str, reader: Cursor[Any], joined: list[Any]) -> None:
    async with an_office(database_url) as office:
        await office.ticket("A", tags=("a", "b"))
        await office.ticket("B", tags=("b", "c"))
        built(database_url, MODEL)
        assert having(reader, office.workspace) == [[1], [1, 2], [2]]
        joined.clear()
        assert having(reader, office.workspace) == [[1], [1, 2], [2]]
        assert joined == []
        await retag(office, "A", {"c"}, {"a"})
        follow(database_url, pages_of=10)
        assert having(reader, office.workspace) == [[], [1, 2], [1, 2]]
        assert len(joined) == 2
        # As many leave a set in one page as come into it: its count stays the same.
        await retag(office, "A", set(), {"b"})
        await retag(office, "B", {"a"}, set())
        await office.ticket("C", tags=("b",))
        follow(database_url, pages_of=10)
        assert having(reader, office.workspace) == [[2], [2, 3], [1, 2]]


async def test_what_is_remembered_is_never_what_was(database_url: str, reader: Cursor[Any]) -> None:
    chance = random.Random(3)
    async with an_office(database_url) as office:
        numbers = [str(n) for n in range(6)]
        for number in numbers:
            await office.ticket(number, tags=("a",))
        built(database_url, MODEL)
        for _ in range(12):
            for number in chance.sample(numbers, chance.randrange(1, 4)):
                add = set(chance.sample("abc", chance.randrange(3)))
                await retag(office, number, add, set("abc") - add)
            follow(database_url, pages_of=chance.choice([1, 10]))
            with connect(database_url, Role.READER) as db:
                assert having(reader, office.workspace) == having(db.cursor(), office.workspace)
        built(database_url, MODEL)
        with closing(working(database_url)) as db:
            wanted = [
                [
                    place
                    for place, tags in db.execute("SELECT place, tags FROM desk.ticket_list ORDER BY 1")
                    if tag in tags
                ]
                for _, tag in TAGS
            ]
        assert having(reader, office.workspace) == wanted


async def test_an_older_builds_tables_serve_and_nothing_is_remembered_of_them(
    database_url: str, reader: Cursor[Any], joined: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with an_office(database_url) as office:
        for number in "AB":
            await office.ticket(number, tags=("a",))
        built(database_url, MODEL)
    with closing(working(database_url)) as db:
        db.execute(
            "CREATE OR REPLACE VIEW ops.facet_counts AS SELECT *, 0::bigint AS row_version FROM desk.facet_counts WHERE false"
        )
    bind(reader, office.workspace)
    for _ in range(2):
        joined.clear()
        assert not sets(reader, office.workspace, TAGS).current
        assert [chunks for chunks in joined if chunks]
    for name, value in (("SOON", 0), ("LOOKED_UP", 1)):
        monkeypatch.setattr(ticket_pages, name, value)
    query = ListQuery(parse({"field": "tags", "op": "has_any", "value": ["a"]}), sort="opened_at", limit=1)
    assert [row["number"] for row in page(reader, office.workspace, query, Context(datetime.now(UTC))).rows] == ["A"]


def test_what_was_asked_for_last_is_remembered_as_far_as_there_is_room() -> None:
    memory, workspace = Memory(most=3_500), UUID(int=1)
    for key in (1, 2, 3):
        memory.put((workspace, key), known_sets._Known(1, Places([key]), 1_000))
    assert memory.get((workspace, 1)) is not None
    memory.put((workspace, 4), known_sets._Known(1, Places([4]), 1_000))
    assert [memory.get((workspace, key)) is not None for key in (1, 2, 3, 4)] == [True, False, True, True]
    memory.put((workspace, 4), known_sets._Known(2, Places([5]), 2_900))
    assert [memory.get((workspace, key)) is not None for key in (1, 2, 3, 4)] == [False, False, False, True]


async def test_a_pools_connections_remember_together_until_one_is_new(database_url: str, joined: list[Any]) -> None:
    async with an_office(database_url) as office:
        await office.ticket("A", tags=("a",))
        built(database_url, MODEL)
        with reader_pool(database_url, size=2) as pool:
            with bound(pool, office.workspace) as db:
                sets(db, office.workspace, TAGS)
                # The server may have come back from before what was read then.
                with bound(pool, office.workspace) as new:
                    sets(new, office.workspace, TAGS)
            assert len([chunks for chunks in joined if chunks]) == 2
            joined.clear()
            with bound(pool, office.workspace) as one, bound(pool, office.workspace) as other:
                sets(one, office.workspace, TAGS)
                sets(other, office.workspace, TAGS)
            assert not [chunks for chunks in joined if chunks]
