"""Webhooks: addresses outside of the desk that are told what happens at it (J4)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from domain.conditions import Condition
from domain.errors import Refusal
from domain.event import Content, Erased
from domain.streaming import USUALLY, Shown
from domain.values import Key, Line

if TYPE_CHECKING:
    from domain.catalogue import Catalogue

MOST_WEBHOOKS = 100
# What one colleague read, and views that may be theirs alone: admins do not see them, so no webhook is told of them either.
PERSONAL = ("inbox.", "view.")
OF_CUSTOMERS = ("requester.", "organisation.")
# How long after a rotation the secret before it signs too, so that receivers can change over without a gap.
OVERLAP = timedelta(days=1)


class UnknownWebhook(Refusal):
    """The workspace has no webhook of that key in use."""

    code = "unknown_webhook"
    status = 404
    sentence = "No webhook «{webhook}» in this workspace. List them at /api/v1/webhooks."


class Because(StrEnum):
    """Why a webhook is paused: somebody wants it, its endpoint took nothing for days, or said that it is gone for good."""

    ASKED = "asked"
    FAILING = "failing"
    GONE = "gone"


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("must be an address like https://example.com/hooks")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("must have no user, password or fragment: the signature says who calls")
    if not (text.isascii() and text.isprintable()) or " " in text or "\\" in text:
        raise ValueError("must be plain ASCII: write a name as xn--..., other letters as %XX")
    # Raises ValueError for one that is no number.
    _ = parts.port
    return text


Address = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(_address)]

# As Standard Webhooks writes them, with 24 bytes or more.
SigningSecret = Annotated[str, StringConstraints(pattern=r"^whsec_[A-Za-z0-9+/]{32,128}={0,2}$")]


class WebhookDefinition(BaseModel):
    """What a webhook is told of: events by name, all of tickets where none is named, where the condition holds.

    Events of anything but tickets are told where they are named; a condition is about tickets, and goes with those alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Line
    events: tuple[Line, ...] = Field(default=(), max_length=200)
    when: Condition | None = None
    shows: tuple[Shown, ...] = USUALLY


class Webhook(WebhookDefinition):
    """One version of a webhook, without what nobody is to read: its address and its secrets. Its id is the same in all."""

    key: Key
    webhook_id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook as it is. `previous` signs too until `previous_until`."""

    webhook: Webhook
    url: Content[str]
    secret: Content[str] | None = None
    previous: Content[str] | None = None
    previous_until: datetime | None = None
    paused: Because | None = None
    retired: bool = False

    @property
    def key(self) -> str:
        """What it is called."""
        return self.webhook.key

    def secrets(self, at: datetime) -> list[str]:
        """Those that sign at that time, the newest first."""
        both = [self.secret, self.previous if self.previous_until and at < self.previous_until else None]
        return [each for each in both if isinstance(each, str)]


def shown_url(subscription: Subscription) -> str | None:
    """The address, where the reader is one to whom it is open."""
    return None if isinstance(subscription.url, Erased) else subscription.url


def webhook_id(workspace: UUID, key: str) -> UUID:
    """The id of the webhook of that key."""
    return uuid5(workspace, f"webhook:{key}")


def recipient(webhook: UUID) -> str:
    """Under which name its deliveries are queued."""
    return f"webhook:{webhook}"


def webhook(desk: "Catalogue", key: str) -> Subscription:
    """The webhook in use of that key, or UnknownWebhook; a paused one is in use."""
    found = desk.webhooks.get(key)
    if found is None or found.retired:
        raise UnknownWebhook(webhook=key)
    return found
