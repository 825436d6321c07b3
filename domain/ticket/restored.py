"""How what an undo put back shows in a ticket's row."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from domain.ticket.row import Row, joined
from domain.ticket.state import Flow, Marks
from domain.values import NOBODY, Assignee


def put_back(row: Row, restored: Mapping[str, Any], at: datetime) -> None:
    """Give the row what these state fields were; those that it does not show are left out."""
    for name, value in restored.items():
        if name in _RESTORED:
            kind, put = _RESTORED[name]
            put(row, kind.validate_python(value), at)


def _put(name: str, kind: Any) -> tuple[TypeAdapter[Any], Callable[[Row, Any, datetime], None]]:
    return TypeAdapter(kind), lambda row, value, _: setattr(row, name, value)


def _put_marks(row: Row, marks: Marks, at: datetime) -> None:
    row.archived_at = (row.archived_at or at) if marks.archived else None
    row.pinned, row.spam = marks.pinned, marks.spam
    row.snoozed, row.snoozed_until = marks.snoozed, marks.snoozed_until


def _put_flow(row: Row, flow: Flow, _: datetime) -> None:
    row.workflow = flow.workflow.key if flow.workflow else None
    row.node = flow.node
    row.consulted = joined(row.consulted, (person for each in flow.approvals for person in each.approvers))


def _put_tags(row: Row, tags: frozenset[str], _: datetime) -> None:
    kept = [tag for tag in row.tags if tag in tags]
    row.tags = [*kept, *sorted(tags.difference(kept))]


def _put_followers(row: Row, followers: frozenset[UUID], _: datetime) -> None:
    kept = [person for person in row.followers if person in followers]
    row.followers = [*kept, *sorted(followers.difference(kept))]


# State fields that an undo may restore, as the list has them. Others, such as who had it before, it does not show.
_RESTORED: Mapping[str, tuple[TypeAdapter[Any], Callable[[Row, Any, datetime], None]]] = {
    **{name: _put(name, str) for name in ("status", "kind", "priority")},
    **{name: _put(name, int) for name in ("urges", "transfers", "returns", "reopenings")},
    "type": _put("type", str | None),
    "category": _put("category", list[str]),
    "due_at": _put("due_at", datetime | None),
    "requester_id": _put("requester_id", UUID | None),
    "rating": _put("rating", int | None),
    "tags": (TypeAdapter(frozenset[str]), _put_tags),
    "followers": (TypeAdapter(frozenset[UUID]), _put_followers),
    "assignee": (TypeAdapter(Assignee), lambda row, to, _: row.assign(to or NOBODY)),
    "marks": (TypeAdapter(Marks), _put_marks),
    "flow": (TypeAdapter(Flow), _put_flow),
}
