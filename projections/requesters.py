"""RequesterCards: one row a customer and one an organisation, for lists, searches by address, and conditions (F7)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import class_row

from domain import requester as r
from domain import requester_ties as ties
from domain.catalogue import shown
from domain.event import Event, Recorded
from domain.organisation import OrganisationAdded, OrganisationChanged, OrganisationErasureRequested
from domain.setup.organisations import OrganisationMerged, OrganisationMergeUndone
from domain.setup.tags import TagMerged, TagRenamed
from projections.bulk import upsert
from projections.read_model import Page, ReadModel


@dataclass(frozen=True, slots=True)
class Card:
    """A row of `requester_cards`; the order of its columns."""

    workspace_id: UUID
    requester_id: UUID
    position: int
    registered_at: datetime
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    email_key: str | None = None
    phone_key: str | None = None
    tier: str | None = None
    plan: str | None = None
    organisation_id: UUID | None = None
    tags: list[str] = field(default_factory=list)
    merged_into: UUID | None = None
    blocked: bool = False
    erased: bool = False


COLUMNS = tuple(column.name for column in fields(Card))
_values = attrgetter(*COLUMNS)
NEWER_CARD = "(requester_id) DO UPDATE SET {updates} WHERE requester_cards.position < excluded.position"
NEWER_ORGANISATION = "(organisation_id) DO UPDATE SET {updates} WHERE organisations.position < excluded.position"
ORGANISATION_COLUMNS = ("workspace_id", "organisation_id", "position", "name", "tier", "plan", "tags")
NEWER_MERGE = "(organisation_id) DO UPDATE SET {updates}"
MERGE_COLUMNS = ("workspace_id", "organisation_id", "merged_into", "goes_on_as")


def email_key(email: str | None) -> str | None:
    """What two spellings of one address have in common."""
    return email.strip().casefold() if email else None


def phone_key(phone: str | None) -> str | None:
    """The digits of a number, and whether it is an international one."""
    digits = "".join(each for each in phone or "" if each.isdecimal())
    return ("+" if (phone or "").strip().startswith("+") else "") + digits if digits else None


def _known_as(card: Card, event: Any) -> Card:
    email, phone = shown(event.email), shown(event.phone)
    known = replace(card, name=shown(event.requester_name), email=email, phone=phone)
    return replace(known, email_key=email_key(email), phone_key=phone_key(phone))


def _forgotten(card: Card, _: Any) -> Card:
    return replace(card, name=None, email=None, phone=None, email_key=None, phone_key=None, erased=True)


_FOLDS: dict[type[Event], Callable[[Card, Any], Card]] = {
    r.RequesterRegistered: _known_as,
    r.RequesterChanged: _known_as,
    r.RequesterClassified: lambda card, event: replace(card, **dict(event) | {"tags": list(event.tags)}),
    r.RequesterErasureRequested: _forgotten,
    ties.RequesterWasBlocked: lambda card, _: replace(card, blocked=True),
    ties.RequesterWasUnblocked: lambda card, _: replace(card, blocked=False),
    ties.RequesterMergedInto: lambda card, event: replace(card, merged_into=event.into),
    ties.RequesterMergeUndone: lambda card, _: replace(card, merged_into=None),
}


# What an organisation is now: the newest of these says all of it.
_OF_ORGANISATIONS = (OrganisationAdded, OrganisationChanged, OrganisationErasureRequested)
_MERGES = (OrganisationMerged, OrganisationMergeUndone)


class RequesterCards(ReadModel):
    """Customers and organisations. Whoever was erased has a row without anything that identifies them; an organisation that was erased has none."""

    NAME = "requester_cards"
    VERSION = 3
    EVENTS = (*_FOLDS, *_OF_ORGANISATIONS, *_MERGES, TagRenamed, TagMerged)
    OPENS = (r.RequesterRegistered, r.RequesterChanged, OrganisationAdded, OrganisationChanged)
    TABLES = """
        CREATE TABLE requester_cards (
            workspace_id uuid NOT NULL, requester_id uuid PRIMARY KEY, position bigint NOT NULL,
            registered_at timestamptz NOT NULL, name text, email text, phone text, email_key text, phone_key text,
            tier text, plan text, organisation_id uuid, tags text[] NOT NULL, merged_into uuid,
            blocked boolean NOT NULL, erased boolean NOT NULL
        );
        CREATE TABLE organisations (
            workspace_id uuid NOT NULL, organisation_id uuid PRIMARY KEY, position bigint NOT NULL, name text,
            tier text, plan text, tags text[] NOT NULL
        );
        CREATE TABLE organisation_merges (
            workspace_id uuid NOT NULL, organisation_id uuid PRIMARY KEY, merged_into uuid NOT NULL,
            goes_on_as uuid NOT NULL
        )"""
    # The addresses are found by plain equality: an index on an expression is of no use under row-level security.
    INDEXES = """
        CREATE INDEX IF NOT EXISTS by_registration ON requester_cards (workspace_id, registered_at, requester_id);
        CREATE INDEX IF NOT EXISTS by_email ON requester_cards (workspace_id, email_key) WHERE email_key IS NOT NULL;
        CREATE INDEX IF NOT EXISTS by_phone ON requester_cards (workspace_id, phone_key) WHERE phone_key IS NOT NULL;
        CREATE INDEX IF NOT EXISTS by_organisation ON requester_cards (workspace_id, organisation_id, registered_at)
            WHERE organisation_id IS NOT NULL;
        CREATE INDEX IF NOT EXISTS organisations_in_order ON organisations (workspace_id, organisation_id);
        CREATE INDEX IF NOT EXISTS merges_of_organisations ON organisation_merges (workspace_id, organisation_id)"""
    COMMENTS: ClassVar[dict[str, str]] = {
        "requester_cards": "The customers of a desk.",
        "requester_cards.workspace_id": "The desk that it belongs to.",
        "requester_cards.requester_id": "The customer.",
        "requester_cards.position": "Place in the whole log of the newest event in it.",
        "requester_cards.registered_at": "When they became known.",
        "requester_cards.name": "Name; NULL once erased.",
        "requester_cards.email": "E-mail address, or NULL.",
        "requester_cards.phone": "Phone number, or NULL.",
        "requester_cards.email_key": "The address as it is looked for.",
        "requester_cards.phone_key": "The number as it is looked for.",
        "requester_cards.tier": "How important they are, or NULL.",
        "requester_cards.plan": "Their service plan, or NULL.",
        "requester_cards.organisation_id": "Where they belong, or NULL; which of those are one, organisation_merges tells.",
        "requester_cards.tags": "Their tags.",
        "requester_cards.merged_into": "The customer whom this record turned out to be, or NULL.",
        "requester_cards.blocked": "Whether they can open no tickets.",
        "requester_cards.erased": "Whether they were deleted for ever.",
        "organisations": "The companies and households that customers belong to.",
        "organisations.workspace_id": "The desk that it belongs to.",
        "organisations.organisation_id": "The organisation.",
        "organisations.position": "Place in the whole log of the newest event in it.",
        "organisations.name": "Name; NULL only where its key is gone.",
        "organisations.tier": "How important it is, or NULL.",
        "organisations.plan": "Its service plan, or NULL.",
        "organisations.tags": "Its tags.",
        "organisation_merges": "The organisations that turned out to be another one.",
        "organisation_merges.workspace_id": "The desk that it belongs to.",
        "organisation_merges.organisation_id": "The organisation that was known twice.",
        "organisation_merges.merged_into": "The organisation that it was merged into.",
        "organisation_merges.goes_on_as": "Whom its people count to now: the same, or whom that one was merged into itself.",
    }

    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """Fold the page on the rows as they are, write each touched row once, then rename tags set-wise."""
        cards = _folded(page, _known(db, {recorded.stream_id for recorded in page}))
        upsert(db, "requester_cards", COLUMNS, [_values(card) for card in cards.values()], NEWER_CARD)
        upsert(db, "organisations", ORGANISATION_COLUMNS, list(_organisations(page)), NEWER_ORGANISATION)
        if gone := [each.stream_id for each in page if isinstance(each.event, OrganisationErasureRequested)]:
            db.execute("DELETE FROM organisations WHERE organisation_id = ANY(%s)", [gone])
        _merge(db, {each.event.organisation_id: each for each in page if isinstance(each.event, _MERGES)})
        for recorded in page:
            if isinstance(recorded.event, TagRenamed | TagMerged):
                _rename(db, recorded)


def _known(db: Cursor[Any], requesters: set[UUID]) -> dict[UUID, Card]:
    query = f"SELECT {', '.join(COLUMNS)} FROM requester_cards WHERE requester_id = ANY(%s)"  # noqa: S608 - our own text
    with db.connection.cursor(row_factory=class_row(Card)) as cursor:
        return {card.requester_id: card for card in cursor.execute(query.encode(), [list(requesters)])}


def _folded(page: Page, cards: dict[UUID, Card]) -> dict[UUID, Card]:
    touched: dict[UUID, Card] = {}
    for recorded in page:
        fold = _FOLDS.get(type(recorded.event))
        card = cards.get(recorded.stream_id) or _new(recorded)
        if fold is not None and recorded.position > card.position:
            cards[recorded.stream_id] = touched[recorded.stream_id] = replace(
                fold(card, recorded.event), position=recorded.position
            )
    return touched


def _new(recorded: Recorded[Event]) -> Card:
    return Card(recorded.metadata.workspace_id, recorded.stream_id, 0, recorded.metadata.occurred_at)


def _organisations(page: Page) -> Iterator[tuple[Any, ...]]:
    newest = {recorded.stream_id: recorded for recorded in page if isinstance(recorded.event, _OF_ORGANISATIONS)}
    for organisation_id, recorded in newest.items():
        if isinstance(recorded.event, OrganisationErasureRequested):
            continue
        event: Any = recorded.event
        told = (shown(event.organisation_name), event.tier, event.plan, list(event.tags))
        yield (recorded.metadata.workspace_id, organisation_id, recorded.position, *told)


_FOLLOW = """
    WITH RECURSIVE way (organisation_id, at) AS (
        SELECT organisation_id, merged_into FROM organisation_merges WHERE workspace_id = ANY(%(workspaces)s)
        UNION SELECT way.organisation_id, m.merged_into FROM way JOIN organisation_merges m ON m.organisation_id = way.at
    )
    UPDATE organisation_merges m SET goes_on_as = way.at FROM way
    WHERE way.organisation_id = m.organisation_id AND way.at <> m.goes_on_as
        AND NOT EXISTS (SELECT FROM organisation_merges n WHERE n.organisation_id = way.at)
"""


def _merge(db: Cursor[Any], newest: dict[UUID, Recorded[Any]]) -> None:
    """Which organisations are one after the newest of these of each, and whom it goes on as at the end of its way."""
    if not newest:
        return
    made = [each for each in newest.values() if isinstance(each.event, OrganisationMerged)]
    rows = [(each.metadata.workspace_id, each.event.organisation_id, *[each.event.into] * 2) for each in made]
    upsert(db, "organisation_merges", MERGE_COLUMNS, rows, NEWER_MERGE)
    undone = list(newest.keys() - {row[1] for row in rows})
    db.execute("DELETE FROM organisation_merges WHERE organisation_id = ANY(%s)", [undone])
    db.execute(_FOLLOW, {"workspaces": list({each.metadata.workspace_id for each in newest.values()})})


# Each once, in the order that the tags have: what is renamed to a tag that is there already stays in its place.
RENAME = """
    UPDATE {table} SET tags = ARRAY(
        SELECT tag FROM (
            SELECT CASE WHEN had = %(tag)s THEN %(name)s ELSE had END AS tag, place
            FROM unnest(tags) WITH ORDINALITY AS t (had, place)
        ) renamed GROUP BY tag ORDER BY min(place))
    WHERE workspace_id = %(workspace)s AND tags @> ARRAY[%(tag)s]::text[]
"""


def _rename(db: Cursor[Any], recorded: Recorded[Event]) -> None:
    event: Any = recorded.event
    name = event.to if isinstance(event, TagRenamed) else event.into
    values = {"workspace": recorded.metadata.workspace_id, "tag": event.tag, "name": name}
    for table in ("requester_cards", "organisations"):
        db.execute(RENAME.format(table=table).encode(), values)


class Wanted(NamedTuple):
    """Which customers to list, newest first; `after` is where the page before ended."""

    email: str | None = None
    phone: str | None = None
    # All that are the same one.
    organisations: tuple[UUID, ...] = ()
    tier: str | None = None
    tag: str | None = None
    after: tuple[datetime, UUID] | None = None
    limit: int = 50


def page_of(db: Cursor[Any], workspace: UUID, wanted: Wanted) -> list[Card]:
    """A page of customers who are not erased."""
    # Equality with one value is told apart: the index has the newest of it in order.
    of_one = len(wanted.organisations) == 1
    given: dict[str, Any] = {
        "email_key = %s": email_key(wanted.email),
        "phone_key = %s": phone_key(wanted.phone),
        "organisation_id = %s": wanted.organisations[0] if of_one else None,
        "organisation_id = ANY(%s)": list(wanted.organisations) if len(wanted.organisations) > 1 else None,
        "tier = %s": wanted.tier,
        "%s = ANY (tags)": wanted.tag,
    }
    asked = {clause: value for clause, value in given.items() if value is not None}
    values: list[Any] = [workspace, *asked.values()]
    clauses = ["workspace_id = %s", "NOT erased", *asked]
    if wanted.after is not None:
        clauses.append("(registered_at, requester_id) < (%s, %s)")
        values += wanted.after
    query = (
        f"SELECT {', '.join(COLUMNS)} FROM desk.requester_cards WHERE {' AND '.join(clauses)} "  # noqa: S608 - our own texts
        "ORDER BY registered_at DESC, requester_id DESC LIMIT %s"
    )
    with db.connection.cursor(row_factory=class_row(Card)) as cursor:
        return cursor.execute(query.encode(), [*values, wanted.limit]).fetchall()


_SAME = """
    WITH RECURSIVE same (id) AS (
        SELECT requester_id FROM desk.requester_cards WHERE workspace_id = %(workspace)s AND requester_id = %(requester)s
        UNION SELECT c.requester_id FROM desk.requester_cards c JOIN same ON c.merged_into = same.id
        WHERE c.workspace_id = %(workspace)s
    )
    SELECT id FROM same"""


def same_as(db: Cursor[Any], workspace: UUID, requester: UUID) -> list[UUID]:
    """The requester and the records that were merged into theirs, however often; none where there is no such requester."""
    return [row[0] for row in db.execute(_SAME, {"workspace": workspace, "requester": requester})]


class OrganisationRow(NamedTuple):
    """A row of `organisations`, as lists show it."""

    organisation_id: UUID
    name: str | None
    tier: str | None
    plan: str | None
    tags: list[str]
    merged_into: UUID | None


def organisations(db: Cursor[Any], workspace: UUID, after: UUID | None, limit: int) -> list[OrganisationRow]:
    """A page of organisations, in the order of their ids."""
    query = (
        "SELECT organisation_id, name, tier, plan, tags, merged_into FROM desk.organisations "
        "LEFT JOIN desk.organisation_merges USING (workspace_id, organisation_id) "
        "WHERE workspace_id = %s AND organisation_id > %s ORDER BY organisation_id LIMIT %s"
    )
    return [OrganisationRow(*row) for row in db.execute(query, [workspace, after or UUID(int=0), limit])]
