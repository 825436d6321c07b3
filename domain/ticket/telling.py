"""Telling people something about a ticket, beyond what they are told anyway: what rules, macros and colleagues ask for (D1, E5)."""

from pydantic import Field

from domain.catalogue import Catalogue
from domain.command import Decision, decides
from domain.errors import InvalidInput
from domain.event import Content
from domain.granting import must_be_allowed
from domain.permissions import Permission
from domain.receivers import NOBODY_TOLD, Receivers
from domain.receiving import known
from domain.ticket.commands import TicketCommand
from domain.ticket.events import TicketEvent
from domain.ticket.state import Ticket
from domain.values import Text

LONGEST = 4_000


class TicketNoticeGiven(TicketEvent, name="ticket.notice_given", version=1):
    """The people in `to`, and with `requester` the customer by mail, are to be told the text."""

    CHANGES = False
    to: Receivers
    requester: bool = False
    text: Content[str]


class NotifyPeople(TicketCommand):
    """Tell people something about the ticket: those of the desk in their inboxes, with `requester` the customer by mail."""

    to: Receivers = NOBODY_TOLD
    requester: bool = False
    text: Text = Field(min_length=1, max_length=LONGEST)


@decides(NotifyPeople, needs=Permission.TICKET_NOTE)
def notify(command: NotifyPeople, ticket: Ticket, desk: Catalogue) -> Decision:
    """Of a closed ticket too; what goes to the customer is for those who may write to them."""
    ticket.must_exist(command.number)
    if command.to == NOBODY_TOLD and not command.requester:
        raise InvalidInput(field="to", reason="say who is told: roles, people, teams, or the requester")
    if command.requester:
        must_be_allowed(command, Permission.TICKET_REPLY, desk)
        if ticket.requester_id is None:
            raise InvalidInput(field="requester", reason="the ticket has no requester to write to")
    return [TicketNoticeGiven(to=known(command.to, desk), requester=command.requester, text=command.text)]
