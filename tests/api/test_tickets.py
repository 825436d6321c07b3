"""Changes of tickets over HTTP."""

from concurrent.futures import ThreadPoolExecutor


def test_a_new_ticket_has_a_number_an_address_and_a_version(admin):
    answer = admin.post("/tickets", json={"title": "打印机坏了", "tags": ["printer"]})
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"/api/v1/tickets/{body['number']}"
    assert (answer.headers["etag"], body["version"]) == ('"1"', 1)
    assert answer.headers["ledgerdesk-position"] == str(body["position"])


def test_a_ticket_goes_through_its_working_life(admin, server, opened):
    number = opened()
    at = f"/tickets/{number}"
    person = str(server.acme.people["agent"])
    steps = [
        admin.patch(at, json={"title": "Printer on fire", "fields": {"floor": 3}}),
        admin.put(f"{at}/priority", json={"priority": "urgent"}),
        admin.put(f"{at}/assignment", json={"person": person}),
        admin.post(f"{at}/tags", json={"tags": ["fire", "a/b"]}),
        admin.delete(f"{at}/tags/a/b"),
        admin.post(f"{at}/replies", json={"body": "We are on our way."}),
        admin.post(f"{at}/notes", json={"body": "Bring water."}),
        admin.put(f"{at}/status", json={"status": "pending"}),
        admin.post(f"{at}/resolve"),
        admin.post(f"{at}/reopen"),
        admin.post(f"{at}/close"),
    ]
    assert [step.status_code for step in steps] == [200] * len(steps), [s.text for s in steps]
    assert [step.json()["events"] for step in steps] == [2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1]
    assert steps[-1].headers["etag"] == '"14"'


def test_a_null_takes_a_value_away_and_a_title_cannot_be_taken(admin, opened):
    number = opened(type="incident")
    assert admin.patch(f"/tickets/{number}", json={"type": None}).json()["events"] == 1
    refused = admin.patch(f"/tickets/{number}", json={"title": None})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "/body/title"


def test_an_outdated_change_is_told_what_happened_since(admin, opened):
    number = opened()
    admin.post(f"/tickets/{number}/notes", json={"body": "meanwhile"})
    refused = admin.put(f"/tickets/{number}/priority", json={"priority": "high"}, headers={"If-Match": '"1"'})
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (412, "version_conflict")
    assert problem["fields"]["since"] == [{"version": 2, "event": "ticket.noted"}]
    assert (problem["fields"]["seen"], problem["fields"]["actual"]) == (1, 2)
    agreed = admin.put(f"/tickets/{number}/priority", json={"priority": "high"}, headers={"If-Match": '"2"'})
    assert agreed.status_code == 200


def test_the_same_idempotency_key_opens_one_ticket(admin):
    def send(title="once"):
        return admin.post("/tickets", json={"title": title}, headers={"Idempotency-Key": "k-1"})

    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda _: send(), range(16)))
    assert {(a.status_code, a.text) for a in answers} == {(201, answers[0].text)}
    assert sum("idempotency-replayed" not in a.headers for a in answers) == 1
    assert send("another").json()["code"] == "idempotency_key_reused"


def test_a_deleted_ticket_is_gone_and_says_so(admin, opened):
    number = opened()
    deleted = admin.request("DELETE", f"/tickets/{number}", json={"reason": "asked by the customer"})
    assert deleted.status_code == 200
    refused = admin.post(f"/tickets/{number}/notes", json={"body": "too late"})
    assert (refused.status_code, refused.json()["code"]) == (410, "ticket_erased")


def test_a_ticket_is_only_for_a_requester_that_exists(admin, opened):
    requester = admin.post("/requesters", json={"name": "王小明", "email": "wang@example.com"}).json()["id"]
    assert opened(requester_id=requester)
    for stranger in ("9f1d1b5e-3a55-5d0e-9c57-2b9f6f0c4a11", admin.get("/workspace").json()["id"]):
        refused = admin.post("/tickets", json={"title": "x", "requester_id": stranger})
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_requester")
