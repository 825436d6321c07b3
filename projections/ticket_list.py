"""TicketList: one row a ticket, as lists and filters show it. Its queries are in `ticket_pages`."""

from collections.abc import Collection, Iterator
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import class_row
from pydantic_core import to_json

from domain.saved_view import ViewSaved
from domain.ticket import events as e
from domain.ticket.folds import FOLDS, fold, wake
from domain.ticket.row import COLUMNS, Row
from domain.ticket.undoing import TicketUndone
from projections import kept_views, place_spans, tag_names, ticket_facets, ticket_places
from projections.bulk import array, upsert
from projections.kept_views import KeptViews
from projections.read_model import Page, ReadModel
from projections.tag_names import TagNames, rename
from projections.ticket_facets import Seen, seen

_columns = attrgetter(*COLUMNS)
# What follows from the rest of a row, kept beside it for filters and the reach of whoever looks.
WRITTEN = (*COLUMNS, "involved", "shelf", "place")
NEWER = "(ticket_id) DO UPDATE SET {updates} WHERE ticket_list.position <= excluded.position"
RENAMED_AT_ONCE = 5_000


class TicketList(ReadModel):
    """One row a ticket that is not deleted."""

    NAME = "ticket_list"
    VERSION = 5
    SEARCHED = frozenset({"facet_places", *place_spans.SEARCHED, *ticket_places.SEARCHED})
    VERSIONED = frozenset({"facet_counts"})
    EVENTS = (e.TicketOpened, *FOLDS, *tag_names.EVENTS, *kept_views.EVENTS)
    OPENS = (e.TicketOpened, e.TicketRetitled, e.TicketFieldsSet, TicketUndone, ViewSaved)
    TABLES = (
        """
        CREATE TABLE ticket_list (
            workspace_id uuid NOT NULL, ticket_id uuid PRIMARY KEY, number text NOT NULL, title text,
            status text NOT NULL, kind text NOT NULL, priority text NOT NULL, type text, category text[] NOT NULL,
            assignee_person uuid, assignee_team uuid, assignee_role text, candidates uuid[] NOT NULL,
            requester_id uuid, tags text[] NOT NULL, fields jsonb, source text NOT NULL,
            due_at timestamptz, opened_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
            version bigint NOT NULL, position bigint NOT NULL,
            first_response_at timestamptz, accepted_at timestamptz, resolved_at timestamptz, confirmed_at timestamptz,
            closed_at timestamptz, last_reply_at timestamptz, last_requester_reply_at timestamptz,
            replies int NOT NULL, notes int NOT NULL, reopenings int NOT NULL, reassignments int NOT NULL,
            urges int NOT NULL, transfers int NOT NULL, returns int NOT NULL, rating smallint, level smallint NOT NULL,
            followers uuid[] NOT NULL, consulted uuid[] NOT NULL, involved uuid[] NOT NULL,
            archived_at timestamptz, snoozed boolean NOT NULL, snoozed_until timestamptz,
            pinned boolean NOT NULL, spam boolean NOT NULL, merged_into text, withdrawn boolean NOT NULL, parent text,
            workflow text, node text, shelf text NOT NULL, place int NOT NULL,
            archived boolean GENERATED ALWAYS AS (archived_at IS NOT NULL) STORED,
            listed boolean GENERATED ALWAYS AS (shelf = 'desk') STORED,
            number_order text COLLATE "C" GENERATED ALWAYS AS
                (CASE WHEN number ~ '^[0-9]+$' THEN lpad(number, 40, '0') ELSE '~' || number END) STORED,
            priority_rank smallint GENERATED ALWAYS AS
                (CASE priority WHEN 'low' THEN 1 WHEN 'normal' THEN 2 WHEN 'high' THEN 3 ELSE 4 END) STORED,
            urgency smallint GENERATED ALWAYS AS
                (CASE priority WHEN 'low' THEN 4 WHEN 'normal' THEN 3 WHEN 'high' THEN 2 ELSE 1 END) STORED,
            due_first timestamptz GENERATED ALWAYS AS (coalesce(due_at, '9999-12-31 00:00:00+00'::timestamptz)) STORED,
            due_last timestamptz GENERATED ALWAYS AS (coalesce(due_at, '0001-01-01 00:00:00+00'::timestamptz)) STORED
        ) WITH (fillfactor = 80);
        CREATE INDEX by_waking ON ticket_list (workspace_id, snoozed_until) WHERE shelf = 'snoozed';"""
        f"{ticket_facets.TABLES};{place_spans.TABLES};{ticket_places.TABLES};{tag_names.TABLES};{kept_views.TABLES}"
    )
    # Led by `listed`: the usual lists must not walk past everything that was ever archived. Ended by the place, by which
    # a walk along the index alone tells who is in a set.
    INDEXES = """
        CREATE UNIQUE INDEX IF NOT EXISTS by_place ON ticket_list (workspace_id, place);
        CREATE INDEX IF NOT EXISTS by_updated ON ticket_list (workspace_id, listed, updated_at, place);
        CREATE INDEX IF NOT EXISTS by_opened ON ticket_list (workspace_id, listed, opened_at, place);
        CREATE INDEX IF NOT EXISTS by_opening ON ticket_list (workspace_id, opened_at, ticket_id);
        CREATE INDEX IF NOT EXISTS by_number ON ticket_list (workspace_id, listed, number_order, place);
        CREATE INDEX IF NOT EXISTS by_due ON ticket_list (workspace_id, listed, due_first, place);
        CREATE INDEX IF NOT EXISTS by_due_last ON ticket_list (workspace_id, listed, due_last, place);
        CREATE INDEX IF NOT EXISTS by_priority ON ticket_list (workspace_id, listed, priority_rank, updated_at, place);
        CREATE INDEX IF NOT EXISTS by_urgency ON ticket_list (workspace_id, listed, urgency, updated_at, place);
        CREATE INDEX IF NOT EXISTS by_status ON ticket_list (workspace_id, listed, status, updated_at, place);
        CREATE INDEX IF NOT EXISTS by_requester ON ticket_list (workspace_id, requester_id, opened_at, place);
        CREATE INDEX IF NOT EXISTS by_queue ON ticket_list
            (workspace_id, listed, assignee_team, kind, priority, opened_at, place);
        """
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
        "ticket_list.assignee_role": "Bearers of this role may claim it, or NULL; with a team, those of the team.",
        "ticket_list.candidates": "The people of whom one must claim it; empty where it was given otherwise.",
        "ticket_list.requester_id": "The customer it is for, or NULL.",
        "ticket_list.tags": "Its tags, in the order they were put on.",
        "ticket_list.fields": "Custom values by key; NULL where the content was erased.",
        "ticket_list.source": "The channel that it came from.",
        "ticket_list.due_at": "When it is due, or NULL.",
        "ticket_list.opened_at": "When it was opened.",
        "ticket_list.updated_at": "When anything last happened to it.",
        "ticket_list.version": "How many events it has had.",
        "ticket_list.position": "Position in the log of its newest event.",
        "ticket_list.first_response_at": "When somebody of the desk first replied in public, or NULL.",
        "ticket_list.accepted_at": "When work on it first began, or NULL.",
        "ticket_list.resolved_at": "When it was last resolved; NULL while work goes on.",
        "ticket_list.confirmed_at": "When the requester last said that it is solved; NULL while they did not.",
        "ticket_list.closed_at": "When it was last closed; NULL while it is not.",
        "ticket_list.last_reply_at": "When the desk last replied in public, or NULL.",
        "ticket_list.last_requester_reply_at": "When the requester last replied, or NULL.",
        "ticket_list.replies": "How many public replies it has.",
        "ticket_list.notes": "How many internal notes it has.",
        "ticket_list.reopenings": "How often finished work began again.",
        "ticket_list.reassignments": "How often the team changed.",
        "ticket_list.urges": "How often somebody asked for haste.",
        "ticket_list.transfers": "How often it was handed on.",
        "ticket_list.returns": "How often it was given back.",
        "ticket_list.rating": "The requester's stars, 1 to 5, or NULL.",
        "ticket_list.level": "How far it was escalated; 0 where it never was.",
        "ticket_list.followers": "Who follows it.",
        "ticket_list.consulted": "Who was mentioned on it or asked to approve.",
        "ticket_list.involved": "Who has it, follows it or was consulted: they may see it wherever it goes.",
        "ticket_list.archived_at": "When it was archived; NULL while it is not.",
        "ticket_list.archived": "Whether it is archived.",
        "ticket_list.snoozed": "Whether it sleeps.",
        "ticket_list.snoozed_until": "Until when it sleeps; NULL while it does not, or until the requester writes.",
        "ticket_list.pinned": "Whether it is kept first in lists.",
        "ticket_list.spam": "Whether it is spam.",
        "ticket_list.merged_into": "Number of the ticket that it goes on as, or NULL.",
        "ticket_list.withdrawn": "Whether it came of a split that was undone.",
        "ticket_list.parent": "Number of the ticket above it, or NULL.",
        "ticket_list.workflow": "Key of its workflow, or NULL.",
        "ticket_list.node": "Key of the workflow's step that it stands at, or NULL.",
        "ticket_list.shelf": "desk, or why the usual lists leave it out: archived, snoozed, spam, merged, withdrawn.",
        "ticket_list.place": "Which of the desk's tickets it is, in the order in which they were opened.",
        "ticket_list.listed": "Whether the usual lists show it.",
        "ticket_list.number_order": "For sorting by number: numbers by value, then others by letter.",
        "ticket_list.priority_rank": "For sorting by priority: 1 low to 4 urgent.",
        "ticket_list.urgency": "The same the other way round: 1 urgent to 4 low.",
        "ticket_list.due_first": "For sorting by due time upwards: tickets without one are due in 9999.",
        "ticket_list.due_last": "For sorting by due time downwards: tickets without one were due in 0001.",
        **ticket_facets.COMMENTS,
        **place_spans.COMMENTS,
        **ticket_places.COMMENTS,
        **tag_names.COMMENTS,
        **kept_views.COMMENTS,
    }

    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """Fold the page in memory on the rows as they are, then write each touched row once."""
        workspaces = {recorded.metadata.workspace_id for recorded in page}
        now = max(recorded.metadata.occurred_at for recorded in page)
        rows = _known(db, {recorded.stream_id for recorded in page}, workspaces, now)
        names, views = TagNames(db, workspaces), KeptViews(db, workspaces)
        before = _before(views, rows)
        for recorded in page:
            if isinstance(recorded.event, tag_names.EVENTS):
                names.take(recorded, rows.values())
            elif isinstance(recorded.event, kept_views.EVENTS):
                views.take(recorded)
            else:
                fold(rows, names.present(recorded))
        for row in rows.values():
            wake(row, now)
        _write(db, views, before, rows.values())
        names.write(db)
        for change in names.renamed:
            _rename(db, views, *change)
        views.write(db)


class _Before(NamedTuple):
    """What counts have to know of rows as they were."""

    seen: dict[UUID, Seen]
    rows: dict[UUID, Row]


def _before(views: KeptViews, rows: dict[UUID, Row]) -> _Before:
    return _Before({ticket: seen(row) for ticket, row in rows.items()}, views.noted(rows))


def _write(db: Cursor[Any], views: KeptViews, before: _Before, rows: Collection[Row]) -> None:
    kept, places = [row for row in rows if not row.erased], ticket_places.given(db, rows)
    upsert(db, "ticket_list", WRITTEN, [_values(row, places[row.ticket_id]) for row in kept], NEWER, ("fields",))
    if gone := [row.ticket_id for row in rows if row.erased]:
        db.execute("DELETE FROM ticket_list WHERE ticket_id = ANY(%s)", [gone])
    # Those of deleted ones too, so that a rebuild, which sees less of them, comes to the same.
    place_spans.keep(db, [row for row in rows if row.ticket_id not in before.seen], places)
    ticket_facets.keep(db, before.seen, {row.ticket_id: seen(row) for row in kept}, places)
    views.count(db, before.rows, rows)


def _rename(db: Cursor[Any], views: KeptViews, workspace: UUID, former: str, name: str, position: int) -> None:
    """Rename the tag on all tickets that the page did not bring by itself; what came later has the new name."""
    having = "workspace_id = %s AND tags @> ARRAY[%s] AND position < %s LIMIT %s"
    while rows := {row.ticket_id: row for row in _rows(db, having, [workspace, former, position, RENAMED_AT_ONCE])}:
        before = _before(views, rows)
        for row in rows.values():
            rename(row, former, name)
        _write(db, views, before, rows.values())


_WAKING = "workspace_id = ANY(%s) AND shelf = 'snoozed' AND snoozed_until <= %s"


def _known(db: Cursor[Any], tickets: set[UUID], workspaces: set[UUID], now: datetime) -> dict[UUID, Row]:
    """The rows of these tickets, and of those that sleep no longer."""
    found = {row.ticket_id: row for row in _rows(db, "ticket_id = ANY(%s)", [list(tickets)])}
    return found | {row.ticket_id: row for row in _rows(db, _WAKING, [list(workspaces), now])}


def _rows(db: Cursor[Any], having: str, values: list[Any]) -> Iterator[Row]:
    query = f"SELECT {', '.join(COLUMNS)} FROM ticket_list WHERE {having}"  # noqa: S608 - our own text
    with db.connection.cursor(binary=True, row_factory=class_row(Row)) as cursor:
        yield from cursor.execute(query.encode(), values)


_FIELDS = COLUMNS.index("fields")
_IDS = tuple(COLUMNS.index(name) for name in ("candidates", "followers", "consulted"))
_TEXTS = tuple(COLUMNS.index(name) for name in ("category", "tags"))


def _values(row: Row, place: int) -> list[Any]:
    values = [*_columns(row), array(row.involved), row.shelf, place]
    for column in _IDS:
        values[column] = array(values[column])
    for column in _TEXTS:
        values[column] = values[column] or "{}"
    if row.fields is not None:
        values[_FIELDS] = to_json(row.fields).decode()
    return values
