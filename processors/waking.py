"""Wakes what was snoozed until a time, when that time comes (A24)."""

from collections.abc import Iterable
from datetime import datetime

from domain.catalogue import Catalogue
from domain.happening import Happening
from domain.requester import Requester
from domain.ticket.marking import TicketSnoozed, WakeTicket
from domain.ticket.undoing import TicketUndone
from processors.present import Present
from processors.process import CancelTimer, Do, Memory, Output, SetTimer, TicketProcess, Timer, because_of

_KEY = "wake"


class Waking(TicketProcess):
    """One timer for each ticket that sleeps until a time."""

    NAME = "waking"
    # Undoing may put a ticket back to sleep. What was woken otherwise keeps its timer, which will wake nobody.
    TOPICS = frozenset(kind.NAME for kind in (TicketSnoozed, TicketUndone))
    OPENS = frozenset()
    PARTITIONED = True

    def react(self, happening: Happening, memory: Memory) -> Iterable[Output]:
        """The timer is what the ticket says, whichever way it came to say so."""
        ticket, until = happening.after.row.ticket_id, happening.after.ticket.marks.snoozed_until
        return [CancelTimer(ticket, _KEY) if until is None else SetTimer(ticket, _KEY, until)]

    def fire(
        self,
        timer: Timer,
        now: Present,
        desk: Catalogue,
        requester: Requester | None,
        at: datetime,
        memory: Memory,
    ) -> Iterable[Output]:
        """The command knows whether the ticket sleeps still, and until when."""
        return [Do(WakeTicket(number=now.ticket.number, because="time", **because_of(timer)))]
