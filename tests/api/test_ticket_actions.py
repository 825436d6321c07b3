"""What is done to a ticket by hand, over HTTP: by agents, leads and requesters."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from api.access import create_api_key
from tests.api.conftest import Server
from tests.waiting import wait_until


@pytest.fixture
def agent(server: Server) -> Iterator[httpx.Client]:
    with server.acting("agent") as client:
        yield client


@pytest.fixture
def lead(server: Server) -> Iterator[httpx.Client]:
    with server.acting("lead") as client:
        yield client


@pytest.fixture
def zoe(server: Server, admin: httpx.Client) -> Iterator[httpx.Client]:
    """A requester, with a key of their own; `zoe.id` is theirs."""
    person = admin.post("/requesters", json={"name": "王小明"}).json()["id"]
    key = create_api_key(server.database_url, server.acme.id, person, "tests", ["admin"])
    with server.client(key) as client:
        client.id = person
        yield client


NOWHERE = "9f1d1b5e-3a55-5d0e-9c57-2b9f6f0c4a11"


def said(answer: httpx.Response) -> tuple[int, str]:
    """The status, and the code of a refusal or how many events it led to."""
    body = answer.json()
    return answer.status_code, body.get("code", body.get("events"))


def test_a_ticket_goes_from_hand_to_hand(admin, agent, lead, server, opened):
    at = f"/tickets/{opened(assignee={'role': 'agent'})}"
    lead_id = str(server.acme.people["lead"])
    assert said(lead.post(f"{at}/claim")) == (403, "not_yours")
    assert said(agent.post(f"{at}/claim", json={"accept": True})) == (200, 2)
    refused = lead.post(f"{at}/claim")
    assert said(refused) == (409, "already_claimed")
    assert refused.json()["fields"]["by"] == str(server.acme.people["agent"])
    assert said(agent.post(f"{at}/transfer", json={"to": {"person": lead_id}, "note": "请看"})) == (200, 1)
    assert said(lead.post(f"{at}/return", json={"reason": "not ours"})) == (200, 1)
    assert said(lead.post(f"{at}/urges", json={"body": "Any news?"})) == (200, 2)
    assert said(agent.post(f"{at}/transfer", json={"to": {}})) == (422, "invalid_input")


def test_a_look_opens_a_new_ticket_and_accepting_it_then_changes_nothing(agent, server, opened):
    at = f"/tickets/{opened()}"
    with server.acting("auditor") as auditor:
        assert said(auditor.post(f"{at}/looks")) == (200, 0)
    assert said(agent.post(f"{at}/looks")) == (200, 1)
    assert said(agent.post(f"{at}/looks")) == (200, 0)
    assert said(agent.post(f"{at}/accept")) == (200, 0)


def test_of_many_who_claim_at_once_one_has_it(agent, lead, opened):
    at = f"/tickets/{opened()}"
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda who: said(who.post(f"{at}/claim")), [agent, lead] * 4))
    assert answers.count((200, 1)) == 1
    assert sorted(set(answers), key=str) == [(200, 0), (200, 1), (409, "already_claimed")]


def test_marks_go_on_and_come_off(agent, lead, server, opened):
    at = f"/tickets/{opened()}"
    someone = server.acme.people["auditor"]
    assert [
        said(answer)
        for answer in (
            agent.put(f"{at}/followers/me"),
            agent.put(f"{at}/followers/{someone}"),
            agent.delete(f"{at}/followers/me"),
            agent.put(f"{at}/pin"),
            agent.delete(f"{at}/pin"),
            agent.put(f"{at}/spam"),
            agent.delete(f"{at}/spam"),
            agent.post(f"{at}/snooze"),
            agent.post(f"{at}/snooze", json={"until": "2999-01-01T00:00:00Z"}),
            agent.post(f"{at}/wake"),
            agent.post(f"{at}/wake"),
            lead.put(f"{at}/archive"),
            lead.post(f"{at}/resolve"),
            lead.put(f"{at}/archive"),
            lead.post(f"{at}/reopen"),
            lead.delete(f"{at}/archive"),
        )
    ] == [*[(200, 1)] * 10, (200, 0), (409, "ticket_unfinished"), (200, 1), (200, 1), (200, 2), (200, 0)]
    assert said(agent.post(f"{at}/snooze", json={"until": "2000-01-01T00:00:00Z"})) == (422, "invalid_input")


def test_a_requester_confirms_rates_continues_and_closes(zoe, agent):
    at = zoe.post("/tickets", json={"title": "打印机坏了"}).headers["location"].removeprefix("/api/v1")
    assert said(zoe.post(f"{at}/confirm")) == (409, "illegal_move")
    agent.post(f"{at}/resolve")
    assert said(zoe.post(f"{at}/replies", json={"body": "Still broken."})) == (200, 2)
    agent.put(f"{at}/status", json={"status": "pending"})
    assert said(zoe.post(f"{at}/replies", json={"body": "Here it is."})) == (200, 2)
    agent.post(f"{at}/resolve")
    assert said(zoe.put(f"{at}/rating", json={"stars": 5})) == (409, "ticket_not_confirmed")
    assert said(zoe.post(f"{at}/close")) == (409, "ticket_finished")
    assert said(zoe.post(f"{at}/confirm")) == (200, 1)
    assert said(zoe.put(f"{at}/rating", json={"stars": 6})) == (422, "invalid_request")
    assert said(zoe.put(f"{at}/rating", json={"stars": 5, "comment": "很快"})) == (200, 1)
    assert said(zoe.put(f"{at}/rating", json={"stars": 1})) == (409, "ticket_already_rated")
    other = zoe.post("/tickets", json={"title": "x"}).headers["location"].removeprefix("/api/v1")
    assert said(zoe.post(f"{other}/close")) == (200, 1)


def test_a_requester_opens_tickets_for_nobody_else_and_leaves_the_desks_work_to_the_desk(zoe, admin):
    max_ = admin.post("/requesters", json={"name": "Max"}).json()["id"]
    for given in ({"requester_id": max_}, {"status": "open"}, {"tags": ["vip"]}, {"number": "MINE-1"}):
        refused = zoe.post("/tickets", json={"title": "x", **given})
        assert said(refused) == (422, "invalid_input")
        assert refused.json()["fields"]["field"] == next(iter(given))


def test_a_requester_sees_nothing_of_tickets_that_are_not_theirs(zoe, opened):
    at = f"/tickets/{opened()}"
    assert said(zoe.post(f"{at}/replies", json={"body": "x"})) == (404, "unknown_ticket")
    assert said(zoe.post(f"{at}/urges", json={"body": "x"})) == (404, "unknown_ticket")
    assert said(zoe.post(f"{at}/notes", json={"body": "x"})) == (403, "not_allowed")
    assert said(zoe.post(f"{at}/claim")) == (403, "not_allowed")


def test_a_blocked_requester_opens_no_tickets(zoe, lead):
    assert said(zoe.post("/tickets", json={"title": "x"}))[0] == 201
    assert lead.put(f"/requesters/{zoe.id}/blocked").status_code == 200
    assert said(zoe.post("/tickets", json={"title": "x"})) == (409, "requester_blocked")


def test_only_who_may_block_marks_spam_with_a_block(zoe, agent, lead):
    at = zoe.post("/tickets", json={"title": "Buy!"}).headers["location"].removeprefix("/api/v1")
    assert said(agent.put(f"{at}/spam", json={"block": True})) == (403, "not_allowed")
    assert said(lead.put(f"{at}/spam", json={"block": True})) == (200, 1)
    assert said(zoe.post("/tickets", json={"title": "Buy more!"})) == (409, "requester_blocked")
    assert said(lead.delete(f"{at}/spam")) == (200, 1)
    assert zoe.post("/tickets", json={"title": "Sorry."}).status_code == 201


def test_nobody_claims_more_than_their_limit(followed, admin, opened):
    agent_id = followed.acme.people["agent"]
    busy = opened(assignee={"person": str(agent_id)})
    assert admin.put(f"/people/{agent_id}/load-limit", json={"limit": 1}).status_code == 200
    with followed.acting("agent") as agent:
        at = f"/tickets/{opened()}"
        wait_until(lambda: agent.get(f"/tickets/{busy}").status_code == 200)
        assert said(agent.post(f"{at}/claim")) == (409, "load_limit_reached")
        admin.post(f"/tickets/{busy}/close")
        wait_until(lambda: said(agent.post(f"{at}/claim")) == (200, 1))


def test_a_message_is_redacted_by_admins_once(admin, agent, opened):
    number = opened()
    at = f"/tickets/{number}"
    agent.post(f"{at}/remarks", json={"body": "4711 0815"}, headers={"Idempotency-Key": "remark"})
    events = admin.get("/events", params={"types": "ticket.remarked", "wait": False})
    message = next(line for line in events.text.splitlines() if "message_id" in line)
    message_id = message.partition('"message_id":"')[2][:36]
    asked = {"reason": "card number"}
    assert said(agent.post(f"{at}/messages/{message_id}/redaction", json=asked)) == (403, "not_allowed")
    assert said(admin.post(f"{at}/messages/{message_id}/redaction", json=asked)) == (200, 1)
    assert said(admin.post(f"{at}/messages/{message_id}/redaction", json=asked)) == (200, 0)
    nowhere = f"{at}/messages/{NOWHERE}/redaction"
    assert said(admin.post(nowhere, json=asked)) == (404, "unknown_message")
