"""Splitting a message off into a ticket of its own, and taking that back (A17, A22)."""

from uuid import UUID

from domain.catalogue import Catalogue
from domain.command import CONTEXT_FIELDS, Decision, decides, evolves
from domain.copying import replace
from domain.errors import Refusal
from domain.permissions import Permission
from domain.ticket.commands import OpenTicket
from domain.ticket.events import TicketOpened
from domain.ticket.flowing import opening
from domain.ticket.messages import UnknownMessage, attached
from domain.ticket.state import AttachedFile, Split, Ticket, Ties
from domain.ticket.ties import (
    KeepSplit,
    OpenSplit,
    SplitTicket,
    TicketSplitFrom,
    TicketSplitOff,
    TicketSplitUndone,
    TicketWithdrawn,
    UndoSplit,
    WithdrawSplit,
)
from domain.values import Attachment, StatusKind


class InternalMessage(Refusal):
    """What was written for colleagues must not become a ticket that its requester sees."""

    code = "internal_message"
    sentence = "This message is internal; it cannot become a ticket that the requester sees. Open a ticket instead."


class AlreadySplit(Refusal):
    """A message goes on as one ticket."""

    code = "already_split"
    sentence = "This message goes on as ticket {into} already."


class NotSplit(Refusal):
    """A split is taken back only where there is one."""

    code = "not_split"
    sentence = "Ticket {into} was not split off ticket {number}; there is nothing to take back."


class SplitWorkedOn(Refusal):
    """Work on the new ticket would be lost."""

    code = "split_worked_on"
    sentence = "Somebody has worked on ticket {into} already. Merge it into {number} instead."


@decides(SplitTicket, needs=Permission.TICKET_MERGE)
def split(command: SplitTicket, ticket: Ticket, _: Catalogue) -> Decision:
    """The message stays where it is and says where it goes on; what it was about goes with it."""
    ticket.must_exist(command.number)
    message = next((known for known in ticket.messages if known.message_id == command.message_id), None)
    if message is None or message.redacted or not command.body:
        raise UnknownMessage(message=command.message_id, number=command.number)
    if message.internal:
        raise InternalMessage()
    into = next((split.number for split in ticket.ties.splits if split.message_id == command.message_id), None)
    if into is not None:
        raise AlreadySplit(into=into)
    return [
        TicketSplitOff(
            message_id=command.message_id,
            into=command.into,
            title=command.title,
            body=command.body,
            requester_id=ticket.requester_id,
            priority=ticket.priority,
            type=ticket.type,
            category=ticket.category,
        )
    ]


def files_of(message_id: UUID, ticket: Ticket) -> tuple[Attachment, ...]:
    """The files that came with a message, unless they are erased."""
    theirs = (file for file in ticket.attachments if file.message_id == message_id and isinstance(file.key, str))
    return tuple(_as_attached(file) for file in theirs)


def _as_attached(file: AttachedFile) -> Attachment:
    told = {name: getattr(file, name) for name in Attachment.model_fields}
    return Attachment(**told)


@decides(UndoSplit, needs=Permission.TICKET_MERGE)
def undo_split(command: UndoSplit, ticket: Ticket, _: Catalogue) -> Decision:
    """Whether nobody worked on the new ticket is decided where that is: else this is taken back."""
    ticket.must_exist(command.number)
    known = next((split for split in ticket.ties.splits if split.number == command.into), None)
    if known is None:
        raise NotSplit(number=command.number, into=command.into)
    return [TicketSplitUndone(message_id=known.message_id, into=command.into)]


@decides(KeepSplit, needs=Permission.TICKET_MERGE)
def keep_split(command: KeepSplit, ticket: Ticket, _: Catalogue) -> Decision:
    """Never refused."""
    kept = any(split.number == command.split.into for split in ticket.ties.splits)
    return [] if kept or ticket.erasing else [command.split]


def must_be_untouched(command: UndoSplit, split_off: Ticket, origin: Ticket) -> None:
    """Raise where withdrawing the new ticket would hide what somebody did there."""
    if is_worked_on(split_off, command.number, came_with(origin)):
        raise SplitWorkedOn(number=command.number, into=command.into)


def came_with(origin: Ticket) -> frozenset[UUID]:
    """The files that a ticket may have from the one that it was split off."""
    return frozenset(file.attachment_id for file in origin.attachments)


def is_worked_on(split_off: Ticket, origin: str, came: frozenset[UUID]) -> bool:
    """Whether somebody has written, attached, hidden, finished or tied something there."""
    attached_since = {file.attachment_id for file in split_off.attachments} - came
    written = split_off.messages or attached_since or split_off.confidential
    return bool(written) or split_off.finished or split_off.ties != Ties(split_from=origin)


@decides(OpenSplit, needs=Permission.TICKET_MERGE)
def open_split(command: OpenSplit, ticket: Ticket, desk: Catalogue) -> Decision:
    """Never refused: what the message's own ticket has was checked there, and is taken as it is.

    It begins its form and its workflow, and has the message's files, like a ticket that is opened.
    """
    if ticket.opened or ticket.drafted_by is not None:
        return []
    status = desk.status_of_kind(StatusKind.NEW)
    opened = TicketOpened(
        number=command.number,
        title=command.title,
        description=command.body,
        status=status.key,
        kind=status.kind,
        priority=command.priority,
        type=command.type,
        category=command.category,
        requester_id=command.requester_id,
        source="split",
    )
    split_from = TicketSplitFrom(origin=command.origin, message_id=command.message_id)
    return [opened, *opening(_as_opened(command), desk), split_from, *attached(command.files, ticket)]


def _as_opened(command: OpenSplit) -> OpenTicket:
    told = {name: getattr(command, name) for name in (*CONTEXT_FIELDS, "number", "title")}
    return OpenTicket(**told, type=command.type, category=command.category)


@decides(WithdrawSplit, needs=Permission.TICKET_MERGE)
def withdraw(command: WithdrawSplit, ticket: Ticket, desk: Catalogue) -> Decision:
    """Never refused; nothing happens where somebody has worked on it by now."""
    if ticket.ties.split_from != command.origin or ticket.ties.withdrawn or ticket.erasing:
        return []
    if is_worked_on(ticket, command.origin, command.came):
        return []
    closed = desk.status_of_kind(StatusKind.CLOSED)
    return [TicketWithdrawn(status=closed.key, kind=closed.kind, previous=ticket.status, previous_kind=ticket.kind)]


@evolves(TicketSplitOff)
def _(ticket: Ticket, event: TicketSplitOff) -> Ticket:
    split = Split(event.message_id, event.into)
    quoted = ticket.ties.quoted if split in ticket.ties.quoted else (*ticket.ties.quoted, split)
    return replace(ticket, ties=replace(ticket.ties, splits=(*ticket.ties.splits, split), quoted=quoted))


@evolves(TicketSplitUndone)
def _(ticket: Ticket, event: TicketSplitUndone) -> Ticket:
    splits = tuple(split for split in ticket.ties.splits if split.number != event.into)
    return replace(ticket, ties=replace(ticket.ties, splits=splits))


@evolves(TicketSplitFrom)
def _(ticket: Ticket, event: TicketSplitFrom) -> Ticket:
    return replace(ticket, ties=replace(ticket.ties, split_from=event.origin))


@evolves(TicketWithdrawn)
def _(ticket: Ticket, event: TicketWithdrawn) -> Ticket:
    # Its message is the origin's again: whoever comes here is sent there.
    ties = replace(ticket.ties, withdrawn=True, merged_into=ticket.ties.split_from)
    return replace(ticket, status=event.status, kind=event.kind, ties=ties)
