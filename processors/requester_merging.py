"""Finishes merges of requesters, and their undoing, where the one who began it died in between (F7)."""

from collections.abc import Iterable
from typing import Any

from domain.command import Command
from domain.event import Event, Recorded
from domain.requester_ties import FIRST_HALVES, counterpart
from processors.process import Process


class RequesterMerging(Process):
    """Gives the command for the other requester again, under the id that it had the first time: nothing happens twice."""

    NAME = "requester_merging"
    EVENTS = FIRST_HALVES
    PARTITIONED = True

    def react(self, recorded: Recorded[Event], state: Any) -> Iterable[Command]:
        """The other half of the event."""
        second = counterpart(recorded)
        return [] if second is None else [second]
