"""Tickets folded from the log, a page at a time, for exports."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, cast
from uuid import UUID

from psycopg import Cursor
from pydantic_core import to_jsonable_python

from cli.redaction import redactions
from cli.story import Names
from domain.catalogue import Catalogue, shown
from domain.event import Event, Recorded, UnknownEvent
from domain.ids import ticket_id
from domain.ticket import Ticket
from domain.ticket.folds import listed
from domain.ticket.state import UnknownTicket
from domain.values import NOBODY
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.feed import decode_page
from eventstore.keyring import Keyring
from eventstore.stories import folded, stream, streams, ticket_streams
from eventstore.workspaces import KnownWorkspace

PAGE = 200
_REMEMBERED = 10_000
_REDACTIONS = SELECT_EVENTS + " WHERE workspace_id = %s AND topic = 'ticket.message_redacted' AND notification_id <= %s"
_COUNT = "SELECT count(*) FROM log.stored_events WHERE workspace_id = %s AND topic = 'ticket.opened' AND notification_id <= %s"


@dataclass(frozen=True, slots=True)
class Exported:
    """A ticket, and the events that made it."""

    ticket: Ticket
    events: list[Recorded[Event]]


@dataclass
class LogView:
    """One workspace of the log, up to a position."""

    db: Cursor[Any]
    keyring: Keyring
    workspace: KnownWorkspace
    upto: int

    @cached_property
    def catalogue(self) -> Catalogue:
        """What the workspace has set up."""
        state: Catalogue = folded("workspace", stream(self.db, self.keyring, self.workspace.id))
        return state

    @cached_property
    def redacted(self) -> frozenset[UUID]:
        """Messages that were redacted."""
        rows = self.db.execute(_REDACTIONS, [self.workspace.id, self.upto], binary=True).fetchall()
        return redactions(decode_page(self.db, self.keyring, [StoredRow(*row) for row in rows]))

    def count(self) -> int:
        """How many tickets there are."""
        row = self.db.execute(_COUNT, [self.workspace.id, self.upto]).fetchone()
        return int(row[0]) if row else 0

    @cached_property
    def names(self) -> Names:
        """What ids are called, customers as they are met."""
        return Names(self.catalogue, lru_cache(_REMEMBERED)(self._requester))

    def _requester(self, requester: UUID) -> str:
        known = folded("requester", stream(self.db, self.keyring, requester))
        return str(known.requester_name) if known.registered else f"requester {requester}"

    def tickets(self, numbers: Sequence[str], statuses: Sequence[str]) -> Iterator[Exported]:
        """Those that are asked for; nothing asked means all. UnknownTicket and UnknownStatus name a wrong one."""
        for status in statuses:
            self.catalogue.status(status)
        for number in numbers:
            if not streams(self.db, self.keyring, [ticket_id(self.workspace.id, number)], self.upto):
                raise UnknownTicket(number=number)
        return self._tickets(numbers, statuses)

    def _tickets(self, numbers: Sequence[str], statuses: Sequence[str]) -> Iterator[Exported]:
        for page in self._pages(numbers):
            found = streams(self.db, self.keyring, page, self.upto)
            for events in filter(None, map(found.get, page)):
                ticket: Ticket = folded("ticket", events)
                if not statuses or ticket.status in statuses:
                    yield Exported(ticket, events)

    def _pages(self, numbers: Sequence[str]) -> Iterator[list[UUID]]:
        if not numbers:
            return ticket_streams(self.db, self.workspace.id, self.upto, PAGE)
        return ([ticket_id(self.workspace.id, number)] for number in numbers)


COLUMNS = (
    *("number", "title", "description", "status", "kind", "priority", "type", "category", "tags", "requester"),
    *("assignee", "due_at", "opened_at", "opened_by", "updated_at", "resolved_at", "closed_at", "replies", "notes"),
    *("reopenings", "erased", "version", "fields"),
)


def as_row(found: Exported, view: LogView) -> dict[str, Any]:
    """A ticket as one flat line, names instead of ids."""
    ticket, names, first, last = found.ticket, view.names, found.events[0], found.events[-1]
    # One meaning of "resolved" and "closed", in the export as in the list.
    row = listed(found.events)
    return {
        "number": ticket.number,
        "title": shown(ticket.title),
        "description": shown(ticket.description),
        "status": ticket.status,
        "kind": ticket.kind,
        "priority": ticket.priority,
        "type": ticket.type,
        "category": " / ".join(ticket.category),
        "tags": ", ".join(sorted(ticket.tags)),
        "requester": names.requester(ticket.requester_id) if ticket.requester_id else None,
        "assignee": None if ticket.assignee == NOBODY else names.assignee(ticket.assignee),
        "due_at": _iso(ticket.due_at),
        "opened_at": first.metadata.occurred_at.isoformat(),
        "opened_by": names.actor(first.metadata.actor),
        "updated_at": last.metadata.occurred_at.isoformat(),
        "resolved_at": _iso(row.resolved_at),
        "closed_at": _iso(row.closed_at),
        "replies": ticket.replies,
        "notes": ticket.notes,
        "reopenings": ticket.reopenings,
        "erased": ticket.erasing,
        "version": last.version,
        "fields": shown(ticket.fields),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def as_envelope(recorded: Recorded[Event]) -> dict[str, Any]:
    """An event with its envelope; erased content is null."""
    event, name, version = recorded.event, recorded.event.NAME, recorded.event.VERSION
    data = {field: shown(value) for field, value in event.model_dump().items()}
    if isinstance(event, UnknownEvent):
        name, version, data = event.unknown_name, event.unknown_version, event.data
    envelope = {
        "position": recorded.position,
        "stream_id": recorded.stream_id,
        "version": recorded.version,
        "event": name,
        "event_version": version,
        "recorded_at": recorded.recorded_at,
        **recorded.metadata._asdict(),
        "data": data,
    }
    return cast("dict[str, Any]", to_jsonable_python(envelope))
