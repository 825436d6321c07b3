"""Calling a webhook about a ticket, beyond what it is told anyway: what rules, macros and colleagues ask for (D1, J4)."""

from uuid import UUID

from domain.catalogue import Catalogue
from domain.command import Decision, decides
from domain.permissions import Permission
from domain.ticket.commands import TicketCommand
from domain.ticket.events import TicketEvent
from domain.ticket.state import Ticket
from domain.values import Key
from domain.webhooks import webhook


class TicketWebhookCalled(TicketEvent, name="ticket.webhook_called", version=1):
    """The webhook of that key is to be told of the ticket."""

    CHANGES = False
    webhook: str
    webhook_id: UUID


class CallWebhook(TicketCommand):
    """Tell the webhook of that key of the ticket."""

    webhook: Key


@decides(CallWebhook, needs=Permission.TICKET_EDIT)
def call(command: CallWebhook, ticket: Ticket, desk: Catalogue) -> Decision:
    """Of a closed ticket too."""
    ticket.must_exist(command.number)
    found = webhook(desk, command.webhook)
    return [TicketWebhookCalled(webhook=found.key, webhook_id=found.webhook.webhook_id)]
