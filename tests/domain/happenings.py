"""Happenings made of a ticket's events, without a log."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from domain.aggregates import INITIAL
from domain.catalogue import Catalogue
from domain.command import evolve
from domain.event import SYSTEM, Actor, Event, Metadata, Recorded
from domain.happening import Happening, Situation
from domain.sla.course import Course, followed
from domain.ticket.folds import listed
from tests.domain.kit import DESK, NOON, WORKSPACE


def recorded(
    events: Sequence[Event],
    ticket: UUID,
    *,
    after: int = 0,
    at: datetime = NOON,
    by: Actor = SYSTEM,
    channel: str = "api",
) -> tuple[Recorded[Event], ...]:
    """The events as one command's, on a ticket that had `after` events before."""
    about = Metadata(uuid4(), WORKSPACE, at, by, channel, uuid4(), uuid4())
    places = range(after + 1, after + 1 + len(events))
    return tuple(Recorded(n, ticket, n, at, about, event) for n, event in zip(places, events, strict=True))


def situation(events: Sequence[Recorded[Event]]) -> Situation:
    """What they lead to, from the first on."""
    ticket, course = INITIAL["ticket"], Course()
    for each in events:
        ticket, course = evolve(ticket, each.event), followed(course, each)
    return Situation(ticket, listed(events), course)


def happening(
    before: Sequence[Recorded[Event]], events: Sequence[Recorded[Event]], desk: Catalogue = DESK
) -> Happening:
    """These events on a ticket to which those before had happened."""
    return Happening(tuple(events), situation(before) if before else None, situation([*before, *events]), desk)
