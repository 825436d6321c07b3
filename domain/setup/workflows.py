"""Setting up workflows (B5). A changed one is a new version; running tickets keep theirs (B12)."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.permissions import Permission
from domain.setup.uses import must_be_unused
from domain.values import Key, Pinned
from domain.workflows import InvalidWorkflow, Node, Workflow, WorkflowDefinition, check_graph
from domain.workspace import ReasonedCommand, ReasonedEvent


class WorkflowSet(ReasonedEvent, name="workspace.workflow_set", version=1):
    """New tickets go this way; those on their way keep the version that they have."""

    workflow: Workflow


class WorkflowRetired(ReasonedEvent, name="workspace.workflow_retired", version=1):
    """No ticket begins this way any more."""

    key: str


class SetWorkflow(ReasonedCommand):
    """Set up a workflow, or change it: a new version."""

    key: Key
    definition: WorkflowDefinition


class RetireWorkflow(ReasonedCommand):
    """Let no more tickets begin it."""

    key: Key


@decides(SetWorkflow, needs=Permission.WORKSPACE_EDIT)
def set_workflow(command: SetWorkflow, desk: Catalogue, _: Catalogue) -> Decision:
    """The same again changes nothing."""
    check_graph(command.definition)
    for node in command.definition.nodes:
        _check_people(node, desk)
    return _versions(desk, command.key, command.definition, command.reasons)


def _check_people(node: Node, desk: Catalogue) -> None:
    """Raise InvalidWorkflow where nobody could do what the step wants of them: the ticket would never leave it."""
    if (watching := desk.watching(desk.assignee(node.participants))) is not None:
        raise InvalidWorkflow(
            node=node.key, reason=f"gives tickets to the role {watching.role}, in which nobody works on them"
        )
    for approver in node.approval.approvers if node.approval else ():
        role = desk.person(approver).role
        if not desk.approves(approver):
            raise InvalidWorkflow(node=node.key, reason=f"asks somebody to approve who may not, in the role {role}")


@decides(RetireWorkflow, needs=Permission.WORKSPACE_EDIT)
def retire_workflow(command: RetireWorkflow, desk: Catalogue, _: Catalogue) -> Decision:
    """Not while a type or a category begins it."""
    if desk.workflow(command.key).retired:
        return []
    must_be_unused(desk, "workflow", command.key)
    return [WorkflowRetired(key=command.key, **command.reasons)]


def with_newer_forms(desk: Catalogue, changed: Collection[str], reasons: dict[str, Any]) -> Decision:
    """New versions of the workflows whose steps use one of the changed templates."""
    newest = (versions[-1] for versions in desk.workflows.values())
    using = (each for each in newest if not each.retired and any(pinned.key in changed for pinned in each.templates))
    ahead = {key: desk.template(key).version + 1 for key in changed}
    return [WorkflowSet(workflow=_ahead(each, ahead), **reasons) for each in using]


def _ahead(workflow: Workflow, versions: dict[str, int]) -> Workflow:
    newer = tuple(Pinned(key=p.key, version=versions.get(p.key, p.version)) for p in workflow.templates)
    return workflow.model_copy(update={"version": workflow.version + 1, "templates": newer})


def _versions(desk: Catalogue, key: str, definition: WorkflowDefinition, reasons: dict[str, Any]) -> Decision:
    forms = sorted({node.template for node in definition.nodes if node.template})
    pinned = tuple(Pinned(key=form, version=desk.usable_template(form).version) for form in forms)
    known = desk.workflows.get(key, ())
    wanted = Workflow(key=key, version=len(known) + 1, templates=pinned, **dict(definition))
    if known and known[-1] == wanted.model_copy(update={"version": len(known)}):
        return []
    return [WorkflowSet(workflow=wanted, **reasons)]


@evolves(WorkflowSet)
def _(desk: Catalogue, event: WorkflowSet) -> Catalogue:
    key = event.workflow.key
    return replace(desk, workflows={**desk.workflows, key: (*desk.workflows.get(key, ()), event.workflow)})


@evolves(WorkflowRetired)
def _(desk: Catalogue, event: WorkflowRetired) -> Catalogue:
    *before, last = desk.workflows[event.key]
    retired = last.model_copy(update={"retired": True})
    return replace(desk, workflows={**desk.workflows, event.key: (*before, retired)})
