"""Saved and built-in views over HTTP: what they show, what they count, and to whom."""

from uuid import uuid4

import pytest

from domain.ids import ticket_id
from domain.permissions import RoleName
from tests.api.somebody import signed_in as signed_in


@pytest.fixture
def agent(signed_in):
    return signed_in(RoleName.AGENT)


@pytest.fixture
def lead(signed_in):
    return signed_in(RoleName.LEAD)


def test_built_in_views_count_what_they_show(agent, server):
    me, team = str(server.acme.people["agent"]), str(server.acme.team)
    agent.send("POST", "/tickets", title="mine", assignee={"person": me}, priority="urgent")
    agent.send("POST", "/tickets", title="late", due_at="2020-01-01T00:00:00Z")
    agent.send("POST", "/tickets", title="for the team", assignee={"team": team})
    waiting = agent.send("POST", "/tickets", title="waits", assignee={"person": me})["number"]
    agent.send("PUT", f"/tickets/{waiting}/status", status="pending")
    done = agent.send("POST", "/tickets", title="done")["number"]
    agent.send("POST", f"/tickets/{done}/resolve")
    asleep = agent.send("POST", "/tickets", title="asleep")["number"]
    agent.send("POST", f"/tickets/{asleep}/snooze", until="2100-01-01T00:00:00Z")
    counts = agent.counts()
    expected = {"mine": 2, "unassigned": 2, "urgent": 1, "overdue": 1, "due_today": 0, "waiting": 1, "all_open": 4}
    assert {key: counts[key] for key in expected} == expected
    assert (counts["snoozed"], counts["archived"], counts["spam"], counts["followed"]) == (1, 0, 0, 0)
    for key, count in counts.items():
        shown = agent.read(f"/views/{key}/tickets", total=True)
        assert (len(shown["tickets"]), shown["total"]) == (count, count), key


def test_a_view_shows_its_owner_what_it_says(agent, lead):
    wanted = agent.send("POST", "/tickets", title="wanted", tags=["vip"], priority="high")["number"]
    agent.send("POST", "/tickets", title="other", tags=["vip"])
    condition = {
        "all": [
            {"field": "tags", "op": "has_any", "value": ["vip"]},
            {"field": "priority", "op": "is", "value": "high"},
        ]
    }
    view = agent.send("POST", "/views", title="Important", condition=condition, columns=["number", "title"])
    listed = next(view for view in agent.read("/views")["views"] if not view["built_in"])
    assert (listed["title"], listed["total"], listed["condition"]) == ("Important", 1, condition)
    shown = agent.read(f"/views/{view['id']}/tickets")
    assert shown["tickets"] == [{"number": wanted, "title": "wanted"}]
    assert [each for each in lead.read("/views")["views"] if not each["built_in"]] == []
    hidden = lead.client.get(f"/views/{view['id']}/tickets")
    assert (hidden.status_code, hidden.json()["code"]) == (404, "unknown_view")


def test_no_view_takes_the_place_of_a_ticket_to_come(agent, server):
    body = {"title": "x", "condition": {"all": []}}
    for workspace in (server.acme.id, server.other.id):
        refused = agent.client.put(f"/views/{ticket_id(workspace, '1001')}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_view")
    assert agent.send("POST", "/tickets", title="the first")["number"] == "1001"
    view = agent.send("POST", "/views", **body)["id"]
    agent.send("PUT", f"/views/{view}", **body | {"title": "y"})


def test_sharing_with_everybody_takes_a_permission(agent, lead):
    body = {"title": "All", "condition": {"all": []}, "sharing": "shared"}
    refused = agent.client.post("/views", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    view = lead.send("POST", "/views", **body)["id"]
    assert [each["key"] for each in agent.read("/views")["views"] if not each["built_in"]] == [view]
    assert agent.client.delete(f"/views/{view}").status_code == 403
    lead.send("DELETE", f"/views/{view}")
    assert [each for each in agent.read("/views")["views"] if not each["built_in"]] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"sort": "nothing"},
        {"columns": ["nothing"]},
        {"condition": {"field": "nothing", "op": "is", "value": 1}},
        {"condition": {"field": "status", "op": "has_changed"}},
        {"sharing": "team"},
        {"team": str(uuid4())},
    ],
)
def test_a_view_that_cannot_be_is_refused(agent, wrong):
    answer = agent.client.post("/views", json={"title": "x", "condition": {"all": []}, **wrong})
    assert answer.status_code == 422, answer.text


def test_a_search_takes_any_condition(agent):
    agent.send("POST", "/tickets", title="Printer", fields={"floor": 3})
    agent.send("POST", "/tickets", title="Screen", fields={"floor": 4})
    condition = {"none": [{"field": "fields.floor", "op": "lt", "value": 4}]}
    agent.read("/tickets")
    found = agent.client.post(
        "/tickets/search",
        json={"condition": condition, "total": True, "columns": ["title"]},
        params={"min_position": agent.seen.position},
    ).json()
    assert (found["tickets"], found["total"], found["total_is_capped"]) == ([{"title": "Screen"}], 1, False)


def test_a_board_has_its_groups_with_their_counts(agent, server):
    me = str(server.acme.people["agent"])
    for n in range(3):
        agent.send("POST", "/tickets", title=f"t{n}", priority="high", assignee={"person": me})
    agent.send("POST", "/tickets", title="low", priority="low")
    groups = agent.read("/tickets/board", group_by="priority", cards=2)["groups"]
    assert [(g["value"], g["total"], len(g["tickets"])) for g in groups] == [("high", 3, 2), ("low", 1, 1)]
    board = agent.read("/tickets/board", group_by="assignee_person")
    assert [(g["value"], g["total"]) for g in board["groups"]] == [(me, 3), (None, 1)]
    assert board["names"][me] == "Some agent"


def test_a_key_that_may_not_view_tickets_learns_nothing_of_them(agent, admin, signed_in):
    agent.send("POST", "/tickets", title="not for it", tags=["vip"])
    agent.read("/tickets")
    asked = {"name": "what is set up", "scopes": ["workspace.view"]}
    client = signed_in(admin.post("/api-keys", json=asked).json()["secret"]).client
    for path in ("/views/all_open/tickets", "/tags/usage", "/people/loads"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), answer.text
    assert {view["total"] for view in client.get("/views").json()["views"]} == {None}
