"""What a process manager is: a pure reaction to events, whose commands may be repeated without harm."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID, uuid5

from domain.command import Command
from domain.event import Event, Recorded
from eventstore.desk import Desk

_PROCESSES = UUID("0d0c7b8e-6f0e-5c1f-9a51-3f1c8a6d2b90")


class Process(ABC):
    """Reacts to the events of the classes in EVENTS; NAME is stable, its checkpoint and its command ids follow from it."""

    NAME: ClassVar[str]
    EVENTS: ClassVar[tuple[type[Event], ...]]

    @abstractmethod
    def react(self, recorded: Recorded[Event], state: Any) -> Iterable[Command]:
        """The commands that the event leads to, given its stream's present state. Pure."""

    async def perform(self, desk: Desk, command: Command) -> None:
        """Carry out one of them."""
        await desk.execute(command)


def command_id(process: str, event_id: UUID, place: int = 0) -> UUID:
    """The id of the command that a process answers an event with; the same after every crash."""
    return uuid5(_PROCESSES, f"{process}|{event_id}|{place}")


def caused_by(recorded: Recorded[Event], process: str, place: int = 0) -> dict[str, Any]:
    """The context of a command that follows from an event: its ids, its cause; the runner adds the time."""
    envelope = recorded.metadata
    return {
        "workspace_id": envelope.workspace_id,
        "at": recorded.recorded_at,
        "command_id": command_id(process, envelope.event_id, place),
        "channel": "process",
        "correlation_id": envelope.correlation_id,
        "causation_id": envelope.event_id,
    }
