"""Going on in a workflow: a step submitted with its form, and a running ticket moved to newer ones (B5, B12)."""

from domain.catalogue import Catalogue
from domain.command import Decision, decides
from domain.errors import Refusal
from domain.field_values import Known
from domain.permissions import Permission
from domain.ticket.decisions import field_changes
from domain.ticket.flowing import (
    ApprovalWithdrawn,
    Filing,
    MoveToForm,
    SubmitStep,
    TicketFormPinned,
    TicketStepSubmitted,
    assigned_to,
    entered,
    form_of,
    participants,
    present,
)
from domain.ticket.handling import NotYours, has_it, in_charge
from domain.ticket.moving import into, must_be_unfinished
from domain.ticket.state import Approval, Flow, Ticket
from domain.values import StatusKind
from domain.workflows import Node, Workflow


class NoWorkflow(Refusal):
    """The ticket has no steps."""

    code = "no_workflow"
    sentence = "Ticket {number} follows no workflow. Move it by its status."


class IllegalStep(Refusal):
    """The step is none of those that may be next."""

    code = "illegal_step"
    sentence = "From the step «{current}» a ticket cannot go to «{wanted}». It can go to: {legal}."


class ApprovalPending(Refusal):
    """A step cannot be left while somebody has not approved it."""

    code = "approval_pending"
    sentence = (
        "The step «{node}» waits for an approval, which is {outcome}. Get it approved; where it was refused or taken back, "
        "ask again, or go back to the step before."
    )


@decides(SubmitStep, needs=Permission.TICKET_SUBMIT)
def submit(command: SubmitStep, ticket: Ticket, desk: Catalogue) -> Decision:
    """Whoever has the ticket chooses the next step; an end resolves the ticket. Refused, it may go back unapproved."""
    must_be_unfinished(command.number, ticket)
    workflow, node = _place(ticket, desk)
    _must_have(command, ticket, desk)
    ways, back = ways_on(ticket.flow, workflow, node), way_back(ticket.flow, workflow)
    if command.next not in ways:
        raise IllegalStep(current=node.key, wanted=command.next, legal=", ".join(ways) or "none")
    if command.next != back:
        _must_be_approved(node, ticket.flow.approvals)
    following = _node(workflow, command.next, ticket.flow)
    submitted = TicketStepSubmitted(node=node.key, next=following.key, note=command.note or None)
    assigned = assigned_to(
        participants(following, Filing(ticket.type, ticket.category), desk, command.pick, command.at), ticket.assignee
    )
    ends = into(StatusKind.RESOLVED, command.number, ticket, desk) if following.ends else []
    came = entered(following, command, previous=node.key)
    filled_in = _filled_in(command, ticket, workflow, node, desk, whole=command.next != back)
    return [*filled_in, submitted, *came, *assigned, *ends]


def ways_on(flow: Flow, workflow: Workflow, node: Node) -> tuple[str, ...]:
    """The steps that may be next."""
    back = way_back(flow, workflow)
    return node.next if back is None or back in node.next else (*node.next, back)


def way_back(flow: Flow, workflow: Workflow) -> str | None:
    """The step that the ticket came from, where what was asked at the present one was refused."""
    refused = any(each.outcome == "refused" and each.node == flow.node for each in flow.approvals)
    known = flow.came_from is not None and workflow.node(flow.came_from) is not None
    return flow.came_from if refused and known else None


def _place(ticket: Ticket, desk: Catalogue) -> tuple[Workflow, Node]:
    workflow = desk.workflow_of(ticket.flow.workflow)
    if workflow is None or ticket.flow.node is None:
        raise NoWorkflow(number=ticket.number)
    return workflow, _node(workflow, ticket.flow.node, ticket.flow)


def _node(workflow: Workflow, key: str, flow: Flow) -> Node:
    node = workflow.node(key)
    if node is None:
        legal = ", ".join(each.key for each in workflow.nodes)
        raise IllegalStep(current=flow.node or "none", wanted=key, legal=legal)
    return node


def _must_have(command: SubmitStep | MoveToForm, ticket: Ticket, desk: Catalogue) -> None:
    if not (has_it(command.by, ticket) or in_charge(command.by, ticket, desk)):
        raise NotYours.of(command.by, ticket, desk)


def _must_be_approved(node: Node, approvals: tuple[Approval, ...]) -> None:
    """What the step itself asks must be granted, and nothing that was asked at it may be open or refused."""
    here = [approval for approval in approvals if approval.node == node.key and approval.outcome != "withdrawn"]
    missing = node.approval is not None and not any(a.required for a in here)
    pending = next((approval for approval in here if approval.outcome != "granted"), None)
    if pending is not None or missing:
        outcome = "missing" if pending is None else pending.outcome or "open"
        raise ApprovalPending(node=node.key, outcome=outcome)


def _filled_in(
    command: SubmitStep, ticket: Ticket, workflow: Workflow, node: Node, desk: Catalogue, *, whole: bool
) -> Decision:
    """The values of the step's form: what was saved before, and what is given now; all that it asks, if it is to be whole."""
    saved = ticket.flow.saved if isinstance(ticket.flow.saved, dict) else {}
    form = form_of(ticket.flow, desk, asked=workflow.form_of(node))
    known = Known(command.at, desk.works_here, {each.attachment_id for each in ticket.attachments})
    return field_changes(form.check({**saved, **command.fields}, present(ticket), known, submitting=whole), ticket)


@decides(MoveToForm, needs=Permission.TICKET_SUBMIT)
def move_to_form(command: MoveToForm, ticket: Ticket, desk: Catalogue) -> Decision:
    """To the newest form and workflow of its present type and category, at the same step or at the one that is named."""
    must_be_unfinished(command.number, ticket)
    _must_have(command, ticket, desk)
    flow, newest = ticket.flow, Flow(*desk.pinned_for(ticket.type, ticket.category))
    pinned: Decision = []
    if (newest.template, newest.workflow) != (flow.template, flow.workflow):
        pinned = [TicketFormPinned(template=newest.template, workflow=newest.workflow)]
    workflow = desk.workflow_of(newest.workflow)
    if workflow is None:
        return [*pinned, *_withdrawn(flow)] if pinned else []
    node = _node(workflow, command.node or _same_step(flow, newest, workflow), flow)
    if node.key == flow.node and _same_key(flow, newest):
        return pinned
    came = entered(node, command, previous=flow.node)
    to = participants(node, Filing(ticket.type, ticket.category), desk)
    return [*pinned, *_withdrawn(flow), *came, *assigned_to(to, ticket.assignee)]


def _same_step(flow: Flow, newest: Flow, workflow: Workflow) -> str:
    return flow.node if flow.node is not None and _same_key(flow, newest) else workflow.start


def _same_key(flow: Flow, newest: Flow) -> bool:
    return flow.workflow is not None and newest.workflow is not None and flow.workflow.key == newest.workflow.key


def _withdrawn(flow: Flow) -> Decision:
    """Nobody need answer for a step that the ticket left in another way."""
    here = (each for each in flow.approvals if each.node is not None and each.node == flow.node)
    return [ApprovalWithdrawn(approval_id=each.approval_id) for each in here if each.outcome is None]
