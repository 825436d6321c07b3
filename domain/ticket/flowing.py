"""Workflow steps and approvals on a ticket (B5, A21)."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from domain.event import Content
from domain.ticket.commands import TicketCommand
from domain.ticket.events import TicketEvent
from domain.values import FieldValue, Key, Message, Pinned, Text


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
    """People were asked to approve; `mode` is all (会签) or any (或签)."""

    approval_id: UUID
    mode: str
    approvers: tuple[UUID, ...]
    node: str | None = None
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
    pick: UUID | None = None


class MoveToForm(TicketCommand):
    """Move a running ticket to the newest form and workflow of its type, on purpose (B12)."""

    node: Key | None = None


class RequestApproval(TicketCommand):
    """Ask people to approve."""

    mode: Literal["all", "any"] = "all"
    approvers: tuple[UUID, ...] = Field(min_length=1, max_length=50)
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
