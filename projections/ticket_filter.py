"""Quick filters of the ticket list, which are conditions written short."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.conditions import AllOf, Condition, Leaf, NoneOf
from domain.values import Key, Moment, Priority, StatusKind, Tag


class TicketFilter(BaseModel):
    """Conditions that all hold; within one, any of its values will do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: tuple[Key, ...] = ()
    kind: tuple[StatusKind, ...] = ()
    priority: tuple[Priority, ...] = ()
    type: tuple[Key, ...] = ()
    assignee: UUID | None = None
    team: UUID | None = None
    unassigned: bool = False
    requester: UUID | None = None
    tags_all: tuple[Tag, ...] = ()
    tags_any: tuple[Tag, ...] = ()
    opened_from: Moment | None = None
    opened_to: Moment | None = None
    updated_from: Moment | None = None
    updated_to: Moment | None = None

    def condition(self) -> Condition:
        """The same in the condition language."""
        chosen = {name: getattr(self, name) for name in TicketFilter.model_fields}
        return _condition(TicketFilter.model_construct(**chosen))


# Many ask the same, and a condition costs as much to build as a page to read.
@lru_cache(maxsize=1024)
def _condition(filter_: TicketFilter) -> Condition:
    return AllOf(all=tuple(_leaves(filter_)))


def _leaves(filter_: TicketFilter) -> Iterator[Condition]:
    for name, field, op in _LISTS:
        if values := getattr(filter_, name):
            yield _leaf(field, op, [str(value) for value in values])
    for name, field in _IDS:
        if (value := getattr(filter_, name)) is not None:
            yield _leaf(field, "is", str(value))
    if filter_.unassigned:
        yield _leaf("assignee_person", "is_not_set")
    for field in ("opened", "updated"):
        since, until = getattr(filter_, f"{field}_from"), getattr(filter_, f"{field}_to")
        if since is not None:
            yield NoneOf(none=(_leaf(f"{field}_at", "before", since.isoformat()),))
        if until is not None:
            yield _leaf(f"{field}_at", "before", until.isoformat())


def _leaf(field: str, op: str, value: Any = None) -> Leaf:
    return Leaf(field=field, op=op, value=value)


_LISTS = (
    ("status", "status", "is_any_of"),
    ("kind", "kind", "is_any_of"),
    ("priority", "priority", "is_any_of"),
    ("type", "type", "is_any_of"),
    ("tags_all", "tags", "has_all"),
    ("tags_any", "tags", "has_any"),
)
_IDS = (("assignee", "assignee_person"), ("team", "assignee_team"), ("requester", "requester_id"))
