"""Pages of what a search finds: by title first, then by all texts, the newest first, only what the asker may see."""

import base64
import binascii
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor, errors
from psycopg.sql import SQL, Composable, Identifier
from pydantic import AwareDatetime, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from domain.conditions import Condition, Context
from domain.errors import InvalidInput, LedgerdeskError
from eventstore.arrays import Texts, Uuids
from eventstore.reading import Asking, answered, remembered
from projections import builds
from projections.builds import Build
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


class Hit(NamedTuple):
    """A ticket as JSON of SHOWN, its title, who is responsible for it, a text of it that matches, and its place in the order."""

    written: str
    title: str | None
    responsible: tuple[UUID | None, UUID | None]
    part: str | None
    body: str | None
    place: After


class Hits(NamedTuple):
    """What was found, and the next page's cursor. `position`: everything up to it in the log was searched."""

    found: list[Hit]
    next: str | None
    position: int


_HITS = SQL("{}.hits(%s, %s, %s, %s, %s, %s, %s, %s, %s)")
# A text that has a word as it was typed need not be normalised, nor one that is normal already, ASCII above all: to normalise
# takes ten times as long as to look through it.
_PAGE = SQL("""
    SELECT live.searched, (SELECT row_to_json(shown)::text FROM (SELECT {shown}) shown), title, assignee_person, assignee_team,
        said.part, said.body, hit.in_title, hit.said_at, ticket_id
    FROM (SELECT position AS searched FROM ops.builds WHERE build = %s AND state = 'live') live
    LEFT JOIN ({hits} hit JOIN desk.ticket_list USING (ticket_id)) ON {reach}
    LEFT JOIN LATERAL (
        SELECT p.part, p.body FROM {schema}.ticket_search_parts p
        WHERE p.ticket_id = hit.ticket_id AND p.part <> 'title' AND NOT (p.internal AND %s)
            AND (casefold(p.body COLLATE pg_catalog.pg_unicode_fast) LIKE ANY (%s)
                OR octet_length(p.body) > length(p.body) AND p.body IS NOT NFKC NORMALIZED
                    AND casefold(normalize(p.body, NFKC) COLLATE pg_catalog.pg_unicode_fast) LIKE ANY (%s))
        ORDER BY p.part LIMIT 1) said ON true
    ORDER BY hit.in_title DESC, hit.said_at DESC, ticket_id DESC LIMIT %s
""")
_LAST = SQL("SELECT in_title, said_at, ticket_id FROM {hits} OFFSET %s LIMIT 1")
# What is said of a build that is there no more.
_GONE = (errors.InvalidSchemaName, errors.UndefinedFunction, errors.UndefinedTable)


class Known:
    """The build that was live when last looked up."""

    build: Build | None = None


def page(db: Cursor[Any], query: Query, asker: Audience, limit: int, after: After | None) -> Hits:
    """One page, found by one statement unless most of what matches is out of the asker's reach."""
    return answered(db, asking(remembered(db.connection, Known), query, asker, limit, after))


def asking(known: Known, query: Query, asker: Audience, limit: int, after: After | None) -> Asking[Hits]:
    """The same, to be asked on an event loop too.

    Which build is live is remembered; each statement asks whether it still is, as of the moment that it reads.
    """
    if known.build is not None:
        with suppress(SearchMissing, *_GONE):
            return (yield from _page(known.build, query, asker, limit, after))
    rows = yield builds.FIND, ["ticket_search", "live"]
    known.build = Build(*rows[0]) if rows else None
    if known.build is None:
        raise SearchMissing()
    return (yield from _page(known.build, query, asker, limit, after))


def _page(build: Build, query: Query, asker: Audience, limit: int, after: After | None) -> Asking[Hits]:
    found: list[Hit] = []
    window, searched = limit + 1 if asker.reach is None else WINDOW, 0
    for _ in range(MOST_WINDOWS):
        asked = [*_asked(query, asker), *(after or (None, None, None)), window]
        position, more = yield from _visible(build, query, asker, asked, limit + 1 - len(found))
        searched = searched or position
        found += more
        if len(found) > limit or asker.reach is None:
            break
        after = yield from _end_of_window(build.schema, asked)
        if after is None:
            break
    shown = found[:limit]
    return Hits(shown, _cursor(shown[-1].place) if len(found) > limit else None, searched)


def _asked(query: Query, asker: Audience) -> list[Any]:
    requesters = None if asker.requesters is None else Uuids(list(asker.requesters))
    return [*(Texts(list(each)) for each in (query.exact, query.prefixes, query.phrases, query.without)), requesters]


def _visible(
    build: Build, query: Query, asker: Audience, asked: list[Any], limit: int
) -> Asking[tuple[int, list[Hit]]]:
    """How far the search is, and what is in reach of these hits; SearchMissing where the build is not live."""
    statement, params = _everywhere(build.schema), list[Any]()
    if asker.reach is not None:
        reach, params = compiled(asker.reach, asker.context)
        statement = _statement(build.schema, reach)
    marked = Texts([f"%{_literal(mark)}%" for mark in query.marked])
    rows = yield statement, [build.build, *asked, *params, asker.requesters is not None, marked, marked, limit]
    if not rows:
        raise SearchMissing()
    hits = [_hit(*row[1:]) for row in rows if row[-1] is not None]
    return rows[0][0], hits


def _hit(
    written: str,
    title: str | None,
    person: UUID | None,
    team: UUID | None,
    part: str | None,
    body: str | None,
    *place: Any,
) -> Hit:
    return Hit(written, title, (person, team), part, body, After(*place))


def _statement(schema: str, reach: Composable) -> bytes:
    hits = _HITS.format(Identifier(schema))
    return _PAGE.format(shown=SQL(SHOWN), hits=hits, schema=Identifier(schema), reach=reach).as_bytes()


@cache
def _everywhere(schema: str) -> bytes:
    """Kept: putting it together takes a twentieth of a search for a rare word."""
    return _statement(schema, SQL("true"))


def _end_of_window(schema: str, asked: list[Any]) -> Asking[After | None]:
    """The last hit that was looked at, or None where there were no more."""
    rows = yield _LAST.format(hits=_HITS.format(Identifier(schema))).as_bytes(), [*asked, WINDOW - 1]
    return After(*rows[0]) if rows else None


def _literal(text: str) -> str:
    """As LIKE takes it literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _cursor(keys: After) -> str:
    return base64.urlsafe_b64encode(to_json(keys)).decode().rstrip("=")


_KEYS = TypeAdapter(tuple[bool, AwareDatetime, UUID])


def opened_cursor(cursor: str) -> After:
    """Where a page ended, or InvalidInput."""
    try:
        return After(*_KEYS.validate_python(from_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))))
    except (ValidationError, binascii.Error, ValueError):
        raise InvalidInput(field="after", reason="is not a cursor of a search; begin without it") from None
