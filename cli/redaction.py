"""What was redacted stays in the log, and is told by nobody who reads it from there."""

from collections.abc import Container, Iterable
from uuid import UUID

from domain.event import ERASED, Event, Recorded
from domain.ticket.messages import TicketMessageRedacted


def redactions(events: Iterable[Recorded[Event]]) -> frozenset[UUID]:
    """The messages that were redacted."""
    return frozenset(r.event.message_id for r in events if isinstance(r.event, TicketMessageRedacted))


def hidden(recorded: Recorded[Event], messages: Container[UUID | None]) -> Recorded[Event]:
    """The same event, without its content where it is of one of these messages."""
    event = recorded.event
    # Not only the message itself: a split quotes it.
    if getattr(event, "message_id", None) not in messages:
        return recorded
    return recorded._replace(event=event.model_copy(update=dict.fromkeys(type(event).CONTENT, ERASED)))
