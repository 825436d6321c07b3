"""`ledgerdesk webhooks`: what is told to other services, how their endpoints are, and sending it again."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import typer
from pydantic import TypeAdapter

from cli.carrying import carry, command_of
from cli.defining import DEFINITION, JSON, WHY, context_of, said
from cli.do import AS
from cli.opening import WORKSPACE, keyring_of
from cli.people import Office, in_office
from cli.story import minute
from domain.command import Command
from domain.conditions import parse
from domain.errors import InvalidInput
from domain.setup.webhooks import PauseWebhook, ResumeWebhook, RetireWebhook, RotateWebhookSecret, SetWebhook
from domain.values import Moment
from domain.webhooks import Subscription, recipient, shown_url, webhook
from eventstore.vault import Vault
from processors.deliveries import UnknownDelivery
from processors.webhooks import rows
from processors.webhooks.reaching import looked_at
from processors.webhooks.rows import Attempt, Health
from processors.webhooks.secrets import new_secret
from processors.webhooks.settings import WebhookSettings
from processors.webhooks.trying import try_out

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)
KEY = typer.Argument(..., metavar="KEY", help="The webhook's short name.")
LISTED = 50


@app.callback()
def webhooks() -> None:
    """Set up webhooks, and see how they do.

    Example: ledgerdesk webhooks list
    """


@app.command("list")
def list_(workspace: str | None = WORKSPACE, as_json: bool = JSON) -> None:
    """List the webhooks, and how their endpoints are.

    Example: ledgerdesk webhooks list
    """

    async def work(office: Office) -> list[tuple[Subscription, Health | None]]:
        found = (await office.catalogue()).webhooks.values()
        health = office.reading(lambda db: rows.health(db, office.workspace.id))
        return [(each, health.get(recipient(each.webhook.webhook_id))) for each in found]

    found = in_office(workspace, work)
    if as_json:
        typer.echo(json.dumps([_told(*each) for each in found], ensure_ascii=False, default=str))
        return
    typer.echo("\n".join(_line(*each) for each in found) or "No webhooks.")


def _told(each: Subscription, health: Health | None) -> dict[str, Any]:
    told = each.webhook.model_dump(mode="json") | {"url": shown_url(each), "paused": each.paused}
    return told | {"retired": each.retired, "endpoint": health._asdict() if health else None}


def _line(each: Subscription, health: Health | None) -> str:
    state = "retired" if each.retired else f"paused ({each.paused})" if each.paused else "in use"
    how = "never tried" if health is None else health.outcome
    since = f" since {minute(health.failing_since)}" if health and health.failing_since else ""
    return f"{each.key}\t{state}\t{how}{since}\t{shown_url(each)}\t{each.webhook.title}"


@app.command()
def add(
    key: str = KEY,
    url: str = typer.Argument(..., help="Where to."),
    title: str | None = typer.Option(None, help="What people call it; its key if left out."),
    event: list[str] = typer.Option(
        [], help="Only events of that name, like ticket.opened or requester.changed; may be repeated."
    ),
    when: str | None = typer.Option(None, metavar="JSON", help="Only where this condition holds."),
    why: str | None = WHY,
    who: str | None = AS,
    workspace: str | None = WORKSPACE,
) -> None:
    """Set up a webhook, or change it; a new one's secret is printed, this once.

    Example: ledgerdesk webhooks add crm https://crm.example.com/hooks --event ticket.opened --event ticket.closed
    """
    condition = parse(_json(when)) if when else None

    def asked(secret: str) -> dict[str, Any]:
        definition = {"title": title or key, "events": event, "when": condition}
        return {"key": key, "url": url, "definition": definition, "secret": secret, "why": why}

    _done(workspace, who, key, SetWebhook, asked)


@app.command()
def rotate(key: str = KEY, why: str | None = WHY, who: str | None = AS, workspace: str | None = WORKSPACE) -> None:
    """Sign with a new secret, which is printed, this once; for a day the old one signs too.

    Example: ledgerdesk webhooks rotate crm --why "Somebody left"
    """
    _done(workspace, who, key, RotateWebhookSecret, lambda secret: {"key": key, "secret": secret, "why": why}, _rotated)


@app.command()
def pause(key: str = KEY, why: str | None = WHY, who: str | None = AS, workspace: str | None = WORKSPACE) -> None:
    """Tell a webhook nothing for now.

    Example: ledgerdesk webhooks pause crm --why "It moves house"
    """
    done = "paused; nothing is sent to it until it is resumed"
    _done(workspace, who, key, PauseWebhook, lambda _: {"key": key, "why": why}, lambda _: done)


@app.command()
def resume(key: str = KEY, why: str | None = WHY, who: str | None = AS, workspace: str | None = WORKSPACE) -> None:
    """Tell a webhook what happens again.

    Example: ledgerdesk webhooks resume crm
    """
    done = f"resumed; what it missed is sent by `ledgerdesk webhooks redeliver {key} --since TIME --only-failed`"
    _done(workspace, who, key, ResumeWebhook, lambda _: {"key": key, "why": why}, lambda _: done)


@app.command()
def retire(key: str = KEY, why: str | None = WHY, who: str | None = AS, workspace: str | None = WORKSPACE) -> None:
    """Tell a webhook nothing any more.

    Example: ledgerdesk webhooks retire crm --why "The CRM is gone"
    """
    _done(workspace, who, key, RetireWebhook, lambda _: {"key": key, "why": why}, lambda _: "retired")


@app.command("test")
def try_(key: str = KEY, workspace: str | None = WORKSPACE) -> None:
    """Send a webhook a message that tells of nothing, and say what came of it.

    Example: ledgerdesk webhooks test crm
    """

    async def work(office: Office) -> str:
        context, settings = office.context(), WebhookSettings.load()
        found = webhook(await office.catalogue(), key)
        answer = await try_out(found, context["command_id"], context["at"], settings)
        status = f", status {answer.status}" if answer.status else ""
        return f"{answer.outcome}{status}, {round(answer.seconds * 1000)} ms"

    typer.echo(in_office(workspace, work))


@app.command()
def log(
    key: str = KEY,
    delivery: str | None = typer.Argument(None, metavar="[ID]", help="Which one, with what was said in each attempt."),
    workspace: str | None = WORKSPACE,
) -> None:
    """List what a webhook was told, newest first; or of one delivery every attempt, with request and answer.

    Example: ledgerdesk webhooks log crm
    """
    one = _id(delivery) if delivery is not None else None

    async def work(office: Office) -> list[str]:
        whom, of = await _recipient(office, key), office.workspace.id
        if one is None:
            return [_entry(each) for each in office.reading(lambda db: rows.log(db, of, whom, None, None, LISTED))]
        keyring = keyring_of(office.settings)
        if not office.reading(lambda db: rows.is_of(db, of, whom, one)):
            raise UnknownDelivery(delivery=one)
        tried = office.reading(lambda db: rows.attempts(db, keyring, of, [one]))[one]
        return [line for attempt in tried for line in _exchanged(attempt)] or ["Not tried yet."]

    typer.echo("\n".join(in_office(workspace, work)) or "Nothing yet.")


def _entry(each: dict[str, Any]) -> str:
    came = f"{each['state']} ({each['outcome']})" if each["outcome"] else each["state"]
    return f"{each['delivery_id']}  {minute(each['asked_at'])}  {came}, attempts: {each['attempts']}"


def _exchanged(attempt: Attempt) -> Iterator[str]:
    """What an attempt came to, the headers of the request, and what was answered."""
    status = f", status {attempt.status}" if attempt.status else ""
    yield f"{attempt.attempt}. {attempt.at:%Y-%m-%d %H:%M:%S}  {attempt.outcome}{status}, {attempt.duration_ms} ms"
    if attempt.exchange is None:
        return
    said = json.loads(attempt.exchange)
    yield from (f"   > {name}: {value}" for name, value in said["request"]["headers"].items())
    yield from (f"   < {name}: {value}" for name, value in said["answer"]["headers"])
    yield from (f"   < {line}" for line in said["answer"]["beginning"].splitlines())


@app.command()
def redeliver(
    key: str = KEY,
    delivery: str | None = typer.Argument(None, metavar="[ID]", help="Which one, as log shows it."),
    since: str | None = typer.Option(None, help="All since then, like 2026-11-27T08:00:00Z."),
    only_failed: bool = typer.Option(False, "--only-failed", help="Of those only what the endpoint has not taken."),
    workspace: str | None = WORKSPACE,
) -> None:
    """Send one again, or everything since a time, each under its id.

    Example: ledgerdesk webhooks redeliver crm --since 2026-11-27T08:00:00Z
    """
    if (delivery is None) == (since is None):
        raise InvalidInput(field="ID", reason="say which one, or --since")

    try:
        at = TypeAdapter[datetime](Moment).validate_python(since) if since is not None else None
    except ValueError:
        raise InvalidInput(field="since", reason="is no time like 2026-11-27T08:00:00Z") from None
    one = _id(delivery) if delivery is not None else None

    async def work(office: Office) -> int:
        whom = await _recipient(office, key)
        async with Vault(str(office.settings.database_url)) as vault:
            if at is not None:
                return await rows.redeliver(vault, office.workspace.id, whom, at, only_failed=only_failed)
            assert one is not None  # noqa: S101 - one of the two is there
            await rows.redeliver_one(vault, office.workspace.id, whom, one)
            return 1

    typer.echo(f"{in_office(workspace, work)} sent again: a worker does it.")


async def _recipient(office: Office, key: str) -> str:
    return recipient(webhook(await office.catalogue(), key).webhook.webhook_id)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(field="ID", reason="is no delivery's id; see `ledgerdesk webhooks log`") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise InvalidInput(field="when", reason="is no JSON") from None


def _rotated(now: Subscription) -> str:
    until = f"; until {minute(now.previous_until)} UTC the one before it signs too" if now.previous_until else ""
    return f"signs with a new secret{until}"


def _done(
    workspace: str | None,
    who: str | None,
    key: str,
    kind: type[Command],
    asked: Callable[[str], dict[str, Any]],
    done: Callable[[Subscription], str] = lambda _: "set",
) -> None:
    """Carry it out, and say what has become so; a secret that was made for it is shown."""

    async def work(office: Office) -> str:
        context = await context_of(office, who)
        secret = new_secret(keyring_of(office.settings), office.workspace.id, key, context["command_id"])
        command = command_of(kind, context, asked(secret), DEFINITION)
        note = await _looked_at(office, command) if isinstance(command, SetWebhook) else None
        receipt = await carry(office, command)
        found = (await office.catalogue()).webhooks[key]
        lines = [said(f"Webhook {key}", receipt, done(found)), note]
        if found.secret == secret:
            lines.append(f"Its secret, shown this once: {secret}")
        return "\n".join(filter(None, lines))

    typer.echo(in_office(workspace, work))


async def _looked_at(office: Office, command: SetWebhook) -> str | None:
    known = (await office.catalogue()).webhooks.get(command.key)
    return None if known and known.url == command.url else await looked_at(command.url, WebhookSettings.load())
