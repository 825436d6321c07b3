"""What a process manager is: a pure reaction, whose outputs are recorded together or may be repeated without harm."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from domain.catalogue import Catalogue
from domain.command import Command
from domain.errors import LedgerdeskError, Refusal
from domain.event import SYSTEM, Event, Recorded
from domain.happening import Happening
from domain.ids import uuid5
from domain.requester import Requester
from domain.sla.standing import ClockLine
from eventstore.desk import Desk
from processors.present import Present

_PROCESSES = UUID("0d0c7b8e-6f0e-5c1f-9a51-3f1c8a6d2b90")
# Stands in commands of a TicketProcess until the runner gives each its own id.
_UNNAMED = UUID(int=0)

# What a process remembers of a workspace, as JSON has it: kept with the checkpoint. Changing it is `react`'s only effect.
Memory = dict[str, Any]


class NewerEvent(LedgerdeskError):
    """An event that must be reacted to was written by a newer release; passing over it would lose it."""

    code = "newer_event"
    sentence = "The process {process} met {event} of a newer version of Ledgerdesk. Run that version."


class Process(ABC):
    """Reacts to the events of the classes in EVENTS; NAME is stable, its checkpoint and its command ids follow from it.

    For effects outside of the log, which nothing commits together with it; any other is a TicketProcess.
    """

    NAME: ClassVar[str]
    EVENTS: ClassVar[tuple[type[Event], ...]]
    # Whether workers may share it by partitions: the order of each stream by itself is all that it needs.
    PARTITIONED: ClassVar[bool] = False

    @abstractmethod
    def react(self, recorded: Recorded[Event], state: Any) -> Iterable[Command]:
        """The commands that the event leads to, given its stream's present state. Pure."""

    async def perform(self, desk: Desk, command: Command) -> None:
        """Carry out one of them."""
        await desk.execute(command)


@dataclass(frozen=True, slots=True)
class Do:
    """A command. `after=k`: it follows from the first event of the reaction's k-th command. What is refused is dropped,
    or gives way to the command that `otherwise` makes of the refusal."""

    command: Command
    after: int | None = None
    otherwise: Callable[[Refusal], Command | None] | None = None

    @property
    def reads_content(self) -> bool:
        """Whether it takes the content of its stream to decide it, or what it gives way to."""
        return self.command.READS_CONTENT or self.otherwise is not None


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Fire for the ticket at that moment. A process has one timer of a key for a ticket: set again, it moves."""

    ticket: UUID
    key: str
    due_at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """The timer is needed no longer; without a key, none of this process for the ticket is."""

    ticket: UUID
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Hasten:
    """All timers of this process in the workspace fire now, to be looked at anew: what they rest on has changed."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """Something about a ticket, or another `subject`, to be sent out of the desk, once for each id however often it is wanted.

    `detail` has no content, which is put in when it is sent: `first` and `last` are the versions of the events that
    it is about, `kinds` why it is sent. What is `gathered` goes out with the recipient's others of that time.
    """

    delivery_id: UUID
    channel: str
    recipient: str
    ticket: UUID | None
    due_at: datetime
    detail: Mapping[str, Any]
    gathered: bool = False
    subject: UUID | None = None


@dataclass(frozen=True, slots=True)
class BeginAnew:
    """What the recipient failed to take so far does not count any more."""

    recipient: str


@dataclass(frozen=True, slots=True)
class Keep:
    """How the promises about a ticket stand now, for whoever reads it: these lines instead of those that there were."""

    ticket: UUID
    number: str
    lines: tuple[ClockLine, ...]


Output = Do | SetTimer | CancelTimer | Hasten | Deliver | BeginAnew | Keep


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that fires. `cause` and `correlation` are those of what set it; `woken_at` is when it was hastened to."""

    process: str
    workspace: UUID
    ticket: UUID
    key: str
    due_at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)
    cause: UUID | None = None
    correlation: UUID | None = None
    woken_at: datetime | None = None

    @property
    def occasion(self) -> UUID:
        """The same however often this firing is tried; what it leads to has ids that follow from it."""
        # Hastened again, or set again by something else, it is looked at again, though it is due as before.
        at = self.woken_at or self.due_at
        return uuid5(_PROCESSES, f"{self.process}|{self.ticket}|{self.key}|{at.isoformat()}|{self.cause}")


class TicketProcess(ABC):
    """Reacts to what happens to tickets, and to time. All that a reaction leads to is recorded together, once.

    Of TOPICS a happening must have one (None: any); only content of OPENS is decrypted (None: of all). A timer of
    one that opens nothing sees none either, nor the requester.
    """

    NAME: ClassVar[str]
    TOPICS: ClassVar[frozenset[str] | None] = None
    OPENS: ClassVar[frozenset[str] | None] = None
    # Whether it needs its memory; whoever runs it for a workspace then does so alone.
    REMEMBERS: ClassVar[bool] = False
    # Whether what it makes of something is ahead of what happens next, wherever the log has it; of those that remember.
    IN_TURN: ClassVar[bool] = False
    # Whether it leaves alone what happened before it ever ran: for what would come too late.
    FROM_NOW: ClassVar[bool] = False
    # Whether workers may share it by partitions: what a ticket leads to rests on that ticket and what is set up alone.
    PARTITIONED: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        if cls.PARTITIONED and cls.REMEMBERS:
            raise TypeError(f"{cls.__name__} remembers over tickets: it has one owner")

    @abstractmethod
    def react(self, happening: Happening, memory: Memory) -> Iterable[Output]:
        """What the happening leads to. Pure but for the memory."""

    def fire(
        self,
        timer: Timer,
        now: Present,
        desk: Catalogue,
        requester: Requester | None,
        at: datetime,
        memory: Memory,
    ) -> Iterable[Output]:
        """What a timer leads to: its reason is checked again on the ticket as it is now. Its row is gone unless set anew."""
        return ()

    def set_up(self, recorded: Recorded[Event], desk: Catalogue) -> Iterable[Output]:
        """What a change of the workspace leads to; `desk` is after it."""
        return ()

    def listens(self, desk: Catalogue) -> Collection[str]:
        """Which events it is told of that happen to neither tickets nor the workspace, as that is set up."""
        return ()

    def beside(self, recorded: Recorded[Event], desk: Catalogue) -> Iterable[Output]:
        """What one of those leads to; `desk` is as it was then."""
        return ()


# The names of events beside tickets and workspaces that are listened to, by what is set up.
Listens = Callable[[Catalogue], Collection[str]]


def listening(processes: Iterable[TicketProcess]) -> Listens | None:
    """What all of them listen to together; None where none of them ever does."""
    some = [each.listens for each in processes if type(each).listens is not TicketProcess.listens]
    if not some:
        return None
    return lambda desk: frozenset().union(*(listens(desk) for listens in some))


Cause = Happening | Timer | Recorded[Event]


def because_of(cause: Cause) -> dict[str, Any]:
    """The context of a command that follows from a happening, a timer or an event; the runner adds its id and the time."""
    if isinstance(cause, Timer):
        workspace, at, correlation, causation = cause.workspace, cause.due_at, cause.correlation, cause.cause
    else:
        envelope = cause.metadata
        workspace, at = envelope.workspace_id, envelope.occurred_at
        correlation, causation = envelope.correlation_id, envelope.event_id
    return {
        "workspace_id": workspace,
        "by": SYSTEM,
        "at": at,
        "command_id": _UNNAMED,
        "channel": "process",
        "correlation_id": correlation,
        "causation_id": causation,
    }


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
