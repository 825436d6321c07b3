"""What people put on a ticket: follow, snooze, pin, spam, archive (A13, A14, A24)."""

from datetime import datetime
from uuid import UUID

from domain.ticket.commands import TicketCommand
from domain.ticket.events import TicketEvent
from domain.values import Moment


class TicketFollowed(TicketEvent, name="ticket.followed", version=1):
    """A person wants to be told of every change and keeps access."""

    person_id: UUID


class TicketUnfollowed(TicketEvent, name="ticket.unfollowed", version=1):
    """A person follows no longer."""

    person_id: UUID


class TicketSnoozed(TicketEvent, name="ticket.snoozed", version=1):
    """Out of the lists until then, or until the requester writes; None waits for the requester alone."""

    until: datetime | None
    previous: datetime | None = None


class TicketWoken(TicketEvent, name="ticket.woken", version=1):
    """Back in the lists: somebody woke it, the requester wrote, or the time came. `because` is hand, reply or time."""

    because: str


class TicketPinned(TicketEvent, name="ticket.pinned", version=1):
    """First in the lists of the whole desk."""


class TicketUnpinned(TicketEvent, name="ticket.unpinned", version=1):
    """No longer first in the lists."""


class TicketMarkedSpam(TicketEvent, name="ticket.marked_spam", version=1):
    """Nobody's wish; out of the lists. `blocks` is the requester whose further tickets are refused, if any."""

    blocks: UUID | None = None


class TicketUnmarkedSpam(TicketEvent, name="ticket.unmarked_spam", version=1):
    """It was a wish after all. `unblocks` is the requester who was blocked with it."""

    unblocks: UUID | None = None


class TicketArchived(TicketEvent, name="ticket.archived", version=1):
    """Out of the lists, still found by searching (归档)."""


class TicketUnarchived(TicketEvent, name="ticket.unarchived", version=1):
    """Back in the lists."""


class FollowTicket(TicketCommand):
    """Follow the ticket, or make a colleague follow it (A13)."""

    person_id: UUID


class UnfollowTicket(TicketCommand):
    """Follow it no longer."""

    person_id: UUID


class SnoozeTicket(TicketCommand):
    """Put it aside until a time, or without one until the requester writes (A24)."""

    until: Moment | None = None


class WakeTicket(TicketCommand):
    """Take it up again."""

    because: str = "hand"


class PinTicket(TicketCommand):
    """Keep it first in the lists."""


class UnpinTicket(TicketCommand):
    """Let it sink."""


class MarkSpam(TicketCommand):
    """Say that it is spam; with `block`, its requester can open no more tickets."""

    block: bool = False


class UnmarkSpam(TicketCommand):
    """Say that it is none."""


class ArchiveTicket(TicketCommand):
    """Take a finished ticket out of the lists (A14)."""


class UnarchiveTicket(TicketCommand):
    """Put it back into the lists."""
