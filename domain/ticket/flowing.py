"""Workflow steps and approvals on a ticket (B5, A21)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid5

from pydantic import Field

from domain.catalogue import Catalogue
from domain.command import Command, Decision, evolves
from domain.copying import replace
from domain.event import Actor, Content
from domain.field_values import Known
from domain.forms import Form
from domain.staff import available
from domain.ticket.commands import EditTicket, OpenTicket, TicketCommand
from domain.ticket.events import TicketAssigned, TicketEvent
from domain.ticket.state import Approval, Flow, Ticket
from domain.values import NOBODY, Assignee, CategoryPath, FieldValue, Key, Message, Pinned, Text
from domain.workflows import Node


class TicketFormPinned(TicketEvent, name="ticket.form_pinned", version=1):
    """The ticket's form and workflow are of these versions from here on, whatever is set up later (B12)."""

    template: Pinned | None
    workflow: Pinned | None


class TicketStepEntered(TicketEvent, name="ticket.step_entered", version=1):
    """The ticket came to a step of its workflow; who has it follows in an event of its own."""

    node: str
    previous: str | None = None


class TicketStepSubmitted(TicketEvent, name="ticket.step_submitted", version=1):
    """A step was finished and the next one chosen (下一步处理)."""

    node: str
    next: str
    note: Content[str | None] = None


class ApprovalRequested(TicketEvent, name="ticket.approval_requested", version=1):
    """People were asked to approve; `mode` is all (会签) or any (或签). `required` where the step itself asks."""

    approval_id: UUID
    mode: str
    approvers: tuple[UUID, ...]
    asked_by: Actor
    node: str | None = None
    required: bool = False
    note: Content[str | None] = None


class ApproverAdded(TicketEvent, name="ticket.approver_added", version=1):
    """One more person is asked (加签)."""

    approval_id: UUID
    person_id: UUID


class ApprovalGiven(TicketEvent, name="ticket.approval_given", version=1):
    """A person approves; `granted` where that was the last one needed."""

    approval_id: UUID
    person_id: UUID
    granted: bool
    note: Content[str | None] = None


class ApprovalRefused(TicketEvent, name="ticket.approval_refused", version=1):
    """A person refuses, which ends the approval."""

    approval_id: UUID
    person_id: UUID
    reason: Content[str]


class ApprovalWithdrawn(TicketEvent, name="ticket.approval_withdrawn", version=1):
    """Who asked takes the question back (撤回)."""

    approval_id: UUID


class SubmitStep(TicketCommand):
    """Finish the present step with its form and go on to a next one. `pick` is who gets it where the system picks."""

    next: Key
    fields: dict[Key, FieldValue] = Field(default_factory=dict, max_length=200)
    note: Text = ""
    # Found out when the command is made, not asked for: a repeat may find somebody else and is the same command.
    pick: UUID | None = Field(default=None, exclude=True)


class MoveToForm(TicketCommand):
    """Move a running ticket to the newest form and workflow of its type, on purpose (B12)."""

    node: Key | None = None


class RequestApproval(TicketCommand):
    """Ask people to approve; without approvers, those of the step once more, in the step's own way."""

    mode: Literal["all", "any"] = "all"
    approvers: tuple[UUID, ...] = Field(default=(), max_length=50)
    note: Text = ""


class AddApprover(TicketCommand):
    """Ask one more person (加签)."""

    approval_id: UUID
    person_id: UUID


class GiveApproval(TicketCommand):
    """Approve."""

    approval_id: UUID
    note: Text = ""


class RefuseApproval(TicketCommand):
    """Refuse, with the reason."""

    approval_id: UUID
    reason: Message


class WithdrawApproval(TicketCommand):
    """Take the question back."""

    approval_id: UUID


def form_of(flow: Flow, desk: Catalogue, *, asked: Pinned | None = None) -> Form:
    """All fields that a ticket with this form and workflow may have; `asked` is the form to be filled in now."""
    workflow = desk.workflow_of(flow.workflow)
    return desk.form_of(flow.template, *(workflow.templates if workflow else ()), asked=asked)


def checked_fields(command: OpenTicket | EditTicket, ticket: Ticket, desk: Catalogue) -> dict[str, Any]:
    """The custom fields to set, as they are stored, or InvalidField. What is asked for must be there when opening."""
    opens = isinstance(command, OpenTicket)
    flow = Flow(*desk.pinned_for(command.type, command.category)) if isinstance(command, OpenTicket) else ticket.flow
    form = form_of(flow, desk, asked=flow.template if opens else None)
    if not form.fields:
        return command.fields
    files = {each.attachment_id for each in (*ticket.attachments, *getattr(command, "attachments", ()))}
    known = Known(command.at, desk.works_here, files)
    by_requester = command.by.kind == "requester"
    return form.check(command.fields, present(ticket), known, by_requester=by_requester, submitting=opens)


def present(ticket: Ticket) -> dict[str, Any]:
    """The values of the ticket's custom fields; none once erased."""
    return ticket.fields if isinstance(ticket.fields, dict) else {}


def opening(command: OpenTicket, desk: Catalogue) -> Decision:
    """What follows from a new ticket's type and category: its form, its first step, and who has it unless somebody was named."""
    template, workflow = desk.pinned_for(command.type, command.category)
    pinned = [TicketFormPinned(template=template, workflow=workflow)] if template or workflow else []
    way = desk.workflow_of(workflow)
    start = way.node(way.start) if way else None
    team = desk.settings_for(command.type, command.category).team
    given = command.assignee
    if given == NOBODY and team is not None and desk.teams[team].active:
        given = Assignee(team=team)
    if start is None:
        assigned = [TicketAssigned(assignee=given)] if given != command.assignee else []
        return [*pinned, *assigned]
    about = Filing(command.type, command.category)
    to = participants(start, about, desk, command.pick, command.at) if command.assignee == NOBODY else NOBODY
    return [*pinned, *entered(start, command), *assigned_to(to if to != NOBODY else given, command.assignee)]


def entered(node: Node, command: Command, previous: str | None = None) -> Decision:
    """The ticket comes to a step, and whoever must approve it is asked."""
    return [TicketStepEntered(node=node.key, previous=previous), *asked_again(node, command)]


def asked_again(node: Node, command: Command, note: str | None = None) -> Decision:
    """The step's own question to its approvers."""
    if node.approval is None:
        return []
    asked = {"mode": node.approval.mode, "approvers": node.approval.approvers, "asked_by": command.author}
    approval_id = uuid5(command.command_id, f"approval of {node.key}")
    return [ApprovalRequested(approval_id=approval_id, node=node.key, required=True, note=note, **asked)]


def assigned_to(to: Assignee, has: Assignee) -> Decision:
    """Somebody else gets the ticket; a step of nobody leaves it where it is."""
    return [] if to in (NOBODY, has) else [TicketAssigned(assignee=to, previous=has)]


class Filing(NamedTuple):
    """What a ticket is filed under; that may say who handles it."""

    type: str | None
    category: CategoryPath


def participants(
    node: Node, about: Filing, desk: Catalogue, pick: UUID | None = None, at: datetime | None = None
) -> Assignee:
    """Who gets the ticket at a step: whom the system picked, or all who may claim it, handle it and are still there."""
    to = node.participants
    if node.claim == "system" and pick is not None and at is not None and pick in eligible(node, about, at, desk):
        return Assignee(team=to.team if to.team in desk.people[pick].teams else None, person=pick)
    here = tuple(person for person in to.people if _can_have(person, about, desk))
    if (to.person and not _can_have(to.person, about, desk)) or (to.team and not desk.teams[to.team].active):
        return NOBODY
    alone = len(here) == 1
    return Assignee(team=to.team, person=here[0] if alone else to.person, people=() if alone else here, role=to.role)


def _can_have(person: UUID, about: Filing, desk: Catalogue) -> bool:
    works = desk.works_here(person) and desk.works_in(desk.people[person].role)
    return works and desk.may_handle(person, *about)


def eligible(node: Node, about: Filing, at: datetime, desk: Catalogue) -> list[UUID]:
    """The participants whom the system may pick: here, on duty, not absent, and let handle what the ticket is about."""
    people = (each for each in desk.people.values() if available(each, at) and _can_have(each.id, about, desk))
    return [each.id for each in people if desk.may_claim(each.id, node.participants)]


@evolves(TicketFormPinned)
def _(ticket: Ticket, event: TicketFormPinned) -> Ticket:
    node = ticket.flow.node if event.workflow else None
    return replace(ticket, flow=replace(ticket.flow, template=event.template, workflow=event.workflow, node=node))


@evolves(TicketStepEntered)
def _(ticket: Ticket, event: TicketStepEntered) -> Ticket:
    # A step that is come to once more asks its approvers once more.
    before = tuple(replace(approval, node=None) for approval in ticket.flow.approvals)
    return replace(ticket, flow=replace(ticket.flow, node=event.node, came_from=event.previous, approvals=before))


@evolves(TicketStepSubmitted)
def _(ticket: Ticket, _event: TicketStepSubmitted) -> Ticket:
    return replace(ticket, flow=replace(ticket.flow, saved={}))


@evolves(ApprovalRequested)
def _(ticket: Ticket, event: ApprovalRequested) -> Ticket:
    told = {name: getattr(event, name) for name in ("approval_id", "mode", "approvers", "asked_by", "node", "required")}
    approvals = (*ticket.flow.approvals, Approval(**told))
    return replace(ticket, flow=replace(ticket.flow, approvals=approvals))


@evolves(ApproverAdded)
def _(ticket: Ticket, event: ApproverAdded) -> Ticket:
    return _changed(ticket, event.approval_id, lambda a: replace(a, approvers=(*a.approvers, event.person_id)))


@evolves(ApprovalGiven)
def _(ticket: Ticket, event: ApprovalGiven) -> Ticket:
    outcome = "granted" if event.granted else None
    given = event.person_id
    return _changed(ticket, event.approval_id, lambda a: replace(a, approved=(*a.approved, given), outcome=outcome))


@evolves(ApprovalRefused)
def _(ticket: Ticket, event: ApprovalRefused) -> Ticket:
    return _changed(ticket, event.approval_id, lambda a: replace(a, outcome="refused", refused_by=event.person_id))


@evolves(ApprovalWithdrawn)
def _(ticket: Ticket, event: ApprovalWithdrawn) -> Ticket:
    return _changed(ticket, event.approval_id, lambda a: replace(a, outcome="withdrawn"))


def _changed(ticket: Ticket, approval_id: UUID, change: Callable[[Approval], Approval]) -> Ticket:
    approvals = tuple(change(each) if each.approval_id == approval_id else each for each in ticket.flow.approvals)
    return replace(ticket, flow=replace(ticket.flow, approvals=approvals))
