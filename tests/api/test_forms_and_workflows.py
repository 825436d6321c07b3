"""Fields, forms, types and workflows set up over HTTP, and tickets on their way through them."""

from typing import Any
from uuid import uuid4

import pytest

from api.access import create_api_key
from tests.waiting import wait_until

COST = {"amount": "12.30", "currency": "CNY"}


def put(client, path, /, **body) -> dict[str, Any]:
    answer = client.put(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def options(*titles):
    return [{"id": title.lower(), "title": title} for title in titles]


@pytest.fixture
def people(server):
    return {role: str(person) for role, person in server.acme.people.items()}


@pytest.fixture
def ready(admin, people):
    """A type with a form and a workflow: the agent, then the system's pick of lead and agent, approved by the admin."""
    put(admin, "/fields/site", title="Site", kind="dropdown", options=options("Office", "Plant"), why="Asked always")
    hall = {"field": "fields.site", "op": "is", "value": "plant"}
    put(admin, "/fields/hall", title="Hall", kind="line", visible_if=hall)
    put(admin, "/fields/risk", title="Risk", kind="number", internal=True)
    put(admin, "/fields/cost", title="Cost", kind="money")
    uses = [{"key": "site", "required": True}, {"key": "hall", "required": True}, {"key": "risk"}]
    put(admin, "/templates/report", title="Report", uses=uses)
    put(admin, "/templates/repair", title="Repair", uses=[{"key": "cost", "required": True}])
    first = {"key": "first", "title": "一线", "participants": {"person": people["agent"]}, "next": ["second", "end"]}
    second = {
        "key": "second",
        "title": "二线",
        "participants": {"people": [people["lead"], people["agent"]]},
        "claim": "system",
        "template": "repair",
        "next": ["end"],
        "approval": {"approvers": [people["admin"]]},
    }
    end = {"key": "end", "title": "结束", "ends": True}
    put(admin, "/workflows/desk", title="一线 → 二线 → 结束", start="first", nodes=[first, second, end])
    put(admin, "/types/incident", title="事件", template="report", workflow="desk")
    return admin


def opened(client, **fields) -> str:
    answer = client.post("/tickets", json={"title": "打印机坏了", "type": "incident", "fields": fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["number"])


def problem(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()


def test_a_value_is_checked_on_the_server_and_every_wrong_field_named(ready):
    body = {"title": "t", "type": "incident", "fields": {"site": "moon", "colour": "secret"}}
    told = problem(ready.post("/tickets", json=body), 422, "invalid_field")
    assert {each["field"] for each in told["errors"]} == {"/body/fields/site", "/body/fields/colour"}
    assert "secret" not in str(told)
    missing = problem(
        ready.post("/tickets", json={"title": "t", "type": "incident", "fields": {"site": "plant"}}),
        422,
        "invalid_field",
    )
    assert missing["errors"] == [{"field": "/body/fields/hall", "reason": "must be filled in"}]


def test_a_renamed_option_is_renamed_on_every_ticket(ready):
    number = opened(ready, site="office")
    renamed = [{"id": "office", "title": "Bureau"}, *options("Plant")]
    put(ready, "/fields/site", title="Site", kind="dropdown", options=renamed)
    form = ready.get(f"/tickets/{number}/form").json()
    assert form["values"]["site"] == "office"
    (site,) = (field for field in form["fields"] if field["key"] == "site")
    assert site["options"][0]["title"] == "Bureau"
    assert form["template"] == {"key": "report", "version": 1}


def test_a_changed_template_has_a_new_version_and_old_tickets_keep_theirs(ready, server):
    number = opened(ready, site="office")
    put(ready, "/templates/report", title="Report", uses=[{"key": "cost", "required": True}])
    versions = ready.get("/templates/report/versions").json()
    assert [each["version"] for each in versions] == [1, 2]
    assert ready.patch(f"/tickets/{number}", json={"fields": {"site": "plant", "hall": "A"}}).status_code == 200
    problem(ready.patch(f"/tickets/{number}", json={"fields": {"cost": "free"}}), 422, "invalid_field")
    assert ready.post(f"/tickets/{number}/form/newest").json()["events"] == 1
    assert ready.get(f"/tickets/{number}/form").json()["template"]["version"] == 2


def test_a_ticket_goes_its_way(ready, server, people):
    number = opened(ready, site="office")
    with server.acting("agent") as agent, server.acting("lead") as lead:
        form = agent.get(f"/tickets/{number}/form").json()
        assert (form["node"], [step["key"] for step in form["next"]]) == ("first", ["second", "end"])
        told = problem(agent.post(f"/tickets/{number}/steps", json={"next": "third"}), 409, "illegal_step")
        assert told["fields"]["legal"] == "second, end"
        key = {"Idempotency-Key": "once"}
        sent = [agent.post(f"/tickets/{number}/steps", json={"next": "second"}, headers=key) for _ in range(2)]
        assert [answer.status_code for answer in sent] == [200, 200]
        assert sent[1].headers["Idempotency-Replayed"] == "true"
        handler = ready.get(f"/tickets/{number}").json()["assignee_person"]
        assert handler in (people["lead"], people["agent"])
        other, mine = (agent, lead) if handler == people["lead"] else (lead, agent)
        assert mine.put(f"/tickets/{number}/form", json={"fields": {"cost": COST}}).status_code == 200
        assert mine.get(f"/tickets/{number}/form").json()["saved"] == {"cost": COST}
        problem(mine.post(f"/tickets/{number}/steps", json={"next": "end"}), 409, "approval_pending")
        (asked,) = mine.get(f"/tickets/{number}/form").json()["approvals"]
        path = f"/tickets/{number}/approvals/{asked['approval_id']}"
        problem(other.post(f"{path}/approve"), 403, "not_an_approver")
        assert ready.post(f"{path}/approve", json={"note": "Fine"}).json()["events"] == 1
        assert ready.post(f"{path}/approve").json()["events"] == 0
        assert mine.post(f"/tickets/{number}/steps", json={"next": "end"}).status_code == 200
    ended = ready.get(f"/tickets/{number}").json()
    assert (ended["kind"], ended["fields"]["cost"]) == ("resolved", COST)


def test_approvals_by_hand(ready, server, people):
    number = opened(ready, site="office")
    with server.acting("agent") as agent, server.acting("lead") as lead:
        body = {"mode": "any", "approvers": [people["lead"]], "note": "Please"}
        asked = agent.post(f"/tickets/{number}/approvals", json=body).json()["id"]
        path = f"/tickets/{number}/approvals/{asked}"
        assert lead.post(f"{path}/approvers", json={"person_id": people["admin"]}).status_code == 200
        assert lead.post(f"{path}/refuse", json={"reason": "太贵"}).status_code == 200
        problem(ready.post(f"{path}/approve"), 409, "approval_over")
        problem(agent.post(f"/tickets/{number}/steps", json={"next": "end"}), 409, "approval_pending")
        assert agent.post(f"{path}/withdraw").status_code == 200
        assert agent.post(f"/tickets/{number}/steps", json={"next": "end"}).status_code == 200
    problem(ready.post(f"/tickets/{number}/approvals/{uuid4()}/withdraw"), 404, "unknown_approval")


def test_what_is_in_use_is_not_retired_and_only_admins_set_up(ready, server):
    problem(ready.put("/fields/site/retired", json={}), 409, "still_in_use")
    problem(ready.put("/templates/repair/retired", json={}), 409, "still_in_use")
    problem(ready.put("/workflows/desk/retired", json={}), 409, "still_in_use")
    put(ready, "/types/incident/retired", why="Nobody uses it")
    put(ready, "/workflows/desk/retired")
    problem(ready.post("/tickets", json={"title": "t", "type": "incident"}), 422, "unknown_type")
    with server.acting("agent") as agent:
        problem(agent.put("/fields/x", json={"title": "X", "kind": "line"}), 403, "not_allowed")
        assert {each["key"] for each in agent.get("/fields").json()} == {"site", "hall", "risk", "cost"}
        assert agent.get("/types").json()[0]["retired"]


def test_a_mistake_is_told_in_a_sentence(ready):
    unknown = {"field": "fields.site", "op": "resembles", "value": 1}
    problem(
        ready.put("/fields/x", json={"title": "X", "kind": "line", "visible_if": unknown}), 422, "invalid_condition"
    )
    problem(ready.put("/fields/x", json={"title": "X", "kind": "line", "pattern": "("}), 422, "invalid_form")
    problem(ready.put("/fields/x", json={"title": "X", "kind": "colour"}), 422, "invalid_request")
    problem(ready.put("/templates/x", json={"title": "X", "uses": [{"key": "nope"}]}), 404, "unknown_setup")
    alone = {"title": "X", "start": "a", "nodes": [{"key": "a", "title": "A"}]}
    assert problem(ready.put("/workflows/x", json=alone), 422, "invalid_workflow")["fields"]["node"] == "a"
    problem(ready.get("/workflows/x/versions"), 404, "unknown_setup")


def test_categories_set_what_their_tickets_get(ready, server):
    team = str(server.acme.team)
    put(ready, "/categories/settings", path=["Hardware", "Printer"], team=team, title="Printers")
    assert ["Hardware", "Printer"] in ready.get("/categories").json()
    assert ready.get("/categories/settings").json()[0]["team"] == team
    answer = ready.post("/tickets", json={"title": "t", "category": ["Hardware", "Printer"]})
    assert ready.get(f"/tickets/{answer.json()['number']}").json()["assignee_team"] == team
    put(ready, "/categories/retired", path=["Hardware"])
    body = {"title": "t", "category": ["Hardware", "Printer"]}
    problem(ready.post("/tickets", json=body), 422, "retired_category")


def test_a_requester_sees_no_internal_field(ready, server):
    requester = ready.post("/requesters", json={"name": "Zoe"}).json()["id"]
    key = create_api_key(server.database_url, server.acme.id, requester, "tests", ["admin"])
    body = {"title": "t", "type": "incident", "requester_id": requester, "fields": {"site": "office", "risk": 7}}
    number = ready.post("/tickets", json=body).json()["number"]
    other = opened(ready, site="office")
    with server.client(key) as zoe:
        wait_until(lambda: zoe.get("/me").status_code == 200)
        (incident,) = zoe.get("/forms").json()
        assert {field["key"] for field in incident["fields"]} == {"site", "hall"}
        form = zoe.get(f"/tickets/{number}/form").json()
        assert (form["values"], form["next"]) == ({"site": "office"}, [])
        assert "risk" not in str(form)
        problem(zoe.get(f"/tickets/{other}/form"), 404, "unknown_ticket")
        problem(zoe.post("/tickets", json=body | {"requester_id": None}), 422, "invalid_field")
        problem(zoe.post(f"/tickets/{number}/steps", json={"next": "end"}), 403, "not_allowed")
