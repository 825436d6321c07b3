"""Requesters: the customers that tickets are for."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid5

import anyio.to_thread
from fastapi import Query, Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.bodies import LoginBody, ReasonBody
from api.errors import LoginTaken, ReadModelMissing
from api.following import reached
from api.known import organisation_of, requester_of
from api.problems import problems
from api.requester_bodies import IntoBody, RequesterBody, RequesterChanges
from api.secrets import hash_password
from api.ticket_lists import reading
from api.versions import etag
from domain.catalogue import shown
from domain.errors import CommandIdReused, InvalidInput, VersionConflict
from domain.granting import must_cover
from domain.organisation import OrganisationErased, UnknownOrganisation
from domain.organisation_merges import OrganisationMergedAway
from domain.permissions import OF_REQUESTERS_ALONE, Permission
from domain.requester import (
    GONE,
    ChangeRequester,
    EraseRequester,
    RegisterRequester,
    RequesterExists,
)
from domain.requester_ties import BlockRequester, MergeRequester, UnblockRequester, UndoRequesterMerge
from domain.staff import RoleTooWide
from domain.values import Contact, Key, Line, Tag
from eventstore import requester_merging
from eventstore.erasure import erase
from projections.requesters import Card, Wanted, page_of

router = routing.router("requesters")

# Why nobody can belong to an organisation.
NO_ORGANISATION = (UnknownOrganisation, OrganisationErased, OrganisationMergedAway)

_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented() | problems(*GONE, *NO_ORGANISATION, InvalidInput, VersionConflict, CommandIdReused),
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
    responses=documented(201) | problems(RequesterExists, *NO_ORGANISATION, VersionConflict, CommandIdReused),
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


class RequesterRow(BaseModel):
    """A requester in a list."""

    id: UUID
    name: str | None
    email: str | None
    phone: str | None
    tier: str | None
    plan: str | None
    organisation_id: UUID | None
    tags: list[str]
    merged_into: UUID | None
    blocked: bool


class RequesterPage(BaseModel):
    """Some requesters, and where to go on."""

    requesters: list[RequesterRow]
    after: str | None = Field(description="Send it as `after` to get the next page; null at the end.")


@router.get(
    "/requesters", dependencies=[reached("requester_cards")], responses=problems(InvalidInput, ReadModelMissing)
)
def list_requesters(
    email: Annotated[Line | None, Query(description="Exactly this address, however it is capitalised.")] = None,
    phone: Annotated[Line | None, Query(description="Exactly this number, however it is punctuated.")] = None,
    organisation_id: Annotated[UUID | None, Query(description="Also of all that were merged into it.")] = None,
    tier: Annotated[Key | None, Query(description="Their own tier, not that of their organisation.")] = None,
    tag: Annotated[Tag | None, Query(description="By its present name or an older one.")] = None,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    me: Caller = needs(Permission.REQUESTER_VIEW),
) -> RequesterPage:
    """The customers, the newest first."""
    named = me.desk.tag(tag) if tag else None
    organisations = me.desk.organisations.records(organisation_id) if organisation_id else ()
    wanted = Wanted(email, phone, organisations, tier, named, _opened(after), limit)
    with reading(me) as db:
        cards = page_of(db, me.workspace_id, wanted)
    rows = [RequesterRow(id=card.requester_id, **_row(me, card)) for card in cards]
    return RequesterPage(requesters=rows, after=_cursor(cards[-1]) if len(cards) == limit else None)


def _row(me: Caller, card: Card) -> dict[str, Any]:
    told = {name: getattr(card, name) for name in RequesterRow.model_fields if name != "id"}
    return told | {"organisation_id": _organisation(me, card.organisation_id)}


def _organisation(me: Caller, told: UUID | None) -> UUID | None:
    """Where somebody belongs: the organisation that theirs goes on as."""
    return None if told is None else me.desk.organisations.survivor(told)


def _cursor(card: Card) -> str:
    return f"{card.registered_at.astimezone(UTC).isoformat()}_{card.requester_id}"


def _opened(after: str | None) -> tuple[datetime, UUID] | None:
    if after is None:
        return None
    moment, _, requester = after.partition("_")
    try:
        return datetime.fromisoformat(moment).replace(tzinfo=UTC), UUID(requester)
    except ValueError:
        raise InvalidInput(field="after", reason="send what the page before answered as `after`") from None


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
        organisation_id=_organisation(me, state.organisation_id),
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


@router.put("/requesters/{requester_id}/login", status_code=204, responses=problems(*GONE, RoleTooWide, LoginTaken))
async def set_requester_login(
    requester_id: UUID, body: LoginBody, me: Caller = needs(Permission.ACCESS_EDIT)
) -> Response:
    """Set how a customer signs in; ends their sessions everywhere. Needs all that customers may do too, but what they alone may."""
    role = me.desk.role("requester")
    for permission in role.permissions - OF_REQUESTERS_ALONE:
        me.require(permission)
    must_cover(me.grant, role)
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
