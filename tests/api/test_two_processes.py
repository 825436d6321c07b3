"""What one API process has just set up, another one knows: no request is refused by what a process remembers."""

from uuid import UUID

import pytest

from tests.api.conftest import PASSWORD, serving


@pytest.fixture
def elsewhere(server, admin):
    """The admin, at another process that has just read the desk as it was."""
    with serving(server.database_url) as url, server.client(server.acme.keys["admin"]) as client:
        client.base_url = f"{url}/api/v1"
        assert client.get("/me").status_code == 200
        yield client


def test_a_person_who_was_just_added_gets_a_sign_in_and_a_key(admin, elsewhere):
    added = admin.post("/people", json={"name": "Eve", "role": "agent"})
    eve = UUID(added.json()["id"])
    signing_in = elsewhere.put(f"/people/{eve}/login", json={"login": "eve", "password": PASSWORD})
    assert signing_in.status_code == 204, signing_in.text
    key = elsewhere.post("/api-keys", json={"name": "eve", "scopes": ["read"], "person_id": str(eve)})
    assert key.status_code == 201, key.text


def test_a_role_that_was_just_made_can_be_given(admin, elsewhere, server):
    made = admin.put("/roles/trainee", json={"title": "Trainee", "permissions": ["ticket.view"]})
    assert made.status_code == 200, made.text
    given = elsewhere.put(f"/people/{server.acme.people['agent']}/role", json={"role": "trainee"})
    assert given.status_code == 200, given.text


def test_tickets_are_dealt_to_a_person_who_was_just_added(admin, elsewhere):
    eve = admin.post("/people", json={"name": "Eve", "role": "agent"}).json()["id"]
    body = {"numbers": ["1"], "people": [eve], "dry_run": True}
    dealt = elsewhere.post("/bulk/assignments", json=body)
    assert dealt.json().get("code") != "unknown_person", dealt.text


def test_a_load_limit_that_was_just_set_is_kept(admin, elsewhere, server):
    number = admin.post("/tickets", json={"title": "Fire"}).json()["number"]
    limit = f"/people/{server.acme.people['admin']}/load-limit"
    admin.put(limit, json={"limit": 0})
    try:
        refused = elsewhere.post(f"/tickets/{number}/claim")
        assert (refused.status_code, refused.json()["code"]) == (409, "load_limit_reached")
    finally:
        admin.put(limit, json={"limit": None})


def test_a_ticket_goes_the_way_of_a_workflow_that_was_just_set_up_or_changed(admin, elsewhere):
    nodes = [{"key": "one", "title": "One", "next": ["end"]}, {"key": "end", "title": "End", "ends": True}]
    for title in ("Repairs", "Repairs and returns"):
        way = {"title": title, "start": "one", "nodes": nodes}
        for place, wanted in (("/workflows/repair", way), ("/types/repair", {"title": title, "workflow": "repair"})):
            assert admin.put(place, json=wanted).status_code == 200
        number = admin.post("/tickets", json={"title": "Fan", "type": "repair"}).json()["number"]
        submitted = elsewhere.post(f"/tickets/{number}/steps", json={"next": "end"})
        assert submitted.status_code == 200, submitted.text
