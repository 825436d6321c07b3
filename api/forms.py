"""Custom fields, and the forms made of them (B2, B3)."""

from typing import Annotated, Any

from fastapi import Path, Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.form_bodies import FieldBody, TemplateBody, parts
from api.problems import problems
from api.setup_bodies import Reasons
from api.workspace import catalogue_now
from domain.conditions import InvalidCondition
from domain.errors import CommandIdReused, VersionConflict
from domain.forms import CustomField, FieldDefinition, InvalidForm, Template, Use
from domain.permissions import Permission
from domain.rulebook import UnknownSetup
from domain.setup import forms as f
from domain.setup.uses import StillInUse
from domain.values import Key

router = routing.router("forms")

FieldKey = Annotated[Key, Path(examples=["site"])]
TemplateKey = Annotated[Key, Path(examples=["incident"])]
SETS: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented()
    | problems(UnknownSetup, StillInUse, InvalidForm, InvalidCondition, VersionConflict, CommandIdReused),
}


class TemplateView(BaseModel):
    """A form as it is now."""

    key: str
    title: str
    version: int
    uses: tuple[Use, ...]
    retired: bool = Field(description="Whether tickets no longer begin with it.")


class OpeningForm(BaseModel):
    """What is filled in to open a ticket of a type."""

    type: str
    title: str
    fields: list[CustomField]


@router.get("/fields")
async def list_fields(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[CustomField]:
    """The custom fields."""
    return list((await catalogue_now(me, response)).fields.values())


@router.put("/fields/{key}", **SETS)
async def set_field(key: FieldKey, body: FieldBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Set up a custom field or change it; forms with it get a new version, and tickets keep theirs (B12)."""
    return changed(await me.execute(f.SetField(**me.context(), key=key, **parts(body, FieldDefinition))))


@router.put("/fields/{key}/retired", **SETS)
async def retire_field(key: FieldKey, body: Reasons, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Take no more values for the field; what tickets have stays."""
    return changed(await me.execute(f.RetireField(**me.context(), key=key, **dict(body))))


@router.get("/templates")
async def list_templates(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[TemplateView]:
    """The forms, in their newest versions."""
    newest = (versions[-1] for versions in (await catalogue_now(me, response)).templates.values())
    return [TemplateView(**dict(template)) for template in newest]


@router.get("/templates/{key}/versions", responses=problems(UnknownSetup))
async def list_template_versions(
    key: TemplateKey, response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)
) -> list[Template]:
    """Every version of a form, with its fields as they were then."""
    desk = await catalogue_now(me, response)
    return list(desk.templates[desk.template(key).key])


@router.put("/templates/{key}", **SETS)
async def set_template(key: TemplateKey, body: TemplateBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Set up a form or change it: a new version, with which new tickets begin."""
    return changed(await me.execute(f.SetTemplate(**me.context(), key=key, **dict(body))))


@router.put("/templates/{key}/retired", **SETS)
async def retire_template(key: TemplateKey, body: Reasons, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Let no more tickets begin with the form."""
    return changed(await me.execute(f.RetireTemplate(**me.context(), key=key, **dict(body))))


@router.get("/forms")
async def list_forms(response: Response, me: Caller = needs(Permission.TICKET_OPEN)) -> list[OpeningForm]:
    """The types that a ticket can be opened with, each with the fields to fill in; requesters see none that is internal."""
    desk = await catalogue_now(me, response)
    hidden = desk.internal_fields if me.actor.kind == "requester" else frozenset()
    found = []
    for key, each in desk.types.items():
        if not each.retired:
            template, _ = desk.pinned_for(key, ())
            form = desk.form_of(asked=template).fields.values() if template else ()
            fields = [field for field in form if field.key not in hidden]
            found.append(OpeningForm(type=key, title=each.title, fields=fields))
    return found
