"""When a ticket did what: all that promises and rules about time are counted from, folded from its events."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.copying import replace
from domain.event import Event, Recorded
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
    """

    kinds: tuple[tuple[datetime, StatusKind], ...] = ()
    asked: tuple[datetime, ...] = ()
    answered: tuple[datetime, ...] = ()
    accepted_at: datetime | None = None
    assigned_at: datetime | None = None
    touched_at: datetime | None = None
    ran: tuple[tuple[UUID, datetime], ...] = ()

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
    event, at = recorded.event, recorded.metadata.occurred_at
    if isinstance(event, e.TicketOpened):
        return Course(kinds=((at, event.kind),), assigned_at=at if event.assignee != NOBODY else None, touched_at=at)
    course = _acted(course, recorded)
    if isinstance(event, e.TicketReplied):
        return _written(course, recorded)
    if isinstance(event, _MOVES):
        accepted_at = course.accepted_at or (at if isinstance(event, e.TicketAccepted) else None)
        return replace(course, kinds=(*course.kinds, (at, event.kind)), accepted_at=accepted_at)
    if isinstance(event, _HANDED):
        return replace(course, assigned_at=at if event.assignee != NOBODY else None)
    if isinstance(event, undoing.TicketUndone) and "kind" in event.restored:
        return replace(course, kinds=(*course.kinds, (at, StatusKind(event.restored["kind"]))))
    return course


def _acted(course: Course, recorded: Recorded[Event]) -> Course:
    envelope = recorded.metadata
    if envelope.channel == AUTOMATION and envelope.rule_id is not None:
        run = (envelope.rule_id, envelope.occurred_at)
        return course if run in course.ran else replace(course, ran=(*course.ran, run))
    # Looking at something is no work on it.
    by_hand = not envelope.actor.trusted and recorded.event.CHANGES
    return replace(course, touched_at=envelope.occurred_at) if by_hand else course


def _written(course: Course, recorded: Recorded[Event]) -> Course:
    at, kind = recorded.metadata.occurred_at, recorded.metadata.actor.kind
    if kind == "requester":
        return replace(course, asked=(*course.asked, at))
    # What a rule writes answers nobody.
    return course if kind == "rule" else replace(course, answered=(*course.answered, at))
