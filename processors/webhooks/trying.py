"""Sends a webhook a message that tells of nothing, to see whether it takes it."""

from datetime import datetime
from uuid import UUID

from domain.webhooks import Subscription, shown_url
from processors.webhooks import message
from processors.webhooks.posting import Answer, post
from processors.webhooks.settings import WebhookSettings


async def try_out(subscription: Subscription, id_: UUID, at: datetime, settings: WebhookSettings) -> Answer:
    """Send it once, now, also where the webhook is paused."""
    body = message.trial(at)
    headers = message.headers(id_, at, body, subscription.secrets(at))
    return await post(shown_url(subscription) or "", headers, body, settings)
