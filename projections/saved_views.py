"""Saved views (B8), as they are now; their counts are the ticket list's."""

from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import class_row
from pydantic_core import to_json

from domain.catalogue import shown
from domain.event import Recorded
from domain.saved_view import ViewRemoved, ViewSaved
from projections.bulk import upsert
from projections.read_model import Page, ReadModel

COLUMNS = (
    "workspace_id",
    "view_id",
    "title",
    "condition",
    "columns",
    "sort",
    "group_by",
    "sharing",
    "team",
    "owner",
    "position",
)
NEWER = "(view_id) DO UPDATE SET {updates} WHERE saved_views.position < excluded.position"


class SavedView(NamedTuple):
    """A view; title and condition are None once erased."""

    view_id: UUID
    title: str | None
    condition: dict[str, Any] | None
    columns: list[str]
    sort: str
    group_by: str | None
    sharing: str
    team: UUID | None
    owner: UUID


class SavedViews(ReadModel):
    """One row a view that was not removed."""

    NAME = "saved_views"
    VERSION = 1
    PARTITIONED = True
    EVENTS = (ViewSaved, ViewRemoved)
    OPENS = (ViewSaved,)
    TABLES = """
        CREATE TABLE saved_views (
            workspace_id uuid NOT NULL, view_id uuid PRIMARY KEY, title text, condition jsonb, columns text[] NOT NULL,
            sort text NOT NULL, group_by text, sharing text NOT NULL, team uuid, owner uuid NOT NULL,
            position bigint NOT NULL
        )"""
    INDEXES = "CREATE INDEX IF NOT EXISTS by_workspace ON saved_views (workspace_id)"
    COMMENTS: ClassVar[dict[str, str]] = {
        "saved_views": "Views that people saved: a condition over tickets with columns and a sort.",
        "saved_views.workspace_id": "The desk.",
        "saved_views.view_id": "The view.",
        "saved_views.title": "What it is called; NULL where the content was erased.",
        "saved_views.condition": "Which tickets it shows, in the condition language; NULL where the content was erased.",
        "saved_views.columns": "Columns of the list to show; empty for the usual ones.",
        "saved_views.sort": "Columns to sort by, - for descending.",
        "saved_views.group_by": "What its groups have in common, or NULL.",
        "saved_views.sharing": "private, team or shared.",
        "saved_views.team": "The team that shares it, or NULL.",
        "saved_views.owner": "Who made it.",
        "saved_views.position": "Position in the log of its newest event.",
    }

    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """The newest form of each view; a removed one goes."""
        saved = {recorded.stream_id: recorded for recorded in page if isinstance(recorded.event, ViewSaved)}
        upsert(db, "saved_views", COLUMNS, [_row(recorded) for recorded in saved.values()], NEWER, ("condition",))
        if gone := [recorded.stream_id for recorded in page if isinstance(recorded.event, ViewRemoved)]:
            db.execute("DELETE FROM saved_views WHERE view_id = ANY(%s)", [gone])


def _row(recorded: Recorded[Any]) -> tuple[Any, ...]:
    event: ViewSaved = recorded.event
    condition = shown(event.condition)
    return (
        recorded.metadata.workspace_id,
        recorded.stream_id,
        shown(event.title),
        None if condition is None else to_json(condition).decode(),
        list(event.columns),
        event.sort,
        event.group_by,
        event.sharing.value,
        event.team,
        event.owner,
        recorded.position,
    )


_SELECT = (
    "SELECT view_id, title, condition, columns, sort, group_by, sharing, team, owner FROM desk.saved_views "
    "WHERE workspace_id = %s AND condition IS NOT NULL AND (sharing = 'shared' OR owner = %s OR team = ANY(%s))"
)


def seen_by(db: Cursor[Any], workspace: UUID, person: UUID, teams: frozenset[UUID]) -> list[SavedView]:
    """The person's views, their teams' and everybody's, by name."""
    with db.connection.cursor(row_factory=class_row(SavedView)) as cursor:
        return cursor.execute(f"{_SELECT} ORDER BY title, view_id", [workspace, person, list(teams)]).fetchall()


def one(db: Cursor[Any], workspace: UUID, view: UUID, person: UUID, teams: frozenset[UUID]) -> SavedView | None:
    """A view that the person sees, or None."""
    with db.connection.cursor(row_factory=class_row(SavedView)) as cursor:
        return cursor.execute(f"{_SELECT} AND view_id = %s", [workspace, person, list(teams), view]).fetchone()
