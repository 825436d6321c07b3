"""Requesters: the customers that tickets are for."""

from typing import Any
from uuid import UUID, uuid5

from fastapi import Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.bodies import ReasonBody, RequesterBody, RequesterChanges
from api.known import requester_of
from api.problems import problems
from api.versions import etag
from domain.catalogue import shown
from domain.errors import CommandIdReused, VersionConflict
from domain.permissions import Permission
from domain.requester import (
    ChangeRequester,
    EraseRequester,
    RegisterRequester,
    RequesterErased,
    RequesterExists,
    UnknownRequester,
)
from eventstore.erasure import erase

router = routing.router("requesters")

_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented() | problems(UnknownRequester, RequesterErased, VersionConflict, CommandIdReused),
}


class RequesterView(BaseModel):
    """A requester; everything but the id is null once erased."""

    id: UUID
    name: str | None
    email: str | None
    phone: str | None
    erased: bool = Field(description="Whether they were deleted for ever.")
    version: int


@router.post(
    "/requesters",
    status_code=201,
    response_model=Changed,
    openapi_extra=CHANGES,
    responses=documented(201) | problems(RequesterExists, VersionConflict, CommandIdReused),
)
async def register_requester(body: RequesterBody, me: Caller = needs(Permission.REQUESTER_EDIT)) -> Response:
    """Make a customer known."""
    context = me.context()
    # Follows from the command, so that a repeat is about the same requester.
    requester = uuid5(context["command_id"], "requester")
    given = {"requester_name": body.name, "email": body.email, "phone": body.phone}
    receipt = await me.execute(RegisterRequester(**context, requester_id=requester, **given))
    return changed(receipt, status=201, location=f"/api/v1/requesters/{requester}")


@router.get("/requesters/{requester_id}", responses=problems(UnknownRequester))
async def read_requester(
    requester_id: UUID, response: Response, me: Caller = needs(Permission.REQUESTER_VIEW)
) -> RequesterView:
    """One customer."""
    loaded = await requester_of(me, requester_id)
    response.headers["ETag"] = etag(loaded.version)
    state = loaded.state
    return RequesterView(
        id=requester_id,
        name=shown(state.requester_name),
        email=shown(state.email),
        phone=shown(state.phone),
        erased=state.erasing,
        version=loaded.version,
    )


@router.patch("/requesters/{requester_id}", **_CHANGES)
async def change_requester(
    requester_id: UUID, body: RequesterChanges, me: Caller = needs(Permission.REQUESTER_EDIT)
) -> Response:
    """Change what is known of a customer; what is left out stays."""
    await requester_of(me, requester_id)
    given = {"requester_name": body.name, "email": body.email, "phone": body.phone}
    return changed(await me.execute(ChangeRequester(**me.context(), requester_id=requester_id, **given)))


@router.delete("/requesters/{requester_id}", **_CHANGES)
async def delete_requester(
    requester_id: UUID, body: ReasonBody, me: Caller = needs(Permission.REQUESTER_ERASE)
) -> Response:
    """Forget a customer for ever."""
    await requester_of(me, requester_id)
    command = EraseRequester(**me.context(), requester_id=requester_id, reason=body.reason)
    return changed(await me.explaining(command, erase(me.services.desk, command)))
