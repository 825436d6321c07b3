"""Ends every erasure that was asked for, also where the one who began it died in between."""

from collections.abc import Iterable
from typing import Any

from domain.command import Command
from domain.event import SYSTEM, Event, Recorded
from domain.organisation import ConfirmOrganisationErasure, OrganisationErasureRequested
from domain.requester import ConfirmRequesterErasure, RequesterErasureRequested
from domain.ticket.commands import ConfirmTicketErasure
from domain.ticket.events import TicketErasureRequested
from eventstore.desk import Desk
from eventstore.erasure import ConfirmErasure, finish
from processors.process import Process, caused_by


class Erasure(Process):
    """Destroys the key of what was asked to be erased and records that it is gone."""

    NAME = "erasure"
    EVENTS = (TicketErasureRequested, RequesterErasureRequested, OrganisationErasureRequested)
    PARTITIONED = True

    def react(self, recorded: Recorded[Event], state: Any) -> Iterable[Command]:
        """One confirmation a request; the state is that of what is to be erased, as it is now."""
        if state.erased:
            return
        context = caused_by(recorded, self.NAME) | {"by": SYSTEM, "on_behalf_of": recorded.metadata.actor}
        if isinstance(recorded.event, TicketErasureRequested):
            yield ConfirmTicketErasure(number=state.number, **context)
        elif isinstance(recorded.event, OrganisationErasureRequested):
            yield ConfirmOrganisationErasure(organisation_id=recorded.stream_id, **context)
        else:
            yield ConfirmRequesterErasure(requester_id=recorded.stream_id, **context)

    async def perform(self, desk: Desk, command: Command) -> None:
        """The key goes first: what is recorded as erased is erased."""
        assert isinstance(command, ConfirmErasure)  # noqa: S101 - react yields nothing else
        await finish(desk, command)
