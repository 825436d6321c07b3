"""What rules could not do for a ticket, said on the ticket itself: nothing that was to happen goes missing unseen (D7, D9)."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from domain.catalogue import Catalogue
from domain.command import Decision, decides
from domain.permissions import Permission
from domain.ticket.commands import TicketCommand
from domain.ticket.events import TicketEvent
from domain.ticket.state import Ticket
from domain.values import Key


class TicketRuleRefused(TicketEvent, name="ticket.rule_refused", version=1):
    """A rule was to act, and what it was to do was refused; `because` is the code of the refusal, `action` its place from 1."""

    CHANGES = False
    key: str
    because: str
    action: int | None = None
    do: str | None = None


class TicketRulesCut(TicketEvent, name="ticket.rules_cut", version=1):
    """Rules that would have acted again, round and round, or too deep in a chain: they were stopped."""

    CHANGES = False
    because: Literal["loop", "depth"]
    rules: tuple[UUID, ...]
    keys: tuple[str, ...]


class ReportRefusal(TicketCommand):
    """Say that a rule was refused."""

    key: Key
    because: str
    action: int | None = None
    do: str | None = None


class ReportCut(TicketCommand):
    """Say that a chain of rules was cut."""

    because: Literal["loop", "depth"]
    rules: tuple[UUID, ...] = Field(min_length=1)
    keys: tuple[Key, ...]


@decides(ReportRefusal, needs=Permission.RULE_EDIT)
def report_refusal(command: ReportRefusal, ticket: Ticket, _: Catalogue) -> Decision:
    """Nothing more is said of what is deleted."""
    if not ticket.opened or ticket.erasing:
        return []
    return [TicketRuleRefused(key=command.key, because=command.because, action=command.action, do=command.do)]


@decides(ReportCut, needs=Permission.RULE_EDIT)
def report_cut(command: ReportCut, ticket: Ticket, _: Catalogue) -> Decision:
    """Nothing more is said of what is deleted."""
    if not ticket.opened or ticket.erasing:
        return []
    return [TicketRulesCut(because=command.because, rules=command.rules, keys=command.keys)]
