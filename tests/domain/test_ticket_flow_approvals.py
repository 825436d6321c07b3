"""Approvals: all or any of several people, one more added, refused with a reason, taken back (A21)."""

import pytest

from domain.errors import InvalidInput, NotAllowed, UnknownPerson
from domain.forms import InvalidField
from domain.ticket.approving import ApprovalOver, CannotApprove, NotAnApprover, NotYourQuestion, UnknownApproval
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
    SubmitStep,
    TicketFormPinned,
    TicketStepEntered,
    TicketStepSubmitted,
    WithdrawApproval,
)
from domain.ticket.stepping import ApprovalPending, IllegalStep
from domain.values import Pinned
from domain.workspace import PersonDeactivated, RoleChanged
from tests.domain.kit import ANN, BOB, DESK, LEFT, folded, given, id_of, opened, person
from tests.domain.setups import LEAD, READY

ASKED = id_of("command")
OTHER = id_of("another approval")


def asked(*approvers, mode="all", by="admin", **more):
    return ApprovalRequested(approval_id=ASKED, mode=mode, approvers=approvers, asked_by=person(by), **more)


def when(before, kind, by, **more):
    return before.when(kind, by=person(by), **({"approval_id": ASKED} | more))


def given_asked(*approvers, mode="all", by="admin", after=()):
    return given(opened(), asked(*approvers, mode=mode, by=by), *after)


def gave(who, *, granted=False):
    return ApprovalGiven(approval_id=ASKED, person_id=who, granted=granted)


def test_people_are_asked_once_each_and_may_see_the_ticket():
    outcome = given(opened()).when(RequestApproval, by=person("ann"), approvers=(BOB, LEAD, BOB), note="Too dear?")
    state = outcome.then(asked(BOB, LEAD, by="ann", note="Too dear?"))
    assert {BOB, LEAD} <= state.involved
    given(opened(), asked(BOB)).when(RequestApproval, by=person("ann"), approvers=(BOB,)).then_nothing()


def test_only_who_can_approve_is_asked():
    by_ann = {"by": person("ann")}
    given(opened()).when(RequestApproval, **by_ann, approvers=(LEFT,)).then_refused(UnknownPerson)
    given(opened()).when(RequestApproval, **by_ann, approvers=(id_of("auditor"),)).then_refused(CannotApprove)
    given(opened()).when(RequestApproval, **by_ann).then_refused(InvalidInput, field="approvers")
    given(opened()).when(RequestApproval, by=person("auditor"), approvers=(BOB,)).then_refused(NotAllowed)


def test_all_must_approve():
    when(given_asked(ANN, BOB), GiveApproval, "ann", note="Fine").then(
        gave(ANN).model_copy(update={"note": "Fine"}),
    )
    when(given_asked(ANN, BOB, after=[gave(ANN)]), GiveApproval, "bob").then(gave(BOB, granted=True))


def test_any_one_is_enough():
    when(given_asked(ANN, BOB, mode="any"), GiveApproval, "bob").then(gave(BOB, granted=True))


def test_who_left_the_desk_is_not_waited_for():
    desk = folded(DESK, PersonDeactivated(person_id=BOB))
    (given_it,) = when(given(opened(), asked(ANN, BOB), desk=desk), GiveApproval, "ann").events
    assert given_it.granted


def test_who_may_not_approve_any_more_is_not_waited_for():
    desk = folded(DESK, RoleChanged(person_id=BOB, role="auditor", previous="agent"))
    (given_it,) = when(given(opened(), asked(ANN, BOB), desk=desk), GiveApproval, "ann").events
    assert given_it.granted


def test_answering_twice_changes_nothing():
    when(given_asked(ANN, BOB, after=[gave(ANN)]), GiveApproval, "ann").then_nothing()
    no = ApprovalRefused(approval_id=ASKED, person_id=ANN, reason="no")
    when(given_asked(ANN, BOB, after=[no]), RefuseApproval, "ann", reason="no!").then_nothing()


def test_who_refuses_second_is_told_that_it_is_over():
    no = ApprovalRefused(approval_id=ASKED, person_id=BOB, reason="no")
    for before in ([no], [gave(ANN), no]):
        over = given_asked(ANN, BOB, after=before)
        when(over, RefuseApproval, "ann", reason="Too dear").then_refused(ApprovalOver, outcome="refused")


@pytest.mark.parametrize(("kind", "more"), [(GiveApproval, {}), (RefuseApproval, {"reason": "no"})])
def test_only_an_approver_answers_and_only_while_it_is_asked(kind, more):
    when(given_asked(ANN), kind, "bob", **more).then_refused(NotAnApprover)
    when(given_asked(ANN), kind, "ann", **more, approval_id=OTHER).then_refused(UnknownApproval, approval=OTHER)
    over = given_asked(ANN, BOB, mode="any", after=[gave(BOB, granted=True)])
    when(over, kind, "ann", **more).then_refused(ApprovalOver, outcome="granted")


def test_one_refusal_with_its_reason_ends_it():
    outcome = when(given_asked(ANN, BOB, mode="any"), RefuseApproval, "ann", reason="太贵")
    state = outcome.then(ApprovalRefused(approval_id=ASKED, person_id=ANN, reason="太贵"))
    assert state.flow.approvals[0].outcome == "refused"


@pytest.mark.parametrize(
    ("by", "refused"), [("ann", None), ("admin", None), ("lead", None), ("bob", NotAnApprover), ("auditor", NotAllowed)]
)
def test_one_more_is_added_by_who_is_asked_or_asks(by, refused):
    outcome = when(given_asked(ANN), AddApprover, by, person_id=BOB)
    if refused is not None:
        outcome.then_refused(refused)
        return
    state = outcome.then(ApproverAdded(approval_id=ASKED, person_id=BOB))
    assert state.flow.approvals[0].approvers == (ANN, BOB)


def test_who_is_asked_already_is_not_added():
    when(given_asked(ANN), AddApprover, "ann", person_id=ANN).then_nothing()
    when(given_asked(ANN), AddApprover, "ann", person_id=id_of("analyst")).then_refused(CannotApprove)


@pytest.mark.parametrize(("by", "refused"), [("ann", None), ("lead", None), ("bob", NotYourQuestion)])
def test_who_asked_takes_it_back(by, refused):
    outcome = when(given_asked(BOB, by="ann"), WithdrawApproval, by)
    if refused is not None:
        sentence = outcome.then_refused(refused)
        assert sentence == "Somebody else asked for this approval on ticket T-1. Have them withdraw it, or a lead."
        return
    outcome.then(ApprovalWithdrawn(approval_id=ASKED))
    again = given_asked(BOB, by="ann", after=outcome.events)
    when(again, WithdrawApproval, by).then_nothing()


def test_what_was_granted_is_not_taken_back():
    granted = given_asked(BOB, by="ann", after=[gave(BOB, granted=True)])
    when(granted, WithdrawApproval, "ann").then_refused(ApprovalOver, outcome="granted")


PINNED = TicketFormPinned(template=None, workflow=Pinned(key="desk", version=1))


def at(node, *after):
    """A ticket of Bob's at that step."""
    begun = opened(status="open", kind="open", assignee={"person": BOB})
    return given(begun, PINNED, TicketStepEntered(node=node), *after, desk=READY)


def submitted(before):
    return before.when(SubmitStep, by=person("bob"), next="end")


REQUIRED = asked(ANN, LEAD, node="buy", required=True, by="bob")
REFUSED = ApprovalRefused(approval_id=ASKED, person_id=ANN, reason="no")


def test_a_step_waits_until_it_is_granted():
    submitted(at("buy", REQUIRED)).then_refused(ApprovalPending, node="buy", outcome="open")
    submitted(at("buy", REQUIRED, gave(ANN))).then_refused(ApprovalPending)
    assert submitted(at("buy", REQUIRED, gave(ANN), gave(LEAD, granted=True))).refusal is None


def test_what_the_step_asks_cannot_be_replaced_by_another_question():
    friendly = asked(BOB, node="buy", by="bob")
    granted = at("buy", friendly, gave(BOB, granted=True))
    submitted(granted).then_refused(ApprovalPending, outcome="missing")
    when(at("buy", REQUIRED), AddApprover, "bob", person_id=BOB).then_refused(NotAnApprover)


def test_a_refused_step_is_asked_again():
    refused = at("buy", REQUIRED, REFUSED)
    submitted(refused).then_refused(ApprovalPending, outcome="refused")
    again = refused.when(RequestApproval, by=person("bob"), note="Cheaper now")
    withdrawn, anew = again.events
    assert withdrawn == ApprovalWithdrawn(approval_id=ASKED)
    assert (anew.approvers, anew.required, anew.note) == ((ANN, LEAD), True, "Cheaper now")
    granted = ApprovalGiven(approval_id=anew.approval_id, person_id=LEAD, granted=True)
    assert submitted(at("buy", REQUIRED, REFUSED, withdrawn, anew, granted)).refusal is None
    at("buy", REQUIRED).when(RequestApproval, by=person("bob")).then_nothing()


def test_a_question_of_ones_own_holds_the_step_up_until_it_is_answered_or_taken_back():
    own = asked(ANN, node="first", by="bob")
    submitted(at("first", own)).then_refused(ApprovalPending, outcome="open")
    submitted(at("first", own, REFUSED)).then_refused(ApprovalPending, outcome="refused")
    assert submitted(at("first", own, REFUSED, ApprovalWithdrawn(approval_id=ASKED))).refusal is None
    assert submitted(at("first", own, gave(ANN, granted=True))).refusal is None


def test_a_step_come_to_once_more_is_approved_once_more():
    granted = (REQUIRED, gave(ANN), gave(LEAD, granted=True))
    submitted(at("buy", *granted, TicketStepEntered(node="buy"))).then_refused(ApprovalPending, outcome="missing")


@pytest.mark.parametrize(("by", "replaced"), [("bob", True), ("lead", True), ("ann", False)])
def test_what_was_refused_is_settled_once_whoever_asked_asks_anew(by, replaced):
    before = (asked(ANN, node="first", by="bob"), REFUSED)
    outcome = at("first", *before).when(RequestApproval, by=person(by), approvers=(LEAD,), command_id=OTHER)
    *withdrawn, anew = outcome.events
    assert withdrawn == [ApprovalWithdrawn(approval_id=ASKED)] * replaced
    granted = ApprovalGiven(approval_id=anew.approval_id, person_id=LEAD, granted=True)
    after = submitted(at("first", *before, *outcome.events, granted))
    assert (after.refusal is None) is replaced


def test_what_the_step_itself_asked_is_not_settled_by_another_question():
    friendly = at("buy", REQUIRED, REFUSED).when(RequestApproval, by=person("lead"), approvers=(BOB,), command_id=OTHER)
    (anew,) = friendly.events
    granted = ApprovalGiven(approval_id=anew.approval_id, person_id=BOB, granted=True)
    submitted(at("buy", REQUIRED, REFUSED, anew, granted)).then_refused(ApprovalPending, outcome="refused")


CAME = TicketStepEntered(node="buy", previous="second")


def test_refused_a_step_goes_back_to_where_the_ticket_came_from():
    back = at("buy", CAME, REQUIRED, REFUSED).when(SubmitStep, by=person("bob"), next="second", note="Too dear")
    assert [type(each) for each in back.events[:2]] == [TicketStepSubmitted, TicketStepEntered]
    there = folded(back.state, *back.events)
    assert (there.flow.node, there.flow.came_from) == ("second", "buy")
    # What was refused on the other step holds up nothing here.
    on = at("buy", CAME, REQUIRED, REFUSED, *back.events).when(
        SubmitStep, by=person("lead"), next="end", fields={"cost": {"amount": "12.50", "currency": "CNY"}}
    )
    assert on.refusal is None


def test_going_back_the_form_need_not_be_whole():
    own = asked(ANN, node="second", by="bob")
    came = TicketStepEntered(node="second", previous="first")
    back = at("second", came, own, REFUSED).when(SubmitStep, by=person("bob"), next="first")
    assert back.refusal is None
    at("second", came).when(SubmitStep, by=person("bob"), next="first").then_refused(InvalidField)


def test_only_refused_does_it_go_back():
    for answer in ((), (gave(ANN),), (gave(ANN), gave(LEAD, granted=True)), (ApprovalWithdrawn(approval_id=ASKED),)):
        before = at("buy", CAME, REQUIRED, *answer)
        before.when(SubmitStep, by=person("bob"), next="second").then_refused(IllegalStep, legal="end")
    first = at("buy", REQUIRED, REFUSED)
    first.when(SubmitStep, by=person("bob"), next="second").then_refused(IllegalStep, legal="end")


def test_what_was_refused_before_the_ticket_came_again_leads_nowhere_back():
    anew = asked(ANN, LEAD, node="buy", required=True, by="bob").model_copy(update={"approval_id": OTHER})
    again = (TicketStepEntered(node="second", previous="buy"), CAME, anew)
    before = at("buy", CAME, REQUIRED, REFUSED, *again)
    before.when(SubmitStep, by=person("bob"), next="second").then_refused(IllegalStep, legal="end")
