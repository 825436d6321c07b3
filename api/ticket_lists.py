"""Lists of tickets: filtered, searched by conditions, sorted, grouped, on a board."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import anyio.from_thread
import psycopg
from fastapi import Query, Response
from psycopg import Cursor
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from api import routing
from api.answers import POSITION
from api.auth import Caller, needs
from api.errors import NotCaughtUp, ReadModelMissing
from api.following import reached
from api.known import absorbed_by
from api.problems import problems
from domain.catalogue import shown
from domain.conditions import ALWAYS, AllOf, Condition, Context, InvalidCondition, Leaf, depends_on
from domain.conditions.fields import CUSTOM_PREFIX
from domain.errors import InvalidInput
from domain.permissions import Permission
from domain.values import Flag, Priority, StatusKind, Whole
from projections import freshness, ticket_board, ticket_pages, ticket_totals, written_pages
from projections.conditions import ComparesWithBefore, OnlyInRules
from projections.requester_card import of_customer
from projections.ticket_board import Grouping
from projections.ticket_filter import TicketFilter
from projections.ticket_pages import ListQuery, SortTooWide
from projections.written_pages import WrittenPage

router = routing.router("tickets")

Names = Annotated[dict[UUID, str | None], Field(description="Names of the people and teams that are spoken of.")]
# What a requester sees of their own ticket in a list: nothing of how the desk works on it.
PUBLIC = [
    "ticket_id",
    "number",
    "title",
    "status",
    "kind",
    "priority",
    "type",
    "category",
    "requester_id",
    "fields",
    "source",
    "due_at",
    "opened_at",
    "updated_at",
    "first_response_at",
    "resolved_at",
    "confirmed_at",
    "closed_at",
    "replies",
    "reopenings",
    "rating",
    "version",
    "position",
]
_PEOPLE = ("assignee_person", "assignee_team")
_REFUSED = problems(
    InvalidInput, InvalidCondition, ComparesWithBefore, OnlyInRules, SortTooWide, NotCaughtUp, ReadModelMissing
)
_READS: dict[str, Any] = {"responses": _REFUSED, "dependencies": [reached("ticket_list")]}


class TicketRow(BaseModel):
    """A ticket in a list. What only the desk may know is not there for requesters."""

    ticket_id: UUID
    number: str
    title: str | None = Field(description="Null once erased.")
    status: str
    kind: StatusKind
    priority: Priority
    type: str | None
    category: list[str]
    assignee_person: UUID | None = None
    assignee_team: UUID | None = None
    assignee_role: str | None = None
    candidates: list[UUID] = Field(default=[], description="Of whom one must claim it.")
    requester_id: UUID | None
    tags: list[str] = []
    fields: dict[str, Any] | None = Field(description="Custom values; null once erased.")
    source: str
    due_at: datetime | None
    opened_at: datetime
    updated_at: datetime
    first_response_at: datetime | None
    accepted_at: datetime | None = None
    resolved_at: datetime | None
    confirmed_at: datetime | None
    closed_at: datetime | None
    last_reply_at: datetime | None = None
    last_requester_reply_at: datetime | None = None
    replies: int
    notes: int = 0
    reopenings: int
    reassignments: int = 0
    urges: int = 0
    transfers: int = 0
    returns: int = 0
    rating: int | None
    level: int = 0
    followers: list[UUID] = []
    archived: bool = False
    archived_at: datetime | None = None
    snoozed: bool = False
    snoozed_until: datetime | None = None
    pinned: bool = False
    spam: bool = False
    merged_into: str | None = None
    parent: str | None = None
    workflow: str | None = None
    node: str | None = None
    shelf: str = Field(default="desk", description="desk, or why the usual lists leave it out.")
    version: int
    position: int


class Total(BaseModel):
    """How many tickets match."""

    total: int | None = Field(description="How many tickets match, where asked for; at most 10,000 where it is capped.")
    total_is_capped: bool = Field(description="Whether there are more than `total`.")


class TicketRows(Total):
    """A page of tickets."""

    tickets: list[TicketRow]
    next: str | None = Field(description="Send it as `after` to get the next page; null on the last.")
    names: Names


class ChosenColumns(TicketRow):
    """A ticket in a list with the columns that were chosen; with all where none were."""

    model_config = ConfigDict(json_schema_extra=lambda schema: schema.pop("required", None))


class ChosenRows(TicketRows):
    """A page of tickets with the columns that were chosen."""

    tickets: list[ChosenColumns]  # type: ignore[assignment]


_SORT = Field(default="-updated_at", max_length=200, description="Columns, - for descending: -priority,updated_at")
_LIMIT = Field(default=50, ge=1, le=ticket_pages.LARGEST_PAGE)
_AFTER = Field(default=None, max_length=2000, description="The cursor `next` of the page before.")
_TOTAL = Field(default=False, description="Count all that match.")
_EVERYWHERE = Field(default=False, description="With what is archived, spam, snoozed, merged or withdrawn.")


class TicketsAsked(TicketFilter):
    """Conditions that all hold, and which page to answer."""

    sort: str = _SORT
    limit: int = _LIMIT
    after: str | None = _AFTER
    total: bool = _TOTAL
    everywhere: bool = _EVERYWHERE
    # Read by the dependency that waits for it; named here because nothing unknown is taken.
    min_position: int | None = Field(default=None, ge=0, le=2**63 - 1)


class BoardAsked(TicketFilter):
    """Conditions that all hold, and how to group what meets them."""

    group_by: Grouping = Field(default=Grouping.STATUS, description="What the tickets of a group have in common.")
    cards: int = Field(default=10, ge=0, le=50, description="Tickets to show of each group.")
    min_position: int | None = Field(default=None, ge=0, le=2**63 - 1)


class TicketSearch(BaseModel):
    """A condition in the condition language, and which page to answer."""

    model_config = ConfigDict(extra="forbid")

    condition: Condition = Field(
        default=ALWAYS, examples=[{"all": [{"field": "priority", "op": "is_any_of", "value": ["high", "urgent"]}]}]
    )
    sort: str = _SORT
    limit: Whole = _LIMIT
    after: str | None = _AFTER
    total: Flag = _TOTAL
    everywhere: Flag = _EVERYWHERE
    columns: list[str] | None = Field(default=None, max_length=60, description="Only these columns of each ticket.")


class BoardGroup(Total):
    """Tickets that have something in common, or nothing of it (`value` null)."""

    value: str | None
    tickets: list[TicketRow]


class Board(BaseModel):
    """Groups of tickets with their first ones."""

    groups: list[BoardGroup]
    names: Names


@router.get("/tickets", response_model=TicketRows, **_READS)
def list_tickets(asked: Annotated[TicketsAsked, Query()], me: Caller = needs(Permission.TICKET_VIEW)) -> Response:
    """A page of the tickets that match, sorted; deleted ones are not in it."""
    query = ListQuery(_filtered(me, asked), me.reach, asked.everywhere, asked.sort, asked.limit, asked.after)
    return answer(me, query, total=asked.total)


@router.post("/tickets/search", response_model=ChosenRows, **_READS)
def search_tickets(body: TicketSearch, me: Caller = needs(Permission.TICKET_VIEW)) -> Response:
    """A page of the tickets that meet a condition."""
    query = ListQuery(askable(me, body.condition), me.reach, body.everywhere, body.sort, body.limit, body.after)
    return answer(me, query, total=body.total, columns=body.columns)


@router.get("/tickets/board", response_model=Board, **_READS)
def read_board(asked: Annotated[BoardAsked, Query()], me: Caller = needs(Permission.TICKET_VIEW)) -> Response:
    """The tickets that match in groups: how many each has, and its first ones."""
    if me.actor.kind == "requester" and asked.group_by not in PUBLIC:
        raise InvalidInput(field="group_by", reason="is for the desk; use status, priority or type")
    query = ListQuery(_filtered(me, asked), me.reach, limit=max(asked.cards, 1))
    with reading(me) as db:
        position = freshness.position_of(db, "ticket_list")
        found = ticket_board.board(db, me.workspace_id, query, context(me), asked.group_by, asked.cards)
    shown_groups = [
        {"value": group.value, "tickets": visible(me, group.rows), **counted(group.total)} for group in found
    ]
    ids = [group.value for group in found if asked.group_by in _PEOPLE]
    names = referenced(me, (row for group in found for row in group.rows), ids)
    return prepared({"groups": shown_groups, "names": names}, position)


def answer(me: Caller, query: ListQuery, *, total: bool = False, columns: list[str] | None = None) -> Response:
    """A page of tickets, prepared for sending."""
    wanted = _columns(me, columns)
    with reading(me) as db:
        try:
            page = _page(db, me, query, wanted)
        except psycopg.DataError:
            raise InvalidInput(field="after", reason="is not a cursor of this list; begin without it") from None
        found = ticket_totals.total(db, me.workspace_id, query, context(me), page.found) if total else None
    told = to_json({"next": page.next, **counted(found), "names": names_of(me, page.responsible)})
    return prepared(b'{"tickets":%s,%s' % (page.rows, told[1:]), page.position)


def _page(db: Cursor[Any], me: Caller, query: ListQuery, columns: list[str] | None) -> WrittenPage:
    if me.actor.kind != "requester":
        return written_pages.written(db, me.workspace_id, query, context(me), columns)
    # Which of a ticket's fields they see, the desk's set-up says.
    position = freshness.position_of(db, "ticket_list")
    page = ticket_pages.page(db, me.workspace_id, query, context(me))
    return WrittenPage(to_json(visible(me, page.rows, columns)), set(), page.next, position, page.found)


def _filtered(me: Caller, asked: TicketFilter) -> Condition:
    """What is filtered by; a customer has the tickets of all who were merged into them."""
    if asked.requester is None or not (absorbed := anyio.from_thread.run(absorbed_by, me, asked.requester)):
        return askable(me, asked.condition())
    rest = asked.model_copy(update={"requester": None}).condition()
    return askable(me, merged(rest, of_customer([asked.requester, *absorbed])))


def askable(me: Caller, condition: Condition) -> Condition:
    """What the caller may ask about: a requester's answer would tell what they may not see; InvalidInput then.

    To a requester none of their tickets is put aside, archived or spam, which are the desk's words.
    """
    if me.actor.kind != "requester":
        return condition
    hidden = {CUSTOM_PREFIX + key for key in me.desk.internal_fields}
    for name in sorted(depends_on(condition)):
        if name in hidden or not (name in PUBLIC or name.startswith(CUSTOM_PREFIX)):
            raise InvalidInput(field="condition", reason=f"{name} is for the desk; ask about {', '.join(PUBLIC[1:])}")
    return merged(condition, Leaf(field="shelf", op="is_not", value="withdrawn"))


def context(me: Caller) -> Context:
    """Who asks, when and where, for conditions."""
    now, merges = me.services.desk.clock(), me.desk.organisations
    person = me.desk.people.get(me.id)
    if person is None:
        return Context(now, merges=merges)
    return Context(now, person.zone, person.id, person.teams, merges=merges)


def merged(*conditions: Condition) -> Condition:
    """All of them."""
    asked = [condition for condition in conditions if condition != ALWAYS]
    return asked[0] if len(asked) == 1 else AllOf(all=tuple(asked))


def counted(found: ticket_totals.Total | None) -> dict[str, Any]:
    """A total as answers have it."""
    return (
        {"total": None, "total_is_capped": False}
        if found is None
        else {
            "total": found.tickets,
            "total_is_capped": found.capped,
        }
    )


def visible(me: Caller, rows: list[dict[str, Any]], columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The rows with the columns that were asked for, and that the caller may see."""
    allowed = _columns(me, columns)
    if me.actor.kind == "requester":
        rows = [row | {"fields": me.desk.public(row["fields"])} for row in rows]
    return rows if allowed is None else [{name: row[name] for name in allowed} for row in rows]


def _columns(me: Caller, columns: list[str] | None) -> list[str] | None:
    """Those of the columns that the caller may see, None for all; InvalidInput where one is not there."""
    allowed = PUBLIC if me.actor.kind == "requester" else None
    if columns is None:
        return allowed
    if unknown := [name for name in columns if name not in TicketRow.model_fields]:
        known = ", ".join(TicketRow.model_fields)
        raise InvalidInput(field="columns", reason=f"{unknown[0][:40]!r} is none; there are {known}")
    return [name for name in columns if allowed is None or name in allowed]


def referenced(me: Caller, rows: Iterable[dict[str, Any]], more: Iterable[str | None] = ()) -> dict[UUID, str | None]:
    """Names of the people and teams that the rows speak of."""
    if me.actor.kind == "requester":
        return {}
    ids = {row[name] for row in rows for name in _PEOPLE} | {UUID(each) for each in more if each}
    return names_of(me, ids - {None})


def names_of(me: Caller, ids: Collection[UUID]) -> dict[UUID, str | None]:
    """Names of these people, teams and rules."""
    people, teams = me.desk.people, me.desk.teams
    found: dict[UUID, str | None] = {each: shown(people[each].name) for each in ids if each in people}
    found |= {each: teams[each].name for each in ids if each in teams}
    return found | {each: rule.title for each in ids - found.keys() if (rule := me.desk.rule_of(each))}


@contextmanager
def reading(me: Caller) -> Iterator[Cursor[Any]]:
    """A read of the caller's workspace; ReadModelMissing before a worker has built it."""
    try:
        with me.services.reading(me.workspace_id) as db:
            yield db
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        raise ReadModelMissing() from None


def prepared(body: Any, position: int) -> Response:
    """An answer that needs no more validation, with the position that it was read at."""
    content = body if isinstance(body, bytes) else to_json(body)
    return Response(content, headers={POSITION: str(position)}, media_type="application/json")
