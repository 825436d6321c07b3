"""Tickets as people read them: lists, one ticket now or at any moment, its timeline and its history."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import anyio.to_thread
import psycopg
from fastapi import Query, Response
from psycopg import Cursor
from pydantic import BaseModel, Field
from pydantic_core import to_json

from api import routing
from api.answers import POSITION
from api.auth import Caller, needs
from api.errors import NotCaughtUp, ReadModelMissing
from api.following import reached
from api.problems import problems
from api.tickets import TicketNumber
from api.versions import etag
from domain.catalogue import shown
from domain.errors import InvalidInput
from domain.ids import ticket_id
from domain.permissions import Permission
from domain.ticket.state import TicketErasedForEver, UnknownTicket
from domain.values import CategoryPath, Moment, Priority, StatusKind
from projections import as_of, freshness, ticket_history, ticket_pages, ticket_timeline
from projections.as_of import NotYetThere, TicketAsOf

router = routing.router("tickets")

ANY = "SELECT 1 FROM log.stored_events WHERE workspace_id = %s AND originator_id = %s LIMIT 1"
AfterVersion = Annotated[int, Query(ge=0, le=2**62, description="Entries above this version.")]
Names = Annotated[dict[UUID, str | None], Field(description="Names of the people and teams that are spoken of.")]


class TicketRow(BaseModel):
    """A ticket in a list."""

    ticket_id: UUID
    number: str
    title: str | None = Field(description="Null once erased.")
    status: str
    kind: StatusKind
    priority: Priority
    type: str | None
    category: list[str]
    assignee_person: UUID | None
    assignee_team: UUID | None
    requester_id: UUID | None
    tags: list[str]
    source: str
    due_at: datetime | None
    opened_at: datetime
    updated_at: datetime
    first_response_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    replies: int
    notes: int
    reopenings: int
    reassignments: int
    version: int
    position: int


class TicketRows(BaseModel):
    """A page of tickets."""

    tickets: list[TicketRow]
    next: str | None = Field(description="Send it as `after` to get the next page; null on the last.")
    total: int | None = Field(description="How many tickets match, where asked for.")
    names: Names


class TicketsAsked(ticket_pages.TicketFilter):
    """Conditions that all hold, and which page to answer."""

    sort: str = Field(default="-updated_at", max_length=200, description="Columns, - for descending: -priority,number")
    limit: int = Field(default=50, ge=1, le=ticket_pages.LARGEST_PAGE)
    after: str | None = Field(default=None, max_length=2000, description="The cursor `next` of the page before.")
    total: bool = Field(default=False, description="Count all that match; costs time on large desks.")
    # Read by the dependency that waits for it; named here because nothing unknown is taken.
    min_position: int | None = Field(default=None, ge=0, le=2**63 - 1)

    def query(self) -> ticket_pages.ListQuery:
        """As the read model takes it."""
        chosen = {name: getattr(self, name) for name in ticket_pages.TicketFilter.model_fields}
        return ticket_pages.ListQuery(
            filter=ticket_pages.TicketFilter.model_construct(**chosen),
            sort=self.sort,
            limit=self.limit,
            after=self.after,
            total=self.total,
        )


class TicketView(BaseModel):
    """A ticket, now."""

    ticket_id: UUID
    number: str
    version: int
    title: str | None
    description: str | None
    fields: dict[str, Any] | None
    status: str
    kind: StatusKind
    priority: Priority
    type: str | None
    category: CategoryPath
    tags: list[str]
    due_at: datetime | None
    requester_id: UUID | None
    assignee_person: UUID | None
    assignee_team: UUID | None
    replies: int
    notes: int
    reopenings: int
    next_statuses: list[str] = Field(description="Where it can go from here.")
    names: Names


class Change(BaseModel):
    """What changed."""

    field: str
    from_: Any = Field(alias="from")
    to: Any


class TimelineEntry(BaseModel):
    """A message or a change."""

    version: int
    position: int
    event: str
    internal: bool
    author_kind: str
    author_id: str
    occurred_at: datetime
    body: str | None
    changes: list[Change]


class Timeline(BaseModel):
    """Part of a ticket's timeline."""

    entries: list[TimelineEntry]
    last_version: int = Field(description="Send it as `after` to get what comes next.")
    names: Names


class Doer(BaseModel):
    """Who did it, or for whom."""

    kind: str
    id: str


class Cause(BaseModel):
    """The event of the same ticket that led to this one."""

    event: str
    version: int


class HistoryEntry(BaseModel):
    """One event of a ticket: who, when, from where, on whose behalf, from what to what, and why."""

    version: int
    position: int
    event_id: UUID
    event: str
    actor: Doer
    on_behalf_of: Doer | None
    channel: str
    occurred_at: datetime
    recorded_at: datetime
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None
    rule_id: UUID | None
    rule_version: int | None
    cause: Cause | None
    changes: list[Change] = Field(description="What changed in the ticket's structure.")
    content: list[Change] | None = Field(description="What was written or changed in its content; null where erased.")
    erased: bool = Field(description="Whether it had content that was erased.")


class History(BaseModel):
    """Part of a ticket's history."""

    entries: list[HistoryEntry]
    last_version: int = Field(description="Send it as `after` to get what comes next.")
    names: Names


@router.get(
    "/tickets",
    response_model=TicketRows,
    responses=problems(InvalidInput, NotCaughtUp, ReadModelMissing),
    dependencies=[reached("ticket_list")],
)
def list_tickets(asked: Annotated[TicketsAsked, Query()], me: Caller = needs(Permission.TICKET_VIEW)) -> Response:
    """A page of the tickets that match, sorted; deleted ones are not in it."""
    with _read_model(me) as db:
        position = freshness.position_of(db, "ticket_list")
        try:
            page = ticket_pages.page(db, me.workspace_id, asked.query())
        except psycopg.DataError:
            raise InvalidInput(field="after", reason="is not a cursor of this list; begin without it") from None
    rows = {"tickets": page.rows, "next": page.next, "total": page.total, "names": _names(me)}
    return _answer(to_json(rows), position)


@router.get(
    "/tickets/{number}",
    responses=problems(UnknownTicket, TicketErasedForEver, NotYetThere, InvalidInput),
)
async def read_ticket(
    number: TicketNumber,
    response: Response,
    me: Caller = needs(Permission.TICKET_VIEW),
    version: Annotated[int | None, Query(ge=1, le=2**62, description="As it was at this version.")] = None,
    at: Annotated[Moment | None, Query(description="As it was at this time.")] = None,
) -> TicketView | TicketAsOf:
    """A ticket as the log has it now, or as it stood at a version or at a time (H2)."""
    if version is not None and at is not None:
        raise InvalidInput(field="at", reason="give a version or a time, not both")
    if version is None and at is None:
        view = await _now(me, number)
        response.headers["ETag"] = etag(view.version)
        return view
    return await anyio.to_thread.run_sync(_then, me, number, version, at)


@router.get(
    "/tickets/{number}/timeline",
    response_model=Timeline,
    responses=problems(UnknownTicket, NotCaughtUp, InvalidInput, ReadModelMissing),
)
def read_timeline(
    number: TicketNumber,
    me: Caller = needs(Permission.TICKET_VIEW),
    after: AfterVersion = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    audience: Annotated[Literal["desk", "requester"], Query(description="Who is to read it.")] = "desk",
    _: None = reached("ticket_timeline"),
) -> Response:
    """The conversation, with changes inline; empty for a deleted ticket."""
    stream = ticket_id(me.workspace_id, number)
    with _read_model(me) as db:
        position = freshness.position_of(db, "ticket_timeline")
        public = audience == "requester"
        entries = ticket_timeline.entries(db, stream, after, limit, public_only=public)
        if not entries:
            _must_exist(db, me, number)
    last = entries[-1]["version"] if entries else after
    return _answer(to_json({"entries": entries, "last_version": last, "names": _names(me)}), position)


@router.get(
    "/tickets/{number}/history",
    response_model=History,
    responses=problems(UnknownTicket, NotCaughtUp, InvalidInput, ReadModelMissing),
)
def read_history(
    number: TicketNumber,
    me: Caller = needs(Permission.HISTORY_VIEW),
    after: AfterVersion = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    _: None = reached("ticket_history"),
) -> Response:
    """Every event of the ticket (H1), deleted or not."""
    stream = ticket_id(me.workspace_id, number)
    with _read_model(me) as db:
        position = freshness.position_of(db, "ticket_history")
        entries, last = ticket_history.entries(db, stream, after, limit)
        if last == after:
            _must_exist(db, me, number)
    # The entries are JSON that PostgreSQL wrote: ten thousand of them pass through untouched.
    body = b'{"entries":%s,"last_version":%d,"names":%s}' % (entries, last, to_json(_names(me)))
    return _answer(body, position)


@contextmanager
def _read_model(me: Caller) -> Iterator[Cursor[Any]]:
    try:
        with me.services.reading(me.workspace_id) as db:
            yield db
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        raise ReadModelMissing() from None


def _must_exist(db: Cursor[Any], me: Caller, number: str) -> None:
    if db.execute(ANY, [me.workspace_id, ticket_id(me.workspace_id, number)]).fetchone() is None:
        raise UnknownTicket(number=number)


async def _now(me: Caller, number: str) -> TicketView:
    stream = ticket_id(me.workspace_id, number)
    loaded = await me.services.desk.state(me.workspace_id, "ticket", stream)
    ticket = loaded.state
    ticket.must_exist(number)
    content = {name: shown(getattr(ticket, name)) for name in ("title", "description", "fields")}
    plain = ("number", "status", "kind", "priority", "type", "category", "due_at", "requester_id")
    return TicketView(
        **content,
        **{name: getattr(ticket, name) for name in (*plain, "replies", "notes", "reopenings")},
        ticket_id=stream,
        version=loaded.version,
        tags=sorted(ticket.tags),
        assignee_person=ticket.assignee.person,
        assignee_team=ticket.assignee.team,
        next_statuses=[status.key for status in me.desk.next_statuses(me.desk.status(ticket.status))],
        names=_names(me),
    )


def _then(me: Caller, number: str, version: int | None, at: datetime | None) -> TicketAsOf:
    with me.services.reading(me.workspace_id) as db:
        _must_exist(db, me, number)
        stream = ticket_id(me.workspace_id, number)
        return as_of.ticket(db, me.services.keyring, stream, number, version=version, at=at)


def _names(me: Caller) -> dict[UUID, str | None]:
    people = {person.id: shown(person.name) for person in me.desk.people.values()}
    return {**people, **{team.id: team.name for team in me.desk.teams.values()}}


def _answer(body: bytes, position: int) -> Response:
    return Response(body, headers={POSITION: str(position)}, media_type="application/json")
