"""What people put on a ticket: follow, snooze, pin, spam, archive (A13, A14, A24)."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.copying import replace
from domain.errors import InvalidInput, Refusal
from domain.granting import must_be_allowed
from domain.permissions import Permission
from domain.ticket.commands import TicketCommand
from domain.ticket.events import TicketEvent
from domain.ticket.events import TicketUnarchived as TicketUnarchived
from domain.ticket.state import Ticket
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
    """Kept at hand for the whole desk."""


class TicketUnpinned(TicketEvent, name="ticket.unpinned", version=1):
    """No longer kept at hand."""


class TicketMarkedSpam(TicketEvent, name="ticket.marked_spam", version=1):
    """Nobody's wish; out of the lists. `blocks` is the requester whose further tickets are refused, if any."""

    blocks: UUID | None = None


class TicketUnmarkedSpam(TicketEvent, name="ticket.unmarked_spam", version=1):
    """It was a wish after all. `unblocks` is the requester who was blocked with it."""

    unblocks: UUID | None = None


class TicketArchived(TicketEvent, name="ticket.archived", version=1):
    """Out of the lists, still found by searching (归档)."""


class TicketUnfinished(Refusal):
    """Only finished tickets are archived (A14)."""

    code = "ticket_unfinished"
    sentence = "Ticket {number} is not finished. Resolve or close it first, then archive it."


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

    READS_CONTENT = False
    because: Literal["hand", "reply", "time"] = "hand"


class PinTicket(TicketCommand):
    """Keep it at hand for the whole desk."""


class UnpinTicket(TicketCommand):
    """Keep it at hand no longer."""


class MarkSpam(TicketCommand):
    """Say that it is spam; with `block`, its requester can open no more tickets."""

    block: bool = False


class UnmarkSpam(TicketCommand):
    """Say that it is none."""


class ArchiveTicket(TicketCommand):
    """Take a finished ticket out of the lists (A14)."""


class UnarchiveTicket(TicketCommand):
    """Put it back into the lists."""


@decides(FollowTicket, needs=Permission.TICKET_FOLLOW)
def follow(command: FollowTicket, ticket: Ticket, desk: Catalogue) -> Decision:
    """A person of the desk, once."""
    ticket.must_exist(command.number)
    return followed((command.person_id,), ticket, desk)


def followed(people: tuple[UUID, ...], ticket: Ticket, desk: Catalogue) -> Decision:
    """An event for each active person who does not follow yet."""
    new = [desk.person(person).id for person in dict.fromkeys(people) if person not in ticket.followers]
    return [TicketFollowed(person_id=person) for person in new]


@decides(UnfollowTicket, needs=Permission.TICKET_FOLLOW)
def unfollow(command: UnfollowTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """Also for somebody who left."""
    ticket.must_exist(command.number)
    return [TicketUnfollowed(person_id=command.person_id)] if command.person_id in ticket.followers else []


@decides(SnoozeTicket, needs=Permission.TICKET_MARK)
def snooze(command: SnoozeTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """Until a time that is still to come."""
    ticket.must_be_open(command.number)
    marks = ticket.marks
    if marks.snoozed and marks.snoozed_until == command.until:
        return []
    if command.until is not None and command.until <= command.at:
        raise InvalidInput(field="until", reason="must be in the future; leave it out to wait for the requester")
    return [TicketSnoozed(until=command.until, previous=marks.snoozed_until)]


@decides(WakeTicket, needs=Permission.TICKET_MARK)
def wake(command: WakeTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """A timer that was set before the ticket was snoozed anew wakes nobody."""
    ticket.must_exist(command.number)
    marks = ticket.marks
    if command.because == "time" and (marks.snoozed_until is None or marks.snoozed_until > command.at):
        return []
    return woken(command.because, ticket)


def woken(because: str, ticket: Ticket) -> Decision:
    """The waking, where the ticket sleeps."""
    return [TicketWoken(because=because)] if ticket.marks.snoozed else []


@decides(PinTicket, needs=Permission.TICKET_MARK)
def pin(command: PinTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """No change, no event."""
    ticket.must_exist(command.number)
    return [] if ticket.marks.pinned else [TicketPinned()]


@decides(UnpinTicket, needs=Permission.TICKET_MARK)
def unpin(command: UnpinTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """No change, no event."""
    ticket.must_exist(command.number)
    return [TicketUnpinned()] if ticket.marks.pinned else []


@decides(MarkSpam, needs=Permission.TICKET_MARK)
def mark_spam(command: MarkSpam, ticket: Ticket, desk: Catalogue) -> Decision:
    """Blocking the sender can be added later; it needs a permission of its own."""
    ticket.must_exist(command.number)
    blocks = ticket.marks.blocks
    if command.block and blocks is None:
        must_be_allowed(command, Permission.REQUESTER_BLOCK, desk)
        blocks = ticket.requester_id
        if blocks is None:
            raise InvalidInput(field="block", reason="the ticket has no requester to block; mark it without")
    if ticket.marks.spam and blocks == ticket.marks.blocks:
        return []
    return [TicketMarkedSpam(blocks=blocks)]


@decides(UnmarkSpam, needs=Permission.TICKET_MARK)
def unmark_spam(command: UnmarkSpam, ticket: Ticket, desk: Catalogue) -> Decision:
    """Who was blocked with it is unblocked with it."""
    ticket.must_exist(command.number)
    if not ticket.marks.spam:
        return []
    if ticket.marks.blocks is not None:
        must_be_allowed(command, Permission.REQUESTER_BLOCK, desk)
    return [TicketUnmarkedSpam(unblocks=ticket.marks.blocks)]


@decides(ArchiveTicket, needs=Permission.TICKET_ARCHIVE)
def archive(command: ArchiveTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """Only finished work."""
    ticket.must_exist(command.number)
    if not ticket.finished:
        raise TicketUnfinished(number=command.number)
    return [] if ticket.marks.archived else [TicketArchived()]


@decides(UnarchiveTicket, needs=Permission.TICKET_ARCHIVE)
def unarchive(command: UnarchiveTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """No change, no event."""
    ticket.must_exist(command.number)
    return [TicketUnarchived()] if ticket.marks.archived else []


def _marked(ticket: Ticket, **marks: Any) -> Ticket:
    return replace(ticket, marks=replace(ticket.marks, **marks))


@evolves(TicketFollowed)
def _(ticket: Ticket, event: TicketFollowed) -> Ticket:
    return replace(ticket, followers=ticket.followers | {event.person_id})


@evolves(TicketUnfollowed)
def _(ticket: Ticket, event: TicketUnfollowed) -> Ticket:
    return replace(ticket, followers=ticket.followers - {event.person_id})


@evolves(TicketSnoozed)
def _(ticket: Ticket, event: TicketSnoozed) -> Ticket:
    return _marked(ticket, snoozed=True, snoozed_until=event.until)


@evolves(TicketWoken)
def _(ticket: Ticket, _event: TicketWoken) -> Ticket:
    return _marked(ticket, snoozed=False, snoozed_until=None)


@evolves(TicketPinned)
def _(ticket: Ticket, _event: TicketPinned) -> Ticket:
    return _marked(ticket, pinned=True)


@evolves(TicketUnpinned)
def _(ticket: Ticket, _event: TicketUnpinned) -> Ticket:
    return _marked(ticket, pinned=False)


@evolves(TicketMarkedSpam)
def _(ticket: Ticket, event: TicketMarkedSpam) -> Ticket:
    return _marked(ticket, spam=True, blocks=event.blocks)


@evolves(TicketUnmarkedSpam)
def _(ticket: Ticket, _event: TicketUnmarkedSpam) -> Ticket:
    return _marked(ticket, spam=False, blocks=None)


@evolves(TicketArchived)
def _(ticket: Ticket, _event: TicketArchived) -> Ticket:
    return _marked(ticket, archived=True)
