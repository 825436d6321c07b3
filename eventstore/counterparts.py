"""What happens on two streams: the first decides, the other follows from its event. A process ends what is cut off."""

from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar, cast
from uuid import UUID

from domain.access import allow
from domain.command import Command, decider
from domain.errors import Refusal
from domain.event import Event, Recorded
from domain.ids import ticket_id
from domain.ticket import ties as t
from domain.ticket.commands import TicketCommand
from domain.ticket.counterparts import counterpart, kept, kept_of, other_number, taken_back, taken_back_there
from domain.ticket.linking import must_have_no_parent, parent
from domain.ticket.merging import NotMerged
from domain.ticket.messages import RedactMessage
from domain.ticket.splitting import SplitWorkedOn, came_with, files_of, must_be_untouched
from domain.ticket.state import Link, Ticket
from eventstore.desk import ATTEMPTS, Desk, Receipt, TooBusy

E = TypeVar("E", bound=Event)

# No chain of parents that people make is longer.
HIGHEST = 100


async def both(desk: Desk, command: TicketCommand) -> Receipt:
    """Execute a command and what follows from it for another stream; the receipt is the first one's at the position of all."""
    receipt = await desk.execute(command)
    if not receipt.events:
        return receipt
    events = await desk.streams.events(command.workspace_id, receipt.stream_id, receipt.version - receipt.events)
    for recorded in events:
        second = counterpart(recorded, command.number)
        if second is None or recorded.metadata.command_id != command.command_id:
            continue
        done = await finish(desk, second)
        receipt = replace(receipt, position=max(receipt.position, done.position), number=other_number(recorded.event))
    return receipt


async def finish(desk: Desk, second: Command) -> Receipt:
    """Carry out the other half. What cannot be there, or closes a ring, is taken back where it began."""
    if isinstance(second, t.OpenSplit):
        origin = await _ticket(desk, second.workspace_id, second.origin)
        second = second.model_copy(update={"files": files_of(second.message_id, origin)})
    if isinstance(second, t.WithdrawSplit):
        return await _withdraw(desk, second)
    receipt = await desk.execute(second)
    if isinstance(second, t.LinkBack) and not receipt.events:
        other = await _ticket(desk, second.workspace_id, second.number)
        if Link(second.relation, second.other) not in other.ties.links:
            return await desk.execute(taken_back(second))
    if isinstance(second, t.LinkBack) and await _in_a_ring(desk, second):
        await desk.execute(taken_back_there(second))
        return await desk.execute(taken_back(second))
    if isinstance(second, t.AbsorbTicket) and (ring := await _merged_in_a_ring(desk, second)):
        await _open(desk, second, ring)
    return receipt


async def _withdraw(desk: Desk, second: t.WithdrawSplit) -> Receipt:
    """Withdraw the new ticket, or let the split stand: somebody may have begun to work there since it was looked at."""
    origin = await _ticket(desk, second.workspace_id, second.origin)
    receipt = await desk.execute(second.model_copy(update={"came": came_with(origin)}))
    split_off = await _ticket(desk, second.workspace_id, second.number)
    if split_off.ties.split_from != second.origin or split_off.ties.withdrawn or split_off.erasing:
        return receipt
    first = await _last(desk, second.workspace_id, second.origin, t.TicketSplitOff, second.number)
    return await desk.execute(kept(second, first.event)) if first else receipt


async def _last(desk: Desk, workspace: UUID, number: str, kind: type[E], other: str) -> Recorded[E] | None:
    """The newest event of that kind about the other ticket."""
    events = await desk.streams.events(workspace, ticket_id(workspace, number))
    found = [each for each in events if isinstance(each.event, kind) and other_number(each.event) == other]
    return cast("Recorded[E]", found[-1]) if found else None


async def _merged_in_a_ring(desk: Desk, last: t.AbsorbTicket) -> list[str]:
    """The tickets, where this merge closes a ring; of two, `AbsorbTicket` itself keeps one."""
    ring = [last.number]
    while len(ring) < HIGHEST:
        into = (await _ticket(desk, last.workspace_id, ring[-1])).ties.merged_into
        if into == last.number and len(ring) > 2:
            return ring
        if into is None or into in ring:
            break
        ring.append(into)
    return []


async def _open(desk: Desk, last: t.AbsorbTicket, ring: list[str]) -> None:
    # Each finds the same one, so that those who see the ring at the same time free no second ticket.
    undo = kept_of(ring, last)
    events = await desk.streams.events(undo.workspace_id, undo.stream_id)
    begun = [each for each in events if isinstance(each.event, t.TicketMergedInto)]
    if first_half := counterpart(begun[-1], undo.number):
        await desk.execute(first_half)
    with suppress(NotMerged):
        await both(desk, undo)


async def _in_a_ring(desk: Desk, link: t.LinkBack) -> bool:
    # Each of several links made at one moment was right by itself; whichever is finished last sees them all.
    match link.relation:
        case "parent":
            upper, lower = link.other, link.number
        case "child":
            upper, lower = link.number, link.other
        case _:
            return False
    return lower in await _ancestors(desk, link.workspace_id, upper)


async def merge(desk: Desk, command: t.MergeTicket) -> Receipt:
    """Merge a ticket into another one, which is open and within reach."""

    async def check() -> None:
        (await _reached(desk, command, command.into)).must_be_open(command.into)

    await _unless_answered(desk, command, check())
    return await both(desk, command)


async def undo_merge(desk: Desk, command: t.UndoMerge) -> Receipt:
    """Take a merge back, once both tickets know of it."""
    ticket = await _ticket(desk, command.workspace_id, command.number)
    if ticket.ties.merged_into is not None:
        await _complete(desk, command, t.TicketMergedInto, ticket.ties.merged_into)
    return await both(desk, command)


async def split(desk: Desk, command: t.SplitTicket) -> Receipt:
    """Make a message a ticket of its own, whose number the receipt has."""
    into = await _free_number(desk, command.workspace_id)
    body = await _written(desk, command)
    return await both(desk, command.model_copy(update={"into": into, "body": body}))


async def undo_split(desk: Desk, command: t.UndoSplit) -> Receipt:
    """Take a split back, unless somebody has worked on the new ticket."""
    await _complete(desk, command, t.TicketSplitOff, command.into)

    async def check() -> None:
        # First whether it is theirs to ask: what became of the other ticket is not for everybody's ears.
        origin = await _reached(desk, command, command.number)
        split_off = await _ticket(desk, command.workspace_id, command.into)
        # What was never split off, or came back, is for the decision to refuse.
        if split_off.ties.split_from == command.number and not split_off.ties.withdrawn:
            must_be_untouched(command, split_off, origin)

    await _unless_answered(desk, command, check())
    receipt = await both(desk, command)
    origin = await _ticket(desk, command.workspace_id, command.number)
    if any(split.number == command.into for split in origin.ties.splits):
        # Somebody was quicker.
        raise SplitWorkedOn(number=command.number, into=command.into)
    return receipt


async def redact(desk: Desk, command: RedactMessage) -> Receipt:
    """Hide a message, once no ticket that was split off it says the same."""
    ticket = await _ticket(desk, command.workspace_id, command.number)
    quoted = [split.number for split in ticket.ties.quoted if split.message_id == command.message_id]
    erased = [number for number in quoted if (await _ticket(desk, command.workspace_id, number)).erasing]
    return await desk.execute(command.model_copy(update={"erased": frozenset(erased)}))


async def link(desk: Desk, command: t.LinkTicket) -> Receipt:
    """Tie a ticket to another one that is within reach, without making a ring of parents."""

    async def check() -> None:
        other = await _reached(desk, command, command.other)
        other.must_exist(command.other)
        if command.relation == "child" and parent(other) != command.number:
            must_have_no_parent(command.other, other)

    await _unless_answered(desk, command, check())
    upper = {"parent": command.other, "child": command.number}.get(command.relation)
    ancestors = await _ancestors(desk, command.workspace_id, upper) if upper else ()
    return await both(desk, command.model_copy(update={"ancestors": ancestors}))


async def unlink(desk: Desk, command: t.UnlinkTicket) -> Receipt:
    """Untie them, once both know that they were tied."""
    await _complete(desk, command, t.TicketLinked, command.other)
    return await both(desk, command)


async def _unless_answered(desk: Desk, command: Command, check: Awaitable[None]) -> None:
    """A repeat is answered as the first time, even where the other ticket would now be refused."""
    try:
        await check
    except Refusal:
        if await desk.streams.first_answer(command.workspace_id, command.command_id) is None:
            raise


async def _complete(desk: Desk, command: TicketCommand, kind: type[Event], other: str) -> None:
    """The other half of what is about to be taken back; else a process could make it afterwards."""
    begun = await _last(desk, command.workspace_id, command.number, kind, other)
    if begun and (second := counterpart(begun, command.number)):
        await finish(desk, second)


async def _ticket(desk: Desk, workspace: UUID, number: str) -> Ticket:
    ticket: Ticket = (await desk.state(workspace, "ticket", ticket_id(workspace, number))).state
    return ticket


async def _reached(desk: Desk, command: TicketCommand, number: str) -> Ticket:
    """The other ticket, if whoever gives the command may do the same to that one."""
    ticket = await _ticket(desk, command.workspace_id, number)
    allow(command, decider(command)[1], ticket, await desk.catalogue(command.workspace_id))
    return ticket


async def _ancestors(desk: Desk, workspace: UUID, number: str) -> tuple[str, ...]:
    """The ticket and those above it, upwards."""
    found: list[str] = []
    above: str | None = number
    while above is not None and above not in found and len(found) < HIGHEST:
        found.append(above)
        above = parent(await _ticket(desk, workspace, above))
    return tuple(found)


async def _free_number(desk: Desk, workspace: UUID) -> str:
    """A number that no imported ticket holds already."""
    for attempt in range(ATTEMPTS):
        number = await desk.numbers.next(workspace)
        if not (await desk.state(workspace, "ticket", ticket_id(workspace, number))).version:
            return number
        await desk.numbers.pass_over(workspace, 2**attempt)
    raise TooBusy()


async def _written(desk: Desk, command: t.SplitTicket) -> str:
    """What the message says; nothing where there is no such message."""
    for recorded in await desk.streams.events(command.workspace_id, command.stream_id):
        if getattr(recorded.event, "message_id", None) == command.message_id:
            text = getattr(recorded.event, "body", None) or getattr(recorded.event, "comment", None)
            if isinstance(text, str):
                return text
    return ""
