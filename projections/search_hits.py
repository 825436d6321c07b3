"""Pages of what a search finds: by title first, then by all texts, the newest first, only what the asker may see."""

import base64
import binascii
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable, Identifier
from pydantic import AwareDatetime, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from domain.conditions import Condition, Context
from domain.errors import InvalidInput, LedgerdeskError
from projections import builds
from projections.conditions import compiled
from projections.search_terms import Query
from projections.ticket_pages import SHOWN

LARGEST_PAGE = 100
# How many hits are looked at for one page where some of them may be out of the asker's reach.
WINDOW, MOST_WINDOWS = 2_000, 20


class SearchMissing(LedgerdeskError):
    """Nobody has built the search yet."""

    code = "search_missing"
    status = 503
    sentence = "The search is being built. Try again in a moment."


class After(NamedTuple):
    """Where the page before ended."""

    in_title: bool
    said_at: datetime
    ticket_id: UUID


class Audience(NamedTuple):
    """Who asks: `requesters` are a requester's own records (None: somebody of the desk), `reach` what the role allows."""

    requesters: tuple[UUID, ...] | None
    reach: Condition | None
    context: Context


class Hits(NamedTuple):
    """Rows as dicts of SHOWN with in_title, part and body of a text that matches, and the next page's cursor.

    `position`: everything up to it in the log was searched.
    """

    rows: list[dict[str, Any]]
    next: str | None
    position: int


_HITS = SQL("{}.hits(%s, %s, %s, %s, %s, %s, %s, %s, %s)")
_PAGE = SQL("""
    SELECT {shown}, hit.in_title, hit.said_at, said.part, said.body FROM {hits} hit JOIN desk.ticket_list USING (ticket_id)
    LEFT JOIN LATERAL (
        SELECT p.part, p.body FROM {schema}.ticket_search_parts p
        WHERE p.ticket_id = hit.ticket_id AND p.part <> 'title' AND NOT (p.internal AND %s)
            AND casefold(normalize(p.body, NFKC) COLLATE pg_catalog.pg_unicode_fast) LIKE ANY (%s)
        ORDER BY p.part LIMIT 1) said ON true
    WHERE {reach} ORDER BY hit.in_title DESC, hit.said_at DESC, ticket_id DESC LIMIT %s
""")
_LAST = SQL("SELECT in_title, said_at, ticket_id FROM {hits} OFFSET %s LIMIT 1")


def page(db: Cursor[Any], query: Query, asker: Audience, limit: int, after: After | None) -> Hits:
    """One page, found by one statement unless most of what matches is out of the asker's reach."""
    build = builds.find(db, "ticket_search", "live")
    if build is None:
        raise SearchMissing()
    rows: list[dict[str, Any]] = []
    window = limit + 1 if asker.reach is None else WINDOW
    for _ in range(MOST_WINDOWS):
        asked = [*_asked(query, asker), *(after or (None, None, None)), window]
        rows += _visible(db, build.schema, query, asker, asked, limit + 1 - len(rows))
        if len(rows) > limit or asker.reach is None:
            break
        after = _end_of_window(db, build.schema, asked)
        if after is None:
            break
    found = rows[:limit]
    return Hits(found, _cursor(found[-1]) if len(rows) > limit else None, build.position)


def _asked(query: Query, asker: Audience) -> list[Any]:
    requesters = None if asker.requesters is None else list(asker.requesters)
    return [list(query.exact), list(query.prefixes), list(query.phrases), list(query.without), requesters]


def _visible(
    db: Cursor[Any], schema: str, query: Query, asker: Audience, asked: list[Any], limit: int
) -> list[dict[str, Any]]:
    statement, params = _everywhere(schema), list[Any]()
    if asker.reach is not None:
        reach, params = compiled(asker.reach, asker.context)
        statement = _statement(schema, reach)
    marked = [f"%{_literal(mark)}%" for mark in query.marked]
    with db.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, [*asked, asker.requesters is not None, marked, *params, limit]).fetchall()


def _statement(schema: str, reach: Composable) -> bytes:
    hits = _HITS.format(Identifier(schema))
    return _PAGE.format(shown=SQL(SHOWN), hits=hits, schema=Identifier(schema), reach=reach).as_bytes()


@cache
def _everywhere(schema: str) -> bytes:
    """Kept: putting it together takes a twentieth of a search for a rare word."""
    return _statement(schema, SQL("true"))


def _end_of_window(db: Cursor[Any], schema: str, asked: list[Any]) -> After | None:
    """The last hit that was looked at, or None where there were no more."""
    row = db.execute(_LAST.format(hits=_HITS.format(Identifier(schema))), [*asked, WINDOW - 1]).fetchone()
    return After(*row) if row else None


def _literal(text: str) -> str:
    """As LIKE takes it literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _cursor(row: dict[str, Any]) -> str:
    keys = [row["in_title"], row["said_at"], row["ticket_id"]]
    return base64.urlsafe_b64encode(to_json(keys)).decode().rstrip("=")


_KEYS = TypeAdapter(tuple[bool, AwareDatetime, UUID])


def opened_cursor(cursor: str) -> After:
    """Where a page ended, or InvalidInput."""
    try:
        return After(*_KEYS.validate_python(from_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))))
    except (ValidationError, binascii.Error, ValueError):
        raise InvalidInput(field="after", reason="is not a cursor of a search; begin without it") from None
