"""A ticket as it stood at any moment (H2), folded from the log with the domain's own `evolve`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from pydantic import BaseModel, ConfigDict

from domain.aggregates import evolve
from domain.catalogue import shown
from domain.errors import Refusal
from domain.event import Event, Recorded
from domain.ticket.state import Marks, Ticket, Ties
from domain.values import Assignee, CategoryPath, Pinned, Priority, StatusKind
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.feed import decode_page
from eventstore.keyring import Keyring

SELECT_UP_TO = f"{SELECT_EVENTS} WHERE originator_id = %s AND originator_version <= %s ORDER BY originator_version"
LATEST = 2**62


class NotYetThere(Refusal):
    """The ticket had not been opened at that moment, or has no such version."""

    code = "not_yet_there"
    status = 404
    sentence = "Ticket {number} was not there at {moment}. See its history for the versions and times it has."


class TicketAsOf(BaseModel):
    """A ticket as it stood after one of its events."""

    model_config = ConfigDict(frozen=True)

    ticket_id: UUID
    number: str
    version: int
    as_of: datetime
    title: str | None
    description: str | None
    fields: dict[str, Any] | None
    status: str
    kind: StatusKind
    priority: Priority
    type: str | None
    category: CategoryPath
    tags: list[str]
    due_at: datetime | None
    requester_id: UUID | None
    assignee: Assignee
    replies: int
    notes: int
    reopenings: int
    urges: int
    transfers: int
    returns: int
    rating: int | None
    level: int
    followers: list[UUID]
    marks: Marks
    ties: Ties
    template: Pinned | None
    workflow: Pinned | None
    node: str | None
    erased: bool


def ticket(
    db: Cursor[Any],
    keyring: Keyring,
    stream: UUID,
    number: str,
    *,
    version: int | None = None,
    at: datetime | None = None,
) -> TicketAsOf:
    """The ticket after that version, or after the last event that had occurred by `at`; now, with neither."""
    rows = db.execute(SELECT_UP_TO, [stream, min(version or LATEST, LATEST)], binary=True).fetchall()
    events = decode_page(db, keyring, [StoredRow(*row) for row in rows])
    seen = events if at is None else _until(events, at)
    if not seen or (version is not None and seen[-1].version != version):
        raise NotYetThere(number=number, moment=f"version {version}" if version is not None else at)
    return _shown(stream, number, seen)


def _until(events: list[Recorded[Event]], at: datetime) -> list[Recorded[Event]]:
    # Told events may name times out of order; a version has everything before it, so the last one counts.
    last = max((recorded.version for recorded in events if recorded.metadata.occurred_at <= at), default=0)
    return [recorded for recorded in events if recorded.version <= last]


def _shown(stream: UUID, number: str, seen: list[Recorded[Event]]) -> TicketAsOf:
    state = Ticket()
    for recorded in seen:
        state = evolve(state, recorded.event)
    if not state.opened:
        # It was somebody's draft then, which is theirs alone.
        raise NotYetThere(number=number, moment=f"version {seen[-1].version}")
    return TicketAsOf(
        ticket_id=stream,
        number=state.number,
        version=seen[-1].version,
        as_of=seen[-1].metadata.occurred_at,
        title=shown(state.title),
        description=shown(state.description),
        fields=shown(state.fields),
        status=state.status,
        kind=state.kind,
        priority=state.priority,
        type=state.type,
        category=state.category,
        tags=sorted(state.tags),
        due_at=state.due_at,
        requester_id=state.requester_id,
        assignee=state.assignee,
        replies=state.replies,
        notes=state.notes,
        reopenings=state.reopenings,
        urges=state.urges,
        transfers=state.transfers,
        returns=state.returns,
        rating=state.rating,
        level=state.level,
        followers=sorted(state.followers),
        marks=state.marks,
        ties=state.ties,
        template=state.flow.template,
        workflow=state.flow.workflow,
        node=state.flow.node,
        erased=state.erasing,
    )
