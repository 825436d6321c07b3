"""Full-text search (C2): tickets by words of their titles, messages and fields."""

from typing import Annotated
from uuid import UUID

import psycopg
from fastapi import Query, Response
from pydantic import BaseModel, Field
from pydantic_core import from_json, to_json

from api import routing
from api.auth import Caller, needs
from api.errors import NotCaughtUp, ReadModelMissing
from api.following import reached
from api.problems import problems
from api.ticket_lists import Names, TicketRow, context, names_of, prepared, visible
from domain.errors import InvalidInput
from domain.permissions import Permission
from eventstore.reading import answered_async, remembered
from projections import search_hits
from projections.search_hits import Audience, Hit, Hits, SearchMissing
from projections.search_marks import marked, snippet
from projections.search_terms import LONGEST_QUERY, NothingToSearch, parsed

router = routing.router("tickets")


class MarkedText(BaseModel):
    """Plain text with the places to highlight, as [start, end) in characters."""

    text: str
    marks: list[tuple[int, int]]


class Found(BaseModel):
    """A ticket that was found, and by what."""

    ticket: TicketRow
    title: MarkedText
    part: str | None = Field(
        description="Where else it was found: number, description, field:KEY, said:VERSION, file:ID."
    )
    snippet: MarkedText | None = Field(description="That text around the first place.")


class SearchResult(BaseModel):
    """A page of what was found: by title first, the newest first."""

    tickets: list[Found]
    next: str | None = Field(description="Send it as `after` to get the next page; null on the last.")
    names: Names


@router.get(
    "/search",
    response_model=SearchResult,
    responses=problems(NothingToSearch, InvalidInput, NotCaughtUp, ReadModelMissing, SearchMissing),
    dependencies=[reached("ticket_search"), reached("ticket_list")],
)
async def search(
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=LONGEST_QUERY,
            description='Words must all be there, and may be beginnings; "words in quotes" follow each other; -word must not be there.',
            examples=["打印机", 'printer "second floor" -toner'],
        ),
    ],
    me: Caller = needs(Permission.TICKET_VIEW),
    limit: Annotated[int, Query(ge=1, le=search_hits.LARGEST_PAGE)] = 20,
    after: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Tickets by words of their titles, messages, fields, numbers and file names; archived ones too."""
    query = parsed(q)
    begin = search_hits.opened_cursor(after) if after else None
    try:
        async with me.services.reading_quickly(me.workspace_id) as db:
            asking = search_hits.asking(remembered(db, search_hits.Known), query, _audience(me), limit, begin)
            hits = await answered_async(db, asking)
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        raise ReadModelMissing() from None
    found = b",".join(_found(me, hit, query.marked) for hit in hits.found)
    told = to_json({"next": hits.next, "names": _names(me, hits)})
    return prepared(b'{"tickets":[%s],%s' % (found, told[1:]), hits.position)


def _audience(me: Caller) -> Audience:
    if me.actor.kind == "requester":
        return Audience((me.id, *me.absorbed), None, context(me))
    return Audience(None, me.reach, context(me))


def _found(me: Caller, hit: Hit, words: tuple[str, ...]) -> bytes:
    around = snippet(hit.body, words)._asdict() if hit.body else None
    told = to_json({"title": marked(hit.title or "", words)._asdict(), "part": hit.part, "snippet": around})
    return b'{"ticket":%s,%s' % (_ticket(me, hit), told[1:])


def _ticket(me: Caller, hit: Hit) -> bytes:
    if me.actor.kind != "requester":
        return hit.written.encode()
    return to_json(visible(me, [from_json(hit.written)])[0])


def _names(me: Caller, hits: Hits) -> dict[UUID, str | None]:
    if me.actor.kind == "requester":
        return {}
    return names_of(me, {each for hit in hits.found for each in hit.responsible if each})
