"""Full-text search (C2): tickets by words of their titles, messages and fields."""

from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import BaseModel, Field

from api import routing
from api.auth import Caller, needs
from api.errors import NotCaughtUp, ReadModelMissing
from api.following import reached
from api.problems import problems
from api.ticket_lists import Names, TicketRow, context, prepared, reading, referenced, visible
from domain.errors import InvalidInput
from domain.permissions import Permission
from projections import search_hits
from projections.search_hits import Audience, SearchMissing
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
def search(
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
    with reading(me) as db:
        hits = search_hits.page(db, query, _audience(me), limit, begin)
    found = [_found(me, row, query.marked) for row in hits.rows]
    return prepared({"tickets": found, "next": hits.next, "names": referenced(me, hits.rows)}, hits.position)


def _audience(me: Caller) -> Audience:
    if me.actor.kind == "requester":
        return Audience((me.id, *me.absorbed), None, context(me))
    return Audience(None, me.reach, context(me))


def _found(me: Caller, row: dict[str, Any], words: tuple[str, ...]) -> dict[str, Any]:
    part, body = row.pop("part"), row.pop("body")
    (ticket,) = visible(me, [row])
    return {
        "ticket": ticket,
        "title": marked(row["title"] or "", words)._asdict(),
        "part": part,
        "snippet": snippet(body, words)._asdict() if body else None,
    }
