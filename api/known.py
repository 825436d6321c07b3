"""Whether a requester or an organisation that somebody names is one of their workspace."""

from uuid import UUID

from api.auth import Caller
from domain.organisation import Organisation, UnknownOrganisation
from domain.requester import Requester, UnknownRequester
from domain.requester_ties import RequesterBlocked
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


async def organisation_of(me: Caller, organisation_id: UUID) -> Loaded:
    """The organisation as the log has it now, or UnknownOrganisation."""
    loaded = await me.services.desk.state(me.workspace_id, "organisation", organisation_id)
    if not isinstance(loaded.state, Organisation) or not loaded.state.added:
        raise UnknownOrganisation(organisation=organisation_id)
    return loaded


def _requester(loaded: Loaded, requester_id: UUID) -> Loaded:
    # The id may be that of a ticket or of the workspace itself.
    if not isinstance(loaded.state, Requester) or not loaded.state.registered:
        raise UnknownRequester(requester=requester_id)
    return loaded
