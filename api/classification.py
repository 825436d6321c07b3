"""Types of tickets, and what categories set (B1)."""

from typing import Annotated, Any

from fastapi import Path, Response

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.form_bodies import CategoryRetiredBody, CategorySettingsBody, TypeBody, parts
from api.problems import problems
from api.setup_bodies import Reasons
from api.workspace import catalogue_now
from domain.classification import CategoryDefinition, CategorySettings, TicketType, TypeDefinition
from domain.errors import CommandIdReused, InvalidInput, UnknownPerson, UnknownTeam, VersionConflict
from domain.permissions import Permission
from domain.rulebook import RetiredSetup, UnknownSetup
from domain.setup import classification as k
from domain.setup.uses import StillInUse
from domain.values import Key

router = routing.router("classification")

TypeKey = Annotated[Key, Path(examples=["incident"])]
_SETS: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented()
    | problems(
        UnknownSetup,
        RetiredSetup,
        StillInUse,
        UnknownTeam,
        UnknownPerson,
        InvalidInput,
        VersionConflict,
        CommandIdReused,
    ),
}


@router.get("/types")
async def list_types(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[TicketType]:
    """The types of tickets."""
    return list((await catalogue_now(me, response)).types.values())


@router.put("/types/{key}", **_SETS)
async def set_type(key: TypeKey, body: TypeBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Set up a type or change it; once there are types, new tickets are of one of them."""
    return changed(await me.execute(k.SetType(**me.context(), key=key, **parts(body, TypeDefinition))))


@router.put("/types/{key}/retired", **_SETS)
async def retire_type(key: TypeKey, body: Reasons, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Let no more tickets be of the type; those that are stay."""
    return changed(await me.execute(k.RetireType(**me.context(), key=key, **dict(body))))


@router.get("/categories/settings")
async def list_category_settings(
    response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)
) -> list[CategorySettings]:
    """What branches and leaves of the category tree set; those that set nothing are left out."""
    found = (await catalogue_now(me, response)).category_settings
    return [found[path] for path in sorted(found)]


@router.put("/categories/settings", **_SETS)
async def set_category(body: CategorySettingsBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Say what a category sets: the nearest one above a ticket decides, before its type; a new path is added."""
    return changed(await me.execute(k.SetCategory(**me.context(), **parts(body, CategoryDefinition))))


@router.put("/categories/retired", **_SETS)
async def retire_category(body: CategoryRetiredBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Let no more tickets be filed under the path; those that are there stay."""
    return changed(await me.execute(k.RetireCategory(**me.context(), **dict(body))))
