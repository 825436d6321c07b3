"""A desk with forms, types and a workflow, for the tests that need them."""

from domain.classification import TypeDefinition
from domain.field_values import FieldKind, Option
from domain.forms import FieldDefinition, Use
from domain.setup.classification import SetType
from domain.setup.forms import SetField, SetTemplate
from domain.setup.workflows import SetWorkflow
from domain.values import Assignee
from domain.workflows import Node, StepApproval, WorkflowDefinition
from tests.domain.kit import ANN, BILLING, BOB, DESK, decided, folded, id_of, wish

LEAD = id_of("lead")


def desk_after(desk, kind, **asked):
    """The desk after a set-up command that must not be refused."""
    outcome = decided(wish(kind, **asked), desk, desk)
    assert outcome.refusal is None, outcome.refusal
    return folded(desk, *outcome.events)


def site(*left, **more):
    """A choice between those options."""
    options = tuple(Option(id=key, title=key.title()) for key in left or ("office", "plant"))
    return FieldDefinition(title="Site", kind=FieldKind.DROPDOWN, options=options, **more)


SEATS = FieldDefinition(title="Seats", kind=FieldKind.POSITIVE_INTEGER)
COST = FieldDefinition(title="Cost", kind=FieldKind.MONEY)
FIRST = Node(key="first", title="一线", participants=Assignee(team=BILLING), next=("second", "end"))
SECOND = Node(
    key="second",
    title="二线",
    participants=Assignee(people=(ANN, BOB)),
    template="repair",
    next=("first", "buy", "end"),
)
BUY = Node(
    key="buy",
    title="Buy",
    participants=Assignee(person=BOB),
    next=("end",),
    approval=StepApproval(mode="all", approvers=(ANN, LEAD)),
)
END = Node(key="end", title="结束", ends=True)
WAY = WorkflowDefinition(title="一线 → 二线 → 结束", start="first", nodes=(FIRST, SECOND, BUY, END))


def furnished():
    """Fields site, seats, cost; forms report and repair; the workflow desk; the type incident that has them."""
    desk = DESK
    for key, definition in {"site": site(), "seats": SEATS, "cost": COST}.items():
        desk = desk_after(desk, SetField, key=key, definition=definition)
    uses = (Use(key="site", required=True), Use(key="seats"))
    desk = desk_after(desk, SetTemplate, key="report", title="Report", uses=uses)
    desk = desk_after(desk, SetTemplate, key="repair", title="Repair", uses=(Use(key="cost", required=True),))
    desk = desk_after(desk, SetWorkflow, key="desk", definition=WAY)
    incident = TypeDefinition(title="事件", template="report", workflow="desk")
    return desk_after(desk, SetType, key="incident", definition=incident)


READY = furnished()
