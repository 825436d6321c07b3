"""The confidential field (机密信息, A16): encrypted, shown only to those who may, each view recorded."""

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.copying import replace
from domain.event import Secret
from domain.permissions import Permission
from domain.ticket.commands import TicketCommand
from domain.ticket.events import TicketEvent
from domain.ticket.state import Ticket
from domain.values import Message


class TicketConfidentialSet(TicketEvent, name="ticket.confidential_set", version=1):
    """Confidential information was left on the ticket or taken away. No read model keeps it."""

    text: Secret[str | None]


class TicketConfidentialViewed(TicketEvent, name="ticket.confidential_viewed", version=1):
    """The actor was shown the confidential field."""

    CHANGES = False


class SetConfidential(TicketCommand):
    """Leave confidential information on the ticket; None takes it away."""

    text: Message | None


class ViewConfidential(TicketCommand):
    """Be shown the confidential field; recorded before it is shown."""


@decides(SetConfidential, needs=Permission.CONFIDENTIAL_EDIT)
def leave(command: SetConfidential, ticket: Ticket, _: Catalogue) -> Decision:
    """The same text again is recorded too: saying that nothing changed would confirm a guess of what it is."""
    ticket.must_be_open(command.number)
    if command.text is None and ticket.confidential is None:
        return []
    return [TicketConfidentialSet(text=command.text)]


@decides(ViewConfidential, needs=Permission.CONFIDENTIAL_VIEW)
def view(command: ViewConfidential, ticket: Ticket, _: Catalogue) -> Decision:
    """Where there is nothing to see, nothing is recorded."""
    ticket.must_be_readable(command.number)
    return [TicketConfidentialViewed()] if ticket.confidential else []


@evolves(TicketConfidentialSet)
def _(ticket: Ticket, event: TicketConfidentialSet) -> Ticket:
    return replace(ticket, confidential=event.text)
