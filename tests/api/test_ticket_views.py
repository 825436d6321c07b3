"""Lists, single tickets, timelines and histories over HTTP."""

from datetime import UTC, datetime

import pytest


@pytest.fixture
def desk(followed, admin):
    """Writes, and afterwards reads at least as far."""

    class Desk:
        position = 0

        def send(self, method, path, **body):
            answer = admin.request(method, path, **({"json": body} if body else {}))
            assert answer.is_success, answer.text
            self.position = answer.json()["position"]
            return answer.json()

        def read(self, path, **params):
            answer = admin.get(path, params={"min_position": self.position, **params})
            assert answer.status_code == 200, answer.text
            assert int(answer.headers["ledgerdesk-position"]) >= self.position
            return answer.json()

    return Desk()


def test_a_reader_sees_its_own_change_in_the_list(desk):
    for n in range(10):
        number = desk.send("POST", "/tickets", title=f"Ticket {n}")["number"]
        listed = desk.read("/tickets", limit=1)["tickets"]
        assert [(t["number"], t["title"]) for t in listed] == [(number, f"Ticket {n}")]


def test_pages_hold_every_ticket_once(desk):
    numbers = [desk.send("POST", "/tickets", title="x", priority=p)["number"] for p in ["low", "high"] * 4]
    seen, after = [], {}
    while True:
        page = desk.read("/tickets", limit=3, sort="-priority,number", total=True, **after)
        seen += [t["number"] for t in page["tickets"]]
        assert page["total"] == 8
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == numbers[1::2] + numbers[::2]


def test_filters_hold_together(desk, server):
    person = str(server.acme.people["agent"])
    desk.send("POST", "/tickets", title="other")
    wanted = desk.send("POST", "/tickets", title="mine", tags=["vip"], assignee={"person": person})["number"]
    page = desk.read("/tickets", status=["new", "open"], tags_any=["vip", "x"], assignee=person)
    assert [t["number"] for t in page["tickets"]] == [wanted]
    assert page["names"][person] == "Some agent"
    assert desk.read("/tickets", status="closed")["tickets"] == []


def test_a_ticket_is_read_now_and_then(desk, admin):
    number = desk.send("POST", "/tickets", title="Before", fields={"floor": 3})["number"]
    between = datetime.now(UTC).isoformat()
    desk.send("PATCH", f"/tickets/{number}", title="After")
    now = admin.get(f"/tickets/{number}")
    assert (now.json()["title"], now.json()["fields"], now.headers["etag"]) == ("After", {"floor": 3}, '"2"')
    for moment in ({"version": 1}, {"at": between}):
        assert admin.get(f"/tickets/{number}", params=moment).json()["title"] == "Before"
    assert admin.get(f"/tickets/{number}", params={"version": 9}).json()["code"] == "not_yet_there"
    assert admin.get(f"/tickets/{number}", params={"at": "2001-01-01T00:00:00Z"}).status_code == 404


def test_the_timeline_keeps_notes_from_the_requester(desk):
    number = desk.send("POST", "/tickets", title="t", description="It burns.")["number"]
    desk.send("POST", f"/tickets/{number}/notes", body="Bring water.")
    desk.send("POST", f"/tickets/{number}/replies", body="We come.")
    bodies = [entry["body"] for entry in desk.read(f"/tickets/{number}/timeline")["entries"]]
    assert bodies == ["It burns.", "Bring water.", "We come."]
    public = desk.read(f"/tickets/{number}/timeline", audience="requester")["entries"]
    assert [entry["body"] for entry in public] == ["It burns.", "We come."]


def test_the_history_says_who_did_what(desk, server):
    number = desk.send("POST", "/tickets", title="t")["number"]
    desk.send("PUT", f"/tickets/{number}/priority", priority="high")
    history = desk.read(f"/tickets/{number}/history")
    first, second = history["entries"]
    assert (first["event"], second["event"], history["last_version"]) == ("ticket.opened", "ticket.prioritised", 2)
    assert second["changes"] == [{"field": "priority", "from": "normal", "to": "high"}]
    assert second["actor"] == {"kind": "person", "id": str(server.acme.people["admin"])}
    assert desk.read(f"/tickets/{number}/history", after=1)["entries"] == [second]


def test_a_deleted_ticket_leaves_the_list_and_keeps_its_history(desk, admin):
    number = desk.send("POST", "/tickets", title="secret name")["number"]
    desk.send("DELETE", f"/tickets/{number}", reason="asked")
    assert desk.read("/tickets")["tickets"] == []
    assert admin.get(f"/tickets/{number}").json()["code"] == "ticket_erased"
    history = desk.read(f"/tickets/{number}/history")
    assert history["entries"][0]["event"] == "ticket.opened"
    assert "secret name" not in str(history)


@pytest.mark.parametrize("kind", ["", "/timeline", "/history", "?version=1"])
def test_an_unknown_ticket_is_not_found(followed, admin, kind):
    answer = admin.get(f"/tickets/404{kind}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_ticket")


def test_a_position_that_was_never_answered_is_refused(followed, admin):
    assert admin.get("/tickets", params={"min_position": 10**9}).status_code == 422


def test_without_a_worker_lists_say_so(server, admin, opened):
    opened()
    answer = admin.get("/tickets")
    assert (answer.status_code, answer.json()["code"]) == (503, "read_model_missing")
    assert admin.get("/tickets", params={"min_position": 1}).status_code == 503


@pytest.mark.parametrize(
    "params",
    [
        {"sort": "nothing"},
        {"after": "x"},
        {"after": "W10"},
        {"limit": 0},
        {"limit": 10**20},
        {"status": "\x00"},
        {"tags_any": "\x00"},
        {"opened_from": "0001-01-01T00:00:00+14:00"},
        {"unknown": 1},
        {"after": "WyItdXBkYXRlZF9hdCIsIjk5OTktMTItMzFUMjM6NTk6NTktMTQ6MDAiLCIwIl0"},
    ],
)
def test_a_bad_question_is_refused(followed, admin, params):
    answer = admin.get("/tickets", params=params)
    assert answer.status_code == 422, answer.text
