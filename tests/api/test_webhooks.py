"""Webhooks over HTTP: a secret that is shown once, what refuses, a trial, and rules that call one."""

from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest

from api.webhooks import attempt_view
from processors.webhooks import posting
from processors.webhooks.rows import Attempt
from tests.api.test_rules import code, put
from tests.processors.endpoints import endpoint
from tests.waiting import wait_until

CRM = {"title": "CRM", "url": "https://crm.example.com/hooks?token=4711", "events": ["ticket.closed"]}
WEBHOOK = "/webhooks/crm"


def test_a_secret_is_shown_when_it_is_made_and_never_again(admin):
    first = put(admin, WEBHOOK, **CRM, why="The CRM is to know")["secret"]
    assert first.startswith("whsec_")
    assert put(admin, WEBHOOK, **CRM | {"title": "Customers"})["secret"] is None
    second = admin.post(f"{WEBHOOK}/secret", json={}).json()["secret"]
    assert second not in (first, None)
    for path in ("/webhooks", WEBHOOK, "/events?wait=false"):
        assert not any(secret in admin.get(path).text for secret in (first, second))


def test_a_repeated_request_makes_one_webhook_and_shows_its_secret_once(admin):
    once = {"Idempotency-Key": "crm-1"}
    first, again = (admin.put(WEBHOOK, json=CRM, headers=once) for _ in range(2))
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert (first.json()["secret"] is None, again.json()["secret"]) == (False, None)


def test_its_address_is_for_admins_alone(admin):
    put(admin, WEBHOOK, **CRM)
    assert admin.get(WEBHOOK).json()["url"] == CRM["url"]
    assert "4711" not in admin.get("/events?wait=false").text


def test_what_could_not_be_called_or_would_wait_for_ever_is_refused(admin):
    known = "https://crm.example.com"
    wrong = (
        "ftp://example.com/",
        "https://user:secret@example.com/",
        "https:///",
        "https://例.example/",
        f"{known}:99999/",
    )
    split = (f"{known}/\r\nX-Admin: 1", f"{known}/\x7f", f"{known}/ ?q", f"{known}\\.evil.example/", f"{known}/#here")
    for url in wrong + split:
        assert admin.put(WEBHOOK, json=CRM | {"url": url}).status_code == 422
    assert code(admin.put(WEBHOOK, json=CRM | {"events": ["ticket.exploded"]})) == (422, "invalid_webhook")
    assert code(admin.get("/webhooks/nobody")) == (404, "unknown_webhook")


def test_an_event_that_there_is_not_is_told_from_those_that_are_close_to_it(admin):
    refused = admin.put(WEBHOOK, json=CRM | {"events": ["ticket.close"]}).json()["detail"]
    assert "Did you mean ticket.closed" in refused
    refused = admin.put(WEBHOOK, json=CRM | {"events": ["quite.another"]}).json()["detail"]
    assert "docs/events.md" in refused
    assert len(refused) < 200


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]:8443/",
        "https://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
    ],
)
def test_what_leads_to_an_address_that_is_not_public_is_refused_at_once(admin, url):
    refused = admin.put(WEBHOOK, json=CRM | {"url": url})
    assert code(refused) == (422, "invalid_webhook")
    assert refused.json()["fields"]["place"] == "url"
    assert "LEDGERDESK_WEBHOOK_ALLOW" in refused.json()["detail"]
    assert admin.get(WEBHOOK).status_code == 404


def leads_to(monkeypatch, *found):
    async def resolved(host, port):
        return list(found)

    monkeypatch.setattr(posting, "_resolved", resolved)


def test_one_private_address_among_public_ones_is_one_too_many(admin, monkeypatch):
    leads_to(monkeypatch, "93.184.216.34", "10.0.0.1")
    assert code(admin.put(WEBHOOK, json=CRM)) == (422, "invalid_webhook")


def test_without_tls_only_what_an_operator_allows_is_set_up(admin, monkeypatch):
    leads_to(monkeypatch, "93.184.216.34")
    plain = CRM | {"url": "http://crm.example.com/"}
    assert "https" in admin.put(WEBHOOK, json=plain).json()["detail"]
    monkeypatch.setenv("LEDGERDESK_WEBHOOK_ALLOW", "93.184.216.0/24")
    assert put(admin, WEBHOOK, **plain)["note"] is None


def test_a_name_that_leads_nowhere_yet_is_taken_and_that_is_said(admin):
    assert "nowhere" in put(admin, WEBHOOK, **CRM | {"url": "https://nowhere.invalid/"})["note"]


def test_what_else_is_changed_is_not_refused_for_where_its_address_leads_now(admin, monkeypatch):
    leads_to(monkeypatch, "93.184.216.34")
    put(admin, WEBHOOK, **CRM)
    leads_to(monkeypatch, "10.0.0.1")
    assert put(admin, WEBHOOK, **CRM | {"title": "Customers"})["events"] == 1


def test_a_trial_does_not_go_where_it_may_not(admin, monkeypatch):
    with endpoint() as there:
        leads_to(monkeypatch, "93.184.216.34")
        put(admin, WEBHOOK, **CRM | {"url": there.url.replace("http:", "https:")})
        leads_to(monkeypatch, "127.0.0.1")
        assert admin.post(f"{WEBHOOK}/test").json()["outcome"] == "address_forbidden"
        assert there.came == []


def test_webhooks_of_another_workspace_are_not_there(admin, server):
    put(admin, WEBHOOK, **CRM)
    known = admin.get(WEBHOOK).json()["webhook_id"]
    with server.acting(other=True) as stranger:
        put(stranger, WEBHOOK, **CRM | {"url": "https://other.example/hooks"})
        assert stranger.get(WEBHOOK).json()["webhook_id"] != known
        assert [each["url"] for each in stranger.get("/webhooks").json()] == ["https://other.example/hooks"]
        delivery = told(server, f"webhook:{known}")
        assert admin.get(f"{WEBHOOK}/deliveries").json()["deliveries"][0]["delivery_id"] == str(delivery)
        assert stranger.get(f"{WEBHOOK}/deliveries").json() == {"deliveries": []}
        again = stranger.post(f"{WEBHOOK}/deliveries/{delivery}/redelivery")
        assert code(again) == (404, "unknown_delivery")
        since = {"since": "2020-01-01T00:00:00Z"}
        assert stranger.post(f"{WEBHOOK}/redelivery", json=since).json() == {"redelivered": 0}
    assert admin.post(f"{WEBHOOK}/redelivery", json=since).json() == {"redelivered": 1}


def told(server, recipient):
    """A delivery that was made to it."""
    delivery = uuid4()
    with psycopg.connect(server.database_url, autocommit=True) as db:
        db.execute(
            "INSERT INTO processes.deliveries (delivery_id, workspace_id, channel, recipient, ticket_id, detail, state, due_at, asked_at, "
            "ended_at) VALUES (%s, %s, 'webhook', %s, %s, '{}', 'sent', now(), now(), now())",
            [delivery, server.acme.id, recipient, uuid4()],
        )
    return delivery


def test_a_webhook_that_a_rule_calls_is_not_retired(admin):
    put(admin, WEBHOOK, **CRM)
    rule = {"title": "Tell", "kind": "trigger", "then": [{"do": "webhook", "webhook": "crm"}]}
    rule["when"] = {"field": "tags", "op": "has_any", "value": ["crm"]}
    put(admin, "/rules/tell", **rule)
    assert code(admin.put(f"{WEBHOOK}/retired", json={})) == (409, "still_in_use")
    put(admin, "/rules/tell/retired")
    put(admin, f"{WEBHOOK}/retired")
    assert code(admin.put("/rules/other", json=rule)) == (404, "unknown_webhook")


def test_a_webhook_is_paused_and_resumed(admin):
    put(admin, WEBHOOK, **CRM)
    put(admin, f"{WEBHOOK}/paused", why="It moves house")
    wait_until(lambda: admin.get(WEBHOOK).json()["paused"] == "asked", 5)
    put(admin, f"{WEBHOOK}/resumed")
    wait_until(lambda: admin.get(WEBHOOK).json()["paused"] is None, 5)


def test_what_was_said_of_tickets_is_for_those_who_reach_them():
    attempt = Attempt(1, datetime(2026, 11, 1, tzinfo=UTC), "delivered", 200, 12, b'{"answer":"Mrs Li called"}')
    assert attempt_view(attempt, shown=True)["exchange"] == {"answer": "Mrs Li called"}
    assert attempt_view(attempt, shown=False)["exchange"] is None


def test_a_condition_goes_with_events_of_tickets_alone(admin):
    urgent = {"field": "priority", "op": "is", "value": "urgent"}
    both = CRM | {"events": ["ticket.closed", "requester.registered"]}
    assert admin.put(WEBHOOK, json=both).status_code == 200
    refused = admin.put(WEBHOOK, json=both | {"when": urgent})
    assert code(refused) == (422, "invalid_webhook")
    assert "requester.registered" in refused.json()["detail"]


@pytest.mark.parametrize("name", ["inbox.read", "view.saved"])
def test_what_is_one_persons_own_is_told_to_no_webhook(admin, name):
    assert code(admin.put(WEBHOOK, json=CRM | {"events": [name]})) == (422, "invalid_webhook")
