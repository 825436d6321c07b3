"""Approvals (A21): all (会签) or any (或签) of several people are asked, one more is added (加签), the question is withdrawn (撤回)."""

from uuid import UUID

from domain.catalogue import Catalogue
from domain.command import Decision, decides
from domain.errors import InvalidInput, Refusal
from domain.event import Actor
from domain.permissions import Permission
from domain.ticket.commands import TicketCommand
from domain.ticket.flowing import (
    AddApprover,
    ApprovalGiven,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalWithdrawn,
    ApproverAdded,
    GiveApproval,
    RefuseApproval,
    RequestApproval,
    WithdrawApproval,
    asked_again,
)
from domain.ticket.handling import in_charge
from domain.ticket.state import Approval, Ticket


class UnknownApproval(Refusal):
    """Nobody was asked under that id."""

    code = "unknown_approval"
    status = 404
    sentence = "No approval {approval} on ticket {number}."


class NotAnApprover(Refusal):
    """Somebody else is asked, not this person."""

    code = "not_an_approver"
    status = 403
    sentence = "You are not asked to approve this on ticket {number}. Have yourself added by one of those who are."


class ApprovalOver(Refusal):
    """The question was answered or taken back."""

    code = "approval_over"
    sentence = "This approval is over: it was {outcome}. Ask again if it is still needed."


class NotYourQuestion(Refusal):
    """Somebody else asked for the approval."""

    code = "not_your_question"
    status = 403
    sentence = "Somebody else asked for this approval on ticket {number}. Have them withdraw it, or a lead."


class CannotApprove(Refusal):
    """The person's role does not let them approve."""

    code = "cannot_approve"
    status = 422
    sentence = "Person {person} cannot approve anything in the role {role}. Choose somebody else."


@decides(RequestApproval, needs=Permission.TICKET_APPROVE)
def request(command: RequestApproval, ticket: Ticket, desk: Catalogue) -> Decision:
    """Without approvers the step's own are asked once more, as after a refusal; with some, what they refused is settled."""
    ticket.must_be_open(command.number)
    if not command.approvers:
        return _once_more(command, ticket, desk)
    if any(approval.approval_id == command.command_id for approval in ticket.flow.approvals):
        return []
    approvers = tuple(dict.fromkeys(command.approvers))
    for approver in approvers:
        _must_be_able(approver, desk)
    return [
        *_asked_anew(command, ticket, desk),
        ApprovalRequested(
            approval_id=command.command_id,
            mode=command.mode,
            approvers=approvers,
            asked_by=command.author,
            node=ticket.flow.node,
            note=command.note or None,
        ),
    ]


def _asked_anew(command: RequestApproval, ticket: Ticket, desk: Catalogue) -> Decision:
    """What was refused at the step no longer holds it up once it is asked anew, by who could take it back as well."""
    here = [each for each in ticket.flow.approvals if each.node is not None and each.node == ticket.flow.node]
    refused = [each for each in here if each.outcome == "refused" and not each.required]
    mine = [each for each in refused if _may_withdraw(command.by, each, ticket, desk)]
    return [ApprovalWithdrawn(approval_id=each.approval_id) for each in mine]


def _once_more(command: RequestApproval, ticket: Ticket, desk: Catalogue) -> Decision:
    workflow = desk.workflow_of(ticket.flow.workflow)
    node = workflow.node(ticket.flow.node) if workflow else None
    if node is None or node.approval is None:
        raise InvalidInput(field="approvers", reason="name at least one: the ticket's step has none of its own")
    of_step = [each for each in ticket.flow.approvals if each.required and each.node == node.key]
    if of_step and of_step[-1].outcome in (None, "granted"):
        return []
    refused = [each for each in of_step if each.outcome == "refused"]
    withdrawn = [ApprovalWithdrawn(approval_id=each.approval_id) for each in refused]
    return [*withdrawn, *asked_again(node, command, command.note or None)]


def _must_be_able(person: UUID, desk: Catalogue) -> None:
    role = desk.person(person).role
    if not desk.approves(person):
        raise CannotApprove(person=person, role=role)


@decides(AddApprover, needs=Permission.TICKET_APPROVE)
def add_approver(command: AddApprover, ticket: Ticket, desk: Catalogue) -> Decision:
    """By one who is asked, or who asked; what a step requires is not for the asker to widen."""
    approval = _approval(command, command.approval_id, ticket)
    if command.person_id in approval.approvers:
        return []
    _must_be_live(approval)
    _must_be_able(command.person_id, desk)
    asked = command.by.id in {str(each) for each in approval.approvers}
    asks = command.by == approval.asked_by and not approval.required
    if not (asked or asks or in_charge(command.by, ticket, desk)):
        raise NotAnApprover(number=ticket.number)
    return [ApproverAdded(approval_id=approval.approval_id, person_id=command.person_id)]


@decides(GiveApproval, needs=Permission.TICKET_APPROVE)
def give(command: GiveApproval, ticket: Ticket, desk: Catalogue) -> Decision:
    """The last one that is needed grants it; those who left the desk, or may not approve any more, are not waited for."""
    approval = _approval(command, command.approval_id, ticket)
    person = _asked(command.by, approval, ticket)
    if person in approval.approved:
        return []
    _must_be_live(approval)
    missing = {each for each in approval.approvers if desk.approves(each)} - {person, *approval.approved}
    granted = approval.mode == "any" or not missing
    note = command.note or None
    return [ApprovalGiven(approval_id=approval.approval_id, person_id=person, granted=granted, note=note)]


@decides(RefuseApproval, needs=Permission.TICKET_APPROVE)
def refuse(command: RefuseApproval, ticket: Ticket, _: Catalogue) -> Decision:
    """One refusal ends it, in either mode."""
    approval = _approval(command, command.approval_id, ticket)
    person = _asked(command.by, approval, ticket)
    if person == approval.refused_by:
        return []
    # Another's refusal came first: what is said now, and why, would be kept nowhere.
    _must_be_live(approval)
    return [ApprovalRefused(approval_id=approval.approval_id, person_id=person, reason=command.reason)]


@decides(WithdrawApproval, needs=Permission.TICKET_APPROVE)
def withdraw(command: WithdrawApproval, ticket: Ticket, desk: Catalogue) -> Decision:
    """By who asked, or who is in charge; a refused one too, so that the step can go on without it."""
    approval = _approval(command, command.approval_id, ticket)
    if not _may_withdraw(command.by, approval, ticket, desk):
        raise NotYourQuestion(number=ticket.number)
    if approval.outcome == "withdrawn":
        return []
    if approval.outcome == "granted":
        raise ApprovalOver(outcome=approval.outcome)
    return [ApprovalWithdrawn(approval_id=approval.approval_id)]


def _may_withdraw(actor: Actor, approval: Approval, ticket: Ticket, desk: Catalogue) -> bool:
    return actor == approval.asked_by or in_charge(actor, ticket, desk)


def _approval(command: TicketCommand, approval_id: UUID, ticket: Ticket) -> Approval:
    ticket.must_be_open(command.number)
    found = next((each for each in ticket.flow.approvals if each.approval_id == approval_id), None)
    if found is None:
        raise UnknownApproval(approval=approval_id, number=ticket.number)
    return found


def _asked(actor: Actor, approval: Approval, ticket: Ticket) -> UUID:
    """The approver who acts, or NotAnApprover."""
    person = next((each for each in approval.approvers if actor.kind == "person" and actor.id == str(each)), None)
    if person is None:
        raise NotAnApprover(number=ticket.number)
    return person


def _must_be_live(approval: Approval) -> None:
    if approval.outcome is not None:
        raise ApprovalOver(outcome=approval.outcome)
