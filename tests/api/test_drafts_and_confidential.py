"""Drafts, which only their author sees, and the confidential field, of which each view is recorded."""

import httpx

from tests.api.conftest import Server


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code")


def everything(client: httpx.Client) -> str:
    """The whole stream of events."""
    return client.get("/events", params={"wait": False}).text


def test_a_draft_is_written_seen_by_its_author_alone_and_submitted(followed: Server):
    with followed.acting("agent") as agent, followed.acting("admin") as admin:
        begun = agent.post("/drafts", json={"title": "半"})
        assert begun.status_code == 201, begun.text
        number = begun.json()["number"]
        at = f"/drafts/{number}"
        saved = agent.put(at, json={"title": "打印机坏了", "tags": ["vip"], "confidential": "PIN 1234"})
        assert (saved.status_code, saved.json()["version"]) == (200, 2)
        seen = agent.get(at)
        assert seen.json()["form"] == {"title": "打印机坏了", "tags": ["vip"], "confidential": "PIN 1234"}
        listed = agent.get("/drafts", params={"min_position": saved.json()["position"]}).json()
        assert [(each["number"], each["title"]) for each in listed] == [(number, "打印机坏了")]
        ticket, after = f"/tickets/{number}", {"min_position": saved.json()["position"]}
        past = [admin.get(f"{ticket}/{part}", params=after) for part in ("history", "timeline")]
        for refused in (admin.get(at), admin.put(at, json={}), admin.delete(at), admin.get(ticket), *past):
            assert code(refused) == (404, "unknown_ticket")
        assert admin.get("/drafts").json() == []
        assert "打印机坏了" not in everything(admin)
        done = agent.post(f"{at}/submission", json={})
        assert done.status_code == 200, done.text
        assert admin.get(f"/tickets/{number}").json()["title"] == "打印机坏了"
        assert agent.get("/drafts", params={"min_position": done.json()["position"]}).json() == []
        assert code(agent.get(at)) == (404, "unknown_ticket")
        assert "PIN 1234" not in everything(admin)


def test_an_unfinished_draft_is_not_submitted(admin: httpx.Client):
    number = admin.post("/drafts", json={"description": "x"}).json()["number"]
    refused = admin.post(f"/drafts/{number}/submission", json={})
    assert code(refused) == (422, "draft_incomplete")
    assert refused.json()["fields"]["fields"] == "title"
    unknown = {"title": "x", "requester_id": "9f1d1b5e-3a55-5d0e-9c57-2b9f6f0c4a11"}
    admin.put(f"/drafts/{number}", json=unknown)
    assert code(admin.post(f"/drafts/{number}/submission", json={})) == (404, "unknown_requester")


def test_a_discarded_draft_is_gone(followed: Server):
    with followed.acting("agent") as agent:
        number = agent.post("/drafts", json={"title": "never mind"}).json()["number"]
        gone = agent.delete(f"/drafts/{number}")
        assert gone.status_code == 200, gone.text
        assert agent.get("/drafts", params={"min_position": gone.json()["position"]}).json() == []
        assert code(agent.get(f"/drafts/{number}")) == (404, "unknown_ticket")


def test_the_confidential_field_is_seen_by_few_and_each_view_is_recorded(server: Server, admin, opened):
    number = opened()
    at = f"/tickets/{number}/confidential"
    with server.acting("agent") as agent, server.acting("lead") as lead:
        assert agent.put(at, json={"text": "PIN 1234"}).json()["events"] == 1
        assert code(agent.post(f"{at}/views")) == (403, "not_allowed")
        for _ in range(2):
            shown = lead.post(f"{at}/views", headers={"Idempotency-Key": "again"})
            assert (shown.json(), shown.headers["Cache-Control"]) == ({"text": "PIN 1234"}, "no-store")
    told = everything(admin)
    assert told.count("ticket.confidential_viewed") == 4  # twice in each message
    assert "PIN 1234" not in told
    assert '"erased":true' not in told
    assert "PIN 1234" not in admin.get(f"/tickets/{number}", params={"version": 2}).text
    assert admin.put(at, json={"text": None}).json()["events"] == 1
    assert admin.post(f"{at}/views").json() == {"text": None}
