"""How a ticket goes from hand to hand: accepted, claimed, transferred, returned, urged (A6, A9-A12)."""

from uuid import UUID

from domain.event import Content
from domain.ticket.commands import TicketCommand
from domain.ticket.events import StatusEvent, TicketEvent
from domain.values import Assignee, Message, Text


class TicketAccepted(StatusEvent, name="ticket.accepted", version=1):
    """Work on a new ticket began (受理): an agent looked at it, claimed it, or accepted it."""


class TicketClaimed(TicketEvent, name="ticket.claimed", version=1):
    """One of those who could have the ticket took it (领取)."""

    assignee: Assignee
    previous: Assignee


class TicketTransferred(TicketEvent, name="ticket.transferred", version=1):
    """The ticket was handed on (转移), with a note for whoever has it next."""

    assignee: Assignee
    previous: Assignee
    note: Content[str | None] = None


class TicketReturned(TicketEvent, name="ticket.returned", version=1):
    """The ticket went back to who had it before (退单)."""

    assignee: Assignee
    previous: Assignee
    reason: Content[str]


class TicketUrged(TicketEvent, name="ticket.urged", version=1):
    """Somebody asked for haste (催单); `count` is how often by now."""

    message_id: UUID
    body: Content[str]
    count: int


class LookAtTicket(TicketCommand):
    """An agent opens the ticket on their screen: the first look at a new one accepts it (A6)."""


class AcceptTicket(TicketCommand):
    """Begin work on a new ticket (受理)."""


class ClaimTicket(TicketCommand):
    """Take a ticket that was given to several (领取), or to nobody; with `accept`, begin work on it too (A9).

    `load` is how many open tickets the claimer has, where it is known: a limit of theirs is then kept.
    """

    accept: bool = False
    load: int | None = None


class TransferTicket(TicketCommand):
    """Hand the ticket on to any person, team or role (A10)."""

    to: Assignee
    note: Text = ""


class ReturnTicket(TicketCommand):
    """Give the ticket back to who had it before (A11)."""

    reason: Message


class UrgeTicket(TicketCommand):
    """Ask for haste: one level of priority more, until urgent, and counted (A12)."""

    body: Message
