"""A ticket's form and its way through a workflow: saved, submitted, moved to newer ones (A2, B3, B5, B12)."""

from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field

from api import routing
from api.auth import Caller, needs
from api.form_bodies import FormBody, NewestFormBody, StepBody
from api.known import ticket_seen
from api.picking import picked
from api.problems import problems
from api.ticket_changes import TicketNumber, changes, done
from api.versions import etag
from domain.catalogue import Catalogue, shown
from domain.forms import CustomField, InvalidField
from domain.permissions import Permission
from domain.ticket.drafting import SaveForm
from domain.ticket.flowing import Filing, MoveToForm, SubmitStep, form_of
from domain.ticket.handling import NotYours
from domain.ticket.moving import IllegalMove, TicketFinished
from domain.ticket.state import (
    Approval,
    Flow,
    Ticket,
    TicketErasedForEver,
    TicketMergedAway,
    TicketNotOpen,
    UnknownTicket,
)
from domain.ticket.stepping import ApprovalPending, IllegalStep, NoWorkflow, ways_on
from domain.values import Pinned
from domain.workflows import Node, Workflow

router = routing.router("tickets")
_NEWEST = NewestFormBody()


class NextStep(BaseModel):
    """A step that may be chosen."""

    key: str
    title: str
    ends: bool


class ApprovalView(BaseModel):
    """A question to approvers."""

    approval_id: UUID
    mode: str
    approvers: tuple[UUID, ...]
    approved: tuple[UUID, ...]
    node: str | None = Field(description="The present step, where the question is about leaving it.")
    required: bool = Field(description="Whether the step itself asks.")
    outcome: str | None = Field(description="granted, refused or withdrawn; null while it is open.")


class TicketForm(BaseModel):
    """A ticket's form as it began with it, what is filled in, and which steps may be next. Requesters see the fields alone."""

    template: Pinned | None
    workflow: Pinned | None
    node: str | None = Field(description="The present step.")
    fields: list[CustomField]
    asked: list[str] = Field(description="Keys of the fields of the present step.")
    values: dict[str, Any] | None = Field(description="Null once erased.")
    saved: dict[str, Any] | None = Field(description="Saved for the present step, not submitted.")
    next: list[NextStep]
    approvals: list[ApprovalView]
    version: int


@router.get(
    "/tickets/{number}/form",
    responses=problems(UnknownTicket, TicketErasedForEver, TicketMergedAway),
)
async def read_form(number: TicketNumber, response: Response, me: Caller = needs(Permission.TICKET_VIEW)) -> TicketForm:
    """The ticket's form: the fields with the words that are used today, the values, and the way on."""
    loaded = await ticket_seen(me, number)
    response.headers["ETag"] = etag(loaded.version)
    seen = _for_requester if me.actor.kind == "requester" else _for_agent
    return seen(loaded.state, await me.desk_now(), loaded.version)


def _for_agent(ticket: Ticket, desk: Catalogue, version: int) -> TicketForm:
    workflow, node = _place(ticket, desk)
    asked = workflow.form_of(node) if workflow and node else ticket.flow.template
    form = form_of(ticket.flow, desk, asked=asked)
    return TicketForm(
        template=ticket.flow.template,
        workflow=ticket.flow.workflow,
        node=ticket.flow.node,
        fields=list(form.fields.values()),
        asked=sorted(form.asked),
        values=shown(ticket.fields),
        saved=shown(ticket.flow.saved),
        next=_following(ticket.flow, workflow, node),
        approvals=[_approval(each) for each in ticket.flow.approvals],
        version=version,
    )


def _for_requester(ticket: Ticket, desk: Catalogue, version: int) -> TicketForm:
    form = form_of(ticket.flow, desk, asked=ticket.flow.template)
    return TicketForm(
        template=ticket.flow.template,
        workflow=None,
        node=None,
        fields=[field for field in form.fields.values() if not field.internal],
        asked=[],
        values=desk.public(shown(ticket.fields)),
        saved=None,
        next=[],
        approvals=[],
        version=version,
    )


def _place(ticket: Ticket, desk: Catalogue) -> tuple[Workflow | None, Node | None]:
    workflow = desk.workflow_of(ticket.flow.workflow)
    return workflow, workflow.node(ticket.flow.node) if workflow else None


def _following(flow: Flow, workflow: Workflow | None, node: Node | None) -> list[NextStep]:
    steps = [workflow.node(key) for key in ways_on(flow, workflow, node)] if workflow and node else []
    return [NextStep(key=step.key, title=step.title, ends=step.ends) for step in steps if step is not None]


def _approval(approval: Approval) -> ApprovalView:
    return ApprovalView(**{name: getattr(approval, name) for name in ApprovalView.model_fields})


@router.put("/tickets/{number}/form", **changes(TicketNotOpen))
async def save_form(number: TicketNumber, body: FormBody, me: Caller = needs(Permission.TICKET_EDIT)) -> Response:
    """Save the form of the present step without submitting it; the handler stays (A2)."""
    return await done(me, SaveForm(**me.context(), number=number, fields=body.fields))


@router.post(
    "/tickets/{number}/steps",
    **changes(
        TicketNotOpen, TicketFinished, NoWorkflow, IllegalStep, IllegalMove, ApprovalPending, NotYours, InvalidField
    ),
)
async def submit_step(number: TicketNumber, body: StepBody, me: Caller = needs(Permission.TICKET_SUBMIT)) -> Response:
    """Finish the present step with its form and go on to a next one (下一步处理); an end resolves the ticket."""
    context = me.context()
    ticket: Ticket = (await ticket_seen(me, number)).state
    workflow, _ = _place(ticket, await me.desk_now())
    following = workflow.node(body.next) if workflow else None
    pick = await picked(me, following, Filing(ticket.type, ticket.category), context["command_id"])
    return await done(me, SubmitStep(**context, number=number, pick=pick, **dict(body)))


@router.post("/tickets/{number}/form/newest", **changes(TicketNotOpen, TicketFinished, IllegalStep, NotYours))
async def move_to_newest_form(
    number: TicketNumber, body: NewestFormBody = _NEWEST, me: Caller = needs(Permission.TICKET_SUBMIT)
) -> Response:
    """Move a running ticket to the newest form and workflow of its type and category, on purpose (B12)."""
    return await done(me, MoveToForm(**me.context(), number=number, node=body.node))
