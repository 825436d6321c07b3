"""TicketList: one row a ticket, as lists and filters show it. Its queries are in `ticket_pages`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar, cast
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import class_row

from domain.catalogue import shown
from domain.event import Event, Recorded
from domain.ticket import events as e
from domain.values import StatusKind
from projections.bulk import upsert
from projections.read_model import Page, ReadModel


@dataclass(slots=True)
class Row:
    """A row of `ticket_list`; the order of its columns."""

    workspace_id: UUID
    ticket_id: UUID
    number: str
    title: str | None
    status: str
    kind: str
    priority: str
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
    version: int
    position: int
    first_response_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    replies: int = 0
    notes: int = 0
    reopenings: int = 0
    reassignments: int = 0
    erased: bool = False


COLUMNS = tuple(column.name for column in fields(Row) if column.name != "erased")
_columns = attrgetter(*COLUMNS)
NEWER = "(ticket_id) DO UPDATE SET {updates} WHERE ticket_list.position < excluded.position"
Fold = Callable[[Row, Any, Recorded[Event]], None]
FOLDS: dict[type[Event], Fold] = {}


def _folds(*events: type[Event]) -> Callable[[Fold], Fold]:
    def register(fold: Fold) -> Fold:
        FOLDS.update(dict.fromkeys(events, fold))
        return fold

    return register


def _opened(recorded: Recorded[Event]) -> Row:
    event = cast("e.TicketOpened", recorded.event)
    at = recorded.metadata.occurred_at
    return Row(
        workspace_id=recorded.metadata.workspace_id,
        ticket_id=recorded.stream_id,
        number=event.number,
        title=shown(event.title),
        status=event.status,
        kind=event.kind,
        priority=event.priority,
        type=event.type,
        category=list(event.category),
        assignee_person=event.assignee.person,
        assignee_team=event.assignee.team,
        requester_id=event.requester_id,
        tags=list(event.tags),
        source=event.source,
        due_at=event.due_at,
        opened_at=at,
        updated_at=at,
        version=recorded.version,
        position=recorded.position,
        resolved_at=at if event.kind is StatusKind.RESOLVED else None,
        closed_at=at if event.kind is StatusKind.CLOSED else None,
    )


@_folds(e.TicketRetitled)
def _(row: Row, event: e.TicketRetitled, _: Recorded[Event]) -> None:
    row.title = shown(event.title)


@_folds(e.TicketTyped)
def _(row: Row, event: e.TicketTyped, _: Recorded[Event]) -> None:
    row.type = event.type


@_folds(e.TicketCategorised)
def _(row: Row, event: e.TicketCategorised, _: Recorded[Event]) -> None:
    row.category = list(event.category)


@_folds(e.TicketDueSet)
def _(row: Row, event: e.TicketDueSet, _: Recorded[Event]) -> None:
    row.due_at = event.due_at


@_folds(e.TicketPrioritised)
def _(row: Row, event: e.TicketPrioritised, _: Recorded[Event]) -> None:
    row.priority = event.priority


@_folds(e.TicketRequesterSet)
def _(row: Row, event: e.TicketRequesterSet, _: Recorded[Event]) -> None:
    row.requester_id = event.requester_id


@_folds(e.TicketAssigned)
def _(row: Row, event: e.TicketAssigned, _: Recorded[Event]) -> None:
    row.reassignments += event.assignee.team != row.assignee_team
    row.assignee_person, row.assignee_team = event.assignee.person, event.assignee.team


@_folds(e.TicketMoved, e.TicketResolved, e.TicketReopened, e.TicketClosed)
def _(row: Row, event: e.StatusEvent, recorded: Recorded[Event]) -> None:
    at = recorded.metadata.occurred_at
    row.status, row.kind = event.status, event.kind
    row.closed_at = at if event.kind is StatusKind.CLOSED else None
    if event.kind is StatusKind.RESOLVED:
        row.resolved_at = at
    if isinstance(event, e.TicketReopened):
        row.reopenings += 1
        row.resolved_at = None


@_folds(e.TicketTagged)
def _(row: Row, event: e.TicketTagged, _: Recorded[Event]) -> None:
    row.tags = [*(tag for tag in row.tags if tag != event.tag), event.tag]


@_folds(e.TicketUntagged)
def _(row: Row, event: e.TicketUntagged, _: Recorded[Event]) -> None:
    row.tags = [tag for tag in row.tags if tag != event.tag]


@_folds(e.TicketReplied)
def _(row: Row, _event: e.TicketReplied, recorded: Recorded[Event]) -> None:
    row.replies += 1
    if row.first_response_at is None and recorded.metadata.actor.kind == "person":
        row.first_response_at = recorded.metadata.occurred_at


@_folds(e.TicketNoted)
def _(row: Row, _event: e.TicketNoted, _: Recorded[Event]) -> None:
    row.notes += 1


@_folds(e.TicketErasureRequested)
def _(row: Row, _event: e.TicketErasureRequested, _: Recorded[Event]) -> None:
    row.erased = True


@_folds(e.TicketDescribed, e.TicketFieldsSet, e.TicketUpdateTold)
def _(_row: Row, _event: Event, _: Recorded[Event]) -> None:
    """Only the time and the version move."""


class TicketList(ReadModel):
    """One row a ticket that is not deleted."""

    NAME = "ticket_list"
    VERSION = 1
    EVENTS = (e.TicketOpened, *FOLDS)
    OPENS = (e.TicketOpened, e.TicketRetitled)
    TABLES = """
        CREATE TABLE ticket_list (
            workspace_id uuid NOT NULL, ticket_id uuid PRIMARY KEY, number text NOT NULL, title text,
            status text NOT NULL, kind text NOT NULL, priority text NOT NULL, type text, category text[] NOT NULL,
            assignee_person uuid, assignee_team uuid, requester_id uuid, tags text[] NOT NULL, source text NOT NULL,
            due_at timestamptz, opened_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
            version bigint NOT NULL, position bigint NOT NULL,
            first_response_at timestamptz, resolved_at timestamptz, closed_at timestamptz,
            replies int NOT NULL, notes int NOT NULL, reopenings int NOT NULL, reassignments int NOT NULL,
            number_order text COLLATE "C" GENERATED ALWAYS AS
                (CASE WHEN number ~ '^[0-9]+$' THEN lpad(number, 40, '0') ELSE '~' || number END) STORED,
            priority_rank smallint GENERATED ALWAYS AS
                (CASE priority WHEN 'low' THEN 1 WHEN 'normal' THEN 2 WHEN 'high' THEN 3 ELSE 4 END) STORED,
            urgency smallint GENERATED ALWAYS AS
                (CASE priority WHEN 'low' THEN 4 WHEN 'normal' THEN 3 WHEN 'high' THEN 2 ELSE 1 END) STORED,
            due_first timestamptz GENERATED ALWAYS AS (coalesce(due_at, '9999-12-31 00:00:00+00'::timestamptz)) STORED,
            due_last timestamptz GENERATED ALWAYS AS (coalesce(due_at, '0001-01-01 00:00:00+00'::timestamptz)) STORED
        ) WITH (fillfactor = 80)"""
    INDEXES = """
        CREATE INDEX IF NOT EXISTS by_updated ON ticket_list (workspace_id, updated_at, ticket_id);
        CREATE INDEX IF NOT EXISTS by_opened ON ticket_list (workspace_id, opened_at, ticket_id);
        CREATE INDEX IF NOT EXISTS by_number ON ticket_list (workspace_id, number_order, ticket_id);
        CREATE INDEX IF NOT EXISTS by_due ON ticket_list (workspace_id, due_first, ticket_id);
        CREATE INDEX IF NOT EXISTS by_due_last ON ticket_list (workspace_id, due_last, ticket_id);
        CREATE INDEX IF NOT EXISTS by_priority ON ticket_list (workspace_id, priority_rank, updated_at, ticket_id);
        CREATE INDEX IF NOT EXISTS by_urgency ON ticket_list (workspace_id, urgency, updated_at, ticket_id);
        CREATE INDEX IF NOT EXISTS by_status ON ticket_list (workspace_id, status, updated_at, ticket_id);
        CREATE INDEX IF NOT EXISTS by_person ON ticket_list (workspace_id, assignee_person, updated_at, ticket_id);
        CREATE INDEX IF NOT EXISTS by_team ON ticket_list (workspace_id, assignee_team, updated_at, ticket_id);
        CREATE INDEX IF NOT EXISTS by_requester ON ticket_list (workspace_id, requester_id, updated_at, ticket_id)"""
    COMMENTS: ClassVar[dict[str, str]] = {
        "ticket_list": "One row a ticket that is not deleted, as it is now.",
        "ticket_list.workspace_id": "The desk that it belongs to.",
        "ticket_list.ticket_id": "Its stream in the log.",
        "ticket_list.number": "What people call it; unique in its workspace.",
        "ticket_list.title": "Its title; NULL where the content was erased.",
        "ticket_list.status": "Key of its status; the names are in desk.statuses.",
        "ticket_list.kind": "What the status means: new, open, pending, resolved, confirmed, rated or closed.",
        "ticket_list.priority": "low, normal, high or urgent.",
        "ticket_list.type": "Key of its type, or NULL.",
        "ticket_list.category": "Its path in the category tree, from the root; empty for none.",
        "ticket_list.assignee_person": "Who is responsible, or NULL; desk.people.",
        "ticket_list.assignee_team": "Which team is responsible, or NULL; desk.teams.",
        "ticket_list.requester_id": "The customer it is for, or NULL.",
        "ticket_list.tags": "Its tags, in the order they were put on.",
        "ticket_list.source": "The channel that it came from.",
        "ticket_list.due_at": "When it is due, or NULL.",
        "ticket_list.opened_at": "When it was opened.",
        "ticket_list.updated_at": "When anything last happened to it.",
        "ticket_list.version": "How many events it has had.",
        "ticket_list.position": "Position in the log of its newest event.",
        "ticket_list.first_response_at": "When somebody of the desk first replied in public, or NULL.",
        "ticket_list.resolved_at": "When it was last resolved; NULL while work goes on.",
        "ticket_list.closed_at": "When it was last closed; NULL while it is not.",
        "ticket_list.replies": "How many public replies it has.",
        "ticket_list.notes": "How many internal notes it has.",
        "ticket_list.reopenings": "How often finished work began again.",
        "ticket_list.reassignments": "How often the team changed.",
        "ticket_list.number_order": "For sorting by number: numbers by value, then others by letter.",
        "ticket_list.priority_rank": "For sorting by priority: 1 low to 4 urgent.",
        "ticket_list.urgency": "The same the other way round: 1 urgent to 4 low.",
        "ticket_list.due_first": "For sorting by due time upwards: tickets without one are due in 9999.",
        "ticket_list.due_last": "For sorting by due time downwards: tickets without one were due in 0001.",
    }

    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """Fold the page in memory on the rows as they are, then write each touched row once."""
        rows = _known(db, {recorded.stream_id for recorded in page if not isinstance(recorded.event, e.TicketOpened)})
        for recorded in page:
            fold(rows, recorded)
        gone = [row.ticket_id for row in rows.values() if row.erased]
        upsert(db, "ticket_list", COLUMNS, _values(rows.values()), NEWER)
        if gone:
            db.execute("DELETE FROM ticket_list WHERE ticket_id = ANY(%s)", [gone])


def fold(rows: dict[UUID, Row], recorded: Recorded[Event]) -> None:
    """Bring the ticket's row to after the event; what it has seen already changes nothing."""
    row = rows.get(recorded.stream_id)
    if isinstance(recorded.event, e.TicketOpened):
        if row is None:
            rows[recorded.stream_id] = _opened(recorded)
        return
    # No row: it was deleted later on, and this page is being applied again.
    if row is None or recorded.position <= row.position:
        return
    FOLDS[type(recorded.event)](row, recorded.event, recorded)
    row.version, row.position, row.updated_at = recorded.version, recorded.position, recorded.metadata.occurred_at


def listed(events: Iterable[Recorded[Event]]) -> Row:
    """The row that a ticket's events, from the first on, lead to."""
    rows: dict[UUID, Row] = {}
    for recorded in events:
        if isinstance(recorded.event, TicketList.EVENTS):
            fold(rows, recorded)
    (row,) = rows.values()
    return row


def _known(db: Cursor[Any], tickets: set[UUID]) -> dict[UUID, Row]:
    if not tickets:
        return {}
    query = f"SELECT {', '.join(COLUMNS)} FROM ticket_list WHERE ticket_id = ANY(%s)"  # noqa: S608 - our own column names
    with db.connection.cursor(binary=True, row_factory=class_row(Row)) as cursor:
        cursor.execute(query.encode(), [list(tickets)])
        return {row.ticket_id: row for row in cursor}


def _values(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    return [_columns(row) for row in rows if not row.erased]
