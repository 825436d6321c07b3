"""What is queued for webhooks, without a database: what rules call, and nothing of what was imported."""

from typing import Any

import pytest

from domain.rules.rule import RuleDefinition
from domain.setup.rules import SetRule
from domain.setup.webhooks import RetireWebhook, SetWebhook
from domain.ticket.commands import OpenTicket, TagTicket
from domain.webhooks import WebhookDefinition, recipient, webhook_id
from processors.triggers import Triggers
from processors.webhooks.process import Webhooks
from tests.processors.kit import Stage

SECRET = f"whsec_{'b25l' * 10}"


@pytest.fixture
def stage() -> Stage:
    """A desk with a webhook that wants to know of what is closed."""
    stage = Stage(Triggers(), Webhooks())
    definition = WebhookDefinition(title="CRM", events=("ticket.closed",))
    stage.do(SetWebhook, key="crm", url="https://crm.example.com/", secret=SECRET, definition=definition)
    return stage


def calling(stage: Stage) -> None:
    rule: dict[str, Any] = {"title": "Tell", "kind": "trigger", "then": ({"do": "webhook", "webhook": "crm"},)}
    when = {"field": "tags", "op": "has_any", "value": ["crm"]}
    stage.do(SetRule, key="tell", definition=RuleDefinition(when=when, **rule))


def test_a_rule_calls_a_webhook_and_the_ticket_says_so(stage: Stage) -> None:
    calling(stage)
    stage.do(OpenTicket, number="T-1", title="x")
    stage.do(TagTicket, number="T-1", add=("crm",))
    assert stage.topics("T-1") == ["opened", "tagged", "webhook_called"]
    (delivery,) = stage.deliveries
    assert (delivery.channel, delivery.recipient) == ("webhook", recipient(webhook_id(stage.workspace, "crm")))
    assert delivery.detail["first"] == 3
    assert stage.log[-1].metadata.rule_id is not None


def test_what_an_import_tells_is_not_told_on(stage: Stage) -> None:
    stage.do(SetWebhook, key="all", url="https://a.example/", secret=SECRET, definition=WebhookDefinition(title="All"))
    stage.do(OpenTicket, number="T-1", title="x", channel="import")
    assert stage.deliveries == []


def test_a_retired_webhook_is_told_nothing(stage: Stage) -> None:
    stage.do(SetWebhook, key="all", url="https://a.example/", secret=SECRET, definition=WebhookDefinition(title="All"))
    stage.do(OpenTicket, number="T-1", title="x")
    stage.do(RetireWebhook, key="all")
    stage.do(TagTicket, number="T-1", add=("a",))
    assert len(stage.deliveries) == 1
