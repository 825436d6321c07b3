"""Workflows (B5)."""

from typing import Annotated, Any

from fastapi import Path, Response

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.form_bodies import WorkflowBody, parts
from api.problems import problems
from api.setup_bodies import Reasons
from api.workspace import catalogue_now
from domain.errors import CommandIdReused, UnknownPerson, UnknownRole, UnknownTeam, VersionConflict
from domain.permissions import Permission
from domain.rulebook import RetiredSetup, UnknownSetup
from domain.setup.uses import StillInUse
from domain.setup.workflows import RetireWorkflow, SetWorkflow
from domain.values import Key
from domain.workflows import InvalidWorkflow, Workflow, WorkflowDefinition

router = routing.router("workflows")

WorkflowKey = Annotated[Key, Path(examples=["second-line"])]
_SETS: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented()
    | problems(
        InvalidWorkflow,
        UnknownSetup,
        RetiredSetup,
        StillInUse,
        UnknownTeam,
        UnknownPerson,
        UnknownRole,
        VersionConflict,
        CommandIdReused,
    ),
}


@router.get("/workflows")
async def list_workflows(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> list[Workflow]:
    """The workflows, in their newest versions."""
    return [versions[-1] for versions in (await catalogue_now(me, response)).workflows.values()]


@router.get("/workflows/{key}/versions", responses=problems(UnknownSetup))
async def list_workflow_versions(
    key: WorkflowKey, response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)
) -> list[Workflow]:
    """Every version of a workflow."""
    desk = await catalogue_now(me, response)
    return list(desk.workflows[desk.workflow(key).key])


@router.put("/workflows/{key}", **_SETS)
async def set_workflow(key: WorkflowKey, body: WorkflowBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Set up a workflow or change it: a new version, which new tickets go; those on their way keep theirs (B12)."""
    return changed(await me.execute(SetWorkflow(**me.context(), key=key, **parts(body, WorkflowDefinition))))


@router.put("/workflows/{key}/retired", **_SETS)
async def retire_workflow(key: WorkflowKey, body: Reasons, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Let no more tickets begin the workflow."""
    return changed(await me.execute(RetireWorkflow(**me.context(), key=key, **dict(body))))
