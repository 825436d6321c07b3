"""Bulk changes over HTTP: chosen tickets at once, all that match as a job, dealt out to people, and taken back."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from api.access import create_api_key
from domain.permissions import RoleName
from eventstore.keyring import Keyring
from processors.jobs import runner
from tests.api.conftest import Server, settings

Json = dict[str, Any]
TAG = [{"do": "add_tags", "tags": ["vip"]}]
EVERYTHING: Json = {"all": []}


@pytest.fixture
def working(followed: Server) -> Iterator[Server]:
    """The server with its read models, and a worker for its jobs."""
    stop = threading.Event()
    keyring = Keyring(settings(followed.database_url).master_key_bytes())
    worker = threading.Thread(target=runner.run, args=(followed.database_url, keyring, stop))
    worker.start()
    yield followed
    stop.set()
    worker.join(30)
    assert not worker.is_alive()


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def ended(client: httpx.Client, answer: httpx.Response) -> Json:
    """The job that was answered, once it is over."""
    assert answer.status_code == 202, answer.text
    job: Json = answer.json()
    while job["finished_at"] is None:
        job = client.get(f"/jobs/{job['job_id']}", params={"wait": 15}).json()
    return job


def listed(client: httpx.Client, position: int) -> None:
    """Return once the list shows what happened up to there."""
    answer = client.get("/tickets", params={"min_position": position})
    while answer.status_code == 409:
        answer = client.get("/tickets", params={"min_position": position})
    assert answer.status_code == 200, answer.text


def three(client: httpx.Client) -> list[str]:
    """Three tickets that the list shows."""
    made = [client.post("/tickets", json={"title": "打印机坏了"}).json() for _ in range(3)]
    listed(client, made[-1]["position"])
    return [ticket["number"] for ticket in made]


def test_chosen_tickets_are_changed_at_once_each_with_its_own_result(
    server: Server, admin: httpx.Client, opened: Callable[..., str]
) -> None:
    first, second = opened(), opened()
    admin.post(f"/tickets/{second}/close", json={})
    body = {"numbers": [first, second, "nowhere", first], "actions": [*TAG, {"do": "set_priority", "priority": "high"}]}
    answer = admin.post("/bulk", json=body, headers={"Idempotency-Key": "once"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["done"], told["failed"]) == (1, 2)
    assert [(each["number"], each["state"], each["code"]) for each in told["results"]] == [
        (first, "done", None),
        (second, "failed", "ticket_closed"),
        ("nowhere", "failed", "unknown_ticket"),
    ]
    assert "Action 1 (add_tags)" in told["results"][1]["sentence"]
    ticket = admin.get(f"/tickets/{first}").json()
    assert (ticket["tags"], ticket["priority"], ticket["version"]) == (["vip"], "high", told["results"][0]["version"])
    job = admin.get(f"/jobs/{told['bulk_id']}").json()
    assert (job["kind"], job["state"], job["total"], job["done"], job["failed"]) == ("bulk", "done", 3, 1, 2)
    later = admin.post(f"/tickets/{first}/notes", json={"body": "x"}).json()["position"]
    assert 0 < job["position"] < later
    # Repeated, it is answered as the first time, also what would be done now.
    admin.post(f"/tickets/{second}/reopen", json={})
    assert admin.post("/bulk", json=body, headers={"Idempotency-Key": "once"}).json() == told
    other = body | {"actions": TAG}
    assert refused(admin.post("/bulk", json=other, headers={"Idempotency-Key": "once"}))[1] == "idempotency_key_reused"


def test_a_bulk_change_at_once_can_be_undone(working: Server) -> None:
    with working.acting(RoleName.LEAD) as lead:
        numbers = three(lead)
        told = lead.post("/bulk", json={"numbers": numbers, "actions": TAG}).json()
        lead.delete(f"/tickets/{numbers[0]}/tags/vip").raise_for_status()
        job = ended(lead, lead.post(f"/bulk/{told['bulk_id']}/undo"))
        assert (job["kind"], job["done"], job["failed"]) == ("bulk_undo", 2, 1)
        failed = lead.get(f"/jobs/{job['job_id']}/items", params={"state": "failed"}).json()["items"]
        assert [(item["item"], item["code"]) for item in failed] == [(numbers[0], "changed_since")]
        assert [lead.get(f"/tickets/{number}").json()["tags"] for number in numbers] == [[], [], []]
        assert refused(lead.post(f"/bulk/{job['job_id']}/undo")) == (409, "bulk_not_undoable")


def test_what_lasts_is_said_before_it_is_undone(
    server: Server, admin: httpx.Client, opened: Callable[..., str]
) -> None:
    told = admin.post("/bulk", json={"numbers": [opened()], "actions": [{"do": "delete", "reason": "Test"}]}).json()
    assert told["done"] == 1
    answer = admin.post(f"/bulk/{told['bulk_id']}/undo")
    assert refused(answer) == (409, "bulk_not_undoable")
    assert "delete" in answer.json()["detail"]


def test_all_that_match_are_changed_in_the_background(working: Server) -> None:
    with working.acting(RoleName.LEAD) as lead:
        numbers = three(lead)
        condition = {"field": "number", "op": "is_any_of", "value": numbers[:2]}
        job = ended(lead, lead.post("/bulk", json={"condition": condition, "actions": TAG}))
        assert (job["kind"], job["state"], job["total"], job["done"]) == ("bulk", "done", 2, 2)
        versions = [lead.get(f"/tickets/{number}/history").json() for number in numbers[:2]]
        assert job["position"] >= max(entry["position"] for told in versions for entry in told["entries"])
        listed(lead, job["position"])
        assert {row["number"] for row in lead.get("/tickets", params={"tags_any": "vip"}).json()["tickets"]} >= {
            *numbers[:2]
        }
        assert [lead.get(f"/tickets/{number}").json()["tags"] for number in numbers] == [["vip"], ["vip"], []]


def test_tickets_are_dealt_out(working: Server) -> None:
    people = [str(working.acme.people[role]) for role in (RoleName.AGENT, RoleName.LEAD)]
    with working.acting(RoleName.LEAD) as lead:
        numbers = three(lead)
        quotas = [{"person": people[0], "tickets": 1}, {"person": people[1], "tickets": 1}]
        body = {"condition": EVERYTHING, "quotas": quotas, "order": "number"}
        plan = lead.post("/bulk/assignments", json=body | {"dry_run": True}).json()
        assert plan == {"matching": 3, "total": 2, "each": quotas, "remaining": 1}
        assert lead.get("/jobs").json()["jobs"] == []
        job = ended(lead, lead.post("/bulk/assignments", json=body))
        assert job["result"] == {"assigned": quotas, "remaining": 1}
        has = [lead.get(f"/tickets/{number}").json()["assignee_person"] for number in numbers]
        assert has == [*people, None]


def test_nothing_is_dealt_out_to_who_only_watches(server: Server) -> None:
    auditor = str(server.acme.people[RoleName.AUDITOR])
    with server.acting(RoleName.LEAD) as lead:
        for more in ({"people": [auditor], "dry_run": True}, {"quotas": [{"person": auditor, "tickets": 2}]}):
            answer = lead.post("/bulk/assignments", json={"condition": EVERYTHING} | more)
            assert refused(answer) == (422, "cannot_work")


@pytest.mark.parametrize(("wrong", "said"), [("no", "must be true or false"), (0, "must be true or false")])
def test_a_flag_is_true_or_false_and_nothing_like_it(admin: httpx.Client, wrong: Any, said: str) -> None:
    action = {"do": "notify", "to": {"roles": ["handler"]}, "requester": wrong, "text": "x"}
    (error,) = admin.post("/bulk", json={"numbers": ["1"], "actions": [action]}).json()["errors"]
    assert (error["field"].rpartition("/")[2], error["reason"]) == ("requester", said)


def test_a_wrong_entry_is_not_called_a_missing_one_too(admin: httpx.Client) -> None:
    body = {"condition": EVERYTHING, "quotas": [{"person": "nobody", "tickets": 1}]}
    errors = admin.post("/bulk/assignments", json=body).json()["errors"]
    assert [each["field"] for each in errors] == ["/body/quotas/0/person"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/bulk", {"actions": TAG}, 422, "invalid_request"),
        ("/bulk", {"actions": TAG, "numbers": []}, 422, "invalid_request"),
        ("/bulk", {"actions": TAG, "numbers": ["1"] * 501}, 422, "invalid_request"),
        ("/bulk", {"actions": TAG, "numbers": ["1"], "condition": EVERYTHING}, 422, "invalid_request"),
        ("/bulk", {"actions": [], "numbers": ["1"]}, 422, "invalid_request"),
        ("/bulk", {"actions": TAG, "condition": {"field": "no", "op": "is", "value": 1}}, 422, "invalid_condition"),
        ("/bulk/assignments", {"condition": EVERYTHING}, 422, "invalid_request"),
        (
            "/bulk/assignments",
            {"condition": EVERYTHING, "people": ["018f0000-0000-7000-8000-000000000001"]},
            422,
            "unknown_person",
        ),
        (
            "/bulk/assignments",
            {"condition": EVERYTHING, "people": ["018f0000-0000-7000-8000-000000000001"], "order": "wat"},
            422,
            "invalid_input",
        ),
        ("/bulk/018f0000-0000-7000-8000-000000000001/undo", {}, 404, "unknown_job"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(
    admin: httpx.Client, path: str, body: Json, status: int, code: str
) -> None:
    assert refused(admin.post(path, json=body)) == (status, code)
    assert admin.get("/jobs").json()["jobs"] == []


def test_who_may_not_is_refused(server: Server, opened: Callable[..., str]) -> None:
    number = opened()
    with server.acting(RoleName.AGENT) as agent:
        for path in ("/bulk", "/bulk/assignments", "/bulk/018f0000-0000-7000-8000-000000000001/undo"):
            body = (
                {"people": [str(server.acme.people[RoleName.AGENT])]}
                if path.endswith("assignments")
                else {"actions": TAG}
            )
            assert refused(agent.post(path, json={"numbers": [number], **body})) == (403, "not_allowed")
    with server.acting(RoleName.LEAD) as lead:
        erasing = {"numbers": [number], "actions": [{"do": "delete", "reason": "x"}]}
        assert refused(lead.post("/bulk", json=erasing)) == (403, "not_allowed")
    key = create_api_key(
        server.database_url, server.acme.id, server.acme.people[RoleName.LEAD], "narrow", ["ticket.bulk"]
    )
    with server.client(key) as narrow:
        assert refused(narrow.post("/bulk", json={"numbers": [number], "actions": TAG})) == (403, "scope_missing")
    with server.acting(other=True) as stranger:
        told = stranger.post("/bulk", json={"numbers": [number], "actions": TAG}).json()
        assert [each["code"] for each in told["results"]] == ["unknown_ticket"]
