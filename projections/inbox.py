"""Inbox (E6): what each person is told, and what of it they have not read; with how many those are, kept."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import class_row
from psycopg.sql import SQL

from domain.conditions import Condition, Context
from domain.event import Recorded
from domain.inbox.notification import NotificationSent, Told
from domain.inbox.preferences import Channel
from domain.inbox.reading import InboxRead
from projections.conditions import compiled
from projections.read_model import Page, ReadModel


class Inbox(ReadModel):
    """One row for each person who was told of an action, and how many of theirs are unread. No analyst sees who read what."""

    NAME = "inbox"
    VERSION = 2
    SEARCHED = frozenset({"inbox", "inbox_unread"})
    EVENTS = (NotificationSent, InboxRead)
    TABLES = """
        CREATE TABLE inbox (
            workspace_id uuid NOT NULL, person_id uuid NOT NULL, notification_id uuid NOT NULL, ticket_id uuid,
            number text, kinds text[] NOT NULL, doer_kind text NOT NULL, doer_id text NOT NULL,
            happened_at timestamptz NOT NULL, first bigint, last bigint, position bigint NOT NULL,
            read_at timestamptz, PRIMARY KEY (person_id, notification_id)
        );
        CREATE TABLE inbox_unread (
            workspace_id uuid NOT NULL, person_id uuid PRIMARY KEY, unread int NOT NULL
        )"""
    INDEXES = """
        CREATE INDEX IF NOT EXISTS inbox_newest ON inbox (person_id, position DESC);
        CREATE INDEX IF NOT EXISTS inbox_newest_unread ON inbox (person_id, position DESC) WHERE read_at IS NULL"""
    COMMENTS: ClassVar[dict[str, str]] = {
        "inbox": "What people are told, mostly of tickets.",
        "inbox.workspace_id": "The desk.",
        "inbox.person_id": "Who is told.",
        "inbox.notification_id": "The action that they are told of.",
        "inbox.ticket_id": "The ticket; NULL where it is about none.",
        "inbox.number": "The number of the ticket.",
        "inbox.kinds": "Why they are told.",
        "inbox.doer_kind": "What kind of actor did it.",
        "inbox.doer_id": "Who did it.",
        "inbox.happened_at": "When.",
        "inbox.first": "Place in the ticket's history of the first event that it is about.",
        "inbox.last": "Place of the last one.",
        "inbox.position": "Place in the whole log of the newest word of it.",
        "inbox.read_at": "When they read it; NULL while they have not.",
        "inbox_unread": "How many notifications each person has not read.",
        "inbox_unread.workspace_id": "The desk.",
        "inbox_unread.person_id": "The person.",
        "inbox_unread.unread": "How many.",
    }

    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """All that is told, then all that was read: a reading is of what was there before it, in whatever order they are applied."""
        told = {(row.person_id, row.notification_id): row for row in _told(page)}
        if told:
            db.execute(_TELL, [list(column) for column in zip(*told.values(), strict=True)])
        if read := [recorded for recorded in page if isinstance(recorded.event, InboxRead)]:
            db.execute(_READ, _columns_read(read))


class _Told(NamedTuple):
    workspace_id: UUID
    person_id: UUID
    notification_id: UUID
    ticket_id: UUID | None
    number: str | None
    kinds: str
    doer_kind: str
    doer_id: str
    happened_at: datetime
    first: int | None
    last: int | None
    position: int


def _told(page: Page) -> Iterator[_Told]:
    for recorded in page:
        event = recorded.event
        if not isinstance(event, NotificationSent):
            continue
        for each in event.told:
            if Channel.INBOX in each.channels:
                yield _row(recorded, event, each)


def _row(recorded: Recorded[Any], event: NotificationSent, told: Told) -> _Told:
    return _Told(
        recorded.metadata.workspace_id,
        told.person_id,
        recorded.stream_id,
        event.ticket_id,
        event.number,
        f"{{{','.join(told.kinds)}}}",
        event.doer.kind,
        event.doer.id,
        event.happened_at,
        event.first,
        event.last,
        recorded.position,
    )


# What was told before is as it was when the statement began: so a row that was read, or is new, is one more unread.
_TELL = f"""
    WITH told AS (SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[],
        %s::text[], %s::timestamptz[], %s::bigint[], %s::bigint[], %s::bigint[]) AS t ({", ".join(_Told._fields)})),
    put AS (
        INSERT INTO inbox AS i ({", ".join(_Told._fields)})
        SELECT workspace_id, person_id, notification_id, ticket_id, number, kinds::text[], doer_kind, doer_id,
            happened_at, first, last, position FROM told
        ON CONFLICT (person_id, notification_id) DO UPDATE SET kinds = excluded.kinds, position = excluded.position,
            last = greatest(i.last, excluded.last), first = least(i.first, excluded.first), read_at = NULL
        WHERE i.position < excluded.position
        RETURNING i.workspace_id, i.person_id, i.notification_id)
    INSERT INTO inbox_unread AS u (workspace_id, person_id, unread)
    SELECT put.workspace_id, put.person_id, count(*) FROM put
    LEFT JOIN inbox i ON i.person_id = put.person_id AND i.notification_id = put.notification_id
    WHERE i.person_id IS NULL OR i.read_at IS NOT NULL
    GROUP BY 1, 2
    ON CONFLICT (person_id) DO UPDATE SET unread = u.unread + excluded.unread
"""  # noqa: S608 - put together of our own texts


def _columns_read(read: list[Recorded[Any]]) -> list[Any]:
    """Of each reading who, when, where in the log, and up to where; then of single notifications, and which."""
    upto = [each for each in read if each.event.upto]
    single = [(each, which) for each in read for which in each.event.notifications]
    return [
        [each.event.person_id for each in upto],
        [each.metadata.occurred_at for each in upto],
        [each.position for each in upto],
        # What comes after the reading was not there to be read.
        [min(each.event.upto, each.position - 1) for each in upto],
        [each.event.person_id for each, _ in single],
        [each.metadata.occurred_at for each, _ in single],
        [each.position for each, _ in single],
        [which for _, which in single],
    ]


# Of several readings the first one counts, as if each had been applied by itself.
_READ = """
    WITH found AS (
        SELECT i.person_id, i.notification_id, r.at, r.position
        FROM unnest(%s::uuid[], %s::timestamptz[], %s::bigint[], %s::bigint[]) AS r (person_id, at, position, upto)
        JOIN inbox i ON i.person_id = r.person_id AND i.read_at IS NULL AND i.position <= r.upto
        UNION ALL
        SELECT i.person_id, i.notification_id, r.at, r.position
        FROM unnest(%s::uuid[], %s::timestamptz[], %s::bigint[], %s::uuid[]) AS r (person_id, at, position, notification_id)
        JOIN inbox i ON i.person_id = r.person_id AND i.notification_id = r.notification_id
            AND i.read_at IS NULL AND i.position < r.position),
    done AS (
        UPDATE inbox i SET read_at = first.at
        FROM (SELECT DISTINCT ON (person_id, notification_id) * FROM found
            ORDER BY person_id, notification_id, position) first
        WHERE i.person_id = first.person_id AND i.notification_id = first.notification_id RETURNING i.person_id)
    UPDATE inbox_unread u SET unread = u.unread - d.fewer
    FROM (SELECT person_id, count(*) AS fewer FROM done GROUP BY 1) d WHERE u.person_id = d.person_id
"""


class Notice(NamedTuple):
    """A notification as its reader is shown it."""

    notification_id: UUID
    ticket_id: UUID | None
    number: str | None
    kinds: list[str]
    doer_kind: str
    doer_id: str
    happened_at: datetime
    first: int | None
    last: int | None
    position: int
    read_at: datetime | None


_SELECT = f"SELECT {', '.join(Notice._fields)} FROM ops.inbox WHERE person_id = %(person)s"  # noqa: S608


def newest(
    db: Cursor[Any], person: UUID, *, before: int | None = None, limit: int = 50, unread_only: bool = False
) -> list[Notice]:
    """The person's notifications below position `before`, newest first."""
    unread = " AND read_at IS NULL" if unread_only else ""
    query = f"{_SELECT}{unread} AND position < coalesce(%(before)s, 9223372036854775807) ORDER BY position DESC LIMIT %(limit)s"
    return _found(db, query, {"person": person, "before": before, "limit": limit})


def since(db: Cursor[Any], person: UUID, after: int, upto: int, limit: int) -> list[Notice]:
    """The person's notifications above position `after` and not above `upto`, oldest first."""
    query = f"{_SELECT} AND position > %(after)s AND position <= %(upto)s ORDER BY position LIMIT %(limit)s"
    return _found(db, query, {"person": person, "after": after, "upto": upto, "limit": limit})


def unread_of(db: Cursor[Any], person: UUID, notifications: list[UUID]) -> list[UUID]:
    """Those of the notifications that are the person's and unread."""
    query = (
        "SELECT notification_id FROM ops.inbox WHERE person_id = %s AND notification_id = ANY(%s) AND read_at IS NULL"
    )
    return [row[0] for row in db.execute(query, [person, notifications])]


def unread(db: Cursor[Any], person: UUID) -> int:
    """How many the person has not read."""
    row = db.execute("SELECT unread FROM ops.inbox_unread WHERE person_id = %s", [person]).fetchone()
    return row[0] if row else 0


_SAID = SQL("""
    SELECT w.place, said.body, seen.title
    FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) WITH ORDINALITY AS w (ticket_id, first, last, place)
    LEFT JOIN LATERAL (SELECT ticket_id, title FROM desk.ticket_list l WHERE ticket_id = w.ticket_id AND {reach}) seen ON true
    LEFT JOIN LATERAL (
        SELECT body FROM desk.ticket_timeline t
        WHERE t.ticket_id = seen.ticket_id AND version BETWEEN w.first AND w.last AND body IS NOT NULL AND NOT redacted
        ORDER BY version LIMIT 1) said ON true
    ORDER BY w.place
""")


class Said(NamedTuple):
    """What was written with it, and what the ticket is called; None where there is nothing, or where it is gone."""

    text: str | None
    title: str | None


def said(db: Cursor[Any], notices: list[Notice], reach: Condition | None, context: Context) -> list[Said]:
    """Of each of the notifications, as it may be read now by somebody of that reach."""
    if not notices:
        return []
    within, params = (SQL("true"), []) if reach is None else compiled(reach, context)
    asked = [[n.ticket_id for n in notices], [n.first for n in notices], [n.last for n in notices], *params]
    return [Said(text, title) for _, text, title in db.execute(_SAID.format(reach=within), asked)]


def _found(db: Cursor[Any], query: str, asked: dict[str, Any]) -> list[Notice]:
    with db.connection.cursor(row_factory=class_row(Notice)) as cursor:
        return cursor.execute(query.encode(), asked).fetchall()
