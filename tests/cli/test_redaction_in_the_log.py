"""What the command line tells of events of redacted messages."""

from datetime import UTC, datetime
from uuid import UUID

from cli.redaction import hidden
from domain.event import ERASED, SYSTEM, Event, Metadata, Recorded
from domain.ticket.events import TicketReplied
from domain.ticket.marking import TicketPinned
from domain.ticket.ties import TicketSplitOff

MESSAGE, OTHER = UUID(int=1), UUID(int=2)


def recorded(event: Event) -> Recorded[Event]:
    """The event as the log has it."""
    about = Metadata(UUID(int=9), UUID(int=8), datetime(2026, 11, 22, tzinfo=UTC), SYSTEM, "api", MESSAGE, MESSAGE)
    return Recorded(1, UUID(int=7), 1, about.occurred_at, about, event)


def test_a_split_quotes_a_message_that_was_redacted_no_more_than_the_message_itself() -> None:
    said = TicketReplied(message_id=MESSAGE, body="My PIN is 4711.")
    split = TicketSplitOff(message_id=MESSAGE, into="1002", title="x", body="My PIN is 4711.")
    for each in (said, split):
        assert hidden(recorded(each), {MESSAGE}).event.model_dump()["body"] is ERASED
    assert [hidden(recorded(each), {OTHER}).event for each in (said, split)] == [said, split]
    assert hidden(recorded(TicketPinned()), {MESSAGE}).event == TicketPinned()
