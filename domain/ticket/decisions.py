"""What becomes of a command on a ticket: the events, or a refusal that says why."""

import json
from collections.abc import Iterable
from typing import Any

from domain.catalogue import Catalogue, Status
from domain.command import Decision, decides
from domain.errors import InvalidInput, Refusal
from domain.permissions import Permission
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.state import Ticket, UnknownTicket
from domain.values import FINISHED, StatusKind


class TicketNumberTaken(Refusal):
    """A number names one ticket for ever (A3)."""

    code = "ticket_number_taken"
    sentence = "Ticket {number} exists already. Leave the number out to get the next free one."


class IllegalMove(Refusal):
    """A status may not follow the present one (A6)."""

    code = "illegal_move"
    sentence = "From «{current}» a ticket cannot go to «{wanted}». It can go to: {legal}."


class ErasureNotRequested(Refusal):
    """A deletion is confirmed only after somebody asked for it (A15)."""

    code = "ticket_erasure_not_requested"
    sentence = "Nobody has asked to delete ticket {number}. Ask for that first."


CLEARABLE = frozenset({"type", "category", "due_at", "requester_id", "description"})


@decides(c.OpenTicket, needs=Permission.TICKET_OPEN)
def open_ticket(command: c.OpenTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """A ticket begins in the named status, or in the workspace's first of kind new, under the number kept for it."""
    if ticket.opened:
        raise TicketNumberTaken(number=command.number)
    status = desk.status(command.status) if command.status else desk.status_of_kind(StatusKind.NEW)
    return [
        e.TicketOpened(
            number=command.number or ticket.number,
            title=command.title,
            description=command.description,
            fields=fields_with_values(command.fields),
            status=status.key,
            kind=status.kind,
            priority=command.priority,
            type=command.type,
            category=known_category(command.category, desk),
            tags=tuple(dict.fromkeys(command.tags)),
            due_at=command.due_at,
            requester_id=command.requester_id,
            source=command.channel,
            assignee=desk.assignee(command.assignee),
        )
    ]


@decides(c.EditTicket, needs=Permission.TICKET_EDIT)
def edit(command: c.EditTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """One event for each thing that is different afterwards; what stays the same leaves none."""
    ticket.must_be_open(command.number)
    given = command.model_dump(include=set(_EDITS), exclude_none=True)
    _check_clear(command.clear, given)
    wanted = given | {name: _EMPTY.get(name) for name in sorted(command.clear)}
    if "category" in wanted:
        known_category(wanted["category"], desk)
    changed = {name: value for name, value in wanted.items() if value != getattr(ticket, name)}
    edits = [_EDITS[name](**{name: value, "previous": getattr(ticket, name)}) for name, value in changed.items()]
    return [*edits, *field_changes(command.fields, ticket)]


def _check_clear(clear: frozenset[str], given: dict[str, Any]) -> None:
    if unknown := clear - CLEARABLE:
        reason = f"{_listed(unknown)} cannot be taken away; these can: {_listed(CLEARABLE)}"
        raise InvalidInput(field="clear", reason=reason)
    if both := clear & given.keys():
        raise InvalidInput(field="clear", reason=f"{_listed(both)} cannot be given and cleared at once")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


_EDITS: dict[str, type[e.TicketEvent]] = {
    "title": e.TicketRetitled,
    "description": e.TicketDescribed,
    "type": e.TicketTyped,
    "category": e.TicketCategorised,
    "due_at": e.TicketDueSet,
    "requester_id": e.TicketRequesterSet,
}
_EMPTY: dict[str, Any] = {"description": "", "category": ()}


def fields_with_values(fields: dict[str, Any]) -> dict[str, Any]:
    """The custom fields but those that are None, which is how a field is taken away."""
    return {key: value for key, value in fields.items() if value is not None}


def field_changes(wanted: dict[str, Any], ticket: Ticket) -> Decision:
    """One event naming the custom fields whose value differs, or none."""
    present = ticket.fields if isinstance(ticket.fields, dict) else {}
    changed = {key: value for key, value in wanted.items() if not _same(value, present.get(key))}
    if not changed:
        return []
    return [e.TicketFieldsSet(fields=changed, previous={key: present.get(key) for key in changed})]


def _same(value: Any, other: Any) -> bool:
    # To Python 1 and True are equal; to whoever reads the field they are not.
    return value == other and (isinstance(value, str) or _text(value) == _text(other))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def known_category(path: tuple[str, ...], desk: Catalogue) -> tuple[str, ...]:
    """The same path, once the category tree has it."""
    if path and path not in desk.categories:
        raise InvalidInput(field="category", reason=f"no category {' / '.join(path)}; see /api/v1/categories")
    return path


@decides(c.ChangePriority, needs=Permission.TICKET_EDIT)
def change_priority(command: c.ChangePriority, ticket: Ticket, _: Catalogue) -> Decision:
    """No change, no event."""
    ticket.must_be_open(command.number)
    return prioritised(command.priority, ticket)


def prioritised(priority: Any, ticket: Ticket) -> Decision:
    """The change of priority, if it is one."""
    if priority is ticket.priority:
        return []
    return [e.TicketPrioritised(priority=priority, previous=ticket.priority)]


@decides(c.AssignTicket, needs=Permission.TICKET_ASSIGN)
def assign(command: c.AssignTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """No change, no event."""
    ticket.must_be_open(command.number)
    assignee = desk.assignee(command.to)
    if assignee == ticket.assignee:
        return []
    return [e.TicketAssigned(assignee=assignee, previous=ticket.assignee)]


@decides(c.MoveTicket, needs=Permission.TICKET_MOVE)
def move(command: c.MoveTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Only to a status that may follow."""
    return moved(command.number, desk.status(command.status), ticket, desk)


@decides(c.ResolveTicket, needs=Permission.TICKET_MOVE)
def resolve(command: c.ResolveTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Into the workspace's first resolved status, unless it is in one already."""
    return _into(StatusKind.RESOLVED, command.number, ticket, desk)


@decides(c.CloseTicket, needs=Permission.TICKET_MOVE)
def close(command: c.CloseTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Into the workspace's first closed status, unless it is in one already."""
    return _into(StatusKind.CLOSED, command.number, ticket, desk)


@decides(c.ReopenTicket, needs=Permission.TICKET_MOVE)
def reopen(command: c.ReopenTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Into the workspace's first open status; an unfinished ticket is open already."""
    ticket.must_exist(command.number)
    if not ticket.finished:
        return []
    return moved(command.number, desk.status_of_kind(StatusKind.OPEN), ticket, desk)


def _into(kind: StatusKind, number: str, ticket: Ticket, desk: Catalogue) -> Decision:
    ticket.must_exist(number)
    return [] if ticket.kind is kind else moved(number, desk.status_of_kind(kind), ticket, desk)


def moved(number: str, wanted: Status, ticket: Ticket, desk: Catalogue) -> Decision:
    """The move, nothing if the ticket is there already, or IllegalMove naming the legal ones."""
    ticket.must_exist(number)
    if wanted.key == ticket.status:
        return []
    legal = desk.next_statuses(desk.status(ticket.status))
    if wanted not in legal:
        raise IllegalMove(current=ticket.status, wanted=wanted.key, legal=", ".join(s.key for s in legal))
    return [move_event(wanted, ticket)]


def move_event(wanted: Status, ticket: Ticket) -> e.StatusEvent:
    """The event that says what the move means."""
    reopens = ticket.kind in FINISHED and wanted.kind not in FINISHED
    says = e.TicketReopened if reopens else _MOVES.get(wanted.kind, e.TicketMoved)
    return says(status=wanted.key, kind=wanted.kind, previous=ticket.status, previous_kind=ticket.kind)


_MOVES: dict[StatusKind, type[e.StatusEvent]] = {
    StatusKind.RESOLVED: e.TicketResolved,
    StatusKind.CLOSED: e.TicketClosed,
}


@decides(c.TagTicket, needs=Permission.TICKET_EDIT)
def tag(command: c.TagTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """Only tags that are not on it yet go on, only tags that are on it come off."""
    ticket.must_be_open(command.number)
    on, off = command.add - command.remove - ticket.tags, command.remove & ticket.tags
    if on and (tags := len(ticket.tags) + len(on) - len(off)) > c.MOST_TAGS:
        reason = f"a ticket has at most {c.MOST_TAGS} tags, and this would make {tags}; take some off first"
        raise InvalidInput(field="add", reason=reason)
    return [*(e.TicketTagged(tag=tag) for tag in sorted(on)), *(e.TicketUntagged(tag=tag) for tag in sorted(off))]


@decides(c.ReplyToTicket, needs=Permission.TICKET_REPLY)
def reply(command: c.ReplyToTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """A public message."""
    ticket.must_be_open(command.number)
    return [e.TicketReplied(message_id=command.command_id, body=command.body)]


@decides(c.NoteOnTicket, needs=Permission.TICKET_NOTE)
def note(command: c.NoteOnTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """An internal message; a closed ticket still takes notes."""
    ticket.must_exist(command.number)
    return [e.TicketNoted(message_id=command.command_id, body=command.body)]


@decides(c.EraseTicket, needs=Permission.TICKET_ERASE)
def erase(command: c.EraseTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """Asking twice changes nothing."""
    if not ticket.opened:
        raise UnknownTicket(number=command.number)
    return [] if ticket.erasing else [e.TicketErasureRequested(reason=command.reason)]


@decides(c.ConfirmTicketErasure, needs=Permission.TICKET_ERASE)
def confirm_erasure(command: c.ConfirmTicketErasure, ticket: Ticket, _: Catalogue) -> Decision:
    """Only after it was asked for, and once."""
    if not ticket.opened:
        raise UnknownTicket(number=command.number)
    if not ticket.erasing:
        raise ErasureNotRequested(number=command.number)
    return [] if ticket.erased else [e.TicketErased()]
