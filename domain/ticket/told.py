"""History that another system tells: the difference between what we know and what its log says."""

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
)
from domain.ticket.moving import move_events
from domain.ticket.state import Ticket


@decides(c.TellOpening, needs=Permission.IMPORT)
def tell_opening(command: c.TellOpening, ticket: Ticket, desk: Catalogue) -> Decision:
    """A number that another ticket has is not told over it."""
    if ticket.opened:
        raise TicketNumberTaken(number=command.number)
    return [_opened(command, desk)]


@decides(c.TellUpdate, needs=Permission.IMPORT)
def tell_update(command: c.TellUpdate, ticket: Ticket, desk: Catalogue) -> Decision:
    """The events that lead from the known state to the told one; never none, for an update did happen."""
    ticket.must_exist(command.number)
    return _differences(command, ticket, desk) or [e.TicketUpdateTold()]


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


def _differences(command: c.TellUpdate, ticket: Ticket, desk: Catalogue) -> Decision:
    events = [*prioritised(command.priority, ticket), *field_changes(command.fields, ticket)]
    if command.title != ticket.title:
        events.append(e.TicketRetitled(title=command.title, previous=ticket.title))
    if command.category != ticket.category:
        category = known_category(command.category, desk)
        events.append(e.TicketCategorised(category=category, previous=ticket.category))
    if command.requester_id != ticket.requester_id:
        events.append(e.TicketRequesterSet(requester_id=command.requester_id, previous=ticket.requester_id))
    if command.assignee != ticket.assignee:
        events.append(e.TicketAssigned(assignee=desk.assignee(command.assignee, former=True), previous=ticket.assignee))
    if command.status != ticket.status:
        events += move_events(desk.status(command.status), ticket)
    return events
