"""What a workspace has set up: statuses, teams, categories."""

from typing import Any
from uuid import UUID, uuid5

from fastapi import Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.bodies import CategoryBody, NewStatusBody, TeamBody
from api.problems import problems
from api.versions import etag
from domain.catalogue import Catalogue
from domain.errors import CommandIdReused, VersionConflict
from domain.permissions import Permission
from domain.values import StatusKind
from domain.workspace import AddCategory, AddStatus, AddTeam, AlreadyThere

router = routing.router("workspace")

SETS_UP: dict[str, Any] = {
    "status_code": 201,
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented(201) | problems(AlreadyThere, VersionConflict, CommandIdReused),
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


class TeamView(BaseModel):
    """A team."""

    id: UUID
    title: str


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
        StatusView(key=s.key, title=s.name, kind=s.kind, next=[n.key for n in desk.next_statuses(s)])
        for s in desk.statuses.values()
    ]


@router.post("/statuses", **SETS_UP)
async def add_status(body: NewStatusBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Name a further status."""
    return changed(await me.execute(AddStatus(**me.context(), **dict(body))), status=201)


@router.get("/teams")
async def list_teams(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[TeamView]:
    """The teams."""
    desk = await catalogue_now(me, response)
    return [TeamView(id=team.id, title=team.name) for team in desk.teams.values()]


@router.post("/teams", **SETS_UP)
async def add_team(body: TeamBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Set up a team; the answer's id is the team's."""
    context = me.context()
    team = uuid5(context["command_id"], "team")
    receipt = await me.execute(AddTeam(**context, team_id=team, title=body.title))
    return changed(receipt, status=201, id=team)


@router.get("/categories")
async def list_categories(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[list[str]]:
    """The category tree, as paths."""
    desk = await catalogue_now(me, response)
    return [list(path) for path in sorted(desk.categories)]


@router.post("/categories", **SETS_UP)
async def add_category(body: CategoryBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Add a path to the category tree."""
    return changed(await me.execute(AddCategory(**me.context(), path=body.path)), status=201)
