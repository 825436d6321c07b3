"""A ticket on its way through a workflow: who has it, which form, which step next (B5, B12)."""

import pytest

from domain.classification import CategoryDefinition
from domain.forms import InvalidField, Use
from domain.setup.classification import SetCategory
from domain.setup.forms import SetTemplate
from domain.setup.staff import SetDuty
from domain.setup.workflows import SetWorkflow
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.drafting import SaveForm
from domain.ticket.flowing import (
    Filing,
    MoveToForm,
    SubmitStep,
    TicketFormPinned,
    TicketStepEntered,
    TicketStepSubmitted,
    eligible,
    participants,
)
from domain.ticket.handling import NotYours
from domain.ticket.moving import TicketFinished
from domain.ticket.stepping import ApprovalPending, IllegalStep, NoWorkflow
from domain.values import NOBODY, Assignee, Pinned, StatusKind
from domain.workflows import WorkflowDefinition
from domain.workspace import RoleChanged
from tests.domain.kit import ANN, BILLING, BOB, LEFT, NOON, folded, given, id_of, opened, person
from tests.domain.setups import BUY, END, FIRST, READY, SECOND, WAY, desk_after

REPORT, DESK_V1 = Pinned(key="report", version=1), Pinned(key="desk", version=1)
PINNED = TicketFormPinned(template=REPORT, workflow=DESK_V1)
COST = {"amount": "12.30", "currency": "CNY"}


def at(node, has=ANN, desk=READY, *more):
    """A ticket at that step, in somebody's hands."""
    begun = opened(type="incident", status="open", kind="open", fields={"site": "plant"}, assignee={"person": has})
    return given(begun, PINNED, TicketStepEntered(node=node), *more, desk=desk)


def test_a_ticket_of_a_type_begins_its_workflow_with_the_form_of_that_day():
    outcome = given(desk=READY).when(c.OpenTicket, title="t", type="incident", fields={"site": "plant", "seats": 2})
    opening, *rest = outcome.events
    assert opening.fields == {"site": "plant", "seats": 2}
    assert rest == [
        PINNED,
        TicketStepEntered(node="first"),
        e.TicketAssigned(assignee=Assignee(team=BILLING), previous=NOBODY),
    ]


def test_who_opens_it_may_say_who_has_it():
    asked = {"title": "t", "type": "incident", "fields": {"site": "plant"}, "assignee": {"person": BOB}}
    events = given(desk=READY).when(c.OpenTicket, **asked).events
    assert [type(each) for each in events[1:]] == [TicketFormPinned, TicketStepEntered]


def test_the_form_is_checked_when_opening():
    refused = given(desk=READY).when(c.OpenTicket, title="t", type="incident", fields={"colour": 1})
    refused.then_refused(InvalidField)
    errors = {each["field"] for each in refused.refusal.wrong}
    assert errors == {"site", "colour"}


def test_a_step_is_submitted_to_the_next_and_those_who_do_that_get_the_ticket():
    at("first").when(SubmitStep, by=person("ann"), next="second", note="Needs a screwdriver").then(
        TicketStepSubmitted(node="first", next="second", note="Needs a screwdriver"),
        TicketStepEntered(node="second", previous="first"),
        e.TicketAssigned(assignee=Assignee(people=(ANN, BOB)), previous=Assignee(person=ANN)),
    )


def test_the_end_resolves_the_ticket():
    outcome = at("second").when(SubmitStep, by=person("ann"), next="end", fields={"cost": COST})
    state = outcome.then(
        e.TicketFieldsSet(fields={"cost": COST}, previous={"cost": None}),
        TicketStepSubmitted(node="second", next="end"),
        TicketStepEntered(node="end", previous="second"),
        e.TicketResolved(status="resolved", kind="resolved", previous="open", previous_kind="open"),
    )
    assert (state.kind, state.flow.node, state.flow.saved) == (StatusKind.RESOLVED, "end", {})


def test_a_step_is_submitted_with_its_whole_form():
    begun = at("second")
    said = begun.when(SubmitStep, by=person("ann"), next="end").then_refused(InvalidField, field="cost")
    assert "must be filled in" in said
    begun.when(SubmitStep, by=person("ann"), next="end", fields={"colour": 1}).then_refused(InvalidField)


def test_what_was_saved_counts_and_what_is_given_now_counts_more():
    saved = at("second").when(SaveForm, by=person("ann"), fields={"cost": COST, "seats": 2}).events
    begun = at("second", ANN, READY, *saved)
    fields, *_ = begun.when(SubmitStep, by=person("ann"), next="end", fields={"seats": 3}).events
    assert fields.fields == {"cost": COST, "seats": 3}
    done = begun.when(SubmitStep, by=person("ann"), next="buy")
    assert done.then(*done.events).flow.saved == {}


def test_an_unknown_next_step_names_the_legal_ones():
    at("first").when(SubmitStep, by=person("ann"), next="buy").then_refused(IllegalStep, legal="second, end")


@pytest.mark.parametrize(("by", "refused"), [("bob", NotYours), ("lead", None), ("admin", None), ("ann", None)])
def test_only_who_has_the_ticket_or_is_in_charge_submits(by, refused):
    outcome = at("first").when(SubmitStep, by=person(by), next="second")
    assert (type(outcome.refusal) if outcome.refusal else None) is refused


@pytest.mark.parametrize(
    ("to", "said"),
    [
        (Assignee(), "Claim it first."),
        (Assignee(people=(ANN, BOB)), "Claim it first."),
        (Assignee(person=ANN), "Ask whoever has it"),
        (Assignee(people=(ANN, id_of("lead"))), "Ask whoever has it"),
    ],
)
def test_who_may_claim_the_ticket_is_told_to_do_so_first(to, said):
    before = at("first", ANN, READY, e.TicketAssigned(assignee=to, previous=Assignee(person=ANN)))
    assert said in before.when(SubmitStep, by=person("bob"), next="second").then_refused(NotYours)


def test_a_finished_ticket_and_one_without_a_workflow_have_no_next_step():
    given(opened(assignee={"person": ANN})).when(SubmitStep, by=person("ann"), next="x").then_refused(NoWorkflow)
    done = e.TicketResolved(status="resolved", kind="resolved", previous="open", previous_kind="open")
    at("first", ANN, READY, done).when(SubmitStep, by=person("ann"), next="second").then_refused(TicketFinished)


def picking(desk=READY):
    nodes = (FIRST, SECOND.model_copy(update={"claim": "system"}), BUY, END)
    return desk_after(desk, SetWorkflow, key="desk", definition=WAY.model_copy(update={"nodes": nodes}))


def test_whom_the_system_picks_has_the_ticket_at_once():
    begun = at("first", ANN, picking(), TicketFormPinned(template=REPORT, workflow=Pinned(key="desk", version=2)))
    *_, assigned = begun.when(SubmitStep, by=person("ann"), next="second", pick=BOB).events
    assert assigned.assignee == Assignee(person=BOB)


@pytest.mark.parametrize("pick", [None, LEFT, BILLING])
def test_without_somebody_eligible_it_waits_to_be_claimed(pick):
    begun = at("first", ANN, picking(), TicketFormPinned(template=REPORT, workflow=Pinned(key="desk", version=2)))
    *_, assigned = begun.when(SubmitStep, by=person("ann"), next="second", pick=pick).events
    assert assigned.assignee == Assignee(people=(ANN, BOB))


def test_who_is_off_duty_is_not_picked():
    desk = desk_after(picking(), SetDuty, person_id=BOB, on_duty=False)
    begun = at("first", ANN, desk, TicketFormPinned(template=REPORT, workflow=Pinned(key="desk", version=2)))
    *_, assigned = begun.when(SubmitStep, by=person("ann"), next="second", pick=BOB).events
    assert assigned.assignee.needs_claim


def test_who_may_not_handle_what_the_ticket_is_about_does_not_get_it():
    printers = CategoryDefinition(path=("Hardware",), people=(BOB,))
    desk = desk_after(picking(), SetCategory, definition=printers)
    begun = opened(type="incident", status="open", kind="open", category=("Hardware",), assignee={"person": ANN})
    second = TicketFormPinned(template=REPORT, workflow=Pinned(key="desk", version=2))
    first = given(begun, second, TicketStepEntered(node="first"), desk=desk)
    for pick in (ANN, None):
        *_, assigned = first.when(SubmitStep, by=person("ann"), next="second", pick=pick).events
        assert assigned.assignee == Assignee(person=BOB)
    system, about = desk.workflow_of(second.workflow).node("second"), Filing("incident", ("Hardware",))
    assert eligible(system, about, NOON, desk) == [BOB]
    assert set(eligible(system, Filing("incident", ()), NOON, desk)) == {ANN, BOB}


def changed_desk():
    nodes = (
        FIRST.model_copy(update={"next": ("third", "end")}),
        FIRST.model_copy(update={"key": "third", "next": ("end",)}),
        END,
    )
    other = WorkflowDefinition(title="Way", start="first", nodes=nodes)
    desk = desk_after(READY, SetWorkflow, key="desk", definition=other)
    return desk_after(desk, SetTemplate, key="report", title="Report", uses=(Use(key="seats", required=True),))


NEWEST = TicketFormPinned(template=Pinned(key="report", version=2), workflow=Pinned(key="desk", version=2))


def test_who_only_watches_now_gets_nothing_at_a_step():
    desk = folded(READY, RoleChanged(person_id=BOB, role="auditor", previous="agent"))
    about = Filing(None, ())
    assert participants(BUY, about, desk) == NOBODY
    assert participants(SECOND, about, desk) == Assignee(person=ANN)
    assert (BOB in eligible(SECOND, about, NOON, READY), BOB in eligible(SECOND, about, NOON, desk)) == (True, False)


def test_a_running_ticket_keeps_the_version_that_it_began_with():
    begun = at("first", ANN, changed_desk())
    assert begun.when(SubmitStep, by=person("ann"), next="second").refusal is None
    begun.when(SubmitStep, by=person("ann"), next="third").then_refused(IllegalStep, legal="second, end")


def test_it_is_moved_to_the_newest_on_purpose():
    begun = at("first", ANN, changed_desk())
    begun.when(MoveToForm, by=person("ann")).then(NEWEST)
    at("first", ANN, changed_desk(), NEWEST).when(MoveToForm, by=person("ann")).then_nothing()
    begun.when(MoveToForm, by=person("bob")).then_refused(NotYours)


def test_a_step_that_the_newest_no_longer_has_must_be_chosen():
    begun = at("second", ANN, changed_desk())
    begun.when(MoveToForm, by=person("ann")).then_refused(IllegalStep, current="second", legal="first, third, end")
    begun.when(MoveToForm, by=person("ann"), node="third").then(
        NEWEST,
        TicketStepEntered(node="third", previous="second"),
        e.TicketAssigned(assignee=Assignee(team=BILLING), previous=Assignee(person=ANN)),
    )


def test_a_ticket_of_a_type_without_a_form_is_freed_of_it():
    plain = (opened(assignee={"person": ANN}), PINNED, TicketStepEntered(node="buy"))
    state = (
        given(*plain, desk=READY)
        .when(MoveToForm, by=person("ann"))
        .then(TicketFormPinned(template=None, workflow=None))
    )
    assert state.flow.node is None


def test_a_step_with_approvers_asks_them_and_waits():
    outcome = at("second").when(SubmitStep, by=person("ann"), next="buy", fields={"cost": COST})
    asked = next(each for each in outcome.events if each.NAME == "ticket.approval_requested")
    assert (asked.mode, asked.approvers, asked.required) == ("all", BUY.approval.approvers, True)
    at("buy", BOB).when(SubmitStep, by=person("bob"), next="end").then_refused(ApprovalPending, outcome="missing")


def test_the_system_picks_for_the_first_step_too():
    first = FIRST.model_copy(update={"claim": "system"})
    desk = desk_after(
        READY, SetWorkflow, key="desk", definition=WAY.model_copy(update={"nodes": (first, SECOND, BUY, END)})
    )
    asked = {"title": "t", "type": "incident", "fields": {"site": "plant"}}
    *_, assigned = given(desk=desk).when(c.OpenTicket, **asked, pick=ANN).events
    assert assigned.assignee == Assignee(team=BILLING, person=ANN)
    *_, queued = given(desk=desk).when(c.OpenTicket, **asked, pick=BOB).events
    assert queued.assignee == Assignee(team=BILLING)
