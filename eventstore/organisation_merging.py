"""Merging organisations and taking it back (F7): that both are there, their own streams say; the workspace decides the rest."""

from uuid import UUID

from domain.errors import Refusal
from domain.organisation import Organisation, UnknownOrganisation
from domain.setup.organisations import MergeOrganisation, UndoOrganisationMerge
from eventstore.desk import Desk, Receipt


async def merge(desk: Desk, command: MergeOrganisation) -> Receipt:
    """Merge an organisation into another; both are there."""
    try:
        for each in (command.organisation_id, command.into):
            (await _known(desk, command.workspace_id, each)).must_be_there(each)
    except Refusal:
        # A repeat is answered as the first time, even where one of them would now be refused.
        if await desk.streams.first_answer(command.workspace_id, command.command_id) is None:
            raise
    return await desk.execute(command)


async def undo_merge(desk: Desk, command: UndoOrganisationMerge) -> Receipt:
    """Take a merge back, also where one of the two was erased since."""
    await _known(desk, command.workspace_id, command.organisation_id)
    return await desk.execute(command)


async def _known(desk: Desk, workspace: UUID, organisation: UUID) -> Organisation:
    found = (await desk.state(workspace, "organisation", organisation)).state
    # The id may be that of something else.
    if not isinstance(found, Organisation) or not found.added:
        raise UnknownOrganisation(organisation=organisation)
    return found
