"""How tickets go from hand to hand, are marked, and come to their end (A6-A14, A24)."""

from typing import Annotated, Any, Literal
from uuid import UUID

import anyio.to_thread
from fastapi import Path, Response

from api import routing
from api.answers import changed
from api.auth import Caller, needs
from api.picking import loads
from api.ticket_bodies import (
    ClaimBody,
    EscalateBody,
    NoticeBody,
    RatingBody,
    ReturnBody,
    SnoozeBody,
    SpamBody,
    TransferBody,
    UrgeBody,
)
from api.ticket_changes import TicketNumber, changes, done
from domain.catalogue import RetiredTeam
from domain.classification import MayNotHandle
from domain.errors import InvalidInput, NotAllowed, UnknownPerson, UnknownRole, UnknownTeam
from domain.permissions import Permission
from domain.ticket import escalating, telling
from domain.ticket import handling as h
from domain.ticket import marking as m
from domain.ticket import settling as s
from domain.ticket.moving import IllegalMove, TicketFinished
from domain.ticket.state import TicketNotOpen
from eventstore.counterparts import both

router = routing.router("tickets")

Follower = Annotated[UUID | Literal["me"], Path(description="A person's id, or `me`.")]
_CLAIM, _SNOOZE, _SPAM = ClaimBody(), SnoozeBody(), SpamBody()


@router.post("/tickets/{number}/looks", **changes())
async def look_at_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_VIEW)) -> Response:
    """Say that you have the ticket before you: an agent's first look at a new one begins the work on it (A6)."""
    return await done(me, h.LookAtTicket(**_on(number, me)))


@router.post("/tickets/{number}/accept", **changes(TicketNotOpen))
async def accept_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_MOVE)) -> Response:
    """Begin work on a new ticket (受理)."""
    return await done(me, h.AcceptTicket(**_on(number, me)))


@router.post(
    "/tickets/{number}/claim",
    **changes(
        TicketNotOpen, h.AlreadyClaimed, h.NotYours, h.LoadLimitReached, h.CannotWork, MayNotHandle, UnknownPerson
    ),
)
async def claim_ticket(
    number: TicketNumber, body: ClaimBody = _CLAIM, me: Caller = needs(Permission.TICKET_CLAIM)
) -> Response:
    """Take a ticket that was given to several of whom you are one, or to nobody (领取); of two, one gets it (A9)."""
    return await done(me, h.ClaimTicket(**_on(number, me), accept=body.accept, load=await _load(me)))


@router.post(
    "/tickets/{number}/transfer",
    **changes(TicketNotOpen, UnknownPerson, UnknownTeam, UnknownRole, h.CannotWork, MayNotHandle, InvalidInput),
)
async def transfer_ticket(
    number: TicketNumber, body: TransferBody, me: Caller = needs(Permission.TICKET_TRANSFER)
) -> Response:
    """Hand the ticket on to any person, team, several people or role, with a note (A10)."""
    return await done(me, h.TransferTicket(**_on(number, me), to=body.to, note=body.note))


@router.post("/tickets/{number}/return", **changes(TicketNotOpen, h.NotYours, h.NoPreviousHandler))
async def return_ticket(
    number: TicketNumber, body: ReturnBody, me: Caller = needs(Permission.TICKET_RETURN)
) -> Response:
    """Give the ticket back to who had it before, with the reason (退单, A11)."""
    return await done(me, h.ReturnTicket(**_on(number, me), reason=body.reason))


@router.post("/tickets/{number}/urges", **changes(TicketNotOpen, TicketFinished))
async def urge_ticket(number: TicketNumber, body: UrgeBody, me: Caller = needs(Permission.TICKET_URGE)) -> Response:
    """Ask for haste (催单): the priority rises one level, and it is counted (A12)."""
    return await done(me, h.UrgeTicket(**_on(number, me), body=body.body))


@router.post(
    "/tickets/{number}/escalations",
    **changes(TicketNotOpen, TicketFinished, UnknownPerson, UnknownTeam, RetiredTeam),
)
async def escalate_ticket(
    number: TicketNumber, body: EscalateBody, me: Caller = needs(Permission.TICKET_ESCALATE)
) -> Response:
    """Call others to the ticket (升级, E4): one level up, or up to the given one. With `team`, that team gets it."""
    return await done(me, escalating.EscalateTicket(**_on(number, me), **dict(body)))


@router.post("/tickets/{number}/notices", **changes(UnknownPerson, UnknownTeam, RetiredTeam, InvalidInput, NotAllowed))
async def give_notice(number: TicketNumber, body: NoticeBody, me: Caller = needs(Permission.TICKET_NOTE)) -> Response:
    """Tell people something about the ticket: colleagues in their inboxes, with `requester` the customer by mail, which needs `ticket.reply` too."""
    return await done(me, telling.NotifyPeople(**_on(number, me), **dict(body)))


@router.post("/tickets/{number}/confirm", **changes(IllegalMove))
async def confirm_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_CONFIRM)) -> Response:
    """Say that a resolved ticket is solved (A7)."""
    return await done(me, s.ConfirmTicket(**_on(number, me)))


@router.put("/tickets/{number}/rating", **changes(s.NotConfirmed, s.AlreadyRated))
async def rate_ticket(number: TicketNumber, body: RatingBody, me: Caller = needs(Permission.TICKET_RATE)) -> Response:
    """Rate a confirmed ticket with 1 to 5 stars; once (A7)."""
    return await done(me, s.RateTicket(**_on(number, me), stars=body.stars, comment=body.comment))


@router.put("/tickets/{number}/followers/{person_id}", **changes(UnknownPerson))
async def follow_ticket(
    number: TicketNumber, person_id: Follower, me: Caller = needs(Permission.TICKET_FOLLOW)
) -> Response:
    """Follow the ticket, or make a colleague follow it: followers keep access and are told of every change (A13)."""
    return await done(me, m.FollowTicket(**_on(number, me), person_id=_whom(person_id, me)))


@router.delete("/tickets/{number}/followers/{person_id}", **changes())
async def unfollow_ticket(
    number: TicketNumber, person_id: Follower, me: Caller = needs(Permission.TICKET_FOLLOW)
) -> Response:
    """Follow it no longer."""
    return await done(me, m.UnfollowTicket(**_on(number, me), person_id=_whom(person_id, me)))


@router.post("/tickets/{number}/snooze", **changes(TicketNotOpen, InvalidInput))
async def snooze_ticket(
    number: TicketNumber, body: SnoozeBody = _SNOOZE, me: Caller = needs(Permission.TICKET_MARK)
) -> Response:
    """Put it aside until a time, or until the requester writes, whichever comes first (A24)."""
    return await done(me, m.SnoozeTicket(**_on(number, me), until=body.until))


@router.post("/tickets/{number}/wake", **changes())
async def wake_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_MARK)) -> Response:
    """Take it up again before its time."""
    return await done(me, m.WakeTicket(**_on(number, me)))


@router.put("/tickets/{number}/pin", **changes())
async def pin_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_MARK)) -> Response:
    """Keep it at hand for the whole desk, in the view «pinned»."""
    return await done(me, m.PinTicket(**_on(number, me)))


@router.delete("/tickets/{number}/pin", **changes())
async def unpin_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_MARK)) -> Response:
    """Keep it at hand no longer."""
    return await done(me, m.UnpinTicket(**_on(number, me)))


@router.put("/tickets/{number}/spam", **changes(InvalidInput, NotAllowed))
async def mark_spam(
    number: TicketNumber, body: SpamBody = _SPAM, me: Caller = needs(Permission.TICKET_MARK)
) -> Response:
    """Say that it is spam. Blocking its requester too needs the permission `requester.block`."""
    return await _with_block(me, m.MarkSpam(**_on(number, me), block=body.block))


@router.delete("/tickets/{number}/spam", **changes(NotAllowed))
async def unmark_spam(number: TicketNumber, me: Caller = needs(Permission.TICKET_MARK)) -> Response:
    """Say that it is none; a requester who was blocked with it is unblocked, which needs `requester.block` too."""
    return await _with_block(me, m.UnmarkSpam(**_on(number, me)))


@router.put("/tickets/{number}/archive", **changes(m.TicketUnfinished))
async def archive_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_ARCHIVE)) -> Response:
    """Take a finished ticket out of the lists; it is still found by searching (归档, A14)."""
    return await done(me, m.ArchiveTicket(**_on(number, me)))


@router.delete("/tickets/{number}/archive", **changes())
async def unarchive_ticket(number: TicketNumber, me: Caller = needs(Permission.TICKET_ARCHIVE)) -> Response:
    """Put it back into the lists."""
    return await done(me, m.UnarchiveTicket(**_on(number, me)))


def _on(number: str, me: Caller) -> dict[str, Any]:
    return {**me.context(), "number": number}


async def _load(me: Caller) -> int | None:
    """How many open tickets the caller has, where they have a limit, which may have been set a moment ago."""
    if (await me.desk_now()).acting(me.actor).load_limit is None:
        return None
    return (await anyio.to_thread.run_sync(loads, me, [me.id])).get(me.id, 0)


async def _with_block(me: Caller, command: m.MarkSpam | m.UnmarkSpam) -> Response:
    """The answer to the command, once its requester too is blocked or unblocked, if that is asked."""
    receipt = await me.explaining(command, both(me.services.desk, command))
    return changed(receipt, number=command.number)


def _whom(person: UUID | str, me: Caller) -> UUID:
    return person if isinstance(person, UUID) else me.id
