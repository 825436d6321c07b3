"""Background jobs: exports and imports asked for, watched, cancelled, and what came of them (C3, C5, C6)."""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import anyio.to_thread
from fastapi import Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from starlette.requests import ClientDisconnect

from api import routing
from api.answers import text
from api.auth import Caller, needs
from api.problems import ProblemResponse, problems
from domain.errors import CommandIdReused, InvalidInput, NotAllowed, Refusal
from domain.event import Actor
from domain.permissions import Permission
from eventstore import job_files, jobs
from eventstore.files.errors import UploadInterrupted
from eventstore.identifiers import uuid7
from eventstore.job_files import FileTooLarge, UnknownFile
from eventstore.jobs import ItemState, State, TooManyJobs, UnknownJob
from processors.jobs import export_rows
from processors.jobs.export_rows import UnknownColumn
from processors.jobs.exports import MEDIA_TYPES, ExportAsked
from processors.jobs.import_mapping import ImportAsked, MappingIncomplete, UnknownTarget
from processors.jobs.runner import KINDS
from processors.jobs.sheet_writers import harmless

router = routing.router("jobs")

JobId = Annotated[UUID, Path(examples=["018f0000-0000-7000-8000-000000000001"])]
# How often one who waits for a job looks at it, in seconds.
LOOK = 0.25
ENDED = frozenset({"done", "failed", "cancelled"})
NEEDS: Mapping[str, tuple[Permission, ...]] = {kind.NAME: kind.NEEDS for kind in KINDS}
_BINARY = {"type": "string", "format": "binary"}
_BYTES: dict[str, Any] = {
    "requestBody": {
        "description": "The table's bytes, as they are.",
        "content": {"application/octet-stream": {"schema": _BINARY}},
    }
}

_FILES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {kind: {"schema": _BINARY} for kind in MEDIA_TYPES.values()}}
}


class NoFileYet(Refusal):
    """The job has made no file, or never will."""

    code = "no_file_yet"
    sentence = "Job {job} is {state} and has no file. Ask for it once it is done."


class JobView(BaseModel):
    """A job: what was asked, how far it is, what came of it."""

    job_id: UUID
    kind: str = Field(examples=["export"])
    state: State
    asked_by: Actor
    asked_at: datetime
    parameters: dict[str, Any]
    total: int | None = Field(description="Of tickets or rows; null while it is not known.")
    done: int
    failed: int
    skipped: int
    cancel_requested: bool
    error_code: str | None = Field(description="Why it failed, for programs.")
    error: str | None = Field(description="Why it failed, for people.")
    result: dict[str, Any] | None
    started_at: datetime | None
    finished_at: datetime | None
    position: int | None = Field(
        description="In the log, at its end; give it to reads as min_position to see all that it did. Null until then."
    )
    has_file: bool = Field(description="Whether GET /jobs/{id}/file answers a file.")


class JobPage(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobView]
    next: str | None = Field(description="Send it as `after` to get the next page; null on the last.")


class ItemView(BaseModel):
    """What came of one ticket, or of one row of a file."""

    place: int
    item: str = Field(description="Number of the ticket, or of the row as a spreadsheet counts.")
    state: ItemState
    code: str | None
    detail: dict[str, Any]


class ItemPage(BaseModel):
    """What came of tickets or rows, in order."""

    items: list[ItemView]
    next: int | None = Field(description="Send it as `after` to get the next page; null on the last.")


class Sent(BaseModel):
    """A file for an import is kept for a week, for you alone."""

    file_id: UUID
    size: int = Field(description="In bytes.")


@router.post(
    "/exports",
    status_code=202,
    response_model=JobView,
    responses=problems(UnknownColumn, TooManyJobs, CommandIdReused, NotAllowed),
)
async def export(body: ExportAsked, me: Caller = needs(Permission.EXPORT)) -> Response:
    """Write rows of what you may see into a file (C5); that you did is in the history before you can have it. Needs `ticket.view` too, of events `events.view`, for columns of customers `requester.view`.

    In CSV an apostrophe goes before text that begins with = + - @, so that no spreadsheet takes it for a formula.
    Confidential fields and redacted messages are never in it; of events only their structure is.
    """
    me.require(body.needs)
    for needed in export_rows.needed(body.what, body.columns):
        me.require(needed)
    return await ask(me, "export", body)


@router.post(
    "/import-files",
    status_code=201,
    openapi_extra=_BYTES,
    response_model=Sent,
    responses=problems(UploadInterrupted, FileTooLarge, NotAllowed),
)
async def send_file(request: Request, me: Caller = needs(Permission.IMPORT)) -> Sent | Response:
    """Send a table (CSV, XLSX, JSON Lines) to import, as often as you like."""
    length, file_id = request.headers.get("content-length", ""), uuid7()
    if length.isdigit() and int(length) > job_files.LARGEST_UPLOAD:
        raise FileTooLarge(most=job_files.LARGEST_UPLOAD)
    kept = (me.services.desk.vault, file_id, me.workspace_id, me.actor.id, "import")
    try:
        return Sent(file_id=file_id, size=await job_files.take(*kept, _body(request)))
    except FileTooLarge as error:
        # Sent without a length, it may never end.
        return ProblemResponse(error, headers={"Connection": "close"})


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect:
        raise UploadInterrupted() from None


@router.post(
    "/imports",
    status_code=202,
    response_model=JobView,
    responses=problems(UnknownFile, UnknownTarget, MappingIncomplete, TooManyJobs, CommandIdReused, NotAllowed),
)
async def import_(body: ImportAsked, me: Caller = needs(Permission.IMPORT)) -> Response:
    """Make a ticket of each row of a file that you sent (C6); rows that were imported before are skipped.

    A row is known by the column that is mapped to `key`, or else to `number`, or else by its place in the file.
    """
    body.check()

    def stored() -> None:
        with me.services.reading(me.workspace_id) as db:
            job_files.stored(db, me.workspace_id, body.file_id, me.actor.id)

    await anyio.to_thread.run_sync(stored)
    return await ask(me, "import", body)


async def ask(me: Caller, kind: str, body: BaseModel) -> Response:
    """Have it done in the background; the job that answers for it."""
    job_id, wanted = me.command_id(), body.model_dump(mode="json")
    await jobs.ask(me.services.desk.vault, job_id, me.workspace_id, kind, me.actor, wanted, me.within)
    job = await anyio.to_thread.run_sync(find, me, job_id)
    return Response(to_json(job), 202, {"Location": f"{routing.PREFIX}/jobs/{job_id}"}, "application/json")


@router.get("/jobs", response_model=JobPage, responses=problems(InvalidInput))
def list_jobs(
    me: Caller = needs(),
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Your jobs, and those of the kinds that you may ask for yourself, newest first."""
    kinds = [kind for kind in NEEDS if _may_watch(me, kind)]
    before = _opened(after) if after else None
    with me.services.reading(me.workspace_id) as db:
        found = jobs.page(db, me.workspace_id, me.actor, kinds, before, limit + 1)
    shown = [_shown(job) for job in found[:limit]]
    following = _cursor(shown[-1]) if len(found) > limit else None
    return Response(to_json({"jobs": shown, "next": following}), media_type="application/json")


@router.get("/jobs/{job_id}", response_model=JobView, responses=problems(UnknownJob))
async def read_job(
    job_id: JobId,
    me: Caller = needs(),
    wait: Annotated[
        float, Query(ge=0, le=15, description="Answer once it has come further, or after so many seconds.")
    ] = 0,
) -> Response:
    """A job: how far it is, and what came of it."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + wait
    job = first = await anyio.to_thread.run_sync(find, me, job_id)
    while job == first and job["state"] not in ENDED and clock() < deadline:
        await asyncio.sleep(min(LOOK, deadline - clock()))
        job = await anyio.to_thread.run_sync(find, me, job_id)
    return Response(to_json(job), media_type="application/json")


@router.get("/jobs/{job_id}/items", response_model=ItemPage, responses=problems(UnknownJob))
def read_items(
    job_id: JobId,
    me: Caller = needs(),
    state: Annotated[list[ItemState] | None, Query(max_length=3, description="All, if left out.")] = None,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """What came of each ticket or row."""
    find(me, job_id)
    with me.services.reading(me.workspace_id) as db:
        found = jobs.items(db, me.workspace_id, job_id, after, state or ["done", "failed", "skipped"], limit + 1)
    shown = found[:limit]
    following = shown[-1]["place"] if len(found) > limit else None
    return Response(to_json({"items": shown, "next": following}), media_type="application/json")


@router.get(
    "/jobs/{job_id}/errors",
    response_class=Response,
    responses=text("text/csv", "Row, column, code and reason of what was refused.") | problems(UnknownJob),
)
def read_errors(job_id: JobId, me: Caller = needs()) -> Response:
    """What was refused, by row and column, as CSV."""
    find(me, job_id)
    named = {"Content-Disposition": 'attachment; filename="errors.csv"'}
    return StreamingResponse(_errors(me, job_id), headers=named, media_type="text/csv; charset=utf-8")


@router.post("/jobs/{job_id}/cancel", response_model=JobView, responses=problems(UnknownJob, NotAllowed))
async def cancel_job(job_id: JobId, me: Caller = needs()) -> Response:
    """End the job between two steps; what it has done stays. Nothing happens to one that has ended. Needs what asking for it needs."""
    job = await anyio.to_thread.run_sync(find, me, job_id)
    if job["kind"] in NEEDS:
        me.require(*NEEDS[job["kind"]])
    await jobs.cancel(me.services.desk.vault, job_id, me.workspace_id)
    job = await anyio.to_thread.run_sync(find, me, job_id)
    return Response(to_json(job), media_type="application/json")


@router.get(
    "/jobs/{job_id}/file",
    response_class=Response,
    responses=_FILES | problems(UnknownJob, NoFileYet, NotAllowed),
)
def read_file(job_id: JobId, me: Caller = needs()) -> Response:
    """The file that an export made, for whoever asked for it and may still export."""
    job = find(me, job_id)
    # Another's may have rows that are out of the caller's reach.
    if Actor(**job["asked_by"]) != me.actor:
        raise UnknownJob(job=job_id)
    if not job["has_file"]:
        raise NoFileYet(job=job_id, state=job["state"])
    me.require(*NEEDS[job["kind"]])
    with me.services.reading(me.workspace_id) as db:
        file = job_files.stored(db, me.workspace_id, job_id)
    headers = {
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "Content-Length": str(file.size),
        "Content-Security-Policy": "sandbox",
    }
    return StreamingResponse(_chunks(me, job_id), headers=headers, media_type=file.media_type)


def find(me: Caller, job_id: UUID) -> dict[str, Any]:
    """The job, or UnknownJob also where the caller may not know of it."""
    with me.services.reading(me.workspace_id) as db:
        job = _shown(jobs.find(db, me.workspace_id, job_id))
    if Actor(**job["asked_by"]) != me.actor and not _may_watch(me, job["kind"]):
        raise UnknownJob(job=job_id)
    return job


def _may_watch(me: Caller, kind: str) -> bool:
    """Whether others' jobs of the kind are shown: their items name tickets, which may be out of the caller's reach."""
    return me.reach is None and not me.permissions.isdisjoint(NEEDS.get(kind, ()))


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    return job | {"has_file": job["has_file"] and job["state"] == "done"}


def _chunks(me: Caller, file_id: UUID) -> Iterator[bytes]:
    place = 0
    while True:
        # Each in a transaction of its own: who reads slowly must not hold one open.
        with me.services.reading(me.workspace_id) as db:
            data = job_files.chunk(db, me.workspace_id, file_id, place)
        if data is None:
            return
        yield data
        place += 1


def _errors(me: Caller, job_id: UUID) -> Iterator[str]:
    yield "row,column,code,reason\r\n"
    after = 0
    while True:
        with me.services.reading(me.workspace_id) as db:
            found = jobs.items(db, me.workspace_id, job_id, after, ["failed"], 1000)
        yield "".join(map(_error_lines, found))
        if not found:
            return
        after = found[-1]["place"]


def _error_lines(item: Mapping[str, Any]) -> str:
    wrong = item["detail"].get("errors") or [{"column": None, "reason": ""}]
    lines = ([item["item"], each["column"], item["code"], each["reason"]] for each in wrong)
    return "".join(",".join(map(_cell, line)) + "\r\n" for line in lines)


def _cell(value: Any) -> str:
    return '"' + harmless(value).replace('"', '""') + '"'


def _cursor(job: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(to_json([job["asked_at"], job["job_id"]])).decode().rstrip("=")


_CURSOR = TypeAdapter(tuple[AwareDatetime, UUID])


def _opened(cursor: str) -> tuple[datetime, UUID]:
    try:
        return _CURSOR.validate_python(from_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
    except (ValidationError, binascii.Error, ValueError):
        raise InvalidInput(field="after", reason="is not a cursor of this list; begin without it") from None
