"""Carries commands out as the API does: what touches two streams, keys or sign-ins goes through its service."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

from pydantic import ValidationError

from cli.people import Office
from domain.actions import ActOnTicket, SetRequester
from domain.command import Command
from domain.errors import InvalidInput
from domain.organisation import EraseOrganisation, Organisation, UnknownOrganisation
from domain.requester import EraseRequester, RegisterRequester, Requester, UnknownRequester
from domain.requester_ties import MergeRequester, RequesterBlocked, UndoRequesterMerge
from domain.setup.organisations import MergeOrganisation, UndoOrganisationMerge
from domain.ticket import ties as t
from domain.ticket.commands import EraseTicket, TicketCommand
from domain.ticket.drafting import DiscardDraft, SubmitDraft
from domain.ticket.marking import MarkSpam, UnmarkSpam
from domain.ticket.messages import RedactMessage
from domain.wording import first
from domain.workspace import DeactivatePerson
from eventstore import counterparts, organisation_merging, requester_merging
from eventstore.desk import Desk, Receipt
from eventstore.erasure import erase

AnyCommand = TypeVar("AnyCommand", bound=Command)

_SERVICES: dict[type[Command], Callable[[Desk, Any], Awaitable[Receipt]]] = {
    t.MergeTicket: counterparts.merge,
    t.UndoMerge: counterparts.undo_merge,
    t.SplitTicket: counterparts.split,
    t.UndoSplit: counterparts.undo_split,
    t.LinkTicket: counterparts.link,
    t.UnlinkTicket: counterparts.unlink,
    MarkSpam: counterparts.both,
    UnmarkSpam: counterparts.both,
    ActOnTicket: counterparts.both,
    RedactMessage: counterparts.redact,
    EraseTicket: erase,
    DiscardDraft: erase,
    EraseRequester: erase,
    EraseOrganisation: erase,
    MergeRequester: requester_merging.merge,
    UndoRequesterMerge: requester_merging.undo_merge,
    MergeOrganisation: organisation_merging.merge,
    UndoOrganisationMerge: organisation_merging.undo_merge,
}


def command_of(kind: type[AnyCommand], context: dict[str, Any], asked: dict[str, Any], whole: str) -> AnyCommand:
    """The command, or InvalidInput where none can be made of what is asked; of it as a whole, by that name."""
    try:
        return kind(**context, **asked)
    except ValidationError as error:
        raise invalid(error, whole) from None


def invalid(error: ValidationError, whole: str) -> InvalidInput:
    """The first of what is wrong, for people."""
    place, reason = first(error)
    return InvalidInput(field=place or whole, reason=reason)


async def carry(office: Office, command: Command) -> Receipt:
    """The receipt, once everything that belongs to the command is done."""
    await _must_know(office, command)
    receipt = await perform(office.desk, command)
    if isinstance(command, DeactivatePerson):
        await office.access.revoke_person(command.workspace_id, command.person_id)
    if isinstance(command, EraseRequester):
        await office.access.revoke_person(command.workspace_id, command.requester_id)
    return receipt


async def perform(desk: Desk, command: Command) -> Receipt:
    """The command and what follows from it on other streams."""
    service = _SERVICES.get(type(command))
    return await (service(desk, command) if service else desk.execute(command))


async def _must_know(office: Office, command: Command) -> None:
    """What lives on streams of its own is not judged by the decision: refused here unless it is there."""
    for requester in await _requesters(office, command):
        state = (await office.desk.state(office.workspace.id, "requester", requester)).state
        _must_be_registered(state, requester, for_ticket=isinstance(command, TicketCommand))
    organisation: UUID | None = getattr(command, "organisation_id", None)
    if organisation is not None and command.AGGREGATE == "requester":
        found = (await office.desk.state(office.workspace.id, "organisation", organisation)).state
        if not isinstance(found, Organisation):
            raise UnknownOrganisation(organisation=organisation)
        found.must_be_there(organisation)


async def _requesters(office: Office, command: Command) -> list[UUID]:
    """The requesters whom the command speaks of, but for one who is to be made known by it."""
    if isinstance(command, RegisterRequester):
        return []
    if isinstance(command, ActOnTicket):
        return [each.requester_id for each in command.actions if isinstance(each, SetRequester) and each.requester_id]
    if isinstance(command, SubmitDraft):
        ticket = (await office.desk.state(office.workspace.id, "ticket", command.stream_id)).state
        drafted = ticket.draft.get("requester_id") if isinstance(ticket.draft, dict) else None
        return [UUID(drafted)] if drafted and ticket.drafted_by == command.by else []
    named: UUID | None = getattr(command, "requester_id", None)
    return [named] if named is not None else []


def _must_be_registered(state: object, requester: UUID, *, for_ticket: bool) -> None:
    if not isinstance(state, Requester) or not state.registered:
        raise UnknownRequester(requester=requester)
    if for_ticket:
        state.must_be_there(requester)
        if state.blocked:
            raise RequesterBlocked(requester=requester)
