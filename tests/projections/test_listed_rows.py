"""What a ticket's events leave of it in the list, without a database."""

from datetime import UTC, datetime
from uuid import UUID

from domain.event import SYSTEM, Event, Metadata, Recorded
from domain.ticket.flowing import TicketFormPinned, TicketStepEntered
from domain.ticket.folds import listed
from domain.ticket.row import Row
from domain.values import Pinned
from tests.domain.kit import WORKSPACE, id_of, opened

DESK = Pinned(key="desk", version=1)


def row_after(*events: Event) -> Row:
    """The row of a ticket that these happened to."""
    at = datetime(2026, 11, 22, tzinfo=UTC)
    about = Metadata(id_of("event"), WORKSPACE, at, SYSTEM, "api", id_of("correlation"), id_of("command"))
    return listed(Recorded(place, UUID(int=7), place, at, about, event) for place, event in enumerate(events, 1))


def test_a_ticket_that_left_its_workflow_stands_at_no_step() -> None:
    began = (opened(), TicketFormPinned(template=None, workflow=DESK), TicketStepEntered(node="first"))
    assert (row_after(*began).workflow, row_after(*began).node) == ("desk", "first")
    left = row_after(*began, TicketFormPinned(template=None, workflow=None))
    assert (left.workflow, left.node) == (None, None)
