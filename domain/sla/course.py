"""When a ticket did what: all that promises about time are counted from, folded from its events."""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.event import Event, Recorded
from domain.ticket import events as e
from domain.ticket import settling, ties
from domain.values import StatusKind

_MOVES = (e.StatusEvent, ties.TicketMergedInto, ties.TicketMergeUndone, ties.TicketWithdrawn)


@dataclass(frozen=True, slots=True)
class Course:
    """`kinds` are the kinds of status, each with when it began; `asked` and `answered` when either side wrote in public."""

    kinds: tuple[tuple[datetime, StatusKind], ...] = ()
    asked: tuple[datetime, ...] = ()
    answered: tuple[datetime, ...] = ()
    accepted_at: datetime | None = None

    @property
    def opened_at(self) -> datetime:
        """When it began."""
        return self.kinds[0][0]


def followed(course: Course, recorded: Recorded[Event]) -> Course:
    """The course after one more event of the ticket."""
    event, at = recorded.event, recorded.metadata.occurred_at
    if isinstance(event, e.TicketOpened):
        return Course(kinds=((at, event.kind),))
    if isinstance(event, e.TicketReplied):
        if recorded.metadata.actor.kind == "requester":
            return replace(course, asked=(*course.asked, at))
        return replace(course, answered=(*course.answered, at))
    if isinstance(event, (*_MOVES, settling.TicketRated)):
        began = event.kind
        accepted_at = course.accepted_at or (at if isinstance(event, e.TicketAccepted) else None)
        return replace(course, kinds=(*course.kinds, (at, began)), accepted_at=accepted_at)
    return course
