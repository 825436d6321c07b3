"""The confidential field (机密信息, A16): encrypted, shown only to those who may, each view recorded."""

from domain.event import Content
from domain.ticket.commands import TicketCommand
from domain.ticket.events import TicketEvent
from domain.values import Message


class TicketConfidentialSet(TicketEvent, name="ticket.confidential_set", version=1):
    """Confidential information was left on the ticket or taken away. No read model keeps it."""

    text: Content[str | None]


class TicketConfidentialViewed(TicketEvent, name="ticket.confidential_viewed", version=1):
    """The actor was shown the confidential field."""


class SetConfidential(TicketCommand):
    """Leave confidential information on the ticket; None takes it away."""

    text: Message | None


class ViewConfidential(TicketCommand):
    """Be shown the confidential field; recorded before it is shown."""
