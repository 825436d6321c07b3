"""Tickets as people read them: lists, one ticket now or at any moment, its timeline and its history."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import anyio.to_thread
from fastapi import Query, Response
from psycopg import Cursor
from psycopg.sql import SQL
from pydantic import BaseModel, Field
from pydantic_core import to_json

from api import routing
from api.auth import Caller, needs
from api.errors import NotCaughtUp, ReadModelMissing
from api.following import reached
from api.known import ticket_seen
from api.problems import problems
from api.ticket_lists import Names, context, names_of, prepared, reading
from api.tickets import TicketNumber
from api.versions import etag
from domain.catalogue import shown
from domain.errors import InvalidInput
from domain.ids import ticket_id
from domain.permissions import Permission
from domain.ticket.state import Link, Marks, Ticket, TicketErasedForEver, UnknownTicket
from domain.values import CategoryPath, Moment, Pinned, Priority, StatusKind
from projections import as_of, freshness, ticket_history, ticket_timeline
from projections.as_of import NotYetThere, TicketAsOf
from projections.conditions import compiled

router = routing.router("tickets")

AfterVersion = Annotated[int, Query(ge=0, le=2**62, description="Entries above this version.")]


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
    assignee_role: str | None
    candidates: list[UUID] = Field(description="Of whom one must claim it.")
    followers: list[UUID]
    replies: int
    notes: int
    reopenings: int
    urges: int
    transfers: int
    returns: int
    rating: int | None
    level: int = Field(description="How far it was escalated; 0 where it never was.")
    marks: Marks
    parent: str | None = Field(description="Number of the ticket above it.")
    links: list[Link]
    merged: list[str] = Field(description="Numbers of the tickets that were merged into it.")
    template: Pinned | None = Field(description="The form that it began with.")
    workflow: Pinned | None = Field(description="The workflow that it began with.")
    node: str | None = Field(description="The step of the workflow that it stands at.")
    next_statuses: list[str] = Field(description="Where it can go from here.")
    names: Names


class Change(BaseModel):
    """What changed."""

    field: str
    from_: Any = Field(alias="from")
    to: Any


class TimelineFile(BaseModel):
    """A file that came with a message, or by itself."""

    attachment_id: UUID
    name: str | None = Field(description="Null once erased.")
    media_type: str
    size: int = Field(description="In bytes.")


class TimelineEntry(BaseModel):
    """A message or a change."""

    version: int
    position: int
    event: str
    internal: bool
    author_kind: str
    author_id: str
    occurred_at: datetime
    message_id: UUID | None
    body: str | None
    redacted: bool = Field(description="Whether the message was taken out of sight.")
    reason: str | None = Field(description="Why it was.")
    changes: list[Change]
    attachments: list[TimelineFile]


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
    redacted: bool = Field(description="Whether it had content that was redacted.")


class History(BaseModel):
    """Part of a ticket's history."""

    entries: list[HistoryEntry]
    last_version: int = Field(description="Send it as `after` to get what comes next.")
    names: Names


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
    if me.actor.kind == "requester":
        # What the desk did in between, and when, is in no answer to a requester.
        me.require(Permission.HISTORY_VIEW)
    return await anyio.to_thread.run_sync(_then, me, number, version, at)


@router.get(
    "/tickets/{number}/timeline",
    response_model=Timeline,
    responses=problems(UnknownTicket, NotCaughtUp, InvalidInput, ReadModelMissing),
    # It says who may see the ticket.
    dependencies=[reached("ticket_list")],
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
    with reading(me) as db:
        position = freshness.position_of(db, "ticket_timeline")
        _must_reach(db, me, number)
        public = audience == "requester" or me.actor.kind == "requester"
        entries = ticket_timeline.entries(db, stream, after, limit, public_only=public)
        if not entries:
            _must_exist(db, me, number)
    last = entries[-1]["version"] if entries else after
    names = names_of(me, _spoken_to_requester(entries) if public else _spoken(entries))
    return prepared({"entries": entries, "last_version": last, "names": names}, position)


@router.get(
    "/tickets/{number}/history",
    response_model=History,
    responses=problems(UnknownTicket, NotCaughtUp, InvalidInput, ReadModelMissing),
    # It says who may see the ticket.
    dependencies=[reached("ticket_list")],
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
    seen = None if me.reach is None else compiled(me.reach, context(me))
    with reading(me) as db:
        position = ticket_history.there(db, me.workspace_id, stream, seen)
        if position is None:
            raise UnknownTicket(number=number)
        found = ticket_history.entries(db, stream, after, limit)
    # The entries are JSON that PostgreSQL wrote: ten thousand of them pass through untouched.
    names = to_json(names_of(me, found.named))
    return prepared(b'{"entries":%s,"last_version":%d,"names":%s}' % (found.written, found.last, names), position)


def _must_exist(db: Cursor[Any], me: Caller, number: str) -> None:
    if db.execute(ticket_history.OPENED, [me.workspace_id, ticket_id(me.workspace_id, number)]).fetchone() is None:
        raise UnknownTicket(number=number)


def _must_reach(db: Cursor[Any], me: Caller, number: str) -> None:
    """UnknownTicket for whoever may see some tickets only, and not this one."""
    if me.reach is None:
        return
    text, values = compiled(me.reach, context(me))
    seen = SQL("SELECT FROM desk.ticket_list WHERE ticket_id = %s AND {}").format(text)
    if db.execute(seen, [ticket_id(me.workspace_id, number), *values]).fetchone() is None:
        raise UnknownTicket(number=number)


async def _now(me: Caller, number: str) -> TicketView:
    stream, loaded = ticket_id(me.workspace_id, number), await ticket_seen(me, number)
    ticket: Ticket = loaded.state
    view = TicketView(ticket_id=stream, version=loaded.version, **_told(ticket), **_spoken_of(me, ticket))
    return _for_requester(me, view) if me.actor.kind == "requester" else view


def _told(ticket: Ticket) -> dict[str, Any]:
    content = {name: shown(getattr(ticket, name)) for name in ("title", "description", "fields")}
    links = sorted(ticket.ties.links, key=lambda link: (link.relation, link.number))
    return (
        content
        | {name: getattr(ticket, name) for name in _SAME}
        | {
            "tags": sorted(ticket.tags),
            "assignee_person": ticket.assignee.person,
            "assignee_team": ticket.assignee.team,
            "assignee_role": ticket.assignee.role,
            "candidates": list(ticket.assignee.people),
            "followers": sorted(ticket.followers),
            "links": links,
            "parent": next((link.number for link in links if link.relation == "parent"), None),
            "merged": [known.number for known in ticket.ties.absorbed],
            "template": ticket.flow.template,
            "workflow": ticket.flow.workflow,
            "node": ticket.flow.node,
        }
    )


_SAME = (
    *("number", "status", "kind", "priority", "type", "category", "due_at", "requester_id", "replies", "notes"),
    *("reopenings", "urges", "transfers", "returns", "rating", "level", "marks"),
)


def _spoken_of(me: Caller, ticket: Ticket) -> dict[str, Any]:
    handlers = filter(None, (ticket.assignee.person, ticket.assignee.team))
    people = {*handlers, *ticket.assignee.people, *ticket.followers}
    following = me.desk.next_statuses(me.desk.status(ticket.status))
    return {"next_statuses": [status.key for status in following], "names": names_of(me, people)}


# What only the desk knows of a ticket, as a requester is told it: nothing.
_UNTOLD: dict[str, Any] = {
    **dict.fromkeys(("assignee_person", "assignee_team", "assignee_role", "template", "workflow", "node", "parent")),
    **dict.fromkeys(("candidates", "followers", "links", "merged", "tags", "next_statuses"), ()),
    **dict.fromkeys(("notes", "urges", "transfers", "returns", "level"), 0),
    "marks": Marks(),
    "names": {},
}


def _for_requester(me: Caller, view: TicketView) -> TicketView:
    told = {**_UNTOLD, "fields": me.desk.public(view.fields)}
    return TicketView.model_validate(view.model_dump() | told)


def _then(me: Caller, number: str, version: int | None, at: datetime | None) -> TicketAsOf:
    with me.services.reading(me.workspace_id) as db:
        _must_exist(db, me, number)
        _must_reach(db, me, number)
        stream = ticket_id(me.workspace_id, number)
        return as_of.ticket(db, me.services.keyring, stream, number, version=version, at=at)


def _spoken(entries: list[dict[str, Any]]) -> set[UUID]:
    return _ids(entry["author_id"] for entry in entries) | _ids(_changed(entries))


def _spoken_to_requester(entries: list[dict[str, Any]]) -> set[UUID]:
    return _ids(entry["author_id"] for entry in entries if entry["message_id"] is not None)


def _changed(entries: list[dict[str, Any]]) -> Iterator[str]:
    """Whom the changes of entries speak of."""
    for entry in entries:
        for change in entry["changes"] if isinstance(entry["changes"], list) else ():
            for value in (change["from"], change["to"]):
                yield from filter(None, value.values()) if isinstance(value, dict) else (value,)


def _ids(values: Iterable[Any]) -> set[UUID]:
    return {UUID(value) for value in values if isinstance(value, str) and _ID.fullmatch(value)}


_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
