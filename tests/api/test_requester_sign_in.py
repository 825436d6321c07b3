"""Customers with credentials of their own: they see their own tickets and nothing else."""

import httpx
import pytest

from tests.api.conftest import PASSWORD
from tests.waiting import wait_until

LOGIN = {"login": "zoe@example.com", "password": PASSWORD}


def registered(admin: httpx.Client, name: str = "Zoe") -> str:
    answer = admin.post("/requesters", json={"name": name, "email": "zoe@example.com"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def key_of(admin: httpx.Client, requester: str, scopes: tuple[str, ...] = ("admin",)) -> str:
    answer = admin.post("/api-keys", json={"name": "portal", "scopes": scopes, "requester_id": requester})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["secret"])


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json().get("code"))


def replies_to(client: httpx.Client, number: str) -> None:
    """Within the second for which a process remembers who may what."""
    wait_until(lambda: client.post(f"/tickets/{number}/replies", json={"body": "x"}).status_code == 200, 5)


@pytest.fixture
def zoe(server, admin):
    """A customer."""
    return registered(admin)


@pytest.fixture
def portal(server, admin, zoe):
    """Her API key."""
    with server.client(key_of(admin, zoe)) as client:
        yield client


def test_a_customer_signs_in_and_is_told_who_she_is(server, admin, zoe):
    assert admin.put(f"/requesters/{zoe}/login", json=LOGIN).status_code == 204
    with server.client() as browser:
        signed_in = browser.post("/session", json={"workspace": "acme", **LOGIN})
        assert signed_in.status_code == 200, signed_in.text
        assert (signed_in.json()["person"]["id"], signed_in.json()["person"]["name"]) == (zoe, "Zoe")
        browser.headers["X-CSRF-Token"] = signed_in.json()["csrf_token"]
        me = browser.get("/me").json()
        assert (me["id"], me["role"]) == (zoe, "requester")
        assert "ticket.note" not in me["permissions"]
        opened = browser.post("/tickets", json={"title": "no sound"})
        assert opened.status_code == 201, opened.text
        assert browser.post(f"/tickets/{opened.json()['number']}/replies", json={"body": "hello?"}).status_code == 200
        assert browser.delete("/sessions").status_code == 204
        assert browser.get("/me").status_code == 401


def test_a_login_is_for_one_person_or_customer(server, admin, zoe):
    taken = admin.put(f"/requesters/{zoe}/login", json={"login": "ann", "password": PASSWORD})
    assert code(taken) == (409, "login_taken")
    nobody = admin.put(f"/requesters/{server.acme.id}/login", json=LOGIN)
    assert code(nobody) == (404, "unknown_requester")


def test_a_customer_reaches_her_own_tickets_only(admin, portal, zoe):
    hers = portal.post("/tickets", json={"title": "mine"}).json()["number"]
    theirs = admin.post("/tickets", json={"title": "of another", "requester_id": registered(admin, "Yan")}).json()[
        "number"
    ]
    nobodys = admin.post("/tickets", json={"title": "internal"}).json()["number"]
    assert portal.post(f"/tickets/{hers}/replies", json={"body": "hi"}).status_code == 200
    for number in (theirs, nobodys):
        assert code(portal.post(f"/tickets/{number}/replies", json={"body": "hi"})) == (404, "unknown_ticket")


def test_a_customer_does_nothing_of_the_desk_s(portal, zoe):
    hers = portal.post("/tickets", json={"title": "mine"}).json()["number"]
    refused = [
        portal.get("/people"),
        portal.get("/requesters"),
        portal.get("/macros"),
        portal.get(f"/requesters/{zoe}"),
        portal.post("/requesters", json={"name": "x"}),
        portal.post(f"/tickets/{hers}/notes", json={"body": "x"}),
        portal.put(f"/tickets/{hers}/priority", json={"priority": "urgent"}),
        portal.put("/me/duty", json={"on_duty": False}),
        portal.get("/events", params={"wait": False}),
    ]
    assert {code(answer) for answer in refused} == {(403, "not_allowed")}


def test_a_key_s_scopes_hold_for_a_customer_too(server, admin, zoe):
    with server.client(key_of(admin, zoe, ("read",))) as reader:
        assert reader.get("/me").json()["permissions"] == ["ticket.view"]
        assert code(reader.post("/tickets", json={"title": "x"})) == (403, "scope_missing")


def test_a_key_is_for_one_of_both(server, admin, zoe):
    body = {"name": "k", "scopes": ["read"], "requester_id": zoe, "person_id": str(server.acme.people["agent"])}
    assert code(admin.post("/api-keys", json=body)) == (422, "invalid_input")
    unknown = body | {"requester_id": str(server.acme.id), "person_id": None}
    assert code(admin.post("/api-keys", json=unknown)) == (404, "unknown_requester")


def test_a_blocked_customer_opens_nothing_until_unblocked(admin, portal, zoe):
    assert admin.put(f"/requesters/{zoe}/blocked").json()["events"] == 1
    wait_until(lambda: portal.post("/tickets", json={"title": "x"}).status_code == 409, 5)
    assert code(portal.post("/tickets", json={"title": "x"})) == (409, "requester_blocked")
    assert code(admin.post("/tickets", json={"title": "x", "requester_id": zoe})) == (409, "requester_blocked")
    assert admin.delete(f"/requesters/{zoe}/blocked").json()["events"] == 1
    wait_until(lambda: portal.post("/tickets", json={"title": "x"}).status_code == 201, 5)


def test_an_erased_customer_is_signed_out(admin, portal, zoe):
    assert portal.get("/me").status_code == 200
    assert admin.request("DELETE", f"/requesters/{zoe}", json={"reason": "asked"}).status_code == 200
    wait_until(lambda: portal.get("/me").status_code == 401, 5)


def test_a_merged_customer_acts_as_the_other_on_the_tickets_of_both(server, admin, portal, zoe):
    other = registered(admin, "Zoe Wang")
    hers = portal.post("/tickets", json={"title": "mine"}).json()["number"]
    with server.client(key_of(admin, other)) as twin:
        theirs = twin.post("/tickets", json={"title": "hers too"}).json()["number"]
        assert twin.post(f"/tickets/{hers}/replies", json={"body": "x"}).status_code == 404
        merged = admin.put(f"/requesters/{zoe}/merge", json={"into": other})
        assert merged.status_code == 200, merged.text
        seen = admin.get(f"/requesters/{zoe}").json(), admin.get(f"/requesters/{other}").json()
        assert (seen[0]["merged_into"], seen[1]["absorbed"]) == (other, [zoe])
        wait_until(lambda: portal.get("/me").json()["id"] == other, 5)
        for client in (portal, twin):
            replies_to(client, hers)
            replies_to(client, theirs)
        refused = admin.post("/tickets", json={"title": "x", "requester_id": zoe})
        assert code(refused) == (409, "requester_merged")
        assert admin.delete(f"/requesters/{zoe}/merge").json()["events"] == 1
        assert admin.get(f"/requesters/{other}").json()["absorbed"] == []
        wait_until(lambda: twin.post(f"/tickets/{hers}/replies", json={"body": "x"}).status_code == 404, 5)
        wait_until(lambda: portal.get("/me").json()["id"] == zoe, 5)
        assert code(portal.post(f"/tickets/{theirs}/replies", json={"body": "x"})) == (404, "unknown_ticket")


def test_a_merge_is_not_taken_back_while_the_other_is_merged_itself(admin, zoe):
    second, third = registered(admin, "Second"), registered(admin, "Third")
    assert code(admin.put(f"/requesters/{zoe}/merge", json={"into": zoe})) == (422, "invalid_input")
    admin.put(f"/requesters/{zoe}/merge", json={"into": second})
    admin.put(f"/requesters/{second}/merge", json={"into": third})
    assert sorted(admin.get(f"/requesters/{third}").json()["absorbed"]) == sorted([zoe, second])
    assert code(admin.delete(f"/requesters/{zoe}/merge")) == (409, "requester_merged")
    assert code(admin.put(f"/requesters/{third}/merge", json={"into": second})) == (409, "requester_merged")
    assert admin.delete(f"/requesters/{second}/merge").status_code == 200
    assert admin.get(f"/requesters/{third}").json()["absorbed"] == []
    assert admin.get(f"/requesters/{second}").json()["absorbed"] == [zoe]
    assert admin.delete(f"/requesters/{zoe}/merge").status_code == 200
