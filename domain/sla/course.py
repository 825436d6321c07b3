"""When a ticket did what: all that promises and rules about time are counted from, folded from its events."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.conditions.windows import TICK
from domain.copying import replace
from domain.event import TOLD, Event, Metadata, Recorded
from domain.rules.channels import AUTOMATION
from domain.ticket import events as e
from domain.ticket import handling, settling, ties, undoing
from domain.values import NOBODY, StatusKind

_MOVES = (e.StatusEvent, ties.TicketMergedInto, ties.TicketMergeUndone, ties.TicketWithdrawn, settling.TicketRated)
_HANDED = (e.TicketAssigned, handling.TicketClaimed, handling.TicketTransferred, handling.TicketReturned)


@dataclass(frozen=True, slots=True)
class Course:
    """`kinds` are the kinds of status, each with when it began; `asked` and `answered` when either side wrote in public.

    `touched_at` is when somebody last did something to it; `ran` are the automations that acted on it, each with when.
    `clock` is what the clock showed last, and when that was taken to be.
    """

    kinds: tuple[tuple[datetime, StatusKind], ...] = ()
    asked: tuple[datetime, ...] = ()
    answered: tuple[datetime, ...] = ()
    accepted_at: datetime | None = None
    assigned_at: datetime | None = None
    touched_at: datetime | None = None
    ran: tuple[tuple[UUID, datetime], ...] = ()
    clock: tuple[datetime, datetime] | None = None

    @property
    def opened_at(self) -> datetime:
        """When it began."""
        return self.kinds[0][0]

    @property
    def moved_at(self) -> datetime:
        """Since when it is in its status."""
        return self.kinds[-1][0]

    @property
    def unanswered_since(self) -> datetime | None:
        """Since when the other side waits for a word; None where the last one was ours."""
        if not self.answered:
            return self.opened_at
        return next((at for at in self.asked if at > self.answered[-1]), None)


def followed(course: Course, recorded: Recorded[Event]) -> Course:
    """The course after one more event of the ticket."""
    event, at = recorded.event, _when(course, recorded.metadata)
    clock = (recorded.metadata.occurred_at, at)
    if isinstance(event, e.TicketOpened):
        assigned_at = at if event.assignee != NOBODY else None
        return Course(kinds=((at, event.kind),), assigned_at=assigned_at, touched_at=at, clock=clock)
    changes = _acted(course, recorded, at) | _done(course, recorded, at)
    return replace(course, clock=clock, **changes) if changes else course


def _when(course: Course, envelope: Metadata) -> datetime:
    """When it happened; by a clock that was set back, right after what happened before it: a question follows its answer."""
    at = envelope.occurred_at
    if course.clock is None or envelope.channel == TOLD:
        return at
    shown, last = course.clock
    if at == shown:
        return last
    return at if at > last else last + TICK


def _acted(course: Course, recorded: Recorded[Event], at: datetime) -> dict[str, Any]:
    envelope = recorded.metadata
    if envelope.channel == AUTOMATION and envelope.rule_id is not None:
        run = (envelope.rule_id, at)
        return {} if run in course.ran else {"ran": (*course.ran, run)}
    # Looking at something is no work on it.
    by_hand = not envelope.actor.trusted and recorded.event.CHANGES
    return {"touched_at": at} if by_hand else {}


def _done(course: Course, recorded: Recorded[Event], at: datetime) -> dict[str, Any]:
    event = recorded.event
    if isinstance(event, e.TicketReplied):
        return _written(course, recorded.metadata.actor.kind, at)
    if isinstance(event, _MOVES):
        accepted_at = course.accepted_at or (at if isinstance(event, e.TicketAccepted) else None)
        return {"kinds": (*course.kinds, (at, event.kind)), "accepted_at": accepted_at}
    if isinstance(event, _HANDED):
        return {"assigned_at": at if event.assignee != NOBODY else None}
    if isinstance(event, undoing.TicketUndone) and "kind" in event.restored:
        return {"kinds": (*course.kinds, (at, StatusKind(event.restored["kind"])))}
    return {}


def _written(course: Course, kind: str, at: datetime) -> dict[str, Any]:
    if kind == "requester":
        return {"asked": (*course.asked, at)}
    # What a rule writes answers nobody.
    return {} if kind == "rule" else {"answered": (*course.answered, at)}
