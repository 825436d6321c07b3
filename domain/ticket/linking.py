"""Links between tickets: related, parent and child, duplicate and original (A17)."""

from collections.abc import Mapping

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.copying import replace
from domain.errors import Refusal
from domain.permissions import Permission
from domain.ticket.state import Link, Ticket
from domain.ticket.ties import LinkBack, LinkTicket, Relation, TicketLinked, TicketUnlinked, UnlinkBack, UnlinkTicket

# What a ticket is to the other one, seen from there.
INVERSE: Mapping[Relation, Relation] = {
    "related": "related",
    "parent": "child",
    "child": "parent",
    "duplicate": "original",
    "original": "duplicate",
}


class LinkCycle(Refusal):
    """A ticket would be above itself."""

    code = "link_cycle"
    sentence = "Ticket {other} cannot be the {relation} of {number}: a ticket would then be above itself."


class HasParent(Refusal):
    """A ticket has one parent."""

    code = "has_parent"
    sentence = "Ticket {number} has the parent {parent} already. Take that link away first."


@decides(LinkTicket, needs=Permission.TICKET_LINK)
def link(command: LinkTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """One parent, and no rings; whoever carries it out has made sure of the other ticket."""
    ticket.must_exist(command.number)
    wanted = Link(command.relation, command.other)
    if wanted in ticket.ties.links:
        return []
    lower = command.number if command.relation == "parent" else command.other
    if command.other == command.number or lower in command.ancestors:
        raise LinkCycle(number=command.number, other=command.other, relation=command.relation)
    if command.relation == "parent":
        must_have_no_parent(command.number, ticket)
    return [TicketLinked(relation=command.relation, other=command.other)]


def must_have_no_parent(number: str, ticket: Ticket) -> None:
    """Raise where the ticket is below another one already."""
    if (above := parent(ticket)) is not None:
        raise HasParent(number=number, parent=above)


def parent(ticket: Ticket) -> str | None:
    """The number of the ticket above this one."""
    return next((link.number for link in ticket.ties.links if link.relation == "parent"), None)


@decides(UnlinkTicket, needs=Permission.TICKET_LINK)
def unlink(command: UnlinkTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """No such link, no event."""
    ticket.must_exist(command.number)
    return _unlinked(command.relation, command.other, ticket)


def _unlinked(relation: Relation, other: str, ticket: Ticket) -> Decision:
    linked = Link(relation, other) in ticket.ties.links
    return [TicketUnlinked(relation=relation, other=other)] if linked else []


@decides(LinkBack, needs=Permission.TICKET_LINK)
def link_back(command: LinkBack, ticket: Ticket, _: Catalogue) -> Decision:
    """Never refused; of two that were put above each other at once, neither is."""
    links = ticket.ties.links
    ring = command.relation == "child" and Link("parent", command.other) in links
    taken = command.relation == "parent" and parent(ticket) is not None
    if not ticket.opened or ticket.erasing or ring or taken or Link(command.relation, command.other) in links:
        return []
    return [TicketLinked(relation=command.relation, other=command.other)]


@decides(UnlinkBack, needs=Permission.TICKET_LINK)
def unlink_back(command: UnlinkBack, ticket: Ticket, _: Catalogue) -> Decision:
    """Never refused."""
    return _unlinked(command.relation, command.other, ticket)


@evolves(TicketLinked)
def _(ticket: Ticket, event: TicketLinked) -> Ticket:
    links = ticket.ties.links | {Link(event.relation, event.other)}
    return replace(ticket, ties=replace(ticket.ties, links=links))


@evolves(TicketUnlinked)
def _(ticket: Ticket, event: TicketUnlinked) -> Ticket:
    links = ticket.ties.links - {Link(event.relation, event.other)}
    return replace(ticket, ties=replace(ticket.ties, links=links))
