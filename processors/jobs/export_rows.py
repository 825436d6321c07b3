"""What an export has in its columns, and where its rows come from: read models, never the log's content.

Confidential fields are in no read model. Messages that were redacted have no body, and are left out. Of events only the
structure goes out.
"""

import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.sql import SQL, Composable, Literal

from domain.catalogue import Catalogue, shown
from domain.errors import Refusal
from domain.exports import What
from domain.permissions import Permission

# Tickets of a page; what belongs to them is read as a stream, for one may have thousands of messages.
PAGE = 500


class UnknownColumn(Refusal):
    """An export has no such column."""

    code = "unknown_column"
    status = 422
    sentence = "An export of {what} has no column {place} of those that you name. {hint}"


class Column(NamedTuple):
    """Where a value comes from, what kind it is, and whether it is an id whose name is wanted."""

    sql: LiteralString | Composable
    kind: str = "text"
    named: bool = False
    default: bool = True
    # What whoever asks must be allowed beside.
    needs: Permission | None = None

    @property
    def listed(self) -> Composable:
        """As a SELECT has it."""
        return SQL(self.sql) if isinstance(self.sql, str) else self.sql


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of an export. `t` is the ticket."""

    tables: LiteralString
    order: LiteralString
    columns: Mapping[str, Column]
    events: tuple[str, ...] = ()


def _of_customer(what: LiteralString) -> Column:
    cards = SQL(
        "desk.requester_cards r LEFT JOIN desk.organisation_merges m USING (workspace_id, organisation_id) "
        "LEFT JOIN desk.organisations o ON o.workspace_id = r.workspace_id "
        "AND o.organisation_id = coalesce(m.goes_on_as, r.organisation_id)"
    )
    found = SQL("(SELECT {} FROM {} WHERE r.workspace_id = t.workspace_id AND r.requester_id = t.requester_id)")
    return Column(found.format(SQL(what), cards), default=False, needs=Permission.REQUESTER_VIEW)


_TICKET: dict[str, Column] = {
    "number": Column("t.number"),
    "title": Column("t.title"),
    "status": Column("t.status"),
    "kind": Column("t.kind"),
    "priority": Column("t.priority"),
    "type": Column("t.type"),
    "category": Column("array_to_string(t.category, ' / ')"),
    "assignee": Column("t.assignee_person", named=True),
    "team": Column("t.assignee_team", named=True),
    "requester_id": Column("t.requester_id"),
    "requester": _of_customer("r.name"),
    "organisation": _of_customer("o.name"),
    "tier": _of_customer("coalesce(r.tier, o.tier)"),
    "tags": Column("t.tags", "list"),
    "source": Column("t.source"),
    "due_at": Column("t.due_at", "moment"),
    "opened_at": Column("t.opened_at", "moment"),
    "updated_at": Column("t.updated_at", "moment"),
    "first_response_at": Column("t.first_response_at", "moment"),
    "resolved_at": Column("t.resolved_at", "moment"),
    "closed_at": Column("t.closed_at", "moment"),
    "replies": Column("t.replies", "count"),
    "notes": Column("t.notes", "count"),
    "reopenings": Column("t.reopenings", "count"),
    "reassignments": Column("t.reassignments", "count"),
    "urges": Column("t.urges", "count"),
    "transfers": Column("t.transfers", "count"),
    "returns": Column("t.returns", "count"),
    "rating": Column("t.rating", "count"),
    "level": Column("t.level", "count", default=False),
    "accepted_at": Column("t.accepted_at", "moment", default=False),
    "confirmed_at": Column("t.confirmed_at", "moment", default=False),
    "last_reply_at": Column("t.last_reply_at", "moment", default=False),
    "last_requester_reply_at": Column("t.last_requester_reply_at", "moment", default=False),
    "archived_at": Column("t.archived_at", "moment", default=False),
    "snoozed_until": Column("t.snoozed_until", "moment", default=False),
    "pinned": Column("t.pinned", "flag", default=False),
    "spam": Column("t.spam", "flag", default=False),
    "merged_into": Column("t.merged_into", default=False),
    "parent": Column("t.parent", default=False),
    "workflow": Column("t.workflow", default=False),
    "node": Column("t.node", default=False),
    "fields": Column("t.fields", "json", default=False),
    "ticket_id": Column("t.ticket_id", default=False),
    "assignee_id": Column("t.assignee_person", default=False),
    "team_id": Column("t.assignee_team", default=False),
    "version": Column("t.version", "count", default=False),
}
_ENTRY: dict[str, Column] = {
    "number": Column("t.number"),
    "occurred_at": Column("e.occurred_at", "moment"),
    "author_kind": Column("e.author_kind"),
    "author": Column("e.author_id", named=True),
    "body": Column("e.body"),
    "changes": Column("e.changes", "json"),
    "title": Column("t.title", default=False),
    "status": Column("t.status", default=False),
    "priority": Column("t.priority", default=False),
    "category": Column("array_to_string(t.category, ' / ')", default=False),
    "ticket_id": Column("t.ticket_id", default=False),
    "author_id": Column("e.author_id", default=False),
    "version": Column("e.version", "count", default=False),
    "position": Column("e.position", "count", default=False),
}
_EVENT: dict[str, Column] = {
    "number": Column("t.number"),
    "version": Column("e.version", "count"),
    "position": Column("e.position", "count"),
    "event": Column("e.event"),
    "occurred_at": Column("e.occurred_at", "moment"),
    "recorded_at": Column("e.recorded_at", "moment"),
    "actor_kind": Column("e.actor_kind"),
    "actor": Column("e.actor_id", named=True),
    "actor_id": Column("e.actor_id"),
    "on_behalf_of_kind": Column("e.on_behalf_of_kind"),
    "on_behalf_of_id": Column("e.on_behalf_of_id"),
    "channel": Column("e.channel"),
    "changes": Column("e.changes", "json"),
    "event_id": Column("e.event_id"),
    "command_id": Column("e.command_id"),
    "correlation_id": Column("e.correlation_id"),
    "causation_id": Column("e.causation_id"),
    "rule_id": Column("e.rule_id"),
    "rule_version": Column("e.rule_version", "count"),
    "ticket_id": Column("t.ticket_id", default=False),
}
# A custom field, by its key.
_CUSTOM = re.compile(r"fields\.([a-z0-9][a-z0-9_-]{0,49})")
_OF_TIMELINE: LiteralString = "desk.ticket_timeline e JOIN desk.ticket_list t USING (workspace_id, ticket_id)"
_OF_HISTORY: LiteralString = "desk.ticket_history e JOIN desk.ticket_list t USING (workspace_id, ticket_id)"
_OPENED: LiteralString = "t.opened_at, t.ticket_id"


def _entries(event: str) -> Source:
    return Source(_OF_TIMELINE, "t.opened_at, t.ticket_id, e.version", _ENTRY, (event,))


SOURCES: dict[What, Source] = {
    What.TICKETS: Source("desk.ticket_list t", _OPENED, _TICKET),
    What.URGES: _entries("ticket.urged"),
    What.RETURNS: _entries("ticket.returned"),
    What.REMARKS: _entries("ticket.remarked"),
    What.TRANSFERS: _entries("ticket.transferred"),
    What.REPLIES: _entries("ticket.replied"),
    What.NOTES: _entries("ticket.noted"),
    What.EVENTS: Source(_OF_HISTORY, "t.opened_at, t.ticket_id, e.version", _EVENT),
}
# Of these a row without a body is a message that was redacted.
MESSAGES = frozenset({What.URGES, What.RETURNS, What.REMARKS, What.REPLIES, What.NOTES})


def chosen(what: What, columns: tuple[str, ...]) -> dict[str, Column]:
    """The columns of those names, or the default ones; UnknownColumn says what there is."""
    known = SOURCES[what].columns
    if not columns:
        return {name: column for name, column in known.items() if column.default}
    return {name: _column(what, name, place) for place, name in enumerate(columns, start=1)}


def _column(what: What, name: str, place: int) -> Column:
    known = SOURCES[what].columns
    if what is What.TICKETS and (custom := _CUSTOM.fullmatch(name)):
        return Column(SQL("t.fields -> {}").format(Literal(custom[1])), "json")
    if name not in known:
        near = get_close_matches(name, known, n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else f"Use some of: {', '.join(known)}."
        raise UnknownColumn(what=what, place=place, hint=hint)
    return known[name]


def needed(what: What, columns: tuple[str, ...]) -> frozenset[Permission]:
    """What whoever asks must be allowed for these columns beside."""
    return frozenset(column.needs for column in chosen(what, columns).values() if column.needs)


_KEYS = """
    SELECT opened_at, ticket_id FROM desk.ticket_list t WHERE {}
    AND (opened_at, ticket_id) > (%s::timestamptz, %s::uuid) ORDER BY opened_at, ticket_id LIMIT {}
"""
_ROWS = "SELECT {} FROM {} WHERE t.workspace_id = %s AND t.ticket_id = ANY(%s) {} ORDER BY {}"
BEGINNING = ("-infinity", UUID(int=0))
Where = tuple[Composable, list[Any]]
Key = tuple[Any, UUID]


async def counted(db: AsyncConnection[Any], where: Where) -> int:
    """How many tickets match."""
    statement = SQL("SELECT count(*) FROM desk.ticket_list t WHERE {}").format(where[0])
    row = await (await db.execute(statement, where[1])).fetchone()
    return int(row[0]) if row else 0


async def keys(db: AsyncConnection[Any], where: Where, after: Key) -> list[Key]:
    """The next tickets that match, in the order in which they were opened."""
    statement = SQL(_KEYS).format(where[0], PAGE)
    return await (await db.execute(statement, [*where[1], *after])).fetchall()


async def rows(
    db: AsyncConnection[Any], workspace: UUID, what: What, columns: Mapping[str, Column], tickets: list[UUID]
) -> AsyncGenerator[tuple[Any, ...]]:
    """What there is of these tickets, as a stream."""
    source = SOURCES[what]
    only: Composable = SQL("AND e.event = ANY(%s)") if source.events else SQL("")
    if what in MESSAGES:
        only += SQL(" AND e.body IS NOT NULL")
    listed = SQL(", ").join(column.listed for column in columns.values())
    statement = SQL(_ROWS).format(listed, SQL(source.tables), only, SQL(source.order))
    values = [workspace, tickets, *([list(source.events)] if source.events else [])]
    async with db.cursor() as cursor:
        async for row in cursor.stream(statement, values):
            yield row


def names(desk: Catalogue) -> dict[str, str | None]:
    """The names of people and teams by their ids, as text."""
    people = {str(person.id): shown(person.name) for person in desk.people.values()}
    return people | {str(team.id): team.name for team in desk.teams.values()}
