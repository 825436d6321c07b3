"""Sets up webhooks: where to, of what, and when they rest; address and secrets are closed to readers of the log (J4)."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.conditions.refusal import near
from domain.errors import InvalidInput, Refusal
from domain.event import EVENTS, Secret, of_ticket
from domain.granting import must_be_allowed
from domain.permissions import Permission
from domain.setup.entrusting import must_reach_everything
from domain.setup.rules import EVENT_NAMES, must_be_known
from domain.setup.uses import must_be_free_of_rules
from domain.values import Key
from domain.webhooks import (
    MOST_WEBHOOKS,
    OF_CUSTOMERS,
    OVERLAP,
    PERSONAL,
    Address,
    Because,
    SigningSecret,
    Subscription,
    UnknownWebhook,
    Webhook,
    WebhookDefinition,
    webhook,
    webhook_id,
)
from domain.workspace import ReasonedCommand, ReasonedEvent


class InvalidWebhook(Refusal):
    """A webhook that would never be told anything; `place` says where in it."""

    code = "invalid_webhook"
    status = 422
    sentence = "{place}: {reason}"


class LastDelivery(BaseModel):
    """What an endpoint failed to take last: events of a ticket, `first` to `last` of its history."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticket_id: UUID
    number: str
    first: int
    last: int


class WebhookSet(ReasonedEvent, name="workspace.webhook_set", version=2):
    """A webhook is told what this version says, at this address; `moved` whether it had another one before (older events do not say)."""

    webhook: Webhook
    url: Secret[str]
    moved: bool | None = None


class WebhookSecretMade(ReasonedEvent, name="workspace.webhook_secret_made", version=1):
    """What is sent to a webhook is signed with a new secret; the one before it signs too until then."""

    key: str
    secret: Secret[str]
    previous_until: datetime | None = None


class WebhookPaused(ReasonedEvent, name="workspace.webhook_paused", version=1):
    """A webhook is told nothing for now; `failed` is what it did not take last, where that was of a ticket."""

    key: str
    because: Because
    failed: LastDelivery | None = None


class WebhookResumed(ReasonedEvent, name="workspace.webhook_resumed", version=1):
    """A webhook is told what happens again."""

    key: str


class WebhookRetired(ReasonedEvent, name="workspace.webhook_retired", version=1):
    """A webhook is told nothing any more; what it was told stays in the log."""

    key: str


class SetWebhook(ReasonedCommand):
    """Set up a webhook or change it. `secret` is for one that has none: a new one, or one that was retired."""

    key: Key
    definition: WebhookDefinition
    url: Address
    secret: SigningSecret = Field(repr=False)


class RotateWebhookSecret(ReasonedCommand):
    """Sign with this secret from now on, and for a day with the one before it too."""

    key: Key
    secret: SigningSecret = Field(repr=False)


class PauseWebhook(ReasonedCommand):
    """Tell it nothing for now."""

    key: Key
    because: Because = Because.ASKED
    failed: LastDelivery | None = None


class ResumeWebhook(ReasonedCommand):
    """Tell it what happens again."""

    key: Key


class RetireWebhook(ReasonedCommand):
    """Tell it nothing any more."""

    key: Key


@decides(SetWebhook, needs=Permission.WORKSPACE_EDIT)
def set_webhook(command: SetWebhook, desk: Catalogue, _: Catalogue) -> Decision:
    """The same again changes nothing. It is told of every ticket, so whoever sets it up reaches every ticket."""
    must_reach_everything(command, desk, Permission.WORKSPACE_EDIT)
    known, wanted = desk.webhooks.get(command.key), command.definition
    if known is None and len(desk.webhooks) >= MOST_WEBHOOKS:
        raise InvalidInput(field="key", reason=f"a workspace has at most {MOST_WEBHOOKS} webhooks; change one")
    _check(command, desk)
    version = known.webhook.version + 1 if known else 1
    number = webhook_id(command.workspace_id, command.key)
    made = Webhook(key=command.key, webhook_id=number, version=version, **dict(wanted))
    if known is None or known.retired:
        secret = WebhookSecretMade(key=command.key, secret=command.secret, **command.reasons)
        return [WebhookSet(webhook=made, url=command.url, moved=False, **command.reasons), secret]
    if (known.webhook.model_copy(update={"version": version}), known.url) == (made, command.url):
        return []
    return [WebhookSet(webhook=made, url=command.url, moved=known.url != command.url, **command.reasons)]


def _check(command: SetWebhook, desk: Catalogue) -> None:
    """Raise InvalidWebhook where it waits for what cannot be, NotAllowed where it would tell of customers whom one may not see."""
    wanted = command.definition
    if wanted.when is not None:
        must_be_known(wanted.when, desk, InvalidWebhook)
        if others := [name for name in wanted.events if not of_ticket(name)]:
            reason = (
                f"is about tickets, and «{others[0]}» happens to none: give that event a webhook without a condition"
            )
            raise InvalidWebhook(place="when", reason=reason)
    known = sorted(name for name in EVENTS if not name.startswith(PERSONAL))
    if unknown := [name for name in wanted.events if name not in known]:
        reason = f"there is no «{unknown[0][:60]}» for webhooks. {near(unknown[0], known, EVENT_NAMES)}"
        raise InvalidWebhook(place="events", reason=reason)
    if any(name.startswith(OF_CUSTOMERS) for name in wanted.events):
        must_be_allowed(command, Permission.REQUESTER_VIEW, desk)


@decides(RotateWebhookSecret, needs=Permission.WORKSPACE_EDIT)
def rotate(command: RotateWebhookSecret, desk: Catalogue, _: Catalogue) -> Decision:
    """Rotated twice within a day, the first of the three signs no more."""
    must_reach_everything(command, desk, Permission.WORKSPACE_EDIT)
    webhook(desk, command.key)
    until = command.at + OVERLAP
    return [WebhookSecretMade(key=command.key, secret=command.secret, previous_until=until, **command.reasons)]


@decides(PauseWebhook, needs=Permission.WORKSPACE_EDIT)
def pause(command: PauseWebhook, desk: Catalogue, _: Catalogue) -> Decision:
    """Again changes nothing."""
    if webhook(desk, command.key).paused is not None:
        return []
    return [WebhookPaused(key=command.key, because=command.because, failed=command.failed, **command.reasons)]


@decides(ResumeWebhook, needs=Permission.WORKSPACE_EDIT)
def resume(command: ResumeWebhook, desk: Catalogue, _: Catalogue) -> Decision:
    """Again changes nothing."""
    if webhook(desk, command.key).paused is None:
        return []
    return [WebhookResumed(key=command.key, **command.reasons)]


@decides(RetireWebhook, needs=Permission.WORKSPACE_EDIT)
def retire(command: RetireWebhook, desk: Catalogue, _: Catalogue) -> Decision:
    """Again changes nothing; not while a rule calls it."""
    known = desk.webhooks.get(command.key)
    if known is None:
        raise UnknownWebhook(webhook=command.key)
    if known.retired:
        return []
    must_be_free_of_rules(desk, "webhook", command.key)
    return [WebhookRetired(key=command.key, **command.reasons)]


def _with(desk: Catalogue, subscription: Subscription) -> Catalogue:
    return replace(desk, webhooks={**desk.webhooks, subscription.key: subscription})


@evolves(WebhookSet)
def _(desk: Catalogue, event: WebhookSet) -> Catalogue:
    known = desk.webhooks.get(event.webhook.key)
    if known is None or known.retired:
        return _with(desk, Subscription(event.webhook, event.url))
    return _with(desk, replace(known, webhook=event.webhook, url=event.url))


@evolves(WebhookSecretMade)
def _(desk: Catalogue, event: WebhookSecretMade) -> Catalogue:
    known = desk.webhooks[event.key]
    rotated = replace(known, secret=event.secret, previous=known.secret, previous_until=event.previous_until)
    return _with(desk, rotated)


@evolves(WebhookPaused)
def _(desk: Catalogue, event: WebhookPaused) -> Catalogue:
    return _with(desk, replace(desk.webhooks[event.key], paused=event.because))


@evolves(WebhookResumed)
def _(desk: Catalogue, event: WebhookResumed) -> Catalogue:
    return _with(desk, replace(desk.webhooks[event.key], paused=None))


@evolves(WebhookRetired)
def _(desk: Catalogue, event: WebhookRetired) -> Catalogue:
    return _with(desk, replace(desk.webhooks[event.key], retired=True, paused=None, secret=None, previous=None))
