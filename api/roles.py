"""Roles, the built-in ones and a workspace's own (B7)."""

from typing import Any

from fastapi import Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.problems import problems
from api.setup_bodies import CustomRoleBody, Reasons
from api.workspace import catalogue_now
from domain.errors import CommandIdReused, UnknownRole, VersionConflict
from domain.permissions import Permission
from domain.setup.roles import BuiltInRole, RetireRole, RoleInUse, SetRole
from domain.staff import BUILT_IN, Role, RoleTooWide
from domain.values import Key

router = routing.router("roles")

_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented()
    | problems(BuiltInRole, RoleInUse, RoleTooWide, UnknownRole, VersionConflict, CommandIdReused),
}


class RoleView(BaseModel):
    """A role; without types and categories it reaches every ticket."""

    key: str
    title: str
    permissions: list[Permission]
    types: list[str]
    categories: list[list[str]]
    built_in: bool
    active: bool = Field(description="Whether people can be given it.")


@router.get("/roles")
async def list_roles(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[RoleView]:
    """What people can be, and what each may do."""
    desk = await catalogue_now(me, response)
    return [_viewed(role) for role in (*BUILT_IN.values(), *desk.roles.values())]


def _viewed(role: Role) -> RoleView:
    return RoleView(
        key=role.key,
        title=role.name,
        permissions=sorted(role.permissions),
        types=sorted(role.scope.types),
        categories=sorted(map(list, role.scope.categories)),
        built_in=role.key in BUILT_IN,
        active=role.active,
    )


@router.put("/roles/{key}", **_CHANGES)
async def set_role(key: Key, body: CustomRoleBody, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """Make a role of your own, or change it: at most what you may do yourself."""
    for permission in body.permissions:
        me.require(permission)
    return changed(await me.execute(SetRole(**me.context(), key=key, **dict(body))))


@router.put("/roles/{key}/retired", **_CHANGES)
async def retire_role(key: Key, body: Reasons, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """Give the role to nobody any more."""
    return changed(await me.execute(RetireRole(**me.context(), key=key, **dict(body))))
