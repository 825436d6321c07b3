"""What a body looks like, for the API description: one example of each that does not bring its own."""

from typing import Any

_PERSON = "0198c0de-0000-7000-8000-000000000001"
_COLLEAGUE = "0198c0de-0000-7000-8000-000000000004"
_FILE = "0198c0de-0000-7000-8000-000000000005"
_REQUESTER = "0198c0de-0000-7000-8000-000000000006"
_ORGANISATION = "0198c0de-0000-7000-8000-000000000007"
_WHY = {"why": "客户看不懂。Customers ask what it means.", "expected": "Fewer questions"}
_URGENT = {"all": [{"field": "priority", "op": "is_any_of", "value": ["high", "urgent"]}]}

_OF_TICKETS: dict[str, Any] = {
    "OpenBody": {
        "title": "打印机坏了",
        "description": "三楼,冒烟。It smokes.",
        "priority": "high",
        "tags": ["printer"],
    },
    "EditBody": {"title": "打印机冒烟", "due_at": None},
    "ReasonBody": {"reason": "asked for by the person concerned"},
    "PriorityBody": {"priority": "high"},
    "StatusBody": {"status": "open"},
    "TagsBody": {"tags": ["vip", "printer"]},
    "ClaimBody": {"accept": True},
    "SpamBody": {"block": False},
    "AttachBody": {"uploads": ["v1.dXBsb2Fk"], "internal": False},
    "ConfidentialBody": {"text": "PIN 1234"},
    "UndoBody": {"command_id": "0198c0de-0000-7000-8000-000000000003"},
    "TicketSearch": {"condition": _URGENT, "sort": "-priority", "limit": 20},
    "SubmitBody": {"uploads": []},
    "FormBody": {"fields": {"site": "office"}},
    "StepBody": {"next": "second_line", "fields": {"site": "office"}, "note": "It is the network."},
    "NewestFormBody": {"node": "first_line"},
    "ApprovalBody": {"mode": "all", "approvers": [_PERSON], "note": "May we buy a new one?"},
    "ApproverBody": {"person_id": _PERSON},
    "ApproveBody": {"note": "同意。Go ahead."},
    "RefuseBody": {"reason": "太贵了。Too expensive."},
    "MergeBody": {"into": "1002"},
    "SplitBody": {"message_id": "0198c0de-0000-7000-8000-000000000002", "title": "The scanner is broken too"},
    "LinkBody": {"relation": "related", "other": "1002"},
    "WebhookBody": {
        "title": "CRM",
        "url": "https://crm.example.com/hooks",
        "events": ["ticket.opened", "ticket.closed"],
        "when": _URGENT,
        **_WHY,
    },
    "RedeliveryBody": {"since": "2026-11-27T08:00:00Z", "only_failed": True},
    "BulkAsked": {"numbers": ["1001", "1002"], "actions": [{"do": "add_tags", "tags": ["vip"]}]},
    "AssignmentsBody": {"condition": _URGENT, "people": [_PERSON, _COLLEAGUE], "total": 20, "dry_run": True},
    "ExportAsked": {"what": "tickets", "format": "csv", "columns": ["number", "title", "status"], "condition": _URGENT},
    "ImportAsked": {"file_id": _FILE, "format": "csv", "mapping": {"Subject": "title"}, "dry_run": True},
    "ViewBody": {"title": "Urgent ones", "condition": _URGENT, "columns": ["number", "title"], "sort": "-priority"},
}
_OF_PEOPLE: dict[str, Any] = {
    "SignInBody": {"workspace": "demo", "login": "ann", "password": "correct horse battery"},
    "LoginBody": {"login": "ann", "password": "correct horse battery"},
    "ApiKeyBody": {"name": "Nightly report", "scopes": ["read"]},
    "RequesterBody": {"name": "王芳", "email": "wang@example.com", "tier": "gold", "tags": ["vip"]},
    "RequesterChanges": {"phone": "+86 10 6552 9988", "plan": None},
    "IntoBody": {"into": _REQUESTER},
    "SameOrganisationBody": {"into": _ORGANISATION},
    "OrganisationBody": {"name": "Example Ltd", "domains": ["example.com"], "tier": "gold"},
    "OrganisationChanges": {"tier": "silver"},
    "PersonBody": {"name": "Ann", "email": "ann@example.com", "role": "agent"},
    "PersonChanges": {"name": "Ann Li"},
    "RoleBody": {"role": "lead", "why": "She leads the night shift"},
    "TeamsBody": {"teams": []},
    "DutyBody": {"on_duty": True},
    "SkillsBody": {"skills": {"french": 3, "network": 5}},
    "LoadLimitBody": {"limit": 20},
    "ShiftsBody": {"shifts": [{"weekday": 0, "starts": 540, "ends": 1080}], "zone": "Asia/Shanghai"},
    "AbsenceBody": {"starts": "2036-11-24T09:00:00Z", "ends": "2036-12-01T09:00:00Z"},
    "Preferences": {
        "channels": {"followed": [], "mentioned": ["inbox", "mail"]},
        "quiet": {"starts": 1320, "ends": 480},
        "zone": "Asia/Shanghai",
    },
    "LeadsBody": {"leads": []},
    "CustomRoleBody": {
        "title": "Network desk",
        "permissions": ["ticket.view", "ticket.reply", "ticket.note"],
        "types": ["incident"],
    },
}
_OF_THE_DESK: dict[str, Any] = {
    "Reasons": _WHY,
    "NewStatusBody": {"key": "waiting_for_parts", "title": "等配件", "kind": "pending"},
    "StatusTitleBody": {"title": "等客户", **_WHY},
    "StreamBody": {"shown": ["title"], "why": "The warehouse is run by another company"},
    "OrderBody": {"order": ["new", "open", "pending", "resolved", "closed"]},
    "MovesBody": {"to": ["open", "closed"], **_WHY},
    "CategoryBody": {"path": ["Hardware", "Printer"]},
    "CategorySettingsBody": {"path": ["Hardware"], "title": "Hardware", **_WHY},
    "CategoryRetiredBody": {"path": ["Hardware", "Fax"], "why": "Nobody has one"},
    "FieldBody": {"title": "Site", "kind": "dropdown", "options": [{"id": "office", "title": "Office"}]},
    "TemplateBody": {"title": "事件", "uses": [{"key": "site", "required": True}], **_WHY},
    "TypeBody": {"title": "事件", "template": "incident", **_WHY},
    "WorkflowBody": {
        "title": "一线 → 结束",
        "start": "first_line",
        "nodes": [
            {"key": "first_line", "title": "一线", "participants": {"role": "agent"}, "next": ["end"]},
            {"key": "end", "title": "结束", "ends": True},
        ],
    },
    "TitleBody": {"title": "Second line"},
    "TagBody": {"tag": "vip", "colour": "#ff8800"},
    "RenamingBody": {"tag": "vip", "to": "key-account"},
    "MergingBody": {"tags": ["printers", "print"], "into": "printer"},
    "MacroBody": {"title": "Hand to the network desk", "actions": [{"do": "set_priority", "priority": "high"}]},
    "RuleBody": {
        "title": "Urgent ones first",
        "kind": "trigger",
        "when": {"field": "tags", "op": "has_any", "value": ["urgent"]},
        "then": [{"do": "set_priority", "priority": "urgent"}],
        **_WHY,
    },
    "BacktestBody": {"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"},
    "PolicyBacktestBody": {"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"},
    "RulesOrderBody": {"order": []},
    "CalendarBody": {
        "title": "Office",
        "zone": "Asia/Shanghai",
        "week": [{"weekday": day, "starts": 540, "ends": 1080} for day in range(5)],
        "presets": [{"country": "CN", "first": 2026, "last": 2027}],
        **_WHY,
    },
    "CalendarKeyBody": {"calendar": None},
    "PolicyBody": {
        "title": "VIPs",
        "position": 10,
        "when": {"field": "requester.tier", "op": "is_any_of", "value": ["vip"]},
        "targets": [{"measure": "first_response", "urgent": 10, "high": 30, "normal": 60, "low": "same_day"}],
        "reminders": [{"key": "soon", "minutes": -10, "to": {"roles": ["handler"]}}],
        "ladder": [{"key": "late", "level": 1, "after": 0, "to": {"roles": ["lead"]}}],
        **_WHY,
    },
    "CannedReplyBody": {"title": "Thanks", "body": "Thank you for {{ticket.number}}."},
}
EXAMPLES: dict[str, Any] = {
    # Of the assignment alone; elsewhere it is a part of another body.
    "Assignee": {"person": _PERSON},
    **_OF_TICKETS,
    **_OF_PEOPLE,
    **_OF_THE_DESK,
}
