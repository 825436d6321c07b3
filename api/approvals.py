"""Approvals on a ticket (会签/或签, A21)."""

from uuid import UUID

from fastapi import Response

from api import routing
from api.answers import changed
from api.auth import Caller, needs
from api.form_bodies import ApprovalBody, ApproveBody, ApproverBody, RefuseBody
from api.ticket_changes import TicketNumber, changes, done
from domain.errors import InvalidInput, UnknownPerson
from domain.permissions import Permission
from domain.ticket.approving import ApprovalOver, CannotApprove, NotAnApprover, NotYourQuestion, UnknownApproval
from domain.ticket.flowing import AddApprover, GiveApproval, RefuseApproval, RequestApproval, WithdrawApproval
from domain.ticket.state import TicketNotOpen

router = routing.router("tickets")
_APPROVE = ApproveBody()


@router.post("/tickets/{number}/approvals", **changes(TicketNotOpen, UnknownPerson, CannotApprove, InvalidInput))
async def request_approval(
    number: TicketNumber, body: ApprovalBody, me: Caller = needs(Permission.TICKET_APPROVE)
) -> Response:
    """Ask people to approve; the answer's id is the approval's. Without approvers, the step's own are asked once more."""
    context = me.context()
    receipt = await me.execute(RequestApproval(**context, number=number, **dict(body)))
    # The step's own question has an id of its own; read it with the form.
    named = {"id": context["command_id"]} if body.approvers else {}
    return changed(receipt, number=number, **named)


@router.post(
    "/tickets/{number}/approvals/{approval_id}/approvers",
    **changes(TicketNotOpen, UnknownApproval, UnknownPerson, CannotApprove, NotAnApprover, ApprovalOver),
)
async def add_approver(
    number: TicketNumber, approval_id: UUID, body: ApproverBody, me: Caller = needs(Permission.TICKET_APPROVE)
) -> Response:
    """Ask one more person (加签): by one who is asked, or who asked, or is in charge."""
    return await done(me, AddApprover(**me.context(), number=number, approval_id=approval_id, person_id=body.person_id))


@router.post(
    "/tickets/{number}/approvals/{approval_id}/approve",
    **changes(TicketNotOpen, UnknownApproval, NotAnApprover, ApprovalOver),
)
async def approve(
    number: TicketNumber,
    approval_id: UUID,
    body: ApproveBody = _APPROVE,
    me: Caller = needs(Permission.TICKET_APPROVE),
) -> Response:
    """Approve; twice changes nothing."""
    return await done(me, GiveApproval(**me.context(), number=number, approval_id=approval_id, note=body.note))


@router.post(
    "/tickets/{number}/approvals/{approval_id}/refuse",
    **changes(TicketNotOpen, UnknownApproval, NotAnApprover, ApprovalOver),
)
async def refuse_approval(
    number: TicketNumber, approval_id: UUID, body: RefuseBody, me: Caller = needs(Permission.TICKET_APPROVE)
) -> Response:
    """Refuse, with the reason; one refusal ends it, and a second approver's is refused as too late."""
    return await done(me, RefuseApproval(**me.context(), number=number, approval_id=approval_id, reason=body.reason))


@router.post(
    "/tickets/{number}/approvals/{approval_id}/withdraw",
    **changes(TicketNotOpen, UnknownApproval, NotYourQuestion, ApprovalOver),
)
async def withdraw_approval(
    number: TicketNumber, approval_id: UUID, me: Caller = needs(Permission.TICKET_APPROVE)
) -> Response:
    """Take the question back (撤回): by who asked, or who is in charge."""
    return await done(me, WithdrawApproval(**me.context(), number=number, approval_id=approval_id))
