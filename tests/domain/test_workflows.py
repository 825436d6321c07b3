"""Workflow graphs: which are refused, naming the step, and what a change of one does (B5)."""

import pytest

from domain.classification import TypeDefinition
from domain.errors import UnknownPerson
from domain.rulebook import UnknownSetup
from domain.setup.classification import SetType
from domain.setup.uses import StillInUse
from domain.setup.workflows import RetireWorkflow, SetWorkflow
from domain.values import Assignee
from domain.workflows import InvalidWorkflow, Node, StepApproval, WorkflowDefinition
from tests.domain.kit import ANN, LEFT, decided, id_of, wish
from tests.domain.setups import BUY, END, READY, WAY, desk_after


def way(*nodes, start="first"):
    return WorkflowDefinition(title="Way", start=start, nodes=nodes)


def setting(definition, desk=READY, key="other"):
    return decided(wish(SetWorkflow, key=key, definition=definition), desk, desk)


def step(key, *following, **more):
    return Node(key=key, title=key.title(), next=following, **more)


WRONG = [
    (way(step("first", "end"), END, step("first", "end")), "first", "twice"),
    (way(step("first", "end"), END, start="begin"), "begin", "no such step"),
    (way(END, start="end"), "end", "start and the end at once"),
    (way(step("first", "nowhere", "end"), END), "first", "nowhere"),
    (way(step("first", "end"), step("island", "end"), END), "island", "cannot be reached"),
    (way(step("first", "loop", "end"), step("loop", "loop"), END), "loop", "does not lead to a step that ends"),
    (way(step("first", "second"), step("second", "first")), "first", "does not lead"),
    (way(step("first", "end"), step("end", "first", ends=True)), "end", "no next step"),
    (way(step("first", "end"), END.model_copy(update={"template": "repair"})), "end", "no form"),
    (way(step("first", "end", claim="system"), END), "first", "names nobody to pick from"),
]


@pytest.mark.parametrize(("definition", "node", "said"), WRONG)
def test_a_graph_in_which_a_ticket_would_be_lost_is_refused_naming_the_step(definition, node, said):
    assert said in setting(definition).then_refused(InvalidWorkflow, node=node)


def test_whoever_and_whatever_a_step_names_must_be_here():
    gone = step("first", "end", participants=Assignee(person=LEFT))
    setting(way(gone, END)).then_refused(UnknownPerson)
    approved = step("first", "end", approval=StepApproval(approvers=(LEFT,)))
    setting(way(approved, END)).then_refused(UnknownPerson)
    setting(way(step("first", "end", template="nope"), END)).then_refused(UnknownSetup, what="template")


AUDITOR = id_of("auditor")
WATCHING = [
    (step("first", "end", participants=Assignee(person=AUDITOR)), "gives tickets to the role auditor"),
    (step("first", "end", participants=Assignee(people=(ANN, AUDITOR))), "gives tickets to the role auditor"),
    (step("first", "end", participants=Assignee(role="auditor")), "gives tickets to the role auditor"),
    (step("first", "end", approval=StepApproval(approvers=(ANN, AUDITOR))), "may not, in the role auditor"),
]


@pytest.mark.parametrize(("node", "said"), WATCHING)
def test_a_step_names_nobody_whose_role_keeps_them_from_it(node, said):
    assert said in setting(way(node, END)).then_refused(InvalidWorkflow, node="first")


def test_a_changed_workflow_is_a_new_version_and_the_old_one_is_kept():
    shorter = way(step("first", "end"), END)
    desk = desk_after(READY, SetWorkflow, key="desk", definition=shorter)
    assert [(each.version, len(each.nodes)) for each in desk.workflows["desk"]] == [(1, 4), (2, 2)]
    setting(shorter, desk, key="desk").then_nothing()
    setting(WAY, READY, key="desk").then_nothing()


def test_a_workflow_that_types_begin_is_not_retired():
    retire = wish(RetireWorkflow, key="desk")
    assert "the type «incident»" in decided(retire, READY, READY).then_refused(StillInUse)
    desk = desk_after(READY, SetType, key="incident", definition=TypeDefinition(title="事件"))
    desk = desk_after(desk, RetireWorkflow, key="desk")
    assert desk.workflow("desk").retired
    assert desk.workflow("desk").node("buy") == BUY
    decided(retire, desk, desk).then_nothing()


def test_a_graph_may_go_back():
    there_and_back = way(step("first", "second"), step("second", "first", "end"), END)
    (event,) = setting(there_and_back).events
    assert (event.workflow.version, event.workflow.templates) == (1, ())
