"""Drafts (保存工单, A2): tickets that only their author sees until they are submitted."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import anyio.to_thread
import psycopg
from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api import routing
from api.answers import CHANGES, TicketChanged, changed, documented
from api.auth import Caller, needs
from api.bodies import Body
from api.errors import NotCaughtUp, ReadModelMissing
from api.following import reached
from api.known import must_know_requester
from api.picking import picked_at_first
from api.problems import problems
from api.ticket_bodies import OpenBody, Uploads
from api.ticket_changes import TicketNumber, changes, done, uploaded
from api.versions import etag
from domain.errors import (
    CommandIdReused,
    InvalidInput,
    UnknownPerson,
    UnknownRole,
    UnknownStatus,
    UnknownTeam,
    VersionConflict,
)
from domain.ids import ticket_id
from domain.permissions import Permission
from domain.requester import UnknownRequester
from domain.ticket.drafting import DiscardDraft, DraftIncomplete, DraftTicket, SubmitDraft, must_be_their_draft
from domain.ticket.state import Ticket, UnknownTicket
from domain.values import OneLine
from eventstore.erasure import erase
from eventstore.files.errors import UploadInvalid
from eventstore.streams import Loaded
from projections import ticket_drafts

router = routing.router("drafts")


class DraftBody(OpenBody):
    """A ticket as far as it is written; all of it, each time. Files come with the submission."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "打印机坏了", "tags": ["printer"]}]})

    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), OneLine] = ""
    number: None = Field(default=None, description="A draft gets the next free number.")
    uploads: tuple[()] = Field(default=(), description="Files are attached when it is submitted.")

    def form(self) -> dict[str, Any]:
        """What the command keeps of it."""
        return {name: value for name, value in self if name not in ("number", "uploads")}


class SubmitBody(Body):
    """What comes with the submission."""

    uploads: Uploads = ()


class DraftListed(BaseModel):
    """One of one's own drafts."""

    ticket_id: UUID
    number: str
    title: str
    saved_at: datetime


class DraftView(BaseModel):
    """A draft of one's own."""

    number: str
    version: int
    form: dict[str, Any] = Field(description="What was written, as it was sent; what was left out is not there.")


_FORM_REFUSALS = (DraftIncomplete, UnknownStatus, UnknownTeam, UnknownPerson, UnknownRole, UnknownRequester)


@router.post(
    "/drafts",
    status_code=201,
    response_model=TicketChanged,
    openapi_extra=CHANGES,
    responses=documented(201) | problems(InvalidInput, VersionConflict, CommandIdReused),
)
async def begin_draft(body: DraftBody, me: Caller = needs(Permission.TICKET_OPEN)) -> Response:
    """Keep a ticket that is not submitted yet, under the number that it will have."""
    receipt = await me.execute(DraftTicket(**me.context(), **body.form()))
    return changed(receipt, status=201, location=f"/api/v1/drafts/{receipt.number}", number=receipt.number)


@router.get("/drafts", responses=problems(NotCaughtUp, ReadModelMissing))
async def list_drafts(
    me: Caller = needs(Permission.TICKET_OPEN),
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    _: None = reached("ticket_drafts"),
) -> list[DraftListed]:
    """One's own drafts, the newest first."""
    found = await anyio.to_thread.run_sync(_drafts, me, limit)
    streams = await me.services.desk.streams.load_many(me.workspace_id, "ticket", [each.ticket_id for each in found])
    titles = {stream: _form(loaded.state).get("title", "") for stream, loaded in streams.items()}
    return [DraftListed(**each._asdict(), title=titles[each.ticket_id]) for each in found]


def _drafts(me: Caller, limit: int) -> list[ticket_drafts.Draft]:
    with me.services.reading(me.workspace_id) as db:
        try:
            return ticket_drafts.drafts(db, me.actor, limit)
        except psycopg.errors.UndefinedTable:
            raise ReadModelMissing() from None


@router.get("/drafts/{number}", responses=problems(UnknownTicket))
async def read_draft(number: TicketNumber, response: Response, me: Caller = needs(Permission.TICKET_OPEN)) -> DraftView:
    """A draft of one's own as it was last saved."""
    loaded = await _mine(me, number)
    response.headers["ETag"] = etag(loaded.version)
    response.headers["Cache-Control"] = "no-store"
    return DraftView(number=number, version=loaded.version, form=_form(loaded.state))


@router.put("/drafts/{number}", **changes(InvalidInput))
async def save_draft(number: TicketNumber, body: DraftBody, me: Caller = needs(Permission.TICKET_OPEN)) -> Response:
    """Save the draft as it is now, all of it."""
    return await done(me, DraftTicket(**me.context() | {"number": number}, **body.form()))


@router.post("/drafts/{number}/submission", **changes(*_FORM_REFUSALS, InvalidInput, UploadInvalid))
async def submit_draft(number: TicketNumber, body: SubmitBody, me: Caller = needs(Permission.TICKET_OPEN)) -> Response:
    """Open the ticket as it was drafted; refused where something is missing or wrong, as when opening one."""
    form, context = await _own_form(me, number), me.context()
    requester = me.id if me.actor.kind == "requester" else form.get("requester_id")
    if requester is not None:
        await must_know_requester(me, UUID(str(requester)))
    category = tuple(form.get("category", ()))
    pick = await picked_at_first(me, form.get("type"), category, context["command_id"])
    return await done(me, SubmitDraft(**context, number=number, pick=pick, attachments=uploaded(me, body.uploads)))


@router.delete("/drafts/{number}", **changes())
async def discard_draft(number: TicketNumber, me: Caller = needs(Permission.TICKET_OPEN)) -> Response:
    """Throw the draft away for ever; its number is not used again."""
    command = DiscardDraft(**me.context(), number=number)
    return changed(await me.explaining(command, erase(me.services.desk, command)), number=number)


async def _loaded(me: Caller, number: str) -> Loaded:
    return await me.services.desk.state(me.workspace_id, "ticket", ticket_id(me.workspace_id, number))


async def _mine(me: Caller, number: str) -> Loaded:
    loaded = await _loaded(me, number)
    must_be_their_draft(number, me.actor, loaded.state)
    return loaded


async def _own_form(me: Caller, number: str) -> dict[str, Any]:
    """What was written on the caller's draft; the decision says whose draft it is."""
    ticket: Ticket = (await _loaded(me, number)).state
    return _form(ticket) if ticket.drafted_by == me.actor else {}


def _form(ticket: Ticket) -> dict[str, Any]:
    return ticket.draft if isinstance(ticket.draft, dict) else {}
