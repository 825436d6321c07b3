"""The teams of a desk."""

from typing import Any
from uuid import UUID, uuid5

from fastapi import Response
from pydantic import BaseModel

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.problems import problems
from api.setup_bodies import LeadsBody, TitleBody
from api.workspace import SETS_UP, catalogue_now
from domain.catalogue import NotOfTeam
from domain.errors import CommandIdReused, UnknownPerson, UnknownTeam, VersionConflict
from domain.permissions import Permission
from domain.setup.teams import RenameTeam, RestoreTeam, RetireTeam, SetTeamLeads
from domain.setup.uses import StillInUse
from domain.workspace import AddTeam, AlreadyThere

router = routing.router("teams")

_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented()
    | problems(UnknownTeam, UnknownPerson, NotOfTeam, AlreadyThere, StillInUse, VersionConflict, CommandIdReused),
}


class TeamView(BaseModel):
    """A team."""

    id: UUID
    title: str
    leads: list[UUID]
    active: bool


@router.get("/teams")
async def list_teams(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[TeamView]:
    """The teams, with those that take no new tickets."""
    desk = await catalogue_now(me, response)
    return [TeamView(id=t.id, title=t.name, leads=sorted(t.leads), active=t.active) for t in desk.teams.values()]


@router.post("/teams", **SETS_UP)
async def add_team(body: TitleBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Set up a team; the answer's id is the team's."""
    context = me.context()
    team = uuid5(context["command_id"], "team")
    receipt = await me.execute(AddTeam(**context, team_id=team, title=body.title))
    return changed(receipt, status=201, id=team)


@router.patch("/teams/{team_id}", **_CHANGES)
async def rename_team(team_id: UUID, body: TitleBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Call the team something else."""
    return changed(await me.execute(RenameTeam(**me.context(), team_id=team_id, title=body.title)))


@router.put("/teams/{team_id}/leads", **_CHANGES)
async def set_team_leads(team_id: UUID, body: LeadsBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Say who of the team leads it."""
    return changed(await me.execute(SetTeamLeads(**me.context(), team_id=team_id, leads=body.leads)))


@router.put("/teams/{team_id}/retired", **_CHANGES)
async def retire_team(team_id: UUID, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Give the team no further tickets; it keeps those that it has."""
    return changed(await me.execute(RetireTeam(**me.context(), team_id=team_id)))


@router.delete("/teams/{team_id}/retired", **_CHANGES)
async def restore_team(team_id: UUID, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Give the team tickets again."""
    return changed(await me.execute(RestoreTeam(**me.context(), team_id=team_id)))
