"""Undo (A22): an event that puts back what one command changed, as long as nothing else has changed it since."""

from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints
from uuid import UUID

from pydantic import Field, TypeAdapter

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.copying import replace
from domain.errors import Refusal
from domain.event import Actor, Content, Secret
from domain.granting import must_be_allowed
from domain.permissions import Permission
from domain.ticket.commands import TicketCommand
from domain.ticket.events import TicketEvent, TicketUnarchived
from domain.ticket.state import Ticket
from domain.values import same_value


class TicketUndone(TicketEvent, name="ticket.undone", version=1):
    """What a command changed is as it was: state fields by name with their values, by how they are protected.

    `previous` has what those of `restored` were until now.
    """

    undoes: UUID
    restored: dict[str, Any]
    previous: dict[str, Any] = Field(default_factory=dict)
    content: Content[dict[str, Any]] = Field(default_factory=dict)
    secret: Secret[dict[str, Any]] = Field(default_factory=dict)


class UndoCommand(TicketCommand):
    """Put back what a command changed. The ticket around that command, and who gave it, are read from the log."""

    undoes: UUID
    before: Ticket = Field(exclude=True)
    after: Ticket = Field(exclude=True)
    done_by: Actor = Field(exclude=True)


class UnknownCommand(Refusal):
    """The ticket's history has no such command."""

    code = "unknown_command"
    status = 404
    sentence = "Nothing that happened to ticket {number} came of the command {undoes}. See the ticket's history."


class NotUndoable(Refusal):
    """It was said, sent, shown or erased, or has an undoing of its own."""

    code = "not_undoable"
    sentence = "This cannot be undone, for it changed: {changed}. A merge, split or link is taken back by itself."


class ChangedSince(Refusal):
    """Undoing would overwrite what somebody did later."""

    code = "changed_since"
    sentence = "This was changed again since: {changed}. Set it to what you want instead."


_CONTENT = frozenset({"title", "description", "fields"})
_SECRET = frozenset({"confidential"})
_STRUCTURE = frozenset(
    {
        "status",
        "kind",
        "priority",
        "type",
        "category",
        "tags",
        "due_at",
        "requester_id",
        "assignee",
        "previous_assignees",
    }
    | {"reopenings", "urges", "transfers", "returns", "followers", "marks"}
)
UNDOABLE = _STRUCTURE | _CONTENT | _SECRET
_NAMES = tuple(each.name for each in fields(Ticket))


@decides(UndoCommand, needs=Permission.TICKET_UNDO)
def undo(command: UndoCommand, ticket: Ticket, desk: Catalogue) -> Decision:
    """All that the command changed, or nothing; what somebody else did takes the right to act on many tickets."""
    ticket.must_exist(command.number)
    _must_be_theirs(command, desk)
    changed = [name for name in _NAMES if not _same(command.before, command.after, name)]
    if lasting := [name for name in changed if name not in UNDOABLE] or _blocked(command):
        raise NotUndoable(changed=_listed(lasting))
    if later := [name for name in changed if not _same(command.after, ticket, name)]:
        raise ChangedSince(changed=_listed(later))
    if not changed:
        return []
    return [_put_back(command, changed), *_back_in_the_lists(command, changed, ticket)]


def _put_back(command: UndoCommand, changed: Iterable[str]) -> TicketUndone:
    values = {name: _plain(command.before, name) for name in changed}
    structure = [name for name in values if name in _STRUCTURE]
    return TicketUndone(
        undoes=command.undoes,
        restored={name: values[name] for name in structure},
        previous={name: _plain(command.after, name) for name in structure},
        content={name: value for name, value in values.items() if name in _CONTENT},
        secret={name: value for name, value in values.items() if name in _SECRET},
    )


def _back_in_the_lists(command: UndoCommand, changed: Iterable[str], ticket: Ticket) -> Decision:
    """Only what is finished is archived: work that was archived since, and begins again, comes back."""
    now = replace(ticket, **{name: getattr(command.before, name) for name in {"kind", "marks"}.intersection(changed)})
    if now.finished or not now.marks.archived:
        return []
    if "marks" in changed:
        raise ChangedSince(changed="status")
    return [TicketUnarchived()]


def _must_be_theirs(command: UndoCommand, desk: Catalogue) -> None:
    if command.by.kind == "system" or command.by == command.done_by:
        return
    must_be_allowed(command, Permission.TICKET_BULK, desk)


def _blocked(command: UndoCommand) -> list[str]:
    # A requester was blocked or let in again: the other half of that is not the ticket's to put back.
    return ["blocks"] if command.before.marks.blocks != command.after.marks.blocks else []


def _same(one: Ticket, other: Ticket, name: str) -> bool:
    first, second = getattr(one, name), getattr(other, name)
    both = isinstance(first, dict) and isinstance(second, dict)
    return same_value(first, second) if both else bool(first == second)


def _plain(ticket: Ticket, name: str) -> Any:
    value = getattr(ticket, name)
    plain = _adapter(name).dump_python(value, mode="json")
    return sorted(plain) if isinstance(value, frozenset) else plain


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(get_type_hints(Ticket, include_extras=True)[name])


@evolves(TicketUndone)
def _(ticket: Ticket, event: TicketUndone) -> Ticket:
    return replace(ticket, **restored_values(event))


def restored_values(event: TicketUndone) -> dict[str, Any]:
    """The state fields that the event put back, typed; what was erased or is withheld is left out."""
    parts = [event.restored, event.content, event.secret]
    stored = {name: value for part in parts if isinstance(part, dict) for name, value in part.items()}
    return {name: _adapter(name).validate_python(value) for name, value in stored.items()}
