"""Where an address leads, asked when a webhook is set up. What protects is that it is asked again for each request."""

from domain.setup.webhooks import InvalidWebhook
from processors.webhooks.posting import objection
from processors.webhooks.settings import WebhookSettings

NOTE = "Its name leads nowhere yet: what is sent to it fails until it does."
_REFUSED = {
    "address_forbidden": "leads to an address that is not public. Operators allow others with LEDGERDESK_WEBHOOK_ALLOW",
    "not_secure": "must be https: only what operators allow with LEDGERDESK_WEBHOOK_ALLOW is called without TLS",
}


async def looked_at(url: str, settings: WebhookSettings) -> str | None:
    """Raise InvalidWebhook where it leads now to what may not be called; NOTE where it leads nowhere."""
    found = await objection(url, settings)
    if found in _REFUSED:
        raise InvalidWebhook(place="url", reason=_REFUSED[found])
    return NOTE if found else None
