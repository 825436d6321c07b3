"""How the demo desk is set up: statuses, forms, a workflow, a role of its own, skills, tags, macros and replies."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from cli.demo.stories import DESK, HARDWARE, NETWORK, STORIES
from domain.actions import ACTIONS
from domain.classification import CategoryDefinition, TypeDefinition
from domain.event import SYSTEM
from domain.forms import FieldDefinition, Use
from domain.ids import person_id, team_id, workspace_id
from domain.permissions import PERMISSIONS, RoleName
from domain.setup import classification, forms, macros, roles, staff, tags, teams
from domain.setup.workflows import SetWorkflow
from domain.values import StatusKind
from domain.workflows import WorkflowDefinition
from domain.workspace import AddStatus, WorkspaceCommand

WORKSPACE = workspace_id("demo")
NETWORK_ROLE = "network_desk"
PURCHASE = ("硬件", "采购")
SKILLS = {
    "lina": {"chinese": 5, "network": 3},
    "wangwei": {"network": 5, "chinese": 5},
    "tom": {"hardware": 4, "english": 5},
    "sofia": {"english": 4, "sap": 3},
    "kim": {"network": 4},
}
LEADS = {NETWORK: "wangwei", DESK: "chenjing", HARDWARE: "tom"}
COLOURS = ("#c0392b", "#2471a3", "#1e8449", "#b7950b", "#6c3483", "#515a5a")


def _options(**titles: str) -> list[dict[str, str]]:
    return [{"id": key, "title": title} for key, title in titles.items()]


FIELDS: dict[str, dict[str, Any]] = {
    "impact": {
        "title": "影响范围 Impact",
        "kind": "dropdown",
        "options": _options(one="一个人 One person", team="一个团队 A team", company="全公司 Everybody"),
    },
    "device": {"title": "设备 Device", "kind": "line", "max": 60},
    "outage_since": {
        "title": "故障开始 Outage since",
        "kind": "datetime",
        "visible_if": {"field": "fields.impact", "op": "is", "value": "company"},
    },
    "call_back": {"title": "回电号码 Call back", "kind": "phone"},
    "cause": {"title": "根本原因 Root cause", "kind": "text", "internal": True},
    "systems": {
        "title": "系统 Systems",
        "kind": "checkboxes",
        "options": _options(sap="SAP", crm="CRM", wiki="Confluence", hr="Workday"),
    },
    "seats": {"title": "人数 Seats", "kind": "positive_integer", "max": 500},
    "needed_by": {"title": "需要日期 Needed by", "kind": "date"},
    "manager": {"title": "审批人 Manager", "kind": "email"},
    "product": {
        "title": "产品 Product",
        "kind": "cascade",
        "options": [
            {"id": "laptop", "title": "笔记本 Laptop"},
            {"id": "t14", "title": "ThinkPad T14", "parent": "laptop"},
            {"id": "air", "title": "MacBook Air", "parent": "laptop"},
            {"id": "screen", "title": "显示器 Screen"},
            {"id": "u2723", "title": "Dell U2723", "parent": "screen"},
        ],
    },
    "price": {"title": "价格 Price", "kind": "money"},
    "offer": {"title": "报价链接 Offer", "kind": "link"},
    "delivery": {
        "title": "交付 Delivery",
        "kind": "radio",
        "options": _options(desk="送到工位 To the desk", pick="自取 Pick-up"),
    },
    "inspected_by": {"title": "验收人 Inspected by", "kind": "person", "internal": True},
}
TEMPLATES: dict[str, tuple[str, tuple[Use, ...]]] = {
    "incident": (
        "故障 Incident",
        (
            Use(key="impact", required=True, default="one"),
            *(Use(key=key) for key in ("device", "outage_since", "call_back", "cause")),
        ),
    ),
    "request": (
        "申请 Request",
        (Use(key="systems", required=True), *(Use(key=key) for key in ("seats", "needed_by", "manager"))),
    ),
    "purchase": (
        "采购 Purchase",
        (Use(key="product", required=True), *(Use(key=key) for key in ("price", "offer", "delivery", "inspected_by"))),
    ),
}
MACROS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "ask_for_photo": (
        "请发照片 Ask for a photo",
        [
            {
                "do": "reply",
                "body": "{{requester.name}}，您好！请发一张错误信息的照片。\nPlease send us a photo of the error.",
            },
            {"do": "set_status", "status": "pending"},
        ],
    ),
    "to_network": (
        "转网络组 To the network team",
        [{"do": "add_tags", "tags": ["网络"]}, {"do": "assign", "to": {"team": str(team_id(WORKSPACE, NETWORK))}}],
    ),
}
REPLIES = {
    "greeting": ("问候 Greeting", "{{requester.name}}，您好！工单 {{ticket.number}} 由 {{agent.name}} 为您处理。"),
    "solved": ("已解决 Solved", "Hello {{requester.name}}, «{{ticket.title}}» is solved. Please tell us if it is not."),
}


def furnishing(at: datetime) -> list[WorkspaceCommand]:
    """What the demo desk has beside its people and teams, in the order in which they need each other."""
    return [*_classified(at), *_staffed(at), *_written(at)]


def role(at: datetime) -> WorkspaceCommand:
    """A role of the desk's own, for people who see one category alone."""
    permissions = tuple(sorted(PERMISSIONS[RoleName.AGENT]))
    return roles.SetRole(
        **context(at, "role"),
        key=NETWORK_ROLE,
        title="网络专员 Network desk",
        permissions=permissions,
        categories=(("网络",),),
    )


def _classified(at: datetime) -> Iterator[WorkspaceCommand]:
    for key, title, kind in (
        ("on_site", "现场处理 On site", StatusKind.OPEN),
        ("parts", "等待备件 Waiting for parts", StatusKind.PENDING),
    ):
        yield AddStatus(**context(at, f"status {key}"), key=key, title=title, kind=kind)
    for key, told in FIELDS.items():
        definition = FieldDefinition.model_validate(told)
        yield forms.SetField(**context(at, f"field {key}"), key=key, definition=definition)
    for key, (title, uses) in TEMPLATES.items():
        yield forms.SetTemplate(**context(at, f"template {key}"), key=key, title=title, uses=uses)
    why = "硬件采购要先批准 Purchases are approved before they are ordered"
    workflow = WorkflowDefinition.model_validate(way())
    yield SetWorkflow(**context(at, "workflow"), key="escalation", definition=workflow, why=why)
    for key, title in (("incident", "故障 Incident"), ("request", "申请 Request")):
        definition_of_type = TypeDefinition(title=title, template=key)
        yield classification.SetType(**context(at, f"type {key}"), key=key, definition=definition_of_type)
    purchase = CategoryDefinition(path=PURCHASE, template="purchase", workflow="escalation")
    yield classification.SetCategory(**context(at, "purchases"), definition=purchase)


def way() -> dict[str, Any]:
    """一线 → 二线 → 结束; the second line's work is approved before it ends."""
    lead = [str(person_id(WORKSPACE, login)) for login in ("chenjing", "maria")]
    return {
        "title": "一线 → 二线 → 结束",
        "start": "first",
        "nodes": [
            {"key": "first", "title": "一线 First line", "participants": _team(DESK), "next": ["second", "end"]},
            {
                "key": "second",
                "title": "二线 Second line",
                "participants": _team(HARDWARE),
                "next": ["first", "end"],
                "approval": {"mode": "any", "approvers": lead},
            },
            {"key": "end", "title": "结束 Done", "ends": True},
        ],
    }


def _team(name: str) -> dict[str, str]:
    return {"team": str(team_id(WORKSPACE, name))}


def _staffed(at: datetime) -> Iterator[WorkspaceCommand]:
    for team, lead in LEADS.items():
        leads = (person_id(WORKSPACE, lead),)
        yield teams.SetTeamLeads(**context(at, f"leads {team}"), team_id=team_id(WORKSPACE, team), leads=leads)
    for login, skills in SKILLS.items():
        yield staff.SetSkills(**context(at, f"skills {login}"), person_id=person_id(WORKSPACE, login), skills=skills)
    sofia, tom = (person_id(WORKSPACE, login) for login in ("sofia", "tom"))
    hours = tuple(staff.Hours(weekday=day, starts=9 * 60, ends=17 * 60 + 30) for day in range(5))
    yield staff.SetShifts(**context(at, "shifts"), person_id=sofia, shifts=hours, zone="Europe/Rome")
    yield staff.SetLoadLimit(**context(at, "limit"), person_id=sofia, limit=60)
    away = {"starts": at + timedelta(days=20), "ends": at + timedelta(days=27)}
    yield staff.AddAbsence(**context(at, "absence"), person_id=tom, absence_id=uuid5(WORKSPACE, "absence"), **away)


def _written(at: datetime) -> Iterator[WorkspaceCommand]:
    for place, tag in enumerate(sorted({tag for story in STORIES for tag in story.tags})):
        yield tags.SetTag(**context(at, f"tag {tag}"), tag=tag, colour=COLOURS[place % len(COLOURS)])
    for key, (title, actions) in MACROS.items():
        yield macros.SetMacro(
            **context(at, f"macro {key}"), key=key, title=title, actions=ACTIONS.validate_python(actions)
        )
    for key, (title, body) in REPLIES.items():
        yield macros.SetCannedReply(**context(at, f"reply {key}"), key=key, title=title, body=body)


def context(at: datetime, name: str) -> dict[str, Any]:
    """The common part of a command that sets the desk up; the same id for the same name."""
    return {
        "workspace_id": WORKSPACE,
        "by": SYSTEM,
        "at": at,
        "channel": "cli",
        "command_id": _id(name),
    }


def _id(name: str) -> UUID:
    return uuid5(WORKSPACE, f"demo setup {name}")
