"""Fills the ticket list with a desk of any size through the read model's own fold, without a log to follow."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple, TypeVar
from uuid import UUID

import psycopg

from bench.generator import texts
from domain.event import SYSTEM, Event, Metadata, Recorded
from domain.ids import ticket_id, workspace_id
from domain.ticket.events import TicketOpened
from domain.ticket.marking import TicketArchived
from domain.values import Assignee, Priority, StatusKind
from eventstore.database import Role, conninfo
from projections import builds
from projections.catch_up import finish
from projections.read_model import Page
from projections.ticket_list import TicketList

T = TypeVar("T")
WORKSPACE = workspace_id("bench")
PAGE = 10_000
END = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 1_000
TYPES = tuple(f"type-{n}" for n in range(8))
STATUSES = (StatusKind.NEW, StatusKind.OPEN, StatusKind.PENDING, StatusKind.RESOLVED, StatusKind.CLOSED)
# Of the tickets of the last month, and of older ones.
RECENT, OLD = (20, 30, 10, 15, 25), (0, 1, 1, 3, 95)


class Desk(NamedTuple):
    """Who and what tickets are about; the later ones of each are rarer."""

    people: list[UUID]
    teams: list[UUID]
    requesters: list[UUID]
    tags: list[str]
    products: list[str]


def desk(tickets: int) -> Desk:
    """A desk as large as so many tickets need; the smallest things have a handful of tickets each."""
    chance = random.Random(1)

    def ids(count: int) -> list[UUID]:
        return [UUID(int=chance.getrandbits(128)) for _ in range(count)]

    tags, products = [f"tag-{n}" for n in range(400)], [f"product-{n}" for n in range(60)]
    return Desk(ids(200), ids(20), ids(max(tickets // 20, 20)), tags, products)


def fill(url: str, tickets: int) -> Desk:
    """Make the list of that many tickets live."""
    made, model = desk(tickets), TicketList()
    with closing(psycopg.connect(conninfo(url, Role.WORKER), autocommit=True)) as db:
        build = builds.begin(db, model)
        builds.enter(db.cursor(), build)
        events = _events(made, tickets)
        while page := list(islice(events, PAGE)):
            with db.transaction(), db.cursor() as cursor:
                model.apply(Page(page), cursor)
        finish(db, model, build)
        with db.transaction(), db.cursor() as cursor:
            builds.swap(cursor, model, build)
        for table in builds.tables(db.cursor(), build):
            db.execute(f"VACUUM ANALYZE {build.schema}.{table}".encode())
    return made


def _events(made: Desk, tickets: int) -> Iterator[Recorded[Event]]:
    chance, position = random.Random(2), 0
    for n, (title, _) in enumerate(texts(seed=3, count=tickets)):
        at = END - timedelta(days=DAYS) * ((tickets - n) / tickets)
        opened = _opened(made, chance, n, title, at)
        position += 1
        yield _recorded(opened, n, 1, position, at)
        if opened.kind is StatusKind.CLOSED and chance.random() < 0.3:
            position += 1
            yield _recorded(TicketArchived(), n, 2, position, at + timedelta(hours=chance.randrange(300)))


def _recorded(event: Event, n: int, version: int, position: int, at: datetime) -> Recorded[Event]:
    unique = UUID(int=position)
    metadata = Metadata(unique, WORKSPACE, at, SYSTEM, "api", unique, unique)
    return Recorded(position, ticket_id(WORKSPACE, str(n)), version, at, metadata, event)


def _opened(made: Desk, chance: random.Random, n: int, title: str, at: datetime) -> TicketOpened:
    kind = chance.choices(STATUSES, RECENT if END - at < timedelta(days=30) else OLD)[0]
    person = _one(chance, made.people) if chance.random() < 0.7 else None
    return TicketOpened.model_construct(
        number=str(n),
        title=title,
        fields={"product": _one(chance, made.products), "vip": chance.random() < 0.1, "note": f"Floor {n % 97}"},
        status=kind.value,
        kind=kind,
        priority=chance.choices(list(Priority), (30, 50, 15, 5))[0],
        type=_one(chance, TYPES),
        category=(f"Area {chance.randrange(12)}", f"Part {chance.randrange(9)}"),
        tags=tuple({_one(chance, made.tags) for _ in range(chance.randrange(4))}),
        due_at=at + timedelta(hours=chance.randrange(400)) if chance.random() < 0.5 else None,
        requester_id=_one(chance, made.requesters),
        source=chance.choice(("mail", "portal", "api", "phone")),
        assignee=Assignee.model_construct(team=_one(chance, made.teams), person=person, people=(), role=None),
    )


def _one(chance: random.Random, choices: Sequence[T]) -> T:
    """The earlier ones far more often."""
    return choices[int(len(choices) * chance.random() ** 3)]
