"""What is sent to a webhook: the event as all services are told it, signed as Standard Webhooks says."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from pydantic_core import to_json
from standardwebhooks import Webhook as Signer

from domain.event import Event, Recorded
from domain.stream.telling import tell
from domain.ticket.state import Ticket
from domain.webhooks import Subscription

CONTENT_TYPE = "application/json"
TEST = "webhook.test"


def body(
    recorded: Recorded[Event], ticket: Ticket | None, subscription: Subscription, taken_back: Collection[UUID]
) -> bytes:
    """The event, of a ticket or of none, as it may be told now; of what is being erased, nothing that anybody wrote."""
    shown = () if ticket is not None and ticket.erasing else subscription.webhook.shows
    told = tell(recorded, shown, taken_back)
    attributes = {"timestamp": told.attributes["time"], **told.attributes}
    if ticket is not None:
        attributes["ticketnumber"] = ticket.number
    return b'%b,"data":%b}' % (to_json(attributes)[:-1], told.data)


def trial(at: datetime) -> bytes:
    """A body that tells of nothing, to see whether an endpoint takes it."""
    return to_json({"type": TEST, "timestamp": at.isoformat(), "data": {}})


def headers(delivery: UUID, at: datetime, content: bytes, secrets: Collection[str]) -> dict[str, str]:
    """The id that stays the same over all attempts, when this one is made, and a signature by each secret that signs now."""
    text = content.decode()
    signatures = [Signer(secret).sign(str(delivery), at, text) for secret in secrets]
    return {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": "Ledgerdesk",
        "webhook-id": str(delivery),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
