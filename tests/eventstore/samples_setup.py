"""One event of every type that sets up fields, forms, types, categories and workflows."""

from uuid import UUID

from domain.classification import CategorySettings, TicketType
from domain.conditions import parse
from domain.event import Event
from domain.field_values import FieldKind, Option
from domain.forms import CustomField, Template, Use
from domain.setup.classification import CategoryRetired, CategorySet, TypeRetired, TypeSet
from domain.setup.forms import FieldRetired, FieldSet, TemplateRetired, TemplateSet
from domain.setup.workflows import WorkflowRetired, WorkflowSet
from domain.values import Assignee, Pinned
from domain.workflows import Node, StepApproval, Workflow

ID = UUID("018f0000-0000-7000-8000-000000000001")
OTHER = UUID("018f0000-0000-7000-8000-000000000002")
WHY = {"why": "Half of the tickets lack it.", "expected": "Fewer questions back."}
IN_PRODUCTION = parse({"field": "fields.site", "op": "is", "value": "plant"})

SITE = CustomField(
    key="site",
    title="地点",
    kind=FieldKind.DROPDOWN,
    required=True,
    default="office",
    options=(Option(id="office", title="Office"), Option(id="plant", title="工厂", retired=True)),
)
SEATS = CustomField(
    key="seats",
    title="Seats",
    kind=FieldKind.POSITIVE_INTEGER,
    hint="How many cannot work",
    min=1,
    max=500,
    internal=True,
    visible_if=IN_PRODUCTION,
)
CODE = CustomField(key="code", title="Asset code", kind=FieldKind.LINE, pattern="[A-Z]{2}[0-9]+", retired=True)
FORM = Template(key="incident", version=2, title="事件", uses=(Use(key="site", required=True),), fields=(SITE,))
FLOW = Workflow(
    key="second-line",
    version=1,
    title="一线 → 二线 → 结束",
    start="first",
    nodes=(
        Node(key="first", title="一线", participants=Assignee(team=ID), template="incident", next=("second", "end")),
        Node(
            key="second",
            title="二线",
            participants=Assignee(people=(ID, OTHER)),
            claim="system",
            next=("first", "end"),
            approval=StepApproval(mode="any", approvers=(ID, OTHER)),
        ),
        Node(key="end", title="结束", ends=True),
    ),
    templates=(Pinned(key="incident", version=2),),
)
TYPE = TicketType(
    key="incident", title="事件", parent="all", team=ID, template="incident", workflow="second-line", people=(OTHER,)
)

SAMPLES: tuple[Event, ...] = (
    FieldSet(field=SEATS, **WHY),
    FieldRetired(key="code", **WHY),
    TemplateSet(template=FORM.model_copy(update={"fields": (SITE, SEATS, CODE)}), **WHY),
    TemplateRetired(key="incident", **WHY),
    TypeSet(type=TYPE, **WHY),
    TypeRetired(key="incident", **WHY),
    CategorySet(settings=CategorySettings(path=("Hardware", "打印机"), title="Printers", teams=(ID,)), **WHY),
    CategoryRetired(path=("Hardware", "打印机"), **WHY),
    WorkflowSet(workflow=FLOW, **WHY),
    WorkflowRetired(key="second-line", **WHY),
)
