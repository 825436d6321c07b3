"""Rules over HTTP: who may set them, their versions and reasons, and why each acted on a ticket or did not."""

import pytest

from domain.permissions import RoleName
from tests.api.test_requester_sign_in import key_of, registered
from tests.waiting import wait_until

URGENT = {
    "title": "Urgent ones first",
    "kind": "trigger",
    "when": {"all": [{"field": "tags", "op": "has_any", "value": ["urgent"]}]},
    "then": [{"do": "set_priority", "priority": "urgent"}],
}
REASONS = {"why": "Urgent ones waited", "expected": "Half the wait"}
REMIND = {
    "title": "Remind",
    "kind": "automation",
    "when": {"field": "kind", "op": "is", "value": "new"},
    "then": [{"do": "note", "body": "Still {{ticket.status}}"}],
    "timing": {"since": "opened_at", "after": {"amount": 4, "unit": "hours"}},
}


def put(client, path, **body):
    answer = client.put(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def code(answer):
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def urgent(admin):
    """A desk with one trigger."""
    put(admin, "/rules/urgent", **URGENT, **REASONS)


def test_a_rule_is_set_changed_ordered_and_retired_in_versions_with_reasons(admin, urgent):
    put(admin, "/rules/remind", **REMIND)
    assert [(rule["key"], rule["version"]) for rule in admin.get("/rules").json()] == [("urgent", 1), ("remind", 1)]
    put(admin, "/rule-order", order=["remind", "urgent"])
    wait_until(lambda: [rule["key"] for rule in admin.get("/rules").json()] == ["remind", "urgent"], 5)
    put(admin, "/rules/urgent", **URGENT | {"title": "Now"}, why="Shorter")
    put(admin, "/rules/urgent/retired", why="Nobody tags")
    wait_until(lambda: admin.get("/rules/urgent").json()["retired"], 5)
    versions = admin.get("/rules/urgent/versions").json()
    told = [(v["rule"]["version"], v["rule"]["title"], v["rule"]["retired"], v["why"]) for v in versions]
    assert told == [
        (1, "Urgent ones first", False, "Urgent ones waited"),
        (2, "Now", False, "Shorter"),
        (2, "Now", True, "Nobody tags"),
    ]
    assert versions[0]["expected"] == "Half the wait"
    assert versions[0]["by"]["kind"] == "person"
    assert code(admin.get("/rules/other")) == (404, "unknown_setup")


def test_only_who_may_edit_rules_sets_them(server, urgent):
    for role in (RoleName.AGENT, RoleName.LEAD, RoleName.AUDITOR, RoleName.ANALYST, RoleName.CONTROL_ROOM):
        with server.acting(role) as client:
            assert code(client.put("/rules/x", json=URGENT)) == (403, "not_allowed")
            assert code(client.put("/rules/urgent/retired", json={})) == (403, "not_allowed")
            assert code(client.put("/rule-order", json={"order": ["urgent"]})) == (403, "not_allowed")
            assert client.get("/rules").status_code == 200


def test_a_requester_sees_nothing_of_rules_and_another_workspace_neither(server, admin, urgent):
    with server.client(key_of(admin, zoe := registered(admin))) as portal:
        number = admin.post("/tickets", json={"title": "x", "requester_id": zoe}).json()["number"]
        for path in ("/rules", "/rules/urgent", "/rules/urgent/versions", f"/tickets/{number}/rules"):
            assert code(portal.get(path)) == (403, "not_allowed"), path
        assert code(portal.put("/rules/x", json=URGENT)) == (403, "not_allowed")
    with server.acting(other=True) as other:
        assert other.get("/rules").json() == []
        assert code(other.get("/rules/urgent")) == (404, "unknown_setup")
        assert code(other.get(f"/tickets/{number}/rules")) == (404, "unknown_ticket")


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"then": [{"do": "explode"}]}, "invalid_rule"),
        ({"then": [{"do": "note", "body": "{{secret}}"}]}, "invalid_rule"),
        ({"then": [{"do": "run_macro", "macro": "none"}]}, "unknown_macro"),
        ({"when": {"field": "event", "op": "has_any", "value": ["ticket.exploded"]}}, "invalid_rule"),
        ({"when": {"field": "nothing", "op": "is", "value": 1}}, "invalid_condition"),
        ({"kind": "automation"}, "invalid_request"),
    ],
)
def test_what_could_not_act_is_refused(admin, change, refused):
    answer = admin.put("/rules/x", json=URGENT | change)
    assert answer.status_code in (404, 422), answer.text
    assert answer.json()["code"] == refused


def test_the_rule_log_says_what_said_no_and_how_automations_stand(admin, urgent):
    put(admin, "/rules/remind", **REMIND)
    number = admin.post("/tickets", json={"title": "x"}).json()["number"]
    assert admin.post(f"/tickets/{number}/tags", json={"tags": ["urgent"]}).status_code == 200
    log = admin.get(f"/tickets/{number}/rules").json()
    opened, tagged = log["entries"]
    (look,) = opened["triggers"]
    assert (opened["events"][0], look["key"], look["said"]) == ("ticket.opened", "urgent", "condition_not_met")
    assert look["because"] == [
        {"place": "all[0]", "held": False, "field": "tags", "op": "has_any", "value": ["urgent"]}
    ]
    assert [(each["said"], each["because"]) for each in tagged["triggers"]] == [("acted", [])]
    (remind,) = log["automations"]
    assert remind["key"] == "remind"
    assert remind["due_at"] > remind["since"]
    assert admin.get(f"/tickets/{number}/rules?after={log['last_version']}").json()["entries"] == []
    assert code(admin.get("/tickets/99999/rules")) == (404, "unknown_ticket")


def test_lists_and_views_refuse_what_only_rules_can_ask(followed, admin):
    asked = {"condition": {"field": "event", "op": "has_any", "value": ["ticket.opened"]}}
    assert code(admin.post("/tickets/search", json=asked)) == (422, "condition_only_in_rules")
    view = {"title": "x", "columns": ["number"], "sort": "number"}
    answer = admin.post("/views", json=view | {"condition": {"field": "before.status", "op": "is", "value": "new"}})
    assert code(answer) == (422, "condition_only_in_rules")
