"""By looking at few, by walking the newest, by the index of words or one after the other: a search finds what reading all finds."""

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from psycopg import Cursor

from domain.conditions import Context
from domain.event import SYSTEM, Event, Metadata, Recorded
from domain.ids import workspace_id
from domain.ticket import events as e
from domain.values import StatusKind
from eventstore.database import reader_pool
from eventstore.reading import bound
from projections import builds
from projections.read_model import Page
from projections.search_hits import Audience, opened_cursor, page
from projections.search_terms import Query, parsed, terms
from projections.ticket_list import TicketList
from projections.ticket_search import TicketSearch
from tests.projections.tables import live, working

PLACE, BEGAN = workspace_id("acme"), datetime(2026, 1, 1, tzinfo=UTC)
EVERYBODY = Audience(None, None, Context(now=BEGAN))
CUSTOMER = uuid5(PLACE, "customer")
THEMSELVES = Audience((CUSTOMER,), None, Context(now=BEGAN))
OLD, LASTING, NEW = ("fax", "telex", "传真"), ("printer", "print", "floor", "打印机", "印"), ("tablet", "网络")
QUERIES = (
    *(
        "printer",
        "prin",
        "fax",
        "fax tablet",
        "fax print",
        "telex fax floor",
        "打印",
        "印",
        "打印 网络",
        "传真 printer",
    ),
    *("floor -printer", '"printer floor"', '"fax" flo', "tab 网络", "fa te", "nothing", "print nothing"),
)
FEW = "few() RETURNS int"
WALKS = "walks(shares float8[], every float8, most int) RETURNS boolean"
FURTHEST = "furthest(every float8, most int) RETURNS int"
LOOKING_UP = "looking_up(here uuid, titled boolean, wanted text) RETURNS text"
NOTHING = "'SELECT NULL::uuid, NULL::boolean, NULL::timestamptz WHERE false'"
WAYS: dict[str, dict[str, str]] = {
    "looking at few": {FEW: "1000"},
    "as decided of many": {FEW: "0"},
    "only walking": {WALKS: "true", FURTHEST: "1000"},
    "only the index": {WALKS: "false"},
    "both": {WALKS: "true", FURTHEST: "7"},
}


class Ticket(NamedTuple):
    id: UUID
    at: datetime
    title: str
    body: str
    # Written for the desk alone.
    note: str = ""
    requester: UUID | None = None

    def text(self, asker: Audience) -> str:
        """What the asker may find it by."""
        return "\n".join((self.title, self.body, *([self.note] if asker.requesters is None else [])))


def test_every_way_finds_what_reading_every_ticket_finds(database_url):
    tickets = made(random.Random(7), 120)
    filled(database_url, tickets)
    for way, answers in WAYS.items():
        for head, answer in answers.items():
            replaced(database_url, head, answer)
        for text in QUERIES:
            for limit, asker in ((2, EVERYBODY), (5, THEMSELVES), (100, EVERYBODY), (100, THEMSELVES)):
                expected = read(parsed(text), tickets, asker)
                assert paged(database_url, text, limit, asker) == expected, (way, text, limit, asker)


def test_nobody_walks_to_the_end_for_a_common_word_of_years_ago(database_url):
    filled(database_url, [ticket(n, "", "fax" if n < 200 else "tablet") for n in range(400)])
    assert len(paged(database_url, "fax", 2)) == 200
    replaced(database_url, LOOKING_UP, NOTHING)
    assert paged(database_url, "fax", 2) == []
    assert len(paged(database_url, "tablet", 2)) == 200


def made(chance: random.Random, count: int) -> list[Ticket]:
    """Tickets of a desk whose words change with the years."""
    return [
        ticket(n, *(" ".join(chance.choices((*LASTING, *(OLD if n < count / 2 else NEW)), k=k)) for k in (1, 3, n % 2)))
        for n in range(count)
    ]


def ticket(n: int, title: str, body: str, note: str = "") -> Ticket:
    # Several of the same moment.
    at = BEGAN + timedelta(hours=n // 3)
    return Ticket(uuid5(PLACE, str(n)), at, title, body, note, CUSTOMER if n % 3 else None)


def read(query: Query, tickets: list[Ticket], asker: Audience) -> list[UUID]:
    """What matches, in the order of a search."""
    found = [each for each in tickets if matches(query, each, asker)]
    return [each.id for each in sorted(found, key=lambda it: (said(query, it.title), it.at, it.id), reverse=True)]


def matches(query: Query, it: Ticket, asker: Audience) -> bool:
    """Whether the ticket is what is asked for, and the asker's to find."""
    text, theirs = it.text(asker), asker.requesters is None or it.requester in asker.requesters
    return (
        theirs
        and said(query, text)
        and all(phrase in text for phrase in query.phrases)
        and terms(it.text(EVERYBODY)).isdisjoint(query.without)
    )


def said(query: Query, text: str) -> bool:
    """Whether the text has the words and the beginnings."""
    known = terms(text)
    return known.issuperset(query.exact) and all(
        any(term.startswith(wanted) for term in known) for wanted in query.prefixes
    )


def filled(url: str, tickets: list[Ticket]) -> None:
    """Both read models as their folds leave them, live."""
    pages = Page([event for place, it in enumerate(tickets, 1) for event in events(place, it)])
    with closing(working(url)) as db:
        for model in (TicketList(), TicketSearch()):
            build = builds.begin(db, model)
            builds.enter(db.cursor(), build)
            with db.transaction(), db.cursor() as cursor:
                model.apply(pages, cursor)
                cursor.execute(model.INDEXES.encode())
                builds.swap(cursor, model, build)
        db.execute("ANALYZE desk.ticket_search")


def events(place: int, it: Ticket) -> Iterator[Recorded[Event]]:
    """What was recorded of it: that it was opened, and a note."""
    yield recorded(
        2 * place,
        1,
        it,
        e.TicketOpened(
            number=f"X{place}",
            title=it.title,
            description=it.body,
            status="new",
            kind=StatusKind.NEW,
            requester_id=it.requester,
        ),
    )
    if it.note:
        yield recorded(2 * place + 1, 2, it, e.TicketNoted(message_id=it.id, body=it.note))


def recorded(position: int, version: int, it: Ticket, event: Event) -> Recorded[Event]:
    told = Metadata(it.id, PLACE, it.at, SYSTEM, "test", it.id, it.id)
    return Recorded(position, it.id, version, it.at, told, event)


def replaced(url: str, head: str, answer: str) -> None:
    """Have a function of the search answer always the same."""
    with closing(working(url)) as db:
        builds.enter(db.cursor(), live(db, TicketSearch()))
        db.execute(f"CREATE OR REPLACE FUNCTION {head} LANGUAGE sql IMMUTABLE AS $$ SELECT {answer} $$".encode())


@contextmanager
def reading(url: str) -> Iterator[Cursor[Any]]:
    with closing(reader_pool(url, size=1)) as pool:
        pool.open()
        with bound(pool, PLACE) as db:
            yield db


def paged(url: str, text: str, limit: int, asker: Audience = EVERYBODY) -> list[UUID]:
    """All that is found, page after page."""
    found: list[UUID] = []
    after = None
    with reading(url) as db:
        while True:
            hits = page(db, parsed(text), asker, limit, after)
            found += [hit.place.ticket_id for hit in hits.found]
            if hits.next is None:
                return found
            after = opened_cursor(hits.next)
