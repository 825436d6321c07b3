"""TicketTimeline: what a person reads of a ticket: the conversation, with the changes inline."""

from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import dict_row

from domain.catalogue import shown
from domain.event import Event, Recorded
from domain.ticket import events as e
from projections.bulk import upsert
from projections.changes import changes
from projections.read_model import Page, ReadModel
from projections.ticket_history import TICKET_EVENTS, as_json

COLUMNS = (
    "workspace_id",
    "ticket_id",
    "version",
    "position",
    "event",
    "internal",
    "author_kind",
    "author_id",
    "occurred_at",
    "body",
    "changes",
)
# What a requester may see beside messages: that the ticket was opened, moved, and what they wrote themselves.
PUBLIC = (e.TicketOpened, e.TicketReplied, e.TicketMoved, e.TicketResolved, e.TicketReopened, e.TicketClosed)


class TicketTimeline(ReadModel):
    """One row for everything that a reader sees happen on a ticket that is not deleted."""

    NAME = "ticket_timeline"
    VERSION = 1
    EVENTS = TICKET_EVENTS
    OPENS = tuple(kind for kind in TICKET_EVENTS if kind.CONTENT)
    TABLES = """
        CREATE TABLE ticket_timeline (
            workspace_id uuid NOT NULL, ticket_id uuid NOT NULL, version bigint NOT NULL, position bigint NOT NULL,
            event text NOT NULL, internal boolean NOT NULL, author_kind text NOT NULL, author_id text NOT NULL,
            occurred_at timestamptz NOT NULL, body text, changes jsonb NOT NULL,
            PRIMARY KEY (ticket_id, version)
        )"""
    COMMENTS: ClassVar[dict[str, str]] = {
        "ticket_timeline": "What a person reads of a ticket: messages, with changes inline. Deleted tickets are not in it.",
        "ticket_timeline.workspace_id": "The desk that it belongs to.",
        "ticket_timeline.ticket_id": "The ticket.",
        "ticket_timeline.version": "Place in the ticket's history.",
        "ticket_timeline.position": "Place in the whole log.",
        "ticket_timeline.event": "What happened, for example ticket.replied.",
        "ticket_timeline.internal": "Whether only the desk sees it.",
        "ticket_timeline.author_kind": "What kind of actor did it.",
        "ticket_timeline.author_id": "Who did it.",
        "ticket_timeline.occurred_at": "When it happened.",
        "ticket_timeline.body": "The message, or the description of a new ticket; NULL for none or erased.",
        "ticket_timeline.changes": "What changed: [{field, from, to}].",
    }

    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """Add the rows, then take away those of tickets whose erasure was requested."""
        gone = [recorded.stream_id for recorded in page if isinstance(recorded.event, e.TicketErasureRequested)]
        upsert(db, "ticket_timeline", COLUMNS, list(_rows(page)), "(ticket_id, version) DO NOTHING")
        if gone:
            db.execute("DELETE FROM ticket_timeline WHERE ticket_id = ANY(%s)", [gone])


def _rows(page: Page) -> Iterator[tuple[Any, ...]]:
    for recorded in page:
        if not isinstance(recorded.event, e.TicketErasureRequested | e.TicketErased):
            yield _row(recorded)


def _row(recorded: Recorded[Event]) -> tuple[Any, ...]:
    metadata, event = recorded.metadata, recorded.event
    return (
        metadata.workspace_id,
        recorded.stream_id,
        recorded.version,
        recorded.position,
        event.NAME,
        not isinstance(event, PUBLIC),
        metadata.actor.kind,
        metadata.actor.id,
        metadata.occurred_at,
        _body(event),
        as_json([change for change in changes(event) if change.field != "description" or change.before is not None]),
    )


def _body(event: Event) -> str | None:
    match event:
        case e.TicketOpened():
            return shown(event.description) or None
        case e.TicketReplied() | e.TicketNoted():
            body: str | None = shown(event.body)
            return body
        case _:
            return None


# A requester sees that the ticket was opened, not to whom it was assigned or how it was tagged.
SELECT_ENTRIES = """
    SELECT version, position, event, internal, author_kind, author_id, occurred_at, body,
        CASE WHEN event = 'ticket.opened' AND %(public)s THEN '[]' ELSE changes END AS changes
    FROM desk.ticket_timeline WHERE ticket_id = %(ticket)s AND version > %(after)s AND NOT (internal AND %(public)s)
    ORDER BY version LIMIT %(limit)s
"""


def entries(
    db: Cursor[Any], ticket: UUID, after: int = 0, limit: int = 100, *, public_only: bool = False
) -> list[dict[str, Any]]:
    """Entries above version `after`, in order; `public_only` leaves out what only the desk sees."""
    asked = {"ticket": ticket, "after": after, "public": public_only, "limit": limit}
    with db.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(SELECT_ENTRIES, asked).fetchall()
