"""Macros and canned replies (B9)."""

from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field, ValidationError

from api import routing
from api.acting import acted
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.known import ticket_seen
from api.problems import problems
from api.setup_bodies import CannedReplyBody, MacroBody, Reasons
from api.ticket_changes import TicketNumber, changes
from api.workspace import catalogue_now
from domain.actions import ACTIONS
from domain.errors import CommandIdReused, InvalidInput, VersionConflict
from domain.macros import filled, rendered
from domain.permissions import Permission
from domain.requester import Requester
from domain.setup.macros import (
    RetireCannedReply,
    RetireMacro,
    SetCannedReply,
    SetMacro,
    UnknownCannedReply,
    UnknownMacro,
    canned_reply,
    macro,
)
from domain.setup.uses import StillInUse
from domain.ticket.state import Ticket, UnknownTicket
from domain.values import Key
from domain.variables import values_for

router = routing.router("macros")

_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented()
    | problems(UnknownMacro, UnknownCannedReply, StillInUse, VersionConflict, CommandIdReused),
}


class MacroView(BaseModel):
    """Several actions, done as one."""

    key: str
    title: str
    actions: list[dict[str, Any]]
    active: bool


class CannedReplyView(BaseModel):
    """A text that agents begin an answer with."""

    key: str
    title: str
    body: str = Field(description="With variables such as {{ticket.number}}.")
    active: bool


@router.get("/macros")
async def list_macros(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[MacroView]:
    """The macros, with those that are offered no longer."""
    desk = await catalogue_now(me, response)
    return [MacroView(key=m.key, title=m.title, actions=m.actions, active=m.active) for m in desk.macros.values()]


@router.put("/macros/{key}", **_CHANGES)
async def set_macro(key: Key, body: MacroBody, me: Caller = needs(Permission.RULE_EDIT)) -> Response:
    """Make a macro, or change it. One that rules run needs what its actions need too, as if the rules were changed."""
    return changed(await me.execute(SetMacro(**me.context(), key=key, **dict(body))))


@router.put("/macros/{key}/retired", **_CHANGES)
async def retire_macro(key: Key, body: Reasons, me: Caller = needs(Permission.RULE_EDIT)) -> Response:
    """Offer the macro no longer."""
    return changed(await me.execute(RetireMacro(**me.context(), key=key, **dict(body))))


@router.post("/tickets/{number}/macros/{key}", **changes(UnknownMacro, InvalidInput))
async def run_macro(number: TicketNumber, key: Key, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> Response:
    """Do all that the macro says, or nothing of it; each action needs its own permission."""
    actions = macro(await me.desk_now(), key).actions
    try:
        rendered_actions = ACTIONS.validate_python(filled(actions, await _values(me, number)))
    except ValidationError:
        reason = "one of its texts comes out empty or too long for this ticket"
        raise InvalidInput(field="macro", reason=reason) from None
    return await acted(me, number, rendered_actions)


class RenderedReply(BaseModel):
    """A canned reply for one ticket, to go on writing from."""

    body: str


@router.get("/tickets/{number}/canned-replies/{key}", responses=problems(UnknownTicket, UnknownCannedReply))
async def render_canned_reply(
    number: TicketNumber, key: Key, me: Caller = needs(Permission.WORKSPACE_VIEW)
) -> RenderedReply:
    """The canned reply with its variables filled in for the ticket."""
    reply = canned_reply(await me.desk_now(), key)
    return RenderedReply(body=rendered(reply.body, await _values(me, number)))


async def _values(me: Caller, number: str) -> dict[str, str]:
    """What the variables stand for, on a ticket that the caller may see; UnknownTicket otherwise."""
    ticket: Ticket = (await ticket_seen(me, number)).state
    return values_for(ticket, me.desk, await _requester(me, ticket.requester_id), me.desk.people.get(me.id))


async def _requester(me: Caller, requester: UUID | None) -> Requester | None:
    if requester is None:
        return None
    state = (await me.services.desk.recalled(me.workspace_id, "requester", requester)).state
    return state if isinstance(state, Requester) else None


@router.get("/canned-replies")
async def list_canned_replies(
    response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)
) -> list[CannedReplyView]:
    """The canned replies, with those that are offered no longer."""
    desk = await catalogue_now(me, response)
    return [
        CannedReplyView(key=reply.key, title=reply.title, body=reply.body, active=reply.active)
        for reply in desk.canned_replies.values()
    ]


@router.put("/canned-replies/{key}", **_CHANGES)
async def set_canned_reply(key: Key, body: CannedReplyBody, me: Caller = needs(Permission.RULE_EDIT)) -> Response:
    """Make a canned reply, or change it. One that rules send needs `ticket.reply` too, and the reach of every ticket."""
    return changed(await me.execute(SetCannedReply(**me.context(), key=key, **dict(body))))


@router.put("/canned-replies/{key}/retired", **_CHANGES)
async def retire_canned_reply(key: Key, me: Caller = needs(Permission.RULE_EDIT)) -> Response:
    """Offer the canned reply no longer."""
    return changed(await me.execute(RetireCannedReply(**me.context(), key=key)))
