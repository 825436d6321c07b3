"""Bulk changes (C3), bulk assignment (C4) and their undo (A22): chosen tickets at once, all that match as a job."""

from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID, uuid4

import anyio.to_thread
from fastapi import Path, Response
from psycopg.sql import SQL
from pydantic import BaseModel, Field
from pydantic_core import to_json

from api import routing
from api.auth import Caller, needs
from api.following import reached
from api.jobs import JobView, ask, find
from api.known import must_know_requester
from api.problems import problems
from api.ticket_lists import reading
from domain.actions import Action, SetRequester
from domain.command import decider
from domain.errors import CommandIdReused, InvalidInput, NotAllowed, UnknownPerson
from domain.permissions import Permission
from domain.requester import UnknownRequester
from domain.ticket.handling import CannotWork, must_work
from domain.values import Assignee, Flag
from eventstore import jobs, jobs_at_once
from eventstore.jobs import Item, TooManyJobs, UnknownJob
from processors.jobs import selection
from processors.jobs.bulk import Bulk, BulkAsked, done
from processors.jobs.bulk_assign import AssignmentsAsked, BulkAssign
from processors.jobs.bulk_undo import BulkNotUndoable, BulkUndo, UndoAsked, must_be_undoable
from projections.ticket_sorts import parse_sort

router = routing.router("bulk")

BulkId = Annotated[UUID, Path(examples=["018f0000-0000-7000-8000-000000000001"])]
_JOB: dict[int | str, dict[str, Any]] = {202: {"model": JobView, "description": "It is done in the background."}}
_REFUSED = problems(NotAllowed, InvalidInput, TooManyJobs, CommandIdReused, UnknownPerson, CannotWork, UnknownRequester)


class TicketOutcome(BaseModel):
    """What came of one ticket."""

    number: str
    state: str = Field(description="done or failed.")
    code: str | None = Field(description="Why it failed, for programs.")
    sentence: str | None = Field(description="Why it failed, for people.")
    version: int | None = Field(description="Of the ticket afterwards.")


class BulkDone(BaseModel):
    """What came of each ticket."""

    bulk_id: UUID = Field(description="To undo it by, or to look at it again as a job.")
    done: int
    failed: int
    results: list[TicketOutcome]


class Share(BaseModel):
    """How many tickets a person gets."""

    person: UUID
    tickets: int


class AssignmentPlan(BaseModel):
    """Who would get how many tickets."""

    matching: int
    total: int = Field(description="Of tickets that would be assigned.")
    each: list[Share]
    remaining: int = Field(description="Of tickets that match and would go to nobody.")


class AssignmentsBody(AssignmentsAsked):
    """The same, or only what would come of it."""

    dry_run: Flag = Field(default=False, description="Say who would get how many, and assign nothing.")


@router.post("/bulk", response_model=BulkDone, responses=_JOB | _REFUSED, dependencies=[reached("ticket_list")])
async def change_many(body: BulkAsked, me: Caller = needs(Permission.TICKET_BULK)) -> Response:
    """Do the same to many tickets, to each all of it or nothing: to chosen ones at once, to all that match as a job. Each action needs its own permission too."""
    await _must_be_allowed(me, body.actions)
    if body.numbers is None:
        return await ask(me, Bulk.NAME, body)
    bulk_id = me.command_id()
    return Response(to_json(_told(bulk_id, await _at_once(me, bulk_id, body))), media_type="application/json")


@router.post(
    "/bulk/assignments",
    response_model=AssignmentPlan,
    responses=_JOB | _REFUSED,
    dependencies=[reached("ticket_list")],
)
async def assign_many(body: AssignmentsBody, me: Caller = needs(Permission.TICKET_BULK)) -> Response:
    """Deal tickets out to people in turn, to each so many as you say or evenly; partial is fine, and said. Needs `ticket.assign` too.

    A ticket that somebody changes meanwhile stays as it is.
    """
    me.require(Permission.TICKET_ASSIGN)
    parse_sort(body.order)
    desk = await me.desk_now()
    for person in body.named:
        desk.person(person)
        must_work(Assignee(person=person), desk)
    if not body.dry_run:
        return await ask(me, BulkAssign.NAME, AssignmentsAsked(**body.model_dump(exclude={"dry_run"})))
    plan = await anyio.to_thread.run_sync(_plan, me, body)
    return Response(to_json(plan), media_type="application/json")


@router.post(
    "/bulk/{bulk_id}/undo",
    status_code=202,
    response_model=JobView,
    responses=problems(UnknownJob, BulkNotUndoable, NotAllowed, TooManyJobs, CommandIdReused),
)
async def undo_many(bulk_id: BulkId, me: Caller = needs(Permission.TICKET_BULK)) -> Response:
    """Make every ticket of a bulk change what it was, but for those that somebody has changed since (`changed_since`). Needs `ticket.undo` too."""
    me.require(Permission.TICKET_UNDO)
    must_be_undoable(await anyio.to_thread.run_sync(find, me, bulk_id))
    return await ask(me, BulkUndo.NAME, UndoAsked(bulk_id=bulk_id))


async def _must_be_allowed(me: Caller, actions: Iterable[Action]) -> None:
    """By the role and within the scopes of the key, which a job does not know."""
    context = {**me.context(), "number": "0"}
    for action in actions:
        me.require(decider(action.command(context))[1])
        if isinstance(action, SetRequester) and action.requester_id is not None:
            await must_know_requester(me, action.requester_id)


async def _at_once(me: Caller, bulk_id: UUID, body: BulkAsked) -> list[Item]:
    """Do it now, as a job of our own: if we die, a worker finishes it."""
    desk, asker = me.services.desk, uuid4()
    wanted = body.model_dump(mode="json")
    new = await jobs_at_once.begin(desk.vault, bulk_id, me.workspace_id, Bulk.NAME, me.actor, wanted, asker, me.within)
    if not new and (before := await anyio.to_thread.run_sync(_items, me, bulk_id)):
        return before
    context = me.context() | {"command_id": bulk_id, "correlation_id": bulk_id, "expected_version": None}
    items = await done(desk, context, body, body.numbers or ())
    if new:
        await jobs_at_once.finish(desk.vault, bulk_id, me.workspace_id, asker, items)
    return items


def _items(me: Caller, bulk_id: UUID) -> list[Item]:
    """What came of it the first time; nothing while it goes on."""
    states = ["done", "failed"]
    with me.services.reading(me.workspace_id) as db:
        found = jobs.items(db, me.workspace_id, bulk_id, 0, states, selection.MOST_NAMED)
    return [Item(each["item"], each["state"], each["code"], each["detail"]) for each in found]


def _told(bulk_id: UUID, items: list[Item]) -> BulkDone:
    results = [_outcome(item) for item in items]
    failed = sum(result.state == "failed" for result in results)
    return BulkDone(bulk_id=bulk_id, done=len(results) - failed, failed=failed, results=results)


def _outcome(item: Item) -> TicketOutcome:
    detail = item.detail or {}
    sentence = detail["errors"][0]["reason"] if item.state == "failed" else None
    version = detail.get("version")
    return TicketOutcome(number=item.item, state=item.state, code=item.code, sentence=sentence, version=version)


def _plan(me: Caller, body: AssignmentsBody) -> AssignmentPlan:
    meant = selection.where(body, me.workspace_id, me.actor, me.desk, me.services.desk.clock())
    with reading(me) as db:
        statement = SQL("SELECT count(*) FROM desk.ticket_list WHERE {}").format(meant.text)
        row = db.execute(statement, meant.values).fetchone()
    matching = int(row[0]) if row else 0
    each = body.planned(matching)
    total = sum(tickets for _, tickets in each)
    shares = [Share(person=person, tickets=tickets) for person, tickets in each]
    return AssignmentPlan(matching=matching, total=total, each=shares, remaining=matching - total)
