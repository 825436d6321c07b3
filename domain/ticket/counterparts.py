"""The other half of what happens on two streams: from the first event, the command for the other stream."""

from collections.abc import Callable, Iterable
from typing import Any, get_args
from uuid import UUID, uuid5

from domain.command import Command
from domain.event import SYSTEM, Erased, Event, Recorded
from domain.requester_ties import BlockRequester, UnblockRequester
from domain.ticket import ties as t
from domain.ticket.linking import INVERSE
from domain.ticket.marking import TicketMarkedSpam, TicketUnmarkedSpam
from domain.ticket.merging import place

# Where a command comes from that is the other half of another.
CHANNEL = "counterpart"
# Both halves of a link say the same event: that of the second asks for no third.
_OF_BOTH = (t.TicketLinked, t.TicketUnlinked)


def counterpart(recorded: Recorded[Event], number: str) -> Command | None:
    """The command for the other stream, the same whoever asks; None where the event needs none."""
    made = _COUNTERPARTS.get(type(recorded.event))
    second = recorded.metadata.channel == CHANNEL and isinstance(recorded.event, _OF_BOTH)
    if made is None or second:
        return None
    return made(recorded.event, number, _context(recorded))


def _context(recorded: Recorded[Event]) -> dict[str, Any]:
    cause = recorded.metadata
    return {
        "workspace_id": cause.workspace_id,
        "by": SYSTEM,
        "on_behalf_of": cause.doer,
        "at": recorded.recorded_at,
        "command_id": _second(cause.command_id, recorded.event),
        "channel": CHANNEL,
        "correlation_id": cause.correlation_id,
        "causation_id": cause.event_id,
    }


def _second(command_id: UUID, event: Event) -> UUID:
    return uuid5(command_id, f"counterpart {event.NAME}")


def taken_back(impossible: t.LinkBack) -> t.UnlinkBack:
    """What takes away the first half of a link whose second half could not be made."""
    context = {name: getattr(impossible, name) for name in Command.model_fields}
    context["command_id"] = uuid5(impossible.command_id, "taken back")
    relation = INVERSE[impossible.relation]
    return t.UnlinkBack(number=impossible.other, relation=relation, other=impossible.number, **context)


def taken_back_there(link: t.LinkBack) -> t.UnlinkBack:
    """What takes away the second half of a link that must not be."""
    context = {name: getattr(link, name) for name in Command.model_fields}
    context["command_id"] = uuid5(link.command_id, "taken back there")
    return t.UnlinkBack(number=link.number, relation=link.relation, other=link.other, **context)


def kept(withdrawal: t.WithdrawSplit, split: t.TicketSplitOff) -> t.KeepSplit:
    """What takes the undoing of a split back where the new ticket could not be withdrawn."""
    context = {name: getattr(withdrawal, name) for name in Command.model_fields}
    context["command_id"] = uuid5(withdrawal.command_id, "kept")
    return t.KeepSplit(number=withdrawal.origin, split=split, **context)


def kept_of(ring: Iterable[str], last: t.AbsorbTicket) -> t.UndoMerge:
    """What keeps one of several tickets that were merged in a ring at one moment: that of the lowest number."""
    context = {name: getattr(last, name) for name in Command.model_fields}
    context["command_id"] = uuid5(last.command_id, "kept")
    return t.UndoMerge(number=min(ring, key=place), **context)


def other_number(event: Event) -> str | None:
    """The number of the other ticket that a tie names."""
    match event:
        case t.TicketMergedInto() | t.TicketMergeUndone() | t.TicketSplitOff() | t.TicketSplitUndone():
            return event.into
        case t.TicketLinked() | t.TicketUnlinked():
            return event.other
        case _:
            return None


def _absorb(event: t.TicketMergedInto, number: str, context: dict[str, Any]) -> Command:
    return t.AbsorbTicket(number=event.into, absorbed=number, followers=event.followers, **context)


def _release(event: t.TicketMergeUndone, number: str, context: dict[str, Any]) -> Command:
    return t.ReleaseTicket(number=event.into, released=number, **context)


def _open_split(event: t.TicketSplitOff, number: str, context: dict[str, Any]) -> Command | None:
    if isinstance(event.body, Erased):
        return None
    about = event.model_dump(exclude={"into"})
    return t.OpenSplit(number=event.into, origin=number, **about, **context)


def _withdraw(event: t.TicketSplitUndone, number: str, context: dict[str, Any]) -> Command:
    return t.WithdrawSplit(number=event.into, origin=number, **context)


def _link(event: t.TicketLinked, number: str, context: dict[str, Any]) -> Command:
    return t.LinkBack(number=event.other, relation=INVERSE[_relation(event)], other=number, **context)


def _unlink(event: t.TicketUnlinked, number: str, context: dict[str, Any]) -> Command:
    return t.UnlinkBack(number=event.other, relation=INVERSE[_relation(event)], other=number, **context)


def _relation(event: t.TicketLinked | t.TicketUnlinked) -> t.Relation:
    return next(known for known in get_args(t.Relation) if known == event.relation)


def _block(event: TicketMarkedSpam, number: str, context: dict[str, Any]) -> Command | None:
    return BlockRequester(requester_id=event.blocks, ticket=number, **context) if event.blocks else None


def _unblock(event: TicketUnmarkedSpam, _: str, context: dict[str, Any]) -> Command | None:
    return UnblockRequester(requester_id=event.unblocks, **context) if event.unblocks else None


_COUNTERPARTS: dict[type[Event], Callable[[Any, str, dict[str, Any]], Command | None]] = {
    t.TicketMergedInto: _absorb,
    t.TicketMergeUndone: _release,
    t.TicketSplitOff: _open_split,
    t.TicketSplitUndone: _withdraw,
    t.TicketLinked: _link,
    t.TicketUnlinked: _unlink,
    TicketMarkedSpam: _block,
    TicketUnmarkedSpam: _unblock,
}
# What the process that finishes them has to read.
FIRST_HALVES = tuple(_COUNTERPARTS)
