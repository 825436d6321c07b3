"""Process managers: how far they are, and what they could not take in (for admins)."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Query, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from api import routing
from api.auth import Caller, needs
from api.problems import problems
from domain.errors import NotAllowed
from domain.event import Actor
from domain.permissions import Permission
from processors import status
from processors.status import Decision, UnknownLetter

router = routing.router("processors")

LetterId = Annotated[int, Path(ge=1, le=2**62, examples=[1])]
LetterState = Literal["waiting", "retry", "skipped", "done"]


class PartView(BaseModel):
    """A partition of a process that workers share."""

    partition: int
    position: int = Field(description="It has reacted to everything in the partition up to this position of the log.")


class ProcessView(BaseModel):
    """A process manager."""

    process: str = Field(examples=["waking"])
    position: int = Field(description="It has reacted to everything up to this position of the log, or parked it.")
    lag_events: int
    timers_overdue: int = Field(description="Timers of this workspace whose time has come and that have not fired.")
    overdue_since: datetime | None
    parked: int = Field(description="Dead letters of this workspace that nobody has resolved.")
    partitions: list[PartView] = Field(description="Where each is, for a process that workers share; else none.")


class Processes(BaseModel):
    """All that have begun."""

    processors: list[ProcessView]


class LetterView(BaseModel):
    """What a process failed at, or what waits behind such a failure on the same ticket."""

    letter_id: int
    process: str
    number: str | None = Field(description="The ticket.")
    position: int | None = Field(description="Its place in the log; null for a timer.")
    timer: str | None = Field(description="The timer's key; null for what happened.")
    topics: list[str] = Field(description="Names of the events.")
    error: str | None = Field(description="Kind of the failure; null where it only waits behind one.")
    attempts: int
    state: LetterState
    parked_at: datetime
    resolved_at: datetime | None
    resolved_by: Actor | None


class LetterPage(BaseModel):
    """Dead letters, the first parked first."""

    letters: list[LetterView]
    next: int | None = Field(description="Send it as `after` to get the next page; null on the last.")


@router.get("/processors", response_model=Processes)
def list_processors(me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """What acts on its own, how far it is, and whether something waits for you."""
    with me.services.reading(me.workspace_id) as db:
        found = status.overview(db, me.workspace_id)
    return Response(to_json({"processors": found}), media_type="application/json")


@router.get("/processors/letters", response_model=LetterPage)
def list_letters(
    me: Caller = needs(Permission.WORKSPACE_EDIT),
    process: Annotated[str | None, Query(max_length=50)] = None,
    state: Annotated[
        list[LetterState] | None, Query(max_length=4, description="Those unresolved, if left out.")
    ] = None,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """What processes failed at, and what waits behind it."""
    states = tuple(state or ("waiting", "retry"))
    with me.services.reading(me.workspace_id) as db:
        found = status.letters(db, me.workspace_id, process, states, after, limit + 1)
    following = found[limit - 1]["letter_id"] if len(found) > limit else None
    return Response(to_json({"letters": found[:limit], "next": following}), media_type="application/json")


@router.post("/processors/letters/{letter_id}/retry", status_code=204, responses=problems(UnknownLetter, NotAllowed))
async def retry_letter(letter_id: LetterId, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Have it tried again, and with it all that waits for the same ticket, in order."""
    return await _resolved(me, letter_id, Decision.RETRY)


@router.post("/processors/letters/{letter_id}/skip", status_code=204, responses=problems(UnknownLetter, NotAllowed))
async def skip_letter(letter_id: LetterId, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Pass over it for good; what waits behind it goes on. That you did is kept."""
    return await _resolved(me, letter_id, Decision.SKIP)


async def _resolved(me: Caller, letter: int, decision: Decision) -> Response:
    await status.resolve(me.services.desk.vault, me.workspace_id, letter, decision, me.actor)
    return Response(status_code=204)
