"""Organisations: the companies and households that requesters belong to (F7)."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import Query, Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.bodies import ReasonBody
from api.errors import ReadModelMissing
from api.following import reached
from api.known import organisation_known, organisation_of, organisation_seen
from api.problems import problems
from api.requester_bodies import OrganisationBody, OrganisationChanges, SameOrganisationBody
from api.ticket_lists import reading
from api.versions import etag
from domain.catalogue import shown
from domain.errors import CommandIdReused, InvalidInput, VersionConflict
from domain.organisation import (
    AddOrganisation,
    ChangeOrganisation,
    EraseOrganisation,
    OrganisationErased,
    OrganisationExists,
    UnknownOrganisation,
)
from domain.organisation_merges import OrganisationMergedAway
from domain.permissions import Permission
from domain.setup.organisations import MergeOrganisation, UndoOrganisationMerge
from domain.values import Contact
from eventstore import organisation_merging
from eventstore.erasure import erase
from projections.requesters import organisations

router = routing.router("organisations")


class OrganisationView(BaseModel):
    """An organisation."""

    id: UUID
    name: str | None
    domains: list[str] = Field(description="Of its e-mail addresses.")
    contacts: list[Contact]
    tier: str | None
    plan: str | None
    tags: list[str]
    merged_into: UUID | None = Field(description="What this organisation turned out to be.")
    absorbed: list[UUID] = Field(
        description="Organisations that turned out to be this one; their people belong to it too."
    )
    version: int


@router.post(
    "/organisations",
    status_code=201,
    response_model=Changed,
    openapi_extra=CHANGES,
    responses=documented(201) | problems(OrganisationExists, VersionConflict, CommandIdReused),
)
async def add_organisation(body: OrganisationBody, me: Caller = needs(Permission.REQUESTER_EDIT)) -> Response:
    """Make an organisation known; the answer's id is the organisation's."""
    context = me.context()
    organisation = uuid5(context["command_id"], "organisation")
    given = {"organisation_name" if name == "name" else name: value for name, value in body}
    receipt = await me.execute(AddOrganisation(**context, organisation_id=organisation, **given))
    return changed(receipt, status=201, location=f"/api/v1/organisations/{organisation}")


class OrganisationSummary(BaseModel):
    """An organisation in a list."""

    id: UUID
    name: str | None
    tier: str | None
    plan: str | None
    tags: list[str]
    merged_into: UUID | None


@router.get("/organisations", dependencies=[reached("requester_cards")], responses=problems(ReadModelMissing))
def list_organisations(
    after: Annotated[UUID | None, Query(description="The last id of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    me: Caller = needs(Permission.REQUESTER_VIEW),
) -> list[OrganisationSummary]:
    """The organisations, in the order of their ids."""
    with reading(me) as db:
        rows = organisations(db, me.workspace_id, after, limit)
    return [OrganisationSummary.model_validate(row._asdict() | {"id": row.organisation_id}) for row in rows]


@router.get("/organisations/{organisation_id}", responses=problems(UnknownOrganisation, OrganisationErased))
async def read_organisation(
    organisation_id: UUID, response: Response, me: Caller = needs(Permission.REQUESTER_VIEW)
) -> OrganisationView:
    """One organisation."""
    loaded = await organisation_of(me, organisation_id)
    response.headers["ETag"] = etag(loaded.version)
    state, desk = loaded.state, me.desk
    return OrganisationView(
        id=organisation_id,
        name=shown(state.organisation_name),
        domains=shown(state.domains) or (),
        contacts=shown(state.contacts) or (),
        tier=state.tier,
        plan=state.plan,
        tags=sorted(set(map(desk.tag, state.tags))),
        merged_into=desk.organisations.into.get(organisation_id),
        absorbed=list(desk.organisations.absorbed(organisation_id)),
        version=loaded.version,
    )


_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented()
    | problems(
        UnknownOrganisation, OrganisationErased, OrganisationMergedAway, InvalidInput, VersionConflict, CommandIdReused
    ),
}


@router.patch("/organisations/{organisation_id}", **_CHANGES)
async def change_organisation(
    organisation_id: UUID, body: OrganisationChanges, me: Caller = needs(Permission.REQUESTER_EDIT)
) -> Response:
    """Change what is known of an organisation; null takes a value away, what is left out stays."""
    await organisation_of(me, organisation_id)
    given = {"organisation_name" if name == "name" else name: value for name, value in body.changes().items()}
    return changed(await me.execute(ChangeOrganisation(**me.context(), organisation_id=organisation_id, **given)))


@router.put("/organisations/{organisation_id}/merge", **_CHANGES)
async def merge_organisation(
    organisation_id: UUID, body: SameOrganisationBody, me: Caller = needs(Permission.REQUESTER_MERGE)
) -> Response:
    """Say that the organisation is known twice: this one is the duplicate, its people belong to the other from now on."""
    loaded, context = await organisation_seen(me, organisation_id)
    command = MergeOrganisation(**context, organisation_id=organisation_id, into=body.into)
    receipt = await me.explaining(command, organisation_merging.merge(me.services.desk, command))
    return changed(replace(receipt, stream_id=organisation_id, version=loaded.version))


@router.delete("/organisations/{organisation_id}/merge", **_CHANGES)
async def undo_organisation_merge(organisation_id: UUID, me: Caller = needs(Permission.REQUESTER_MERGE)) -> Response:
    """Take the merge back: each has its own people again."""
    loaded, context = await organisation_seen(me, organisation_id)
    command = UndoOrganisationMerge(**context, organisation_id=organisation_id)
    receipt = await me.explaining(command, organisation_merging.undo_merge(me.services.desk, command))
    return changed(replace(receipt, stream_id=organisation_id, version=loaded.version))


@router.delete("/organisations/{organisation_id}", **_CHANGES)
async def delete_organisation(
    organisation_id: UUID, body: ReasonBody, me: Caller = needs(Permission.REQUESTER_ERASE)
) -> Response:
    """Forget an organisation for ever; whoever belongs to it stays a customer."""
    await organisation_known(me, organisation_id)
    command = EraseOrganisation(**me.context(), organisation_id=organisation_id, reason=body.reason)
    return changed(await me.explaining(command, erase(me.services.desk, command)))
