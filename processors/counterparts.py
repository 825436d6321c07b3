"""Finishes what happens on two streams where the one who began it died in between (A17, A22, A24)."""

from collections.abc import Iterable
from typing import Any

from domain.command import Command
from domain.event import Event, Recorded
from domain.ticket.counterparts import FIRST_HALVES, counterpart
from eventstore.counterparts import finish
from eventstore.desk import Desk
from processors.process import Process


class Counterparts(Process):
    """Gives the command for the other stream again, under the id that it had the first time: nothing happens twice."""

    NAME = "counterparts"
    EVENTS = FIRST_HALVES
    PARTITIONED = True

    def react(self, recorded: Recorded[Event], state: Any) -> Iterable[Command]:
        """The other half, if the event has one."""
        second = counterpart(recorded, state.number)
        return [] if second is None else [second]

    async def perform(self, desk: Desk, command: Command) -> None:
        """As the one who began it would have."""
        await finish(desk, command)
