"""Deleting for ever: record the request, destroy the key, record that it is done."""

from dataclasses import replace
from uuid import uuid5

from domain.event import SYSTEM
from domain.organisation import ConfirmOrganisationErasure, EraseOrganisation
from domain.requester import ConfirmRequesterErasure, EraseRequester
from domain.ticket.commands import ConfirmTicketErasure, EraseTicket
from domain.ticket.drafting import DiscardDraft
from eventstore.desk import Desk, Receipt

EraseCommand = EraseTicket | EraseRequester | EraseOrganisation | DiscardDraft
ConfirmErasure = ConfirmTicketErasure | ConfirmRequesterErasure | ConfirmOrganisationErasure


async def erase(desk: Desk, command: EraseCommand) -> Receipt:
    """Erase a ticket, a draft, a requester or an organisation; the receipt is the confirmation's. The Erasure process ends what is cut off."""
    asked = await desk.execute(command)
    confirmed = await finish(desk, _confirmation(desk, command))
    return replace(confirmed, events=asked.events + confirmed.events, repeated=asked.repeated)


async def finish(desk: Desk, confirmation: ConfirmErasure) -> Receipt:
    """Destroy the key of what was asked to be erased, then record that it is gone. Doing it again changes nothing."""
    subject = (confirmation.workspace_id, confirmation.stream_id)
    await desk.vault.destroy_key(*subject)
    await desk.vault.forget_exports(*subject)
    return await desk.execute(confirmation)


def _confirmation(desk: Desk, command: EraseCommand) -> ConfirmErasure:
    context = {
        "workspace_id": command.workspace_id,
        "by": SYSTEM,
        "on_behalf_of": command.on_behalf_of or command.by,
        "at": desk.clock(),
        "command_id": uuid5(command.command_id, "confirmed"),
        "channel": command.channel,
        "correlation_id": command.correlation_id or command.command_id,
    }
    if isinstance(command, EraseTicket | DiscardDraft):
        return ConfirmTicketErasure(number=command.number, **context)
    if isinstance(command, EraseOrganisation):
        return ConfirmOrganisationErasure(organisation_id=command.organisation_id, **context)
    return ConfirmRequesterErasure(requester_id=command.requester_id, **context)
