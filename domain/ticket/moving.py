"""Which status may follow which, and what a move means (A6, A14)."""

from domain.catalogue import Catalogue, Status
from domain.command import Decision, decides
from domain.errors import Refusal
from domain.granting import must_be_allowed
from domain.permissions import Permission
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.state import Ticket
from domain.values import FINISHED, StatusKind


class IllegalMove(Refusal):
    """A status may not follow the present one (A6)."""

    code = "illegal_move"
    sentence = "From «{current}» a ticket cannot go to «{wanted}». It can go to: {legal}."


class TicketFinished(Refusal):
    """The work is done; what was asked for is only for unfinished tickets."""

    code = "ticket_finished"
    sentence = "The work on ticket {number} is finished. Reopen it first, or write a reply if something is missing."


@decides(c.MoveTicket, needs=Permission.TICKET_MOVE)
def move(command: c.MoveTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Only to a status that may follow; what has a permission of its own needs that too."""
    wanted = desk.status(command.status)
    if wanted.kind in _OF_ITS_OWN:
        must_be_allowed(command, _OF_ITS_OWN[wanted.kind], desk)
    return moved(command.number, wanted, ticket, desk)


_OF_ITS_OWN = {
    StatusKind.CONFIRMED: Permission.TICKET_CONFIRM,
    StatusKind.RATED: Permission.TICKET_RATE,
    StatusKind.CLOSED: Permission.TICKET_CLOSE,
}


@decides(c.ResolveTicket, needs=Permission.TICKET_MOVE)
def resolve(command: c.ResolveTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Into the workspace's first resolved status, unless it is in one already."""
    return into(StatusKind.RESOLVED, command.number, ticket, desk)


@decides(c.CloseTicket, needs=Permission.TICKET_CLOSE)
def close(command: c.CloseTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Into the workspace's first closed status, unless it is in one already; a requester's only while it is worked on."""
    if command.by.kind == "requester" and ticket.kind is not StatusKind.CLOSED:
        must_be_unfinished(command.number, ticket)
    return into(StatusKind.CLOSED, command.number, ticket, desk)


@decides(c.ReopenTicket, needs=Permission.TICKET_MOVE)
def reopen(command: c.ReopenTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """Into the workspace's first open status; an unfinished ticket is open already."""
    ticket.must_exist(command.number)
    if not ticket.finished:
        return []
    return moved(command.number, desk.status_of_kind(StatusKind.OPEN), ticket, desk)


def must_be_unfinished(number: str, ticket: Ticket) -> None:
    """Raise unless there is still work to do."""
    ticket.must_be_open(number)
    if ticket.finished:
        raise TicketFinished(number=number)


def into(kind: StatusKind, number: str, ticket: Ticket, desk: Catalogue) -> Decision:
    """The move into the workspace's first status of the kind, nothing where it is in one already, or IllegalMove."""
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
    return move_events(wanted, ticket)


def move_events(wanted: Status, ticket: Ticket) -> Decision:
    """What follows from a move that is right: work that begins again is not archived."""
    back = [e.TicketUnarchived()] if ticket.marks.archived and wanted.kind not in FINISHED else []
    return [move_event(wanted, ticket), *back]


def move_event(wanted: Status, ticket: Ticket) -> e.StatusEvent:
    """The event that says what the move means."""
    says = _MOVES.get(wanted.kind, e.TicketMoved)
    if wanted.kind not in FINISHED and ticket.kind in FINISHED:
        says = e.TicketReopened
    elif wanted.kind is StatusKind.OPEN and ticket.kind is StatusKind.NEW:
        says = e.TicketAccepted
    return says(status=wanted.key, kind=wanted.kind, previous=ticket.status, previous_kind=ticket.kind)


_MOVES: dict[StatusKind, type[e.StatusEvent]] = {
    StatusKind.RESOLVED: e.TicketResolved,
    StatusKind.CONFIRMED: e.TicketConfirmed,
    StatusKind.CLOSED: e.TicketClosed,
}
