"""What the desk's tickets come to: the use of tags (B4), how much each person has to do (B6), those of a customer and of an organisation (F7)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import anyio.to_thread
from fastapi import Query
from psycopg import Cursor
from pydantic import BaseModel, Field

from api import routing
from api.auth import Caller, needs
from api.errors import NotCaughtUp, ReadModelMissing
from api.following import reached
from api.known import organisation_of, requester_of
from api.problems import problems
from api.ticket_lists import Names, TicketRow, context, reading, referenced, visible
from domain.catalogue import shown
from domain.errors import InvalidInput
from domain.organisation import OrganisationErased, UnknownOrganisation
from domain.permissions import Permission
from domain.requester import GONE, Requester
from domain.staff import available
from domain.values import Priority
from projections import agent_load, organisation_card, requester_card, tag_usage, ticket_pages
from projections.agent_load import AgentLoad
from projections.requester_card import RequesterFigures
from projections.ticket_pages import ListQuery, Where

router = routing.router("figures")

_READS: dict[str, Any] = {
    "responses": problems(InvalidInput, NotCaughtUp, ReadModelMissing),
    "dependencies": [reached("ticket_list")],
}
_OPEN = Field(description="Unfinished ones in the usual lists.")


class TagUse(BaseModel):
    """How many tickets have a tag."""

    tag: str
    colour: str | None = Field(description="Null where none was chosen, or the tag is none that is set up.")
    open: int = _OPEN
    tickets: int


class Load(BaseModel):
    """How much somebody has to do."""

    person: UUID
    name: str | None
    available: bool = Field(description="Whether they take tickets now.")
    load_limit: int | None
    open: int = _OPEN
    by_priority: dict[Priority, int] = Field(description="The same by priority; what they have none of is left out.")


class Card(BaseModel):
    """What tickets come to, and the newest of them."""

    open: int = _OPEN
    tickets: int
    last_opened_at: datetime | None
    rating: float | None = Field(description="Mean of the stars that were given, 1 to 5.")
    newest: list[TicketRow] = Field(description="The newest tickets.")
    names: Names


class CustomerCard(Card):
    """A customer's tickets, with those of the records that were merged into theirs."""

    records: list[UUID] = Field(description="The customer, and who turned out to be the same.")


class OrganisationCard(Card):
    """The tickets of all customers of an organisation, with those of the organisations that were merged into it."""

    records: list[UUID] = Field(description="The organisation that it goes on as, and what turned out to be the same.")
    customers: int = Field(description="Who belongs to it; `GET /requesters?organisation_id=` lists them.")


Newest = Annotated[int, Query(ge=0, le=50, description="How many of the newest tickets to show.")]


@contextmanager
def _within(me: Caller) -> Iterator[tuple[Cursor[Any], Where | None]]:
    """A read of the caller's workspace, who may view tickets, and those in their reach where it is not all of them."""
    me.require(Permission.TICKET_VIEW)
    with reading(me) as db:
        yield db, None if me.reach is None else ticket_pages.within(me.workspace_id, me.reach, context(me))


@router.get("/tags/usage", **_READS)
def read_tag_usage(
    limit: Annotated[int, Query(ge=1, le=500)] = 100, me: Caller = needs(Permission.WORKSPACE_VIEW)
) -> list[TagUse]:
    """How many tickets have each tag, of those that the caller sees; the most used first. Needs `ticket.view` too."""
    with _within(me) as (db, reach):
        used = tag_usage.most_used(db, me.workspace_id, reach, limit)
    known = me.desk.tags
    return [TagUse(**each._asdict(), colour=known[each.tag].colour if each.tag in known else None) for each in used]


@router.get("/people/loads", **_READS)
def read_loads(me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[Load]:
    """How many unfinished tickets each person has, of those that the caller sees; who works on the desk, and who has any. Needs `ticket.view` too."""
    with _within(me) as (db, reach):
        loads = agent_load.loads(db, me.workspace_id, reach)
    return list(_told(me, loads))


def _told(me: Caller, loads: dict[UUID, AgentLoad]) -> Iterator[Load]:
    now = me.services.desk.clock()
    for person in me.desk.people.values():
        load = loads.get(person.id)
        if load is None and not person.active:
            continue
        yield Load(
            person=person.id,
            name=shown(person.name),
            available=available(person, now),
            load_limit=person.load_limit,
            open=load.open if load else 0,
            by_priority=load.by_priority if load else {},
        )


@router.get(
    "/requesters/{requester_id}/card",
    responses=problems(*GONE, InvalidInput, NotCaughtUp, ReadModelMissing),
    dependencies=[reached("ticket_list")],
)
async def read_card(
    requester_id: UUID,
    newest: Newest = 10,
    me: Caller = needs(Permission.REQUESTER_VIEW),
) -> CustomerCard:
    """A customer's figures and newest tickets, of those that the caller sees; of merged records all of them. Needs `ticket.view` too."""
    state: Requester = (await requester_of(me, requester_id)).state
    state.must_be_there(requester_id)
    return await anyio.to_thread.run_sync(_card, me, [requester_id, *sorted(state.absorbed)], newest)


@router.get(
    "/organisations/{organisation_id}/card",
    responses=problems(UnknownOrganisation, OrganisationErased, InvalidInput, NotCaughtUp, ReadModelMissing),
    dependencies=[reached("ticket_list"), reached("requester_cards")],
)
async def read_organisation_card(
    organisation_id: UUID, newest: Newest = 10, me: Caller = needs(Permission.REQUESTER_VIEW)
) -> OrganisationCard:
    """The figures and newest tickets of an organisation's customers, of those that the caller sees. Needs `ticket.view` too."""
    await organisation_of(me, organisation_id)
    return await anyio.to_thread.run_sync(_organisation_card, me, organisation_id, newest)


def _card(me: Caller, records: list[UUID], newest: int) -> CustomerCard:
    with _within(me) as (db, reach):
        figures = requester_card.figures(db, me.workspace_id, records, reach)
        rows = _rows(db, me, requester_card.newest(records, me.reach, newest)) if newest else []
    return CustomerCard(records=records, **_told_of(me, figures, rows))


def _organisation_card(me: Caller, organisation: UUID, newest: int) -> OrganisationCard:
    records = list(me.desk.organisations.records(organisation))
    with _within(me) as (db, reach):
        found = organisation_card.figures(db, me.workspace_id, records, reach)
        rows = _rows(db, me, organisation_card.newest(organisation, me.reach, newest)) if newest else []
    return OrganisationCard(records=records, customers=found.customers, **_told_of(me, found.of_tickets, rows))


def _rows(db: Cursor[Any], me: Caller, query: ListQuery) -> list[dict[str, Any]]:
    return ticket_pages.page(db, me.workspace_id, query, context(me)).rows


def _told_of(me: Caller, figures: RequesterFigures, rows: list[dict[str, Any]]) -> dict[str, Any]:
    newest = [TicketRow(**row) for row in visible(me, rows)]
    return figures._asdict() | {"newest": newest, "names": referenced(me, rows)}
