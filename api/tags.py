"""Known tags with their colours (B4)."""

from typing import Any

from fastapi import Response
from pydantic import BaseModel

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.problems import problems
from api.setup_bodies import MergingBody, RenamingBody, TagBody
from api.workspace import catalogue_now
from domain.errors import CommandIdReused, InvalidInput, VersionConflict
from domain.permissions import Permission
from domain.setup.tags import MergeTags, RenameTag, RetireTag, SetTag
from domain.values import Tag
from domain.workspace import AlreadyThere

router = routing.router("tags")

_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented() | problems(AlreadyThere, InvalidInput, VersionConflict, CommandIdReused),
}


class TagView(BaseModel):
    """A tag that is offered; tickets may have others too."""

    tag: str
    colour: str | None
    active: bool


@router.get("/tags")
async def list_tags(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[TagView]:
    """The tags that are known, with those that are offered no longer."""
    desk = await catalogue_now(me, response)
    return [TagView(tag=tag.name, colour=tag.colour, active=tag.active) for tag in desk.tags.values()]


@router.post("/tags", **_CHANGES)
async def set_tag(body: TagBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Make a tag known, or give it another colour."""
    return changed(await me.execute(SetTag(**me.context(), **dict(body))))


@router.post("/tags/renaming", **_CHANGES)
async def rename_tag(body: RenamingBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Give a tag another name, wherever it is."""
    return changed(await me.execute(RenameTag(**me.context(), **dict(body))))


@router.post("/tags/merging", **_CHANGES)
async def merge_tags(body: MergingBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Make several tags one, wherever they are."""
    return changed(await me.execute(MergeTags(**me.context(), **dict(body))))


@router.delete("/tags/{tag:path}", **_CHANGES)
async def retire_tag(tag: Tag, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Offer the tag no longer; where it is, it stays."""
    return changed(await me.execute(RetireTag(**me.context(), tag=tag)))
