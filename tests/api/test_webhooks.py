"""Webhooks over HTTP: a secret that is shown once, what refuses, a trial, and rules that call one."""

from datetime import UTC, datetime

from api.webhooks import attempt_view
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
    for url in ("ftp://example.com/", "https://user:secret@example.com/", "https:///", "https://例.example/"):
        assert admin.put(WEBHOOK, json=CRM | {"url": url}).status_code == 422
    assert code(admin.put(WEBHOOK, json=CRM | {"events": ["ticket.exploded"]})) == (422, "invalid_webhook")
    assert code(admin.get("/webhooks/nobody")) == (404, "unknown_webhook")


def test_a_trial_does_not_go_where_it_may_not(admin):
    with endpoint() as there:
        put(admin, WEBHOOK, **CRM | {"url": there.url})
        assert admin.post(f"{WEBHOOK}/test").json()["outcome"] == "address_forbidden"
        assert there.came == []


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
