"""What becomes of a command on a ticket: the events, or a refusal that says why."""

import json
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from domain.catalogue import Catalogue
from domain.command import Decision, decides
from domain.errors import InvalidInput, Refusal
from domain.granting import must_be_allowed
from domain.permissions import Permission
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.confidential import TicketConfidentialSet
from domain.ticket.flowing import checked_fields, opening
from domain.ticket.handling import handler
from domain.ticket.marking import followed
from domain.ticket.messages import attached
from domain.ticket.state import Ticket, UnknownTicket
from domain.values import StatusKind


class TicketNumberTaken(Refusal):
    """A number names one ticket for ever (A3)."""

    code = "ticket_number_taken"
    sentence = "Ticket {number} exists already. Leave the number out to get the next free one."


class ErasureNotRequested(Refusal):
    """A deletion is confirmed only after somebody asked for it (A15)."""

    code = "ticket_erasure_not_requested"
    sentence = "Nobody has asked to delete ticket {number}. Ask for that first."


CLEARABLE = frozenset({"type", "category", "due_at", "requester_id", "description"})


@decides(c.OpenTicket, needs=Permission.TICKET_OPEN)
def open_ticket(command: c.OpenTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Under the number kept for it. A number that somebody drafts a ticket under is taken too."""
    if ticket.opened or ticket.drafted_by is not None:
        raise TicketNumberTaken(number=command.number)
    if command.number and command.by.kind == "requester":
        raise _not_a_requesters("number")
    return begun(command, ticket, desk)


def begun(command: c.OpenTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """A ticket's first events, in the named status or in the workspace's first of kind new."""
    desk.check_filing(command.type, command.category)
    status = desk.usable_status(command.status) if command.status else desk.status_of_kind(StatusKind.NEW)
    opened = e.TicketOpened(
        number=command.number or ticket.number,
        title=command.title,
        description=command.description,
        fields=fields_with_values(checked_fields(command, ticket, desk)),
        status=status.key,
        kind=status.kind,
        priority=command.priority,
        type=command.type,
        category=known_category(command.category, desk),
        tags=tuple(dict.fromkeys(map(desk.tag, command.tags))),
        due_at=command.due_at,
        requester_id=_for_whom(command),
        source=command.channel,
        assignee=handler(command.assignee, command.type, command.category, desk),
    )
    return [opened, *opening(command, desk), *_brought(command, desk)]


def _for_whom(command: c.OpenTicket) -> UUID | None:
    """The requester; who opens a ticket as a requester opens their own, and leaves to the desk what is the desk's."""
    if command.by.kind != "requester":
        return command.requester_id
    for name in ("status", "tags", "due_at", "assignee", "followers"):
        if getattr(command, name) != c.OpenTicket.model_fields[name].default:
            raise _not_a_requesters(name)
    own = UUID(command.by.id)
    if command.requester_id not in (None, own):
        raise InvalidInput(field="requester_id", reason="you can open tickets for yourself only; leave it out")
    return own


def _not_a_requesters(name: str) -> InvalidInput:
    return InvalidInput(field=name, reason="is for the people of the desk to say; leave it out")


# To make one takes as long as all else that is looked at for what was brought.
_EMPTY_TICKET: Final = Ticket()


def _brought(command: c.OpenTicket, desk: Catalogue) -> Decision:
    """What came with the opening."""
    if command.confidential is not None:
        must_be_allowed(command, Permission.CONFIDENTIAL_EDIT, desk)
    if command.followers:
        must_be_allowed(command, Permission.TICKET_FOLLOW, desk)
    secret = [TicketConfidentialSet(text=command.confidential)] if command.confidential is not None else []
    return [*secret, *attached(command.attachments, _EMPTY_TICKET), *followed(command.followers, _EMPTY_TICKET, desk)]


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
    desk.check_filing(changed.get("type"), changed.get("category") or ())
    edits = [_EDITS[name](**{name: value, "previous": getattr(ticket, name)}) for name, value in changed.items()]
    return [*edits, *field_changes(checked_fields(command, ticket, desk), ticket)]


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


@decides(c.TagTicket, needs=Permission.TICKET_EDIT)
def tag(command: c.TagTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Only tags that are not on it yet go on, only tags that are on it come off; a renamed tag is the same tag."""
    ticket.must_be_open(command.number)
    return tagged(command.add, command.remove, ticket, desk)


def tagged(add: Iterable[str], remove: Iterable[str], ticket: Ticket, desk: Catalogue) -> Decision:
    """The tags that go on and come off; a ticket has only so many."""
    present, unwanted = set(map(desk.tag, ticket.tags)), set(map(desk.tag, remove))
    on = set(map(desk.tag, add)) - unwanted - present
    # Under both its names: the history put it on under the old one, the lists have the present one.
    off = {tag for tag in ticket.tags | present if desk.tag(tag) in unwanted}
    if on and (tags := len(present - unwanted) + len(on)) > c.MOST_TAGS:
        reason = f"a ticket has at most {c.MOST_TAGS} tags, and this would make {tags}; take some off first"
        raise InvalidInput(field="add", reason=reason)
    return [*(e.TicketTagged(tag=tag) for tag in sorted(on)), *(e.TicketUntagged(tag=tag) for tag in sorted(off))]


@decides(c.EraseTicket, needs=Permission.TICKET_ERASE)
def erase(command: c.EraseTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """Asking twice changes nothing."""
    if not ticket.opened:
        raise UnknownTicket(number=command.number)
    return [] if ticket.erasing else [e.TicketErasureRequested(reason=command.reason)]


@decides(c.ConfirmTicketErasure, needs=Permission.TICKET_ERASE)
def confirm_erasure(command: c.ConfirmTicketErasure, ticket: Ticket, _: Catalogue) -> Decision:
    """Only after it was asked for, and once; a discarded draft never was a ticket."""
    if ticket.erasing:
        return [] if ticket.erased else [e.TicketErased()]
    if not ticket.opened:
        raise UnknownTicket(number=command.number)
    raise ErasureNotRequested(number=command.number)
