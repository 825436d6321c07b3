"""TicketDrafts (A2): who drafts a ticket, under which number. What they wrote is read from the log, by them alone."""

from datetime import datetime
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from psycopg import Cursor

from domain.event import Actor
from domain.ticket.drafting import TicketDrafted, TicketDraftSaved
from domain.ticket.events import TicketErasureRequested, TicketOpened
from projections.bulk import upsert
from projections.read_model import Page, ReadModel

COLUMNS = ("workspace_id", "ticket_id", "number", "author_kind", "author_id", "saved_at")
_SAVED = "UPDATE ticket_drafts SET saved_at = %s WHERE ticket_id = %s"


class TicketDrafts(ReadModel):
    """Tickets that are not submitted yet; a row goes with its submission or its end."""

    NAME = "ticket_drafts"
    VERSION = 1
    PARTITIONED = True
    EVENTS = (TicketDrafted, TicketDraftSaved, TicketOpened, TicketErasureRequested)
    # Of many tickets that are opened few were drafts: on a busy desk one look a while is enough to find those.
    LEISURE = 0.25
    URGENT = (TicketDrafted, TicketDraftSaved, TicketErasureRequested)
    TABLES = """
        CREATE TABLE ticket_drafts (
            workspace_id uuid NOT NULL, ticket_id uuid PRIMARY KEY, number text NOT NULL,
            author_kind text NOT NULL, author_id text NOT NULL, saved_at timestamptz NOT NULL
        )"""
    INDEXES = "CREATE INDEX IF NOT EXISTS by_author ON ticket_drafts (workspace_id, author_id, saved_at DESC)"
    COMMENTS: ClassVar[dict[str, str]] = {
        "ticket_drafts": "Tickets that somebody drafts and has not submitted; what is in them only they can read.",
        "ticket_drafts.workspace_id": "The desk.",
        "ticket_drafts.ticket_id": "The ticket that it will be.",
        "ticket_drafts.number": "The number that is kept for it.",
        "ticket_drafts.author_kind": "What kind of actor drafts it: person or requester.",
        "ticket_drafts.author_id": "Who drafts it.",
        "ticket_drafts.saved_at": "When it was last written on.",
    }

    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """Add what was begun, move what was written on, take away what was submitted or thrown away."""
        begun, saved, ended = [], {}, []
        for recorded in page:
            event, at = recorded.event, recorded.metadata.occurred_at
            if isinstance(event, TicketDrafted):
                author = (event.author.kind, event.author.id)
                begun.append((recorded.metadata.workspace_id, recorded.stream_id, event.number, *author, at))
            elif isinstance(event, TicketDraftSaved):
                saved[recorded.stream_id] = at
            else:
                ended.append(recorded.stream_id)
        if begun:
            upsert(db, "ticket_drafts", COLUMNS, begun, "(ticket_id) DO NOTHING")
        if saved:
            db.executemany(_SAVED, [(at, ticket) for ticket, at in saved.items()])
        if ended:
            db.execute("DELETE FROM ticket_drafts WHERE ticket_id = ANY(%s)", [ended])


class Draft(NamedTuple):
    """A draft, without what is in it."""

    ticket_id: UUID
    number: str
    saved_at: datetime


def drafts(db: Cursor[Any], author: Actor, limit: int) -> list[Draft]:
    """Whoever's drafts, the newest first."""
    rows = db.execute(
        "SELECT ticket_id, number, saved_at FROM desk.ticket_drafts WHERE author_kind = %s AND author_id = %s "
        "ORDER BY saved_at DESC, number LIMIT %s",
        [author.kind, author.id, limit],
    )
    return [Draft(*row) for row in rows]
