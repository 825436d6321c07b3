"""Backtests over HTTP: asked for, with words only for who may see them, refused for who may not, and for what makes no rule."""

from typing import Any

import pytest

from domain.permissions import RoleName
from tests.api.conftest import Server
from tests.api.test_jobs import ended, working
from tests.api.test_rules import REMIND, URGENT, code, put

__all__ = ["working"]
SPAN = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
GREET = {
    "title": "Greet",
    "kind": "trigger",
    "when": {"field": "event", "op": "has_any", "value": ["ticket.opened"]},
    "then": [{"do": "note", "body": "About {{ticket.title}}"}],
}


def test_a_draft_is_tested_and_its_words_are_for_who_sees_the_ticket(working: Server) -> None:
    with working.acting() as admin:
        opened = admin.post("/tickets", json={"title": "打印机坏了"}).json()
        admin.get("/tickets", params={"min_position": opened["position"]}).raise_for_status()
        answer = admin.post("/rules/greet/backtest", json=SPAN | {"draft": GREET})
        assert answer.status_code == 202, answer.text
        job = ended(admin, answer.json())
        assert (job["state"], job["result"]["acted"], job["result"]["tickets"]) == ("done", 1, 1)
        (item,) = admin.get(f"/jobs/{job['job_id']}/items").json()["items"]
        assert (item["item"], item["detail"]["acts"][0]["actions"]) == (opened["number"], [{"do": "note"}])
        (act,) = admin.get(f"/tickets/{opened['number']}/backtests/{job['job_id']}").json()
        assert act["actions"][0]["body"] == "About 打印机坏了"
        assert admin.get("/rules").json() == []
        assert [e["event"] for e in admin.get(f"/tickets/{opened['number']}/history").json()["entries"]] == [
            "ticket.opened"
        ]
    with working.acting(RoleName.LEAD) as lead:
        assert code(lead.get(f"/tickets/{opened['number']}/backtests/{job['job_id']}")) == (403, "not_allowed")
        assert code(lead.get(f"/jobs/{job['job_id']}")) == (404, "unknown_job")


def test_a_stored_rule_is_tested_as_it_is(working: Server) -> None:
    with working.acting() as admin:
        put(admin, "/rules/remind", **REMIND)
        job = ended(admin, admin.post("/rules/remind/backtest", json=SPAN).json())
        assert (job["state"], job["parameters"]["rule"]["key"], job["result"]) == ("done", "remind", None)


@pytest.mark.parametrize(
    ("asked", "status", "refusal"),
    [
        ({}, 404, "unknown_setup"),
        ({"draft": URGENT | {"then": [{"do": "explode"}]}}, 422, "invalid_rule"),
        ({"draft": URGENT | {"when": {"field": "status", "op": "is", "value": "lost"}}}, 422, "invalid_rule"),
        ({"draft": URGENT | {"when": {"field": "moon", "op": "is", "value": "full"}}}, 422, "invalid_condition"),
        ({"draft": REMIND | {"timing": None}}, 422, "invalid_request"),
        ({"draft": URGENT, "to": "2019-01-01T00:00:00Z"}, 422, "invalid_request"),
        ({"draft": URGENT, "from": 5, "to": 6}, 422, "invalid_request"),
    ],
)
def test_what_makes_no_rule_is_refused(server: Server, asked: dict[str, Any], status: int, refusal: str) -> None:
    with server.acting() as admin:
        assert code(admin.post("/rules/none/backtest", json=SPAN | asked)) == (status, refusal)


POLICY = {"title": "Usual", "targets": [{"measure": "accept", "normal": 30}]}


def test_a_draft_of_a_policy_is_tested_and_a_stored_one_as_it_is(working: Server) -> None:
    with working.acting() as admin:
        opened = admin.post("/tickets", json={"title": "打印机坏了"}).json()
        admin.get("/tickets", params={"min_position": opened["position"]}).raise_for_status()
        job = ended(admin, admin.post("/policies/usual/backtest", json=SPAN | {"draft": POLICY}).json())
        sums = job["result"]
        assert (job["state"], sums["tickets"], sums["breach_rate"], sums["escalation_rate"]) == ("done", 1, 0.0, 0.0)
        assert admin.get("/policies").json() == []
        assert admin.get(f"/tickets/{opened['number']}/backtests/{job['job_id']}").json() == [
            {"at": "2020-01-01T00:00:00+00:00", "version": 0, "actions": [], "refusal": None, "refused_because": None}
            | {"fact": {"fact": "promised", "measure": None, "step": None}}
        ]
        put(admin, "/policies/usual", **POLICY)
        job = ended(admin, admin.post("/policies/usual/backtest", json=SPAN).json())
        assert (job["parameters"]["policy"]["version"], job["result"]["tickets"]) == (1, 1)
        assert code(admin.post("/policies/none/backtest", json=SPAN)) == (404, "unknown_policy")
        wrong = POLICY | {"calendar": "moon"}
        assert code(admin.post("/policies/none/backtest", json=SPAN | {"draft": wrong})) == (422, "unknown_calendar")


def test_another_workspace_may_neither_ask_for_a_backtest_nor_read_one(working: Server) -> None:
    with working.acting() as admin, working.acting(other=True) as stranger:
        put(admin, "/rules/urgent", **URGENT)
        put(admin, "/policies/usual", **POLICY)
        ticket = admin.post("/tickets", json={"title": "Ours"}).json()
        admin.get("/tickets", params={"min_position": ticket["position"]}).raise_for_status()
        assert code(stranger.post("/rules/urgent/backtest", json=SPAN)) == (404, "unknown_setup")
        assert code(stranger.post("/policies/usual/backtest", json=SPAN)) == (404, "unknown_policy")
        jobs = []
        for path, draft in (("/rules/greet/backtest", GREET), ("/policies/usual/backtest", POLICY)):
            job = ended(admin, admin.post(path, json=SPAN | {"draft": draft}).json())
            assert job["result"]["tickets"] == 1
            theirs = ended(stranger, stranger.post(path, json=SPAN | {"draft": draft}).json())
            assert theirs["result"] is None or theirs["result"]["tickets"] == 0
            for address in ("", "/items"):
                assert code(stranger.get(f"/jobs/{job['job_id']}{address}")) == (404, "unknown_job")
            there = f"/tickets/{ticket['number']}/backtests/{job['job_id']}"
            assert stranger.get(there).status_code == 404
            jobs.append(job)
        own = stranger.post("/tickets", json={"title": "Theirs"}).json()["number"]
        for job in jobs:
            assert code(stranger.get(f"/tickets/{own}/backtests/{job['job_id']}")) == (404, "unknown_job")


def test_agents_leads_auditors_and_analysts_get_none(server: Server) -> None:
    with server.acting() as admin:
        put(admin, "/rules/urgent", **URGENT)
    for role in (RoleName.AGENT, RoleName.LEAD, RoleName.AUDITOR, RoleName.ANALYST):
        with server.acting(role) as client:
            assert code(client.post("/rules/urgent/backtest", json=SPAN)) == (403, "not_allowed")
