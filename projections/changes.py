"""What an event changed, field by field, from → to: for histories and timelines."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from domain.event import Event
from domain.ticket import events as e

# What an opened ticket says of itself beside its content; empty values are left out.
_TELLING = ("status", "priority", "type", "category", "tags", "due_at", "requester_id", "assignee", "source")
_NOT_FIELDS = frozenset({"previous", "previous_kind", "kind"})


class Change(NamedTuple):
    """One field's change; `content` where the values are protected by the ticket's key."""

    field: str
    before: Any
    after: Any
    content: bool = False


def changes(event: Event) -> list[Change]:
    """The changes that an event made, values as JSON has them."""
    return list(_changes(event))


def _changes(event: Event) -> Iterator[Change]:
    values = event.model_dump(mode="json")
    match event:
        case e.TicketOpened():
            yield from (Change(name, None, values[name]) for name in _TELLING if values[name])
            opening = ("title", "description", "fields")
            yield from (Change(name, None, values[name], content=True) for name in opening if values[name])
        case e.TicketTagged():
            yield Change("tags", None, event.tag)
        case e.TicketUntagged():
            yield Change("tags", event.tag, None)
        case e.TicketFieldsSet():
            yield from _field_changes(values)
        case _ if "previous" in values:
            field = next(name for name in values if name not in _NOT_FIELDS)
            yield Change(field, values["previous"], values[field], content=field in event.CONTENT)
        case e.TicketErasureRequested():
            yield Change("reason", None, event.reason)


def _field_changes(values: dict[str, Any]) -> Iterator[Change]:
    before, after = values["previous"], values["fields"]
    if not isinstance(before, dict) or not isinstance(after, dict):
        yield Change("fields", None, None, content=True)
        return
    yield from (Change(f"fields.{name}", before.get(name), after[name], content=True) for name in after)
