"""History that another system tells: the difference between what we know and what its log says."""

from collections.abc import Mapping
from typing import Any

from domain.catalogue import Catalogue
from domain.command import Decision, decides
from domain.permissions import Permission
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.decisions import (
    TicketNumberTaken,
    field_changes,
    fields_with_values,
    known_category,
    prioritised,
    tagged,
)
from domain.ticket.moving import move_events
from domain.ticket.state import Ticket


@decides(c.TellOpening, needs=Permission.IMPORT)
def tell_opening(command: c.TellOpening, ticket: Ticket, desk: Catalogue) -> Decision:
    """A number that another ticket has, or a draft, is not told over it."""
    if ticket.opened or ticket.drafted_by is not None:
        raise TicketNumberTaken(number=command.number)
    return [_opened(command, desk)]


@decides(c.TellUpdate, needs=Permission.IMPORT)
def tell_update(command: c.TellUpdate, ticket: Ticket, desk: Catalogue) -> Decision:
    """The events that lead from the known state to the told one; never none, for an update did happen."""
    ticket.must_exist(command.number)
    told = {name: getattr(command, name) for name in _TOLD}
    return _differences(told, ticket, desk) or [e.TicketUpdateTold()]


@decides(c.TellChange, needs=Permission.IMPORT)
def tell_change(command: c.TellChange, ticket: Ticket, desk: Catalogue) -> Decision:
    """What was written, then what is different afterwards; what was so already leaves nothing."""
    ticket.must_exist(command.number)
    said: Decision = []
    if command.body is not None:
        message = e.TicketNoted if command.internal else e.TicketReplied
        said = [message(message_id=command.command_id, body=command.body)]
    told = {name: value for name in _TOLD if (value := getattr(command, name, None)) is not None}
    return [*said, *tagged(command.add, command.remove, ticket, desk), *_differences(told, ticket, desk)]


def _opened(command: c.TellOpening, desk: Catalogue) -> e.TicketOpened:
    status = desk.status(command.status)
    return e.TicketOpened(
        number=command.number,
        title=command.title,
        fields=fields_with_values(command.fields),
        status=status.key,
        kind=status.kind,
        priority=command.priority,
        category=known_category(command.category, desk),
        requester_id=command.requester_id,
        source=command.channel,
        assignee=desk.assignee(command.assignee, former=True),
    )


_TOLD = ("priority", "fields", "title", "category", "requester_id", "assignee", "status")


def _differences(told: Mapping[str, Any], ticket: Ticket, desk: Catalogue) -> Decision:
    now: dict[str, Any] = {name: getattr(ticket, name) for name in _TOLD if name != "fields"}
    now |= told
    events = [*prioritised(now["priority"], ticket), *field_changes(now.get("fields", {}), ticket)]
    if now["title"] != ticket.title:
        events.append(e.TicketRetitled(title=now["title"], previous=ticket.title))
    if now["category"] != ticket.category:
        category = known_category(now["category"], desk)
        events.append(e.TicketCategorised(category=category, previous=ticket.category))
    if now["requester_id"] != ticket.requester_id:
        events.append(e.TicketRequesterSet(requester_id=now["requester_id"], previous=ticket.requester_id))
    if now["assignee"] != ticket.assignee:
        assignee = desk.assignee(now["assignee"], former=True)
        events.append(e.TicketAssigned(assignee=assignee, previous=ticket.assignee))
    if now["status"] != ticket.status:
        events += move_events(desk.status(now["status"]), ticket)
    return events
