"""How many tickets each saved view shows (B8), kept as tickets change: counted once, when the view is saved.

A view of whoever looks at it is kept for every person or team that it may be about, where its condition says which field
that is. What depends on the time, or on what is known of the customer, is counted when it is asked for.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from copy import copy
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.sql import SQL, Identifier
from pydantic_core import from_json, to_json

from domain.catalogue import shown
from domain.conditions import AllOf, Condition, Context, Leaf, asks_what_happened, depends_on, evaluator, leaves, parse
from domain.conditions.fields import CUSTOM_PREFIX, FieldType, field_named
from domain.conditions.model import values
from domain.conditions.operators import Asks
from domain.conditions.values import Me, MyTeams
from domain.event import Event, Recorded
from domain.saved_view import ViewRemoved, ViewSaved
from domain.ticket.row import Row
from projections.bulk import upsert
from projections.condition_shapes import timeless
from projections.conditions import compiled

EVENTS = (ViewSaved, ViewRemoved)
TABLES = """
    CREATE TABLE kept_views (
        workspace_id uuid NOT NULL, view_id uuid PRIMARY KEY, condition text NOT NULL, position bigint NOT NULL);
    CREATE TABLE view_counts (
        workspace_id uuid NOT NULL, view_id uuid NOT NULL, whose text COLLATE "C" NOT NULL, tickets int NOT NULL,
        PRIMARY KEY (view_id, whose)
    ) WITH (fillfactor = 70);
    CREATE INDEX views_of_workspace ON kept_views (workspace_id)"""
COMMENTS = {
    "kept_views": "The saved views whose counts are kept.",
    "kept_views.workspace_id": "The desk.",
    "kept_views.view_id": "The view; desk.saved_views.",
    "kept_views.condition": "Which tickets it shows, in the condition language.",
    "kept_views.position": "Position in the log of its newest event.",
    "view_counts": "How many tickets each of them shows, kept as they change.",
    "view_counts.workspace_id": "The desk.",
    "view_counts.view_id": "The view.",
    "view_counts.whose": "The person or team whom it is counted for; empty where it shows everybody the same.",
    "view_counts.tickets": "How many.",
}
# Who asks about one of these wants to see what the usual lists leave out.
OF_SHELVES = frozenset({"shelf", "archived", "spam", "snoozed", "snoozed_until", "merged_into"})
_ANYBODY = Context(datetime(1970, 1, 1, tzinfo=UTC))
_COUNTS = ("workspace_id", "view_id", "whose", "tickets")
_ADD = "(view_id, whose) DO UPDATE SET tickets = view_counts.tickets + excluded.tickets"


class Plan(NamedTuple):
    """What to keep of a view: how many tickets meet the condition, for each value of the field `by`, if any."""

    condition: Condition
    by: str | None
    reads: frozenset[str]
    listed_only: bool

    def whose(self, row: Row | None) -> list[str]:
        """For whom the ticket counts."""
        if row is None or row.erased or (self.listed_only and row.shelf != "desk"):
            return []
        keys = _keys(row, self.by)
        return keys if keys and evaluator(self.condition)(_facts(row, self.reads), _ANYBODY, None) else []


@lru_cache(maxsize=4096)
def plan(condition: Condition) -> Plan | None:
    """How the count of such a view is kept; None where it is not."""
    asked = list(condition.all) if isinstance(condition, AllOf) else [condition]
    pin = next((part for part in asked if isinstance(part, Leaf) and _is_pin(part)), None)
    rest = AllOf(all=tuple(part for part in asked if part is not pin))
    of_requester = any(field_named(leaf.field).of_requester for leaf in leaves(rest))
    if of_requester or asks_what_happened(rest) or not timeless(rest):
        return None
    reads = depends_on(condition)
    return Plan(rest, pin.field if pin else None, reads | {"shelf"}, reads.isdisjoint(OF_SHELVES))


def _is_pin(leaf: Leaf) -> bool:
    """Whether it says just that the asker, or one of their teams, is in the field."""
    field, operator = field_named(leaf.field), leaf.operator
    if operator.negated or operator.asks not in (Asks.EQUAL, Asks.HAS_ANY) or len(values(leaf)) != 1:
        return False
    (wanted,) = values(leaf)
    if isinstance(wanted, MyTeams):
        return field.type is FieldType.TEAM
    return isinstance(wanted, Me) and field.type in (FieldType.PERSON, FieldType.PEOPLE) and not field.of_requester


def _keys(row: Row, by: str | None) -> list[str]:
    if by is None:
        return [""]
    value = getattr(row, by)
    return [str(each) for each in value] if isinstance(value, list) else [] if value is None else [str(value)]


def _facts(row: Row, names: Iterable[str]) -> dict[str, Any]:
    facts = {name: getattr(row, name) for name in names if not name.startswith(CUSTOM_PREFIX) and name != "archived"}
    return facts | {"fields": row.fields, "archived": row.archived_at is not None}


def _read_differently(before: Row | None, after: Row | None, reads: frozenset[str]) -> bool:
    if before is None or after is None or after.erased:
        return True
    return _facts(before, reads) != _facts(after, reads)


class KeptViews:
    """The kept views of some workspaces, and what a page changes in their counts."""

    def __init__(self, db: Cursor[Any], workspaces: set[UUID]) -> None:
        found = db.execute(
            "SELECT workspace_id, view_id, condition, position FROM kept_views WHERE workspace_id = ANY(%s)",
            [list(workspaces)],
        )
        self._views: dict[UUID, dict[UUID, Plan]] = {}
        self._positions: dict[UUID, int] = {}
        for workspace, view, condition, position in found:
            kept = plan(_parsed(condition))
            if kept is not None:
                self._views.setdefault(workspace, {})[view] = kept
            self._positions[view] = position
        self._changed: dict[UUID, Recorded[Event]] = {}

    def take(self, recorded: Recorded[Event]) -> None:
        """A view was saved or removed: counted anew when the page is in."""
        if recorded.position > self._positions.get(recorded.stream_id, 0):
            self._changed[recorded.stream_id] = recorded

    def noted(self, rows: Mapping[UUID, Row]) -> dict[UUID, Row]:
        """The rows as they are, to compare with later; none where no view is kept."""
        return {ticket: copy(row) for ticket, row in rows.items()} if self._views else {}

    def count(self, db: Cursor[Any], before: Mapping[UUID, Row], after: Iterable[Row]) -> None:
        """Bring the counts from the rows as they were to the rows as they are."""
        if not self._views:
            return
        moved = Counter[tuple[UUID, UUID, str]]()
        for now in after:
            was = before.get(now.ticket_id)
            for view, kept in self._views.get(now.workspace_id, {}).items():
                if _read_differently(was, now, kept.reads):
                    moved.subtract((now.workspace_id, view, whose) for whose in kept.whose(was))
                    moved.update((now.workspace_id, view, whose) for whose in kept.whose(now))
        rows = [(*key, tickets) for key, tickets in moved.items() if tickets]
        upsert(db, "view_counts", _COUNTS, rows, _ADD)
        if rows:
            db.execute("DELETE FROM view_counts WHERE view_id = ANY(%s) AND tickets = 0", [[row[1] for row in rows]])

    def write(self, db: Cursor[Any]) -> None:
        """Count the views that the page changed, on the tickets as they are now."""
        for view, recorded in self._changed.items():
            db.execute("DELETE FROM kept_views WHERE view_id = %s", [view])
            db.execute("DELETE FROM view_counts WHERE view_id = %s", [view])
            condition = shown(recorded.event.condition) if isinstance(recorded.event, ViewSaved) else None
            kept = plan(parse(condition)) if condition is not None else None
            if kept is not None:
                workspace = recorded.metadata.workspace_id
                row = [workspace, view, to_json(condition).decode(), recorded.position]
                db.execute(
                    "INSERT INTO kept_views (workspace_id, view_id, condition, position) VALUES (%s, %s, %s, %s)", row
                )
                _counted(db, workspace, view, kept)


def _counted(db: Cursor[Any], workspace: UUID, view: UUID, kept: Plan) -> None:
    text, params = compiled(kept.condition, _ANYBODY)
    several = kept.by is not None and field_named(kept.by).type is FieldType.PEOPLE
    whose = SQL("''") if kept.by is None else SQL("person::text" if several else "{}::text").format(Identifier(kept.by))
    each = SQL("CROSS JOIN LATERAL (SELECT DISTINCT unnest({}) AS person) people" if several else "")
    db.execute(
        SQL(
            "INSERT INTO view_counts (workspace_id, view_id, whose, tickets) "
            "SELECT workspace_id, %s, {whose}, count(*) FROM ticket_list {each} "
            "WHERE workspace_id = %s AND {listed} AND {whose} IS NOT NULL AND {meant} GROUP BY workspace_id, 3"
        ).format(
            whose=whose,
            each=each.format(Identifier(kept.by or "")) if several else each,
            listed=SQL("listed" if kept.listed_only else "TRUE"),
            meant=text,
        ),
        [view, workspace, *params],
    )


@lru_cache(maxsize=4096)
def _parsed(condition: str) -> Condition:
    return parse(from_json(condition))


def kept_counts(
    db: Cursor[Any], workspace: UUID, views: Iterable[UUID], person: UUID, teams: Iterable[UUID]
) -> dict[UUID, int]:
    """How many tickets each of the views shows the person; those that are not kept are not in it."""
    rows = db.execute(
        "SELECT v.view_id, coalesce(sum(c.tickets), 0) FROM desk.kept_views v "
        "LEFT JOIN desk.view_counts c ON c.view_id = v.view_id AND c.whose = ANY(%s) "
        "WHERE v.workspace_id = %s AND v.view_id = ANY(%s) GROUP BY v.view_id",
        [["", str(person), *map(str, teams)], workspace, list(views)],
    )
    return {view: int(tickets) for view, tickets in rows}
