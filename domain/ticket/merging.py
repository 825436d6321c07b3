"""Merging duplicates, and taking a merge back exactly (A17, A22)."""

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.copying import replace
from domain.errors import InvalidInput, Refusal
from domain.permissions import Permission
from domain.ticket.state import Absorbed, Ticket
from domain.ticket.ties import (
    AbsorbTicket,
    MergeTicket,
    ReleaseTicket,
    TicketAbsorbed,
    TicketMergedInto,
    TicketMergeUndone,
    TicketReleased,
    UndoMerge,
)
from domain.values import StatusKind


class NotMerged(Refusal):
    """A merge is taken back only where there is one."""

    code = "not_merged"
    sentence = "Ticket {number} is not merged into another one; there is nothing to take back."


@decides(MergeTicket, needs=Permission.TICKET_MERGE)
def merge(command: MergeTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """The ticket ends here, closed; whoever carries it out has made sure of the other one."""
    ticket.must_exist(command.number)
    if command.into == command.number:
        raise InvalidInput(field="into", reason="must be another ticket")
    closed = ticket.kind is StatusKind.CLOSED
    status = ticket.status if closed else desk.status_of_kind(StatusKind.CLOSED).key
    return [
        TicketMergedInto(
            into=command.into,
            followers=tuple(sorted(ticket.followers)),
            status=status,
            kind=StatusKind.CLOSED,
            previous=ticket.status,
            previous_kind=ticket.kind,
        )
    ]


@decides(UndoMerge, needs=Permission.TICKET_MERGE)
def undo_merge(command: UndoMerge, ticket: Ticket, _: Catalogue) -> Decision:
    """Back into the status from which it was merged."""
    ticket.must_be_readable(command.number)
    if ticket.ties.merged_into is None or ticket.ties.before is None:
        raise NotMerged(number=command.number)
    return [_undone(ticket, ticket.ties.merged_into, *ticket.ties.before)]


def _undone(ticket: Ticket, into: str, status: str, kind: StatusKind) -> TicketMergeUndone:
    return TicketMergeUndone(into=into, status=status, kind=kind, previous=ticket.status, previous_kind=ticket.kind)


@decides(AbsorbTicket, needs=Permission.TICKET_MERGE)
def absorb(command: AbsorbTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """Never refused. Of two that were merged into each other at once, the lower number stays a ticket of its own."""
    if not ticket.opened or ticket.erasing or any(known.number == command.absorbed for known in ticket.ties.absorbed):
        return []
    new = tuple(person for person in command.followers if person not in ticket.followers)
    events: Decision = [TicketAbsorbed(absorbed=command.absorbed, followers=new)]
    if ticket.ties.merged_into != command.absorbed or ticket.ties.before is None:
        return events
    if place(command.number) > place(command.absorbed):
        return []
    return [_undone(ticket, command.absorbed, *ticket.ties.before), *events]


def place(number: str) -> tuple[int, str]:
    """The order of numbers: the shorter is the lower."""
    return len(number), number


@decides(ReleaseTicket, needs=Permission.TICKET_MERGE)
def release(command: ReleaseTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """Never refused; those who came with the other ticket go with it."""
    absorbed = next((known for known in ticket.ties.absorbed if known.number == command.released), None)
    if absorbed is None or ticket.erasing:
        return []
    followers = tuple(sorted(absorbed.followers & ticket.followers))
    return [TicketReleased(released=command.released, followers=followers)]


@evolves(TicketMergedInto)
def _(ticket: Ticket, event: TicketMergedInto) -> Ticket:
    ties = replace(ticket.ties, merged_into=event.into, before=(event.previous, event.previous_kind))
    return replace(ticket, status=event.status, kind=event.kind, ties=ties)


@evolves(TicketMergeUndone)
def _(ticket: Ticket, event: TicketMergeUndone) -> Ticket:
    ties = replace(ticket.ties, merged_into=None, before=None)
    return replace(ticket, status=event.status, kind=event.kind, ties=ties)


@evolves(TicketAbsorbed)
def _(ticket: Ticket, event: TicketAbsorbed) -> Ticket:
    came = frozenset(event.followers)
    ties = replace(ticket.ties, absorbed=(*ticket.ties.absorbed, Absorbed(event.absorbed, came)))
    return replace(ticket, followers=ticket.followers | came, ties=ties)


@evolves(TicketReleased)
def _(ticket: Ticket, event: TicketReleased) -> Ticket:
    kept = tuple(known for known in ticket.ties.absorbed if known.number != event.released)
    followers = ticket.followers - frozenset(event.followers)
    return replace(ticket, followers=followers, ties=replace(ticket.ties, absorbed=kept))
