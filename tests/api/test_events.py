"""The log over HTTP as server-sent events."""

import json
import threading

import psycopg
import pytest

from tests.waiting import wait_until


def messages(text):
    """(id, event, data) of each message."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def read(client, **params):
    answer = client.get("/events", params={"wait": False, **params})
    assert answer.status_code == 200, answer.text
    return messages(answer.text)


class Listener:
    """Reads the stream in a thread of its own."""

    def __init__(self, client, **params):
        self.text, self.ended = "", False
        self._client, self._params = client, params
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with self._client.stream("GET", "/events", params=self._params, timeout=60) as answer:
            for text in answer.iter_text():
                self.text += text
        self.ended = True

    @property
    def messages(self):
        return messages(self.text)


def test_events_come_in_order_with_content(admin, opened):
    number = opened(description="It burns.")
    admin.post(f"/tickets/{number}/replies", json={"body": "We come."})
    mine = read(admin, ticket=number)
    assert [name for _, name, _ in mine] == ["ticket.opened", "ticket.replied"]
    first = mine[0][2]
    assert (first["data"]["description"], first["data"]["number"], first["version"]) == ("It burns.", number, 1)
    assert (first["actor"].partition(":")[0], first["channel"], "erased" in first) == ("person", "api", False)
    assert [position for position, _, _ in mine] == sorted(position for position, _, _ in mine)


def test_what_was_redacted_is_told_by_no_event_before_it_either(admin, opened):
    number = opened()
    admin.post(f"/tickets/{number}/replies", json={"body": "My PIN is 4711."})
    admin.post(f"/tickets/{number}/replies", json={"body": "Thank you."})
    message, _ = [data["data"]["message_id"] for _, name, data in read(admin, ticket=number) if "replied" in name]
    split = admin.post(f"/tickets/{number}/splits", json={"message_id": message, "title": "Another matter"}).json()
    asked = {"reason": "said too much"}
    assert admin.request("DELETE", f"/tickets/{split['into']}", json=asked).is_success, "where it would go on"
    assert admin.post(f"/tickets/{number}/messages/{message}/redaction", json=asked).status_code == 200
    told = read(admin, ticket=number)
    bodies = [
        (name, data["data"]["body"], data.get("redacted", False)) for _, name, data in told if "body" in data["data"]
    ]
    assert bodies == [
        ("ticket.replied", None, True),
        ("ticket.replied", "Thank you.", False),
        ("ticket.split_off", None, True),
    ]
    assert told[-1][1] == "ticket.message_redacted"


def test_a_reader_goes_on_where_it_stopped(admin, opened):
    for _ in range(5):
        opened()
    everything = read(admin)
    half = read(admin, limit=4)
    rest = admin.get("/events", params={"wait": False}, headers={"Last-Event-ID": str(half[-1][0])})
    assert half + messages(rest.text) == everything
    assert read(admin, after=half[-1][0]) == everything[4:]


def test_a_position_that_the_log_has_not_reached_is_refused(admin):
    beyond = read(admin)[-1][0] + 10**9
    for resumed in ({"params": {"after": beyond}}, {"headers": {"Last-Event-ID": str(beyond)}}):
        refused = admin.get("/events", **resumed)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")


def test_types_are_filtered(admin, opened):
    number = opened()
    admin.post(f"/tickets/{number}/resolve")
    assert {name for _, name, _ in read(admin, types=["ticket.resolved", "workspace.team_added"])} == {
        "ticket.resolved",
        "workspace.team_added",
    }


def test_a_waiting_reader_gets_what_happens_and_survives_the_loss_of_connections(server, admin, opened, superuser_url):
    start = read(admin)[-1][0]
    with server.acting("auditor") as client:
        listener = Listener(client, after=start, limit=3)
        opened(title="one")
        wait_until(lambda: len(listener.messages) == 1)
        with psycopg.connect(superuser_url, autocommit=True) as db:
            db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'ledgerdesk-%'"
            )
        admin.get("/me")
        wait_until(lambda: admin.post("/tickets", json={"title": "two"}).status_code == 201)
        opened(title="three")
        wait_until(lambda: listener.ended)
    assert [data["data"]["title"] for _, _, data in listener.messages] == ["one", "two", "three"]


def test_erased_content_is_marked_and_gone(admin, opened):
    number = opened(title="my name is Wang")
    admin.request("DELETE", f"/tickets/{number}", json={"reason": "asked"})
    mine = read(admin, ticket=number)
    assert [name for _, name, _ in mine] == ["ticket.opened", "ticket.erasure_requested", "ticket.erased"]
    assert mine[0][2]["erased"] is True
    assert mine[0][2]["data"]["title"] is None
    assert "Wang" not in str(mine)


def test_a_stream_ends_when_the_key_is_revoked(server, admin, opened):
    made = admin.post("/api-keys", json={"name": "stream", "scopes": ["read"]}).json()
    with server.client(made["secret"]) as client:
        listener = Listener(client)
        wait_until(lambda: listener.messages)
        admin.delete(f"/api-keys/{made['key_id']}")

        def ended():
            opened()
            return listener.ended

        wait_until(ended)


@pytest.mark.parametrize("role", ["analyst"])
def test_only_roles_that_may_see_events_do(server, role):
    with server.acting(role) as client:
        assert client.get("/events", params={"wait": False}).status_code == 403
