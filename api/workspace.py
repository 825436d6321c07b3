"""What a workspace has set up: statuses and categories."""

from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.bodies import CategoryBody
from api.problems import problems
from api.setup_bodies import MovesBody, NewStatusBody, OrderBody, Reasons, StatusTitleBody
from api.versions import etag
from domain.catalogue import Catalogue
from domain.errors import CommandIdReused, InvalidInput, UnknownStatus, VersionConflict
from domain.permissions import Permission
from domain.setup.statuses import (
    AllowMoves,
    OnlyStatusOfItsKind,
    OrderStatuses,
    RenameStatus,
    RestoreStatus,
    RetireStatus,
)
from domain.setup.uses import StillInUse
from domain.values import Key, StatusKind
from domain.workspace import AddCategory, AddStatus, AlreadyThere

router = routing.router("workspace")

SETS_UP: dict[str, Any] = {
    "status_code": 201,
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented(201) | problems(AlreadyThere, VersionConflict, CommandIdReused),
}


_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented()
    | problems(UnknownStatus, OnlyStatusOfItsKind, StillInUse, InvalidInput, VersionConflict, CommandIdReused),
}


class WorkspaceView(BaseModel):
    """The workspace that your credentials belong to."""

    id: UUID
    slug: str
    title: str
    version: int


class StatusView(BaseModel):
    """A status, and those that may follow it."""

    key: str
    title: str
    kind: StatusKind
    next: list[str] = Field(description="Keys of the statuses that a ticket can go to from here.")
    active: bool = Field(description="Whether tickets can be put into it.")


async def catalogue_now(me: Caller, response: Response) -> Catalogue:
    """The workspace as the log has it now; its version becomes the ETag."""
    loaded = await me.services.desk.state(me.workspace_id, "workspace", me.workspace_id)
    response.headers["ETag"] = etag(loaded.version)
    desk: Catalogue = loaded.state
    return desk


@router.get("/workspace")
async def read_workspace(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> WorkspaceView:
    """The workspace."""
    loaded = await me.services.desk.state(me.workspace_id, "workspace", me.workspace_id)
    response.headers["ETag"] = etag(loaded.version)
    desk = loaded.state
    return WorkspaceView(id=me.workspace_id, slug=desk.slug, title=desk.name, version=loaded.version)


@router.get("/statuses")
async def list_statuses(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[StatusView]:
    """The life cycle."""
    desk = await catalogue_now(me, response)
    return [
        StatusView(key=s.key, title=s.name, kind=s.kind, next=[n.key for n in desk.next_statuses(s)], active=s.active)
        for s in desk.statuses.values()
    ]


@router.post("/statuses", **SETS_UP)
async def add_status(body: NewStatusBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Name a further status."""
    return changed(await me.execute(AddStatus(**me.context(), **dict(body))), status=201)


@router.put("/statuses/order", **_CHANGES)
async def order_statuses(body: OrderBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Put the statuses into this order; the first of a kind is taken where only the kind is said."""
    return changed(await me.execute(OrderStatuses(**me.context(), **dict(body))))


@router.patch("/statuses/{key}", **_CHANGES)
async def rename_status(key: Key, body: StatusTitleBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Call the status something else."""
    return changed(await me.execute(RenameStatus(**me.context(), key=key, **dict(body))))


@router.put("/statuses/{key}/moves", **_CHANGES)
async def allow_moves(key: Key, body: MovesBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Say which statuses may follow this one (A6)."""
    return changed(await me.execute(AllowMoves(**me.context(), key=key, **dict(body))))


@router.put("/statuses/{key}/retired", **_CHANGES)
async def retire_status(key: Key, body: Reasons, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Put no further ticket into the status; those that are in it stay."""
    return changed(await me.execute(RetireStatus(**me.context(), key=key, **dict(body))))


@router.delete("/statuses/{key}/retired", **_CHANGES)
async def restore_status(key: Key, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Use the status again."""
    return changed(await me.execute(RestoreStatus(**me.context(), key=key)))


@router.get("/categories")
async def list_categories(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[list[str]]:
    """The category tree, as paths."""
    desk = await catalogue_now(me, response)
    return [list(path) for path in sorted(desk.categories)]


@router.post("/categories", **SETS_UP)
async def add_category(body: CategoryBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Add a path to the category tree."""
    return changed(await me.execute(AddCategory(**me.context(), path=body.path)), status=201)
