"""TicketHistory (H1): every event of a ticket: who, when, from where, on whose behalf, what from → to, and why."""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.sql import SQL, Composable
from pydantic_core import to_json

import domain.ticket  # noqa: F401 - registers the events
from domain.event import EVENTS, Event, Recorded
from domain.ticket import events as e
from domain.ticket.messages import TicketMessageRedacted
from projections.bulk import upsert
from projections.changes import Change, changes, message_of, tells_content, written
from projections.read_model import Page, ReadModel

COLUMNS = (
    "workspace_id",
    "ticket_id",
    "version",
    "position",
    "event_id",
    "event",
    "actor_kind",
    "actor_id",
    "on_behalf_of_kind",
    "on_behalf_of_id",
    "channel",
    "occurred_at",
    "recorded_at",
    "command_id",
    "correlation_id",
    "causation_id",
    "rule_id",
    "rule_version",
    "envelope",
    "changes",
    "content",
    "message_id",
)
TICKET_EVENTS = tuple(kind for name, kind in EVENTS.items() if name.startswith("ticket."))

# By kind, not by what is there: a rebuild after the erasure finds nothing to take, and must say the same.
WITH_CONTENT = [kind.NAME for kind in TICKET_EVENTS if tells_content(kind)]


# What is counted over a stretch of time, few of many events: an index of these alone costs the others nothing.
DEEDS: LiteralString = "('ticket.escalated', 'ticket.reopened', 'ticket.transferred')"


class Cause(NamedTuple):
    """The event that led to another one."""

    ticket_id: UUID
    event: str
    version: int


class TicketHistory(ReadModel):
    """One row an event. Rows stay for ever; erasing takes their content."""

    NAME = "ticket_history"
    VERSION = 3
    PARTITIONED = True
    EVENTS = TICKET_EVENTS
    OPENS = tuple(filter(tells_content, TICKET_EVENTS))
    TABLES = """
        CREATE TABLE ticket_history (
            workspace_id uuid NOT NULL, ticket_id uuid NOT NULL, version bigint NOT NULL, position bigint NOT NULL,
            event_id uuid NOT NULL, event text NOT NULL, actor_kind text NOT NULL, actor_id text NOT NULL,
            on_behalf_of_kind text, on_behalf_of_id text, channel text NOT NULL,
            occurred_at timestamptz NOT NULL, recorded_at timestamptz NOT NULL,
            command_id uuid NOT NULL, correlation_id uuid NOT NULL, causation_id uuid, rule_id uuid, rule_version int,
            envelope text NOT NULL, changes json NOT NULL, content json, erased boolean NOT NULL DEFAULT false,
            message_id uuid, redacted boolean NOT NULL DEFAULT false,
            PRIMARY KEY (ticket_id, version)
        )"""
    INDEXES = f"""
        CREATE INDEX IF NOT EXISTS by_position ON ticket_history (workspace_id, position);
        CREATE INDEX IF NOT EXISTS by_event_id ON ticket_history (event_id);
        CREATE INDEX IF NOT EXISTS by_rule ON ticket_history (workspace_id, rule_id, occurred_at) WHERE rule_id IS NOT NULL;
        CREATE INDEX IF NOT EXISTS by_deed ON ticket_history (workspace_id, event, occurred_at) WHERE event IN {DEEDS}"""
    COMMENTS: ClassVar[dict[str, str]] = {
        "ticket_history": "Every event of every ticket, deleted ones included; one row an event.",
        "ticket_history.workspace_id": "The desk that it belongs to.",
        "ticket_history.ticket_id": "The ticket.",
        "ticket_history.version": "Place in the ticket's history, from 1.",
        "ticket_history.position": "Place in the whole log.",
        "ticket_history.event_id": "Id of the event.",
        "ticket_history.event": "What happened, for example ticket.assigned.",
        "ticket_history.actor_kind": "What kind of actor did it: person, requester, system, rule.",
        "ticket_history.actor_id": "Who did it; for persons the id in desk.people.",
        "ticket_history.on_behalf_of_kind": "What kind of actor it was done for, or NULL.",
        "ticket_history.on_behalf_of_id": "Whom it was done for, or NULL.",
        "ticket_history.channel": "From where: web, api, import, ...",
        "ticket_history.occurred_at": "When it happened, as told.",
        "ticket_history.recorded_at": "When the log took it.",
        "ticket_history.command_id": "The command that led to it.",
        "ticket_history.correlation_id": "Shared by everything that one first action led to.",
        "ticket_history.causation_id": "Id of the event that caused it, or NULL where a person did.",
        "ticket_history.rule_id": "The rule that acted, or NULL.",
        "ticket_history.rule_version": "Which version of the rule, or NULL.",
        "ticket_history.envelope": "The columns before it as JSON members, ready to be sent: 10,000 entries are read at once.",
        "ticket_history.changes": "Structure that changed: [{field, from, to}].",
        "ticket_history.content": "Content that changed or was written: [{field, from, to}]; NULL for none or erased.",
        "ticket_history.erased": "Whether it had content that was erased.",
        "ticket_history.message_id": "The message that it is or belongs to, or NULL.",
        "ticket_history.redacted": "Whether it had content that was redacted.",
    }

    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """Add the rows, then take the content of redacted messages and of tickets whose erasure was requested."""
        gone = [recorded.stream_id for recorded in page if isinstance(recorded.event, e.TicketErasureRequested)]
        causes = _causes(db, page)
        upsert(
            db,
            "ticket_history",
            COLUMNS,
            [_row(recorded, causes) for recorded in page],
            "(ticket_id, version) DO NOTHING",
            ("changes", "content"),
        )
        if hidden := redacted(page):
            db.execute(HIDE.format(table="ticket_history", changes="content = NULL, redacted = true").encode(), hidden)
        if gone:
            db.execute(
                "UPDATE ticket_history SET content = NULL, erased = true WHERE ticket_id = ANY(%s) AND event = ANY(%s)",
                [gone, WITH_CONTENT],
            )


# Messages of tickets, hidden from here on.
HIDE = """
    UPDATE {table} kept SET {changes} FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS hidden (ticket_id, message_id, reason)
    WHERE kept.ticket_id = hidden.ticket_id AND kept.message_id = hidden.message_id
"""


def redacted(page: Page) -> list[list[Any]]:
    """Tickets, messages and reasons of the redactions of a page, by column; empty where there are none."""
    found = [
        (recorded.stream_id, recorded.event.message_id, recorded.event.reason)
        for recorded in page
        if isinstance(recorded.event, TicketMessageRedacted)
    ]
    return [list(column) for column in zip(*found, strict=True)]


def _causes(db: Cursor[Any], page: Page) -> dict[UUID, Cause]:
    """The events that caused those of the page, from the log: it has them, whatever page they are on."""
    wanted = {recorded.metadata.causation_id for recorded in page} - {None}
    if not wanted:
        return {}
    query = "SELECT event_id, originator_id, topic, originator_version FROM log.stored_events WHERE event_id = ANY(%s)"
    return {event_id: Cause(*cause) for event_id, *cause in db.execute(query, [list(wanted)])}


def _row(recorded: Recorded[Event], causes: Mapping[UUID, Cause]) -> tuple[Any, ...]:
    metadata, behalf = recorded.metadata, recorded.metadata.on_behalf_of
    made = changes(recorded.event)
    content = [*(change for change in made if change.content), *filter(None, [written(recorded.event)])]
    return (
        metadata.workspace_id,
        recorded.stream_id,
        recorded.version,
        recorded.position,
        metadata.event_id,
        recorded.event.NAME,
        metadata.actor.kind,
        metadata.actor.id,
        behalf.kind if behalf else None,
        behalf.id if behalf else None,
        metadata.channel,
        metadata.occurred_at,
        recorded.recorded_at,
        metadata.command_id,
        metadata.correlation_id,
        metadata.causation_id,
        metadata.rule_id,
        metadata.rule_version,
        _envelope(recorded, causes),
        as_json([change for change in made if not change.content]),
        as_json(content) if content else None,
        message_of(recorded.event),
    )


def _envelope(recorded: Recorded[Event], causes: Mapping[UUID, Cause]) -> str:
    """The entry's members but for changes, without the braces."""
    metadata = recorded.metadata
    cause = causes.get(metadata.causation_id) if metadata.causation_id else None
    own = cause if cause and cause.ticket_id == recorded.stream_id else None
    members = {
        "version": recorded.version,
        "position": recorded.position,
        "event_id": metadata.event_id,
        "event": recorded.event.NAME,
        "actor": metadata.actor,
        "on_behalf_of": metadata.on_behalf_of,
        "channel": metadata.channel,
        "occurred_at": metadata.occurred_at,
        "recorded_at": recorded.recorded_at,
        "command_id": metadata.command_id,
        "correlation_id": metadata.correlation_id,
        "causation_id": metadata.causation_id,
        "cause": {"event": own.event, "version": own.version} if own else None,
        "rule_id": metadata.rule_id,
        "rule_version": metadata.rule_version,
    }
    return to_json(members)[1:-1].decode()


def as_json(made: list[Change]) -> str:
    """Changes as [{field, from, to}]."""
    return to_json([{"field": change.field, "from": change.before, "to": change.after} for change in made]).decode()


# Pasted together as text: building 10,000 objects from their columns takes PostgreSQL several times as long. As bytes, entry
# by entry: each step on all of them at once copies all of them, and rows of their own would cost the reader more than that.
# The inner query's order is the aggregate's: sorting again would spill to disk.
SELECT_ENTRIES = """
    SELECT string_agg(convert_to('{' || envelope || ',"changes":' || changes || ',"content":' || coalesce(content::text, 'null')
            || ',"erased":' || erased || ',"redacted":' || redacted || '}', 'UTF8'), ','), max(version),
        string_agg(convert_to(concat('"', actor_id, '""', on_behalf_of_id, '"', nullif(changes::text, '[]'), content), 'UTF8'), '')
    FROM (SELECT * FROM desk.ticket_history WHERE ticket_id = %s AND version > %s ORDER BY version LIMIT %s) entries
"""
# A draft is no ticket yet.
OPENED: LiteralString = (
    "SELECT 1 FROM log.stored_events WHERE workspace_id = %s AND originator_id = %s AND topic = 'ticket.opened' LIMIT 1"
)
_THERE: LiteralString = f"""
    SELECT coalesce((SELECT position FROM ops.builds WHERE name = 'ticket_history' AND state = 'live'), 0) WHERE EXISTS ({OPENED})"""  # noqa: S608 - our own texts
_SEEN: LiteralString = " AND EXISTS (SELECT FROM desk.ticket_list WHERE ticket_id = %s AND {})"
# An id in quotes. Sought by its first dash, since texts have more quotes.
_QUOTED_ID = re.compile(b'-(?<="[0-9a-f]{8}-)[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"')


class Entries(NamedTuple):
    """Entries as a JSON array that PostgreSQL wrote, the last version in it, and the ids in it that may name somebody."""

    written: bytes
    last: int
    named: set[UUID]


def there(
    db: Cursor[Any], workspace: UUID, ticket: UUID, seen: tuple[Composable, list[Any]] | None = None
) -> int | None:
    """How far histories are; None where there is no such ticket, or it does not meet what those must that the asker may see."""
    if seen is None:
        row = db.execute(_THERE, [workspace, ticket]).fetchone()
    else:
        row = db.execute(SQL(_THERE + _SEEN).format(seen[0]), [workspace, ticket, ticket, *seen[1]]).fetchone()
    return None if row is None else int(row[0])


def entries(db: Cursor[Any], ticket: UUID, after: int = 0, limit: int | None = None) -> Entries:
    """The entries above version `after`."""
    row = db.execute(SELECT_ENTRIES, [ticket, after, limit], binary=True).fetchone()
    if row is None or row[0] is None:
        return Entries(b"[]", after, set())
    written_, last, naming = row
    named = {naming[found.start() - 8 : found.end() - 1] for found in _QUOTED_ID.finditer(naming)}
    return Entries(b"[%s]" % written_, last, {UUID(each.decode()) for each in named})


def parsed(db: Cursor[Any], ticket: UUID, after: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
    """The same as Python values."""
    found: list[dict[str, Any]] = json.loads(entries(db, ticket, after, limit).written)
    return found
