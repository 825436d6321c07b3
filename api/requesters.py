"""Requesters: the customers that tickets are for."""

from typing import Any
from uuid import UUID, uuid5

import anyio.to_thread
from fastapi import Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.bodies import LoginBody, ReasonBody
from api.errors import LoginTaken
from api.known import organisation_of, requester_of
from api.problems import problems
from api.requester_bodies import IntoBody, RequesterBody, RequesterChanges
from api.secrets import hash_password
from api.versions import etag
from domain.catalogue import shown
from domain.errors import CommandIdReused, InvalidInput, VersionConflict
from domain.organisation import UnknownOrganisation
from domain.permissions import Permission
from domain.requester import (
    GONE,
    ChangeRequester,
    EraseRequester,
    RegisterRequester,
    RequesterExists,
)
from domain.requester_ties import BlockRequester, MergeRequester, UnblockRequester, UndoRequesterMerge
from domain.values import Contact
from eventstore import requester_merging
from eventstore.erasure import erase

router = routing.router("requesters")

_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented() | problems(*GONE, UnknownOrganisation, InvalidInput, VersionConflict, CommandIdReused),
}


class RequesterView(BaseModel):
    """A requester; name, address, number and contacts are null once erased."""

    id: UUID
    name: str | None
    email: str | None
    phone: str | None
    contacts: list[Contact] | None
    tier: str | None
    plan: str | None
    organisation_id: UUID | None
    tags: list[str]
    blocked: bool = Field(description="Whether they can open no tickets.")
    merged_into: UUID | None = Field(description="Whom this record turned out to be.")
    absorbed: list[UUID] = Field(
        description="Records that turned out to be this customer; their tickets are theirs too."
    )
    erased: bool = Field(description="Whether they were deleted for ever.")
    version: int


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    return {"requester_name" if name == "name" else name: value for name, value in given.items()}


@router.post(
    "/requesters",
    status_code=201,
    response_model=Changed,
    openapi_extra=CHANGES,
    responses=documented(201) | problems(RequesterExists, UnknownOrganisation, VersionConflict, CommandIdReused),
)
async def register_requester(body: RequesterBody, me: Caller = needs(Permission.REQUESTER_EDIT)) -> Response:
    """Make a customer known."""
    if body.organisation_id is not None:
        await organisation_of(me, body.organisation_id)
    context = me.context()
    # Follows from the command, so that a repeat is about the same requester.
    requester = uuid5(context["command_id"], "requester")
    receipt = await me.execute(RegisterRequester(**context, requester_id=requester, **_fields(dict(body))))
    return changed(receipt, status=201, location=f"/api/v1/requesters/{requester}")


@router.get("/requesters/{requester_id}", responses=problems(*GONE))
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
        contacts=shown(state.contacts),
        tier=state.tier,
        plan=state.plan,
        organisation_id=state.organisation_id,
        tags=sorted(set(map(me.desk.tag, state.tags))),
        blocked=state.blocked,
        merged_into=state.merged_into,
        absorbed=sorted(state.absorbed),
        erased=state.erasing,
        version=loaded.version,
    )


@router.patch("/requesters/{requester_id}", **_CHANGES)
async def change_requester(
    requester_id: UUID, body: RequesterChanges, me: Caller = needs(Permission.REQUESTER_EDIT)
) -> Response:
    """Change what is known of a customer; null takes a value away, what is left out stays."""
    await requester_of(me, requester_id)
    if body.organisation_id is not None:
        await organisation_of(me, body.organisation_id)
    given = _fields(body.changes())
    return changed(await me.execute(ChangeRequester(**me.context(), requester_id=requester_id, **given)))


@router.put("/requesters/{requester_id}/login", status_code=204, responses=problems(*GONE, LoginTaken))
async def set_requester_login(
    requester_id: UUID, body: LoginBody, me: Caller = needs(Permission.ACCESS_EDIT)
) -> Response:
    """Set how a customer signs in; ends their sessions everywhere."""
    for permission in me.desk.role("requester").permissions:
        me.require(permission)
    (await requester_of(me, requester_id)).state.must_be_there(requester_id)
    hashed = await anyio.to_thread.run_sync(hash_password, body.password.get_secret_value())
    await me.services.access.set_login(me.workspace_id, requester_id, body.login, hashed)
    return Response(status_code=204)


@router.put("/requesters/{requester_id}/blocked", **_CHANGES)
async def block_requester(requester_id: UUID, me: Caller = needs(Permission.REQUESTER_BLOCK)) -> Response:
    """Take no more tickets of the customer (A24)."""
    (await requester_of(me, requester_id)).state.must_be_there(requester_id)
    return changed(await me.execute(BlockRequester(**me.context(), requester_id=requester_id)))


@router.delete("/requesters/{requester_id}/blocked", **_CHANGES)
async def unblock_requester(requester_id: UUID, me: Caller = needs(Permission.REQUESTER_BLOCK)) -> Response:
    """Take the customer's tickets again."""
    await requester_of(me, requester_id)
    return changed(await me.execute(UnblockRequester(**me.context(), requester_id=requester_id)))


@router.put("/requesters/{requester_id}/merge", **_CHANGES)
async def merge_requester(
    requester_id: UUID, body: IntoBody, me: Caller = needs(Permission.REQUESTER_MERGE)
) -> Response:
    """Say that the customer is known twice: this record is the duplicate, the other has its tickets from now on."""
    await requester_of(me, requester_id)
    command = MergeRequester(**me.context(), requester_id=requester_id, into=body.into)
    return changed(await me.explaining(command, requester_merging.merge(me.services.desk, command)))


@router.delete("/requesters/{requester_id}/merge", **_CHANGES)
async def undo_requester_merge(requester_id: UUID, me: Caller = needs(Permission.REQUESTER_MERGE)) -> Response:
    """Take the merge back: both are what they were."""
    await requester_of(me, requester_id)
    command = UndoRequesterMerge(**me.context(), requester_id=requester_id)
    return changed(await me.explaining(command, requester_merging.undo_merge(me.services.desk, command)))


@router.delete("/requesters/{requester_id}", **_CHANGES)
async def delete_requester(
    requester_id: UUID, body: ReasonBody, me: Caller = needs(Permission.REQUESTER_ERASE)
) -> Response:
    """Forget a customer for ever: they cannot sign in any more."""
    await requester_of(me, requester_id)
    command = EraseRequester(**me.context(), requester_id=requester_id, reason=body.reason)
    receipt = await me.explaining(command, erase(me.services.desk, command))
    await me.services.access.revoke_person(me.workspace_id, requester_id)
    return changed(receipt)
