"""Whether a requester, an organisation or a ticket that somebody names is one of their workspace, and in their reach."""

from typing import Any
from uuid import UUID

from api.auth import Caller
from api.versions import what_happened_since
from domain.errors import VersionConflict
from domain.ids import ticket_id
from domain.organisation import Organisation, UnknownOrganisation
from domain.requester import Requester, UnknownRequester
from domain.requester_ties import RequesterBlocked
from domain.ticket.state import Ticket, UnknownTicket
from eventstore.streams import Loaded


async def requester_of(me: Caller, requester_id: UUID) -> Loaded:
    """The requester as the log has them now, or UnknownRequester."""
    return _requester(await me.services.desk.state(me.workspace_id, "requester", requester_id), requester_id)


async def must_know_requester(me: Caller, requester_id: UUID) -> None:
    """Refused unless a ticket can be for them: known, not erased, not merged away, not blocked."""
    loaded = await me.services.desk.recalled(me.workspace_id, "requester", requester_id)
    if not loaded.version:
        loaded = await me.services.desk.state(me.workspace_id, "requester", requester_id)
    state: Requester = _requester(loaded, requester_id).state
    state.must_be_there(requester_id)
    if state.blocked:
        raise RequesterBlocked(requester=requester_id)


async def absorbed_by(me: Caller, requester_id: UUID) -> list[UUID]:
    """The records that turned out to be the requester; none where there is no such requester."""
    state = (await me.services.desk.recalled(me.workspace_id, "requester", requester_id)).state
    return sorted(state.absorbed) if isinstance(state, Requester) else []


async def organisation_of(me: Caller, organisation_id: UUID) -> Loaded:
    """The organisation as the log has it now, or refused where it is not there or erased."""
    loaded = await organisation_known(me, organisation_id)
    loaded.state.must_be_there(organisation_id)
    return loaded


async def organisation_known(me: Caller, organisation_id: UUID) -> Loaded:
    """The same, erased or not; UnknownOrganisation where there never was one."""
    loaded = await me.services.desk.state(me.workspace_id, "organisation", organisation_id)
    # The id may be that of something else.
    if not isinstance(loaded.state, Organisation) or not loaded.state.added:
        raise UnknownOrganisation(organisation=organisation_id)
    return loaded


async def organisation_seen(me: Caller, organisation_id: UUID) -> tuple[Loaded, dict[str, Any]]:
    """The same, and the context of a command that the workspace decides: the version that was seen is the organisation's."""
    loaded, context = await organisation_known(me, organisation_id), me.context()
    seen = context.pop("expected_version")
    if seen is not None and seen != loaded.version:
        since = await what_happened_since(me.services, me.actor, me.workspace_id, organisation_id, seen)
        raise VersionConflict(seen=seen, actual=loaded.version, since=since)
    return loaded, context


async def ticket_seen(me: Caller, number: str) -> Loaded:
    """The ticket as the log has it now; UnknownTicket where the caller may not see it, or refused where it is gone."""
    loaded = await me.services.desk.state(me.workspace_id, "ticket", ticket_id(me.workspace_id, number))
    ticket: Ticket = loaded.state
    # Also that it was deleted, or went on elsewhere, is for those alone who might see it.
    if ticket.opened and not me.sees(ticket):
        raise UnknownTicket(number=number)
    ticket.must_exist(number)
    return loaded


def _requester(loaded: Loaded, requester_id: UUID) -> Loaded:
    # The id may be that of a ticket or of the workspace itself.
    if not isinstance(loaded.state, Requester) or not loaded.state.registered:
        raise UnknownRequester(requester=requester_id)
    return loaded
