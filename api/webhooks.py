"""Webhooks (J4): what is told to other services, how it went, and sending it again (for admins)."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import anyio.to_thread
from fastapi import Depends, Path, Response
from pydantic import AwareDatetime, BaseModel, Field
from pydantic_core import from_json, to_json

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.bodies import Body
from api.deliveries import DeliveriesAsked, State, deliveries_asked
from api.form_bodies import parts
from api.problems import problems
from api.setup_bodies import Reasons
from api.workspace import catalogue_now
from domain.conditions import InvalidCondition
from domain.errors import CommandIdReused, InvalidInput, VersionConflict
from domain.permissions import Permission
from domain.setup.uses import StillInUse
from domain.setup.webhooks import (
    InvalidWebhook,
    PauseWebhook,
    ResumeWebhook,
    RetireWebhook,
    RotateWebhookSecret,
    SetWebhook,
)
from domain.values import Flag, Key
from domain.webhooks import (
    Address,
    Because,
    Subscription,
    UnknownWebhook,
    Webhook,
    WebhookDefinition,
    recipient,
    shown_url,
    webhook,
)
from processors.deliveries import UnknownDelivery
from processors.webhooks import rows
from processors.webhooks.reaching import looked_at
from processors.webhooks.rows import Attempt, Health
from processors.webhooks.secrets import new_secret
from processors.webhooks.settings import WebhookSettings
from processors.webhooks.trying import try_out

router = routing.router("webhooks")

WebhookKey = Annotated[Key, Path(examples=["crm"])]
_REFUSED = (InvalidInput, UnknownWebhook, VersionConflict, CommandIdReused)
_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented() | problems(StillInUse, *_REFUSED),
}


class WebhookBody(WebhookDefinition, Reasons):
    """A webhook, all of it: where to, and of what it is told."""

    url: Address = Field(examples=["https://crm.example.com/hooks"])


class RedeliveryBody(Body):
    """Since when; with `only_failed` what the endpoint has taken is left out."""

    since: AwareDatetime
    only_failed: Flag = False


class SecretChanged(Changed):
    """A change is recorded; where it made a secret, that is shown this once."""

    secret: str | None = Field(description="Shown this once: keep it. Null where there was one already.")


class WebhookChanged(SecretChanged):
    """A webhook is as it was asked for."""

    note: str | None = Field(description="What is to be known of its address; null where nothing is.")


class EndpointView(BaseModel):
    """How its endpoint is."""

    failing_since: datetime | None
    failures: int
    tried_at: datetime
    outcome: str


class WebhookView(Webhook):
    """A webhook, without its secret."""

    url: str | None
    paused: Because | None
    retired: bool
    both_secrets_until: datetime | None = Field(description="Until then the secret before the present one signs too.")
    endpoint: EndpointView | None = Field(description="Null where nothing was sent yet.")


class WebhookAttempt(BaseModel):
    """One try. `exchange` has the headers both ways and the beginning of the answer; it is gone with what it is about."""

    attempt: int
    at: datetime
    outcome: str
    status: int | None
    duration_ms: int | None
    exchange: dict[str, Any] | None


class WebhookDelivery(BaseModel):
    """One event for one webhook; its id is the webhook-id of every try."""

    delivery_id: UUID
    channel: str
    recipient: str
    ticket_id: UUID | None = Field(description="Null where it is about none.")
    subject_id: UUID | None = Field(
        description="What it is about where that is no ticket: a requester, the workspace, ..."
    )
    state: State
    due_at: datetime
    attempts: int
    outcome: str | None
    asked_at: datetime
    ended_at: datetime | None
    log: list[WebhookAttempt]


class WebhookDeliveries(BaseModel):
    """Deliveries, newest first; the last one's `asked_at` and `delivery_id` lead to the next page."""

    deliveries: list[WebhookDelivery]


class Redelivered(BaseModel):
    """How many are sent again."""

    redelivered: int


class Tested(BaseModel):
    """What the endpoint made of a message that tells of nothing."""

    outcome: str = Field(examples=["delivered"])
    status: int | None
    duration_ms: int
    answer: str = Field(description="Its beginning.")


@router.get("/webhooks")
async def list_webhooks(response: Response, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> list[WebhookView]:
    """All webhooks, with those that are retired, and how their endpoints are."""
    desk = await catalogue_now(me, response)
    health = await anyio.to_thread.run_sync(_health, me)
    return [_view(each, health) for each in desk.webhooks.values()]


@router.get("/webhooks/{key}", responses=problems(UnknownWebhook))
async def read_webhook(
    key: WebhookKey, response: Response, me: Caller = needs(Permission.WORKSPACE_EDIT)
) -> WebhookView:
    """A webhook in use, and how its endpoint is."""
    found = webhook(await catalogue_now(me, response), key)
    return _view(found, await anyio.to_thread.run_sync(_health, me))


def _health(me: Caller) -> dict[str, Health]:
    with me.services.reading(me.workspace_id) as db:
        return rows.health(db, me.workspace_id)


def _view(found: Subscription, health: dict[str, Health]) -> WebhookView:
    endpoint = health.get(recipient(found.webhook.webhook_id))
    return WebhookView(
        **dict(found.webhook),
        url=shown_url(found),
        paused=found.paused,
        retired=found.retired,
        both_secrets_until=found.previous_until,
        endpoint=EndpointView(**endpoint._asdict()) if endpoint else None,
    )


@router.put(
    "/webhooks/{key}",
    response_model=WebhookChanged,
    openapi_extra=CHANGES,
    responses=documented() | problems(InvalidWebhook, InvalidCondition, *_REFUSED),
)
async def set_webhook(key: WebhookKey, body: WebhookBody, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Set up a webhook or change it. A new one's secret is in the answer, this once. Events of customers and organisations need `requester.view` too."""
    context, secret = _with_secret(me, key)
    command = SetWebhook(**context, key=key, url=body.url, secret=secret, **parts(body, WebhookDefinition))
    known = (await me.desk_now()).webhooks.get(key)
    # An address that it has already is its own affair: what else is changed must not be refused for it.
    same = known is not None and known.url == body.url
    note = None if same else await looked_at(body.url, WebhookSettings.load())
    return await _told(me, key, command, secret, note=note)


@router.post(
    "/webhooks/{key}/secret",
    response_model=SecretChanged,
    openapi_extra=CHANGES,
    responses=documented() | problems(*_REFUSED),
)
async def rotate_webhook_secret(
    key: WebhookKey, body: Reasons, me: Caller = needs(Permission.WORKSPACE_EDIT)
) -> Response:
    """Sign with a new secret, which is in the answer, this once; for a day the old one signs too."""
    context, secret = _with_secret(me, key)
    return await _told(me, key, RotateWebhookSecret(**context, key=key, secret=secret, **dict(body)), secret)


def _with_secret(me: Caller, key: str) -> tuple[dict[str, Any], str]:
    context = me.context()
    return context, new_secret(me.services.desk.keyring, me.workspace_id, key, context["command_id"])


async def _told(me: Caller, key: str, command: SetWebhook | RotateWebhookSecret, secret: str, **more: Any) -> Response:
    receipt = await me.execute(command)
    made = receipt.events and not receipt.repeated and (await me.desk_now()).webhooks[key].secret == secret
    return changed(receipt, secret=secret if made else None, **more)


@router.put("/webhooks/{key}/paused", **_CHANGES)
async def pause_webhook(key: WebhookKey, body: Reasons, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Tell it nothing for now; what happens meanwhile can be sent later."""
    return changed(await me.execute(PauseWebhook(**me.context(), key=key, **dict(body))))


@router.put("/webhooks/{key}/resumed", **_CHANGES)
async def resume_webhook(key: WebhookKey, body: Reasons, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Tell it what happens again."""
    return changed(await me.execute(ResumeWebhook(**me.context(), key=key, **dict(body))))


@router.put("/webhooks/{key}/retired", **_CHANGES)
async def retire_webhook(key: WebhookKey, body: Reasons, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Response:
    """Tell it nothing any more."""
    return changed(await me.execute(RetireWebhook(**me.context(), key=key, **dict(body))))


@router.post("/webhooks/{key}/test", responses=problems(UnknownWebhook))
async def try_webhook(key: WebhookKey, response: Response, me: Caller = needs(Permission.WORKSPACE_EDIT)) -> Tested:
    """Send it a signed message of the type webhook.test now, and see what comes of it."""
    found = webhook(await catalogue_now(me, response), key)
    answer = await try_out(found, me.command_id(), me.services.desk.clock(), WebhookSettings.load())
    return Tested(
        outcome=answer.outcome,
        status=answer.status,
        duration_ms=round(answer.seconds * 1000),
        answer=answer.beginning,
    )


@router.get(
    "/webhooks/{key}/deliveries",
    response_model=WebhookDeliveries,
    responses=problems(UnknownWebhook, InvalidInput),
)
async def list_webhook_deliveries(
    key: WebhookKey,
    me: Caller = needs(Permission.WORKSPACE_EDIT),
    asked: DeliveriesAsked = Depends(deliveries_asked),
) -> Response:
    """What it was told, each with every attempt: request, answer, how long it took."""
    return await anyio.to_thread.run_sync(_log, me, await _recipient(me, key), asked)


async def _recipient(me: Caller, key: str) -> str:
    return recipient(webhook(await me.desk_now(), key).webhook.webhook_id)


def _log(me: Caller, whom: str, asked: DeliveriesAsked) -> Response:
    with me.services.reading(me.workspace_id) as db:
        found = rows.log(db, me.workspace_id, whom, *asked)
        ids = [each["delivery_id"] for each in found]
        tried = rows.attempts(db, me.services.desk.keyring, me.workspace_id, ids)
    # What was said tells of tickets: those who do not reach every ticket see that it was said, and how it went.
    told = [
        each | {"log": [attempt_view(one, shown=me.reach is None) for one in tried[each["delivery_id"]]]}
        for each in found
    ]
    return Response(to_json({"deliveries": told}), media_type="application/json")


def attempt_view(attempt: Attempt, *, shown: bool) -> dict[str, Any]:
    """One try as it is answered; `shown` whether with what was said."""
    exchange = attempt.exchange if shown else None
    return attempt._asdict() | {"exchange": None if exchange is None else from_json(exchange)}


@router.post("/webhooks/{key}/redelivery", responses=problems(UnknownWebhook))
async def redeliver(
    key: WebhookKey, body: RedeliveryBody, me: Caller = needs(Permission.WORKSPACE_EDIT)
) -> Redelivered:
    """Send everything since a time again, each under its id."""
    whom, vault = await _recipient(me, key), me.services.desk.vault
    count = await rows.redeliver(vault, me.workspace_id, whom, body.since, only_failed=body.only_failed)
    return Redelivered(redelivered=count)


@router.post("/webhooks/{key}/deliveries/{delivery_id}/redelivery", responses=problems(UnknownWebhook, UnknownDelivery))
async def redeliver_one(
    key: WebhookKey, delivery_id: UUID, me: Caller = needs(Permission.WORKSPACE_EDIT)
) -> Redelivered:
    """Send one again under its id, whatever became of it."""
    await rows.redeliver_one(me.services.desk.vault, me.workspace_id, await _recipient(me, key), delivery_id)
    return Redelivered(redelivered=1)
