"""One event of every type about webhooks."""

from datetime import UTC, datetime
from uuid import UUID

from domain.conditions import parse
from domain.event import Event
from domain.setup.webhooks import (
    LastDelivery,
    WebhookPaused,
    WebhookResumed,
    WebhookRetired,
    WebhookSecretMade,
    WebhookSet,
)
from domain.streaming import Shown
from domain.ticket.calling import TicketWebhookCalled
from domain.webhooks import Because, Webhook

ID = UUID("018f0000-0000-7000-8000-000000000001")
WHY = {"why": "The CRM is to know.", "expected": "Nobody copies by hand."}
WEBHOOK = Webhook(
    key="crm",
    webhook_id=ID,
    version=2,
    title="客户系统 CRM",
    events=("ticket.opened", "ticket.closed"),
    when=parse({"field": "priority", "op": "is", "value": "urgent"}),
    shows=(Shown.TITLE, Shown.FIELDS),
)

SAMPLES: tuple[Event, ...] = (
    WebhookSet(webhook=WEBHOOK, url="https://crm.example.com/hooks?token=4711", moved=True, **WHY),
    WebhookSecretMade(
        key="crm",
        secret="whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0",
        previous_until=datetime(2026, 11, 30, 9, 0, tzinfo=UTC),
        **WHY,
    ),
    WebhookPaused(
        key="crm",
        because=Because.FAILING,
        failed=LastDelivery(ticket_id=ID, number="1001", first=3, last=3),
        **WHY,
    ),
    WebhookResumed(key="crm", **WHY),
    WebhookRetired(key="crm", **WHY),
    TicketWebhookCalled(webhook="crm", webhook_id=ID),
)
