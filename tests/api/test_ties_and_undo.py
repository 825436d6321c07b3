"""Merging, splitting, linking, acting and undoing over HTTP."""

import httpx
import pytest

from api.access import create_api_key
from tests.api.conftest import Server


def said(answer: httpx.Response) -> tuple[int, str]:
    """The status, and the code of a refusal or how many events it led to."""
    body = answer.json()
    return answer.status_code, body.get("code", body.get("events"))


def ties(client: httpx.Client, number: str) -> dict[str, object]:
    found = client.get(f"/tickets/{number}/ties").json()
    return {name: value for name, value in found.items() if value and name != "version"}


def test_a_duplicate_is_merged_and_comes_back(admin, opened):
    one, other = opened(), opened()
    merged = admin.post(f"/tickets/{one}/merge", json={"into": other})
    assert said(merged) == (200, 1)
    assert (ties(admin, one), ties(admin, other)) == ({"merged_into": other}, {"absorbed": [one]})
    assert admin.get(f"/tickets/{other}").json()["merged"] == [one]
    refused = admin.post(f"/tickets/{one}/notes", json={"body": "Here?"})
    assert said(refused) == (409, "ticket_merged")
    assert refused.json()["fields"]["into"] == other
    assert said(admin.delete(f"/tickets/{one}/merge")) == (200, 1)
    assert ties(admin, one) == ties(admin, other) == {}
    assert said(admin.delete(f"/tickets/{one}/merge")) == (409, "not_merged")
    assert said(admin.post(f"/tickets/{one}/merge", json={"into": "99999"})) == (404, "unknown_ticket")
    assert said(admin.post(f"/tickets/{one}/merge", json={"into": one})) == (422, "invalid_input")


def test_a_message_is_split_off_and_comes_back(admin, opened):
    number, headers = opened(), {"Idempotency-Key": "split-1"}
    key = {"Idempotency-Key": "said-1"}
    admin.post(f"/tickets/{number}/replies", json={"body": "The scanner too"}, headers=key)
    (message,) = [each["command_id"] for each in history(admin, number) if each["event"] == "ticket.replied"]
    asked = {"message_id": message, "title": "Scanner"}
    done = admin.post(f"/tickets/{number}/splits", json=asked, headers=headers)
    assert done.status_code == 201, done.text
    into = done.json()["into"]
    assert done.headers["Location"].endswith(f"/tickets/{into}")
    again = admin.post(f"/tickets/{number}/splits", json=asked, headers=headers)
    assert (again.json()["into"], again.headers["Idempotency-Replayed"]) == (into, "true")
    new = admin.get(f"/tickets/{into}").json()
    assert (new["title"], new["description"]) == ("Scanner", "The scanner too")
    assert ties(admin, number) == {"splits": [{"message_id": message, "into": into}]}
    assert said(admin.post(f"/tickets/{number}/splits", json=asked)) == (409, "already_split")
    assert said(admin.delete(f"/tickets/{number}/splits/{into}")) == (200, 1)
    assert ties(admin, number) == {}
    assert said(admin.delete(f"/tickets/{number}/splits/{into}")) == (409, "not_split")
    assert said(admin.post(f"/tickets/{into}/notes", json={"body": "x"})) == (409, "ticket_merged")


def history(client: httpx.Client, number: str) -> list[dict[str, object]]:
    """Every event of the ticket, as the stream of events has them."""
    with client.stream("GET", "/events", params={"ticket": number, "wait": False}) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
    described = [httpx.Response(200, text=line).json() for line in lines]
    return [
        {"event": each["type"].rpartition(".v")[0], "command_id": each["commandid"], **each["data"]}
        for each in described
    ]


def test_tickets_are_linked_without_rings(admin, opened):
    one, other = opened(), opened()
    assert said(admin.post(f"/tickets/{one}/links", json={"relation": "parent", "other": other})) == (200, 1)
    assert ties(admin, other) == {"links": [{"relation": "child", "other": one}]}
    assert said(admin.post(f"/tickets/{other}/links", json={"relation": "parent", "other": one})) == (409, "link_cycle")
    assert said(admin.post(f"/tickets/{one}/links", json={"relation": "twin", "other": other}))[0] == 422
    assert said(admin.delete(f"/tickets/{other}/links/child/{one}")) == (200, 1)
    assert said(admin.delete(f"/tickets/{other}/links/child/{one}")) == (200, 0)
    assert ties(admin, one) == {}


def test_actions_are_done_as_one_and_undone_as_one(admin, server, opened):
    number = opened()
    asked = [{"do": "add_tags", "tags": ["vip"]}, {"do": "set_priority", "priority": "high"}, {"do": "resolve"}]
    done = admin.post(f"/tickets/{number}/actions", json={"actions": asked})
    assert said(done) == (200, 3)
    command = history(admin, number)[-1]["command_id"]
    with server.acting("agent") as agent:
        assert said(agent.post(f"/tickets/{number}/undo", json={"command_id": command})) == (403, "not_allowed")
    assert said(admin.post(f"/tickets/{number}/undo", json={"command_id": command})) == (200, 1)
    now = admin.get(f"/tickets/{number}").json()
    assert (now["tags"], now["priority"], now["status"]) == ([], "normal", "new")
    assert said(admin.post(f"/tickets/{number}/undo", json={"command_id": command})) == (409, "changed_since")
    opening = history(admin, number)[0]["command_id"]
    assert said(admin.post(f"/tickets/{number}/undo", json={"command_id": opening})) == (409, "not_undoable")


def test_a_refused_action_is_named_and_nothing_happens(admin, opened):
    number = opened()
    asked = [{"do": "add_tags", "tags": ["vip"]}, {"do": "set_status", "status": "limbo"}]
    refused = admin.post(f"/tickets/{number}/actions", json={"actions": asked})
    assert said(refused) == (422, "unknown_status")
    assert refused.json()["fields"]["action"] == 2
    assert refused.json()["detail"].startswith("Action 2 (set_status):")
    assert admin.get(f"/tickets/{number}").json()["tags"] == []


def test_a_key_does_no_more_by_actions_than_its_scopes_allow(admin, server: Server, opened):
    number, me = opened(), server.acme.people["admin"]
    key = create_api_key(server.database_url, server.acme.id, me, "reads", ["read"])
    with server.client(key) as reader:
        asked = {"actions": [{"do": "add_tags", "tags": ["vip"]}]}
        assert said(reader.post(f"/tickets/{number}/actions", json=asked)) == (403, "scope_missing")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "merge", {"into": "1"}),
        ("DELETE", "merge", None),
        ("POST", "splits", {"message_id": "9f1d1b5e-3a55-5d0e-9c57-2b9f6f0c4a11", "title": "x"}),
        ("POST", "links", {"relation": "related", "other": "1"}),
        ("POST", "undo", {"command_id": "9f1d1b5e-3a55-5d0e-9c57-2b9f6f0c4a11"}),
        ("PUT", "confidential", {"text": "x"}),
        ("POST", "confidential/views", None),
        ("GET", "ties", None),
    ],
)
def test_another_desk_s_ticket_is_not_there(server, opened, method, path, body):
    number = opened()
    with server.acting(other=True) as stranger:
        answer = stranger.request(method, f"/tickets/{number}/{path}", json=body)
    assert answer.status_code == 404, answer.text
