"""Macros and canned replies (B9)."""

from typing import Any

from fastapi import Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.problems import problems
from api.setup_bodies import CannedReplyBody, MacroBody, Reasons
from api.workspace import catalogue_now
from domain.errors import CommandIdReused, VersionConflict
from domain.permissions import Permission
from domain.setup.macros import (
    RetireCannedReply,
    RetireMacro,
    SetCannedReply,
    SetMacro,
    UnknownCannedReply,
    UnknownMacro,
)
from domain.values import Key

router = routing.router("macros")

_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented() | problems(UnknownMacro, UnknownCannedReply, VersionConflict, CommandIdReused),
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
    """Make a macro, or change it."""
    return changed(await me.execute(SetMacro(**me.context(), key=key, **dict(body))))


@router.put("/macros/{key}/retired", **_CHANGES)
async def retire_macro(key: Key, body: Reasons, me: Caller = needs(Permission.RULE_EDIT)) -> Response:
    """Offer the macro no longer."""
    return changed(await me.execute(RetireMacro(**me.context(), key=key, **dict(body))))


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
    """Make a canned reply, or change it."""
    return changed(await me.execute(SetCannedReply(**me.context(), key=key, **dict(body))))


@router.put("/canned-replies/{key}/retired", **_CHANGES)
async def retire_canned_reply(key: Key, me: Caller = needs(Permission.RULE_EDIT)) -> Response:
    """Offer the canned reply no longer."""
    return changed(await me.execute(RetireCannedReply(**me.context(), key=key)))
