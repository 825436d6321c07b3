"""TicketTimeline: what a person reads of a ticket: the conversation, with the changes inline."""

from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import dict_row

from domain.catalogue import shown
from domain.event import Event, Recorded
from domain.ticket import events as e
from domain.ticket.drafting import TicketDrafted, TicketDraftSaved
from domain.ticket.handling import TicketUrged
from domain.ticket.messages import TicketAttached, TicketAttachmentRemoved, TicketRemarked
from projections.bulk import upsert
from projections.changes import changes, message_of, tells_content, written
from projections.read_model import Page, ReadModel
from projections.ticket_history import HIDE, TICKET_EVENTS, as_json, redacted

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
    "message_id",
)
FILE_COLUMNS = (
    "workspace_id",
    "ticket_id",
    "attachment_id",
    "message_id",
    "version",
    "internal",
    "name",
    "media_type",
    "size",
)
# What a requester may see beside messages: that the ticket was opened and moved, and what they wrote themselves.
PUBLIC = (e.TicketOpened, e.TicketReplied, TicketRemarked, e.StatusEvent)
# Shown with the message that they belong to, or not at all.
WITHOUT_ENTRY = (e.TicketErasureRequested, e.TicketErased, TicketDrafted, TicketDraftSaved)


class TicketTimeline(ReadModel):
    """One row for everything that a reader sees happen on a ticket that is not deleted."""

    NAME = "ticket_timeline"
    VERSION = 2
    PARTITIONED = True
    EVENTS = TICKET_EVENTS
    OPENS = tuple(filter(tells_content, TICKET_EVENTS))
    TABLES = """
        CREATE TABLE ticket_timeline (
            workspace_id uuid NOT NULL, ticket_id uuid NOT NULL, version bigint NOT NULL, position bigint NOT NULL,
            event text NOT NULL, internal boolean NOT NULL, author_kind text NOT NULL, author_id text NOT NULL,
            occurred_at timestamptz NOT NULL, body text, changes jsonb NOT NULL,
            message_id uuid, redacted boolean NOT NULL DEFAULT false, reason text,
            PRIMARY KEY (ticket_id, version)
        );
        CREATE TABLE ticket_attachments (
            workspace_id uuid NOT NULL, ticket_id uuid NOT NULL, attachment_id uuid NOT NULL, message_id uuid,
            version bigint NOT NULL, internal boolean NOT NULL, name text, media_type text NOT NULL, size bigint NOT NULL,
            PRIMARY KEY (ticket_id, attachment_id)
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
        "ticket_timeline.message_id": "The message that it is, or NULL.",
        "ticket_timeline.redacted": "Whether the message was taken out of sight.",
        "ticket_timeline.reason": "Why it was, or NULL.",
        "ticket_attachments": "The files on tickets that are not deleted; those of redacted messages are not in it.",
        "ticket_attachments.workspace_id": "The desk that it belongs to.",
        "ticket_attachments.ticket_id": "The ticket.",
        "ticket_attachments.attachment_id": "The file.",
        "ticket_attachments.message_id": "The message that it came with, or NULL.",
        "ticket_attachments.version": "Place in the ticket's history.",
        "ticket_attachments.internal": "Whether only the desk sees it.",
        "ticket_attachments.name": "Its name; NULL where the content was erased.",
        "ticket_attachments.media_type": "What kind of file it is.",
        "ticket_attachments.size": "How large it is, in bytes.",
    }

    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """Add entries and files, then hide redacted messages, and take away what was removed or is to be erased."""
        upsert(db, "ticket_timeline", COLUMNS, list(_rows(page)), "(ticket_id, version) DO NOTHING", ("changes",))
        upsert(db, "ticket_attachments", FILE_COLUMNS, list(_files(page)), "(ticket_id, attachment_id) DO NOTHING")
        if hidden := redacted(page):
            taken = "body = NULL, redacted = true, reason = hidden.reason"
            db.execute(HIDE.format(table="ticket_timeline", changes=taken).encode(), hidden)
            db.execute(DROP_FILES.format(what="message_id").encode(), hidden[:2])
        if removed := [
            (r.stream_id, r.event.attachment_id) for r in page if isinstance(r.event, TicketAttachmentRemoved)
        ]:
            gone_files = [list(column) for column in zip(*removed, strict=True)]
            db.execute(DROP_FILES.format(what="attachment_id").encode(), gone_files)
        if gone := [recorded.stream_id for recorded in page if isinstance(recorded.event, e.TicketErasureRequested)]:
            db.execute("DELETE FROM ticket_timeline WHERE ticket_id = ANY(%s)", [gone])
            db.execute("DELETE FROM ticket_attachments WHERE ticket_id = ANY(%s)", [gone])


DROP_FILES = """
    DELETE FROM ticket_attachments kept USING unnest(%s::uuid[], %s::uuid[]) AS gone (ticket_id, id)
    WHERE kept.ticket_id = gone.ticket_id AND kept.{what} = gone.id
"""


def _rows(page: Page) -> Iterator[tuple[Any, ...]]:
    for recorded in page:
        if not isinstance(recorded.event, WITHOUT_ENTRY) and not _with_message(recorded.event):
            yield _row(recorded)


def _with_message(event: Event) -> bool:
    return isinstance(event, TicketAttached) and event.message_id is not None


def _files(page: Page) -> Iterator[tuple[Any, ...]]:
    for recorded in page:
        if isinstance(event := recorded.event, TicketAttached):
            about = (recorded.metadata.workspace_id, recorded.stream_id, event.attachment_id, event.message_id)
            file = (event.internal, shown(event.file_name), event.media_type, event.size)
            yield (*about, recorded.version, *file)


def _row(recorded: Recorded[Event]) -> tuple[Any, ...]:
    metadata, event = recorded.metadata, recorded.event
    return (
        metadata.workspace_id,
        recorded.stream_id,
        recorded.version,
        recorded.position,
        event.NAME,
        not _public(event),
        metadata.actor.kind,
        metadata.actor.id,
        metadata.occurred_at,
        _body(event),
        as_json([change for change in changes(event) if change.field != "description" or change.before is not None]),
        message_of(event),
    )


def _public(event: Event) -> bool:
    match event:
        case TicketAttached() | TicketUrged():
            return not event.internal
        case _:
            return isinstance(event, PUBLIC)


def _body(event: Event) -> str | None:
    if isinstance(event, e.TicketOpened):
        return shown(event.description) or None
    said = written(event)
    return said.after if said else None


# A requester sees that the ticket was opened, not to whom it was assigned or how it was tagged; and of rules nothing.
SELECT_ENTRIES = """
    SELECT version, position, event, internal, occurred_at, message_id, body, redacted, reason,
        CASE WHEN author_kind = 'rule' AND %(public)s THEN 'system' ELSE author_kind END AS author_kind,
        CASE WHEN author_kind = 'rule' AND %(public)s THEN 'ledgerdesk' ELSE author_id END AS author_id,
        CASE WHEN event = 'ticket.opened' AND %(public)s THEN '[]' ELSE changes END AS changes,
        (SELECT coalesce(json_agg(json_build_object('attachment_id', f.attachment_id, 'name', f.name,
            'media_type', f.media_type, 'size', f.size) ORDER BY f.version), '[]')
         FROM desk.ticket_attachments f WHERE f.ticket_id = t.ticket_id
            AND (f.version = t.version OR f.message_id = t.message_id) AND NOT (f.internal AND %(public)s)) AS attachments
    FROM desk.ticket_timeline t WHERE ticket_id = %(ticket)s AND version > %(after)s AND NOT (internal AND %(public)s)
    ORDER BY version LIMIT %(limit)s
"""


def entries(
    db: Cursor[Any], ticket: UUID, after: int = 0, limit: int = 100, *, public_only: bool = False
) -> list[dict[str, Any]]:
    """Entries above version `after`, in order; `public_only` leaves out what only the desk sees."""
    asked = {"ticket": ticket, "after": after, "public": public_only, "limit": limit}
    with db.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(SELECT_ENTRIES, asked).fetchall()
