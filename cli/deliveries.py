"""`ledgerdesk deliveries`: what goes out of the desk, how it stands, and another try for what is dead."""

import asyncio
from enum import StrEnum
from uuid import UUID

import typer
from pydantic_core import to_json

from cli.find import AS, JSON, seeing
from cli.opening import WORKSPACE, ready
from cli.processors import must_be_allowed
from cli.story import minute
from domain.errors import InvalidInput
from eventstore.settings import Settings
from eventstore.vault import Vault
from processors import deliveries as stored
from processors.deliveries import Shown

LISTED = 50


class Doing(StrEnum):
    """What to do."""

    LIST = "list"
    RETRY = "retry"


class State(StrEnum):
    """How a delivery stands."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DROPPED = "dropped"
    DEAD = "dead"


def deliveries(
    doing: Doing = typer.Argument(Doing.LIST, help="list; or retry what is dead, or what waits, now."),
    delivery: str | None = typer.Argument(None, metavar="[ID]", help="Which one to retry, as list shows it."),
    everything: bool = typer.Option(False, "--all", help="Retry all that are dead."),
    state: State | None = typer.Option(None, help="List only those."),
    workspace: str | None = WORKSPACE,
    who: str | None = AS,
    as_json: bool = JSON,
) -> None:
    """List what goes out of the desk, newest first, or have it tried again.

    Example: ledgerdesk deliveries list --state dead
    """
    with seeing(workspace, who) as me:
        must_be_allowed(me)
        found = stored.listed(me.db, me.workspace, state, None, LISTED)
        of = me.workspace
    if doing is Doing.LIST:
        told = to_json({"deliveries": [each._asdict() for each in found]}).decode()
        typer.echo(told if as_json else "\n".join(map(_line, found)) or "No deliveries.")
        return
    chosen = _chosen(delivery, everything=everything)
    with ready() as settings:
        count = asyncio.run(_again(settings, of, chosen))
    typer.echo(f"{count} tried again: a worker sends them.")


def _chosen(delivery: str | None, *, everything: bool) -> UUID | None:
    if (delivery is None) != everything:
        raise InvalidInput(field="ID", reason="say which one, or --all")
    try:
        return UUID(delivery) if delivery else None
    except ValueError:
        raise InvalidInput(field="ID", reason="is no delivery's: take it from `ledgerdesk deliveries`") from None


async def _again(settings: Settings, workspace: UUID, delivery: UUID | None) -> int:
    async with Vault(str(settings.database_url)) as vault:
        return await stored.again(vault, workspace, delivery)


def _line(each: Shown) -> str:
    tries = "1 attempt" if each.attempts == 1 else f"{each.attempts} attempts"
    came = f"{each.state} ({each.outcome})" if each.outcome else each.state
    return f"{each.delivery_id}  {minute(each.asked_at)}  {each.channel} to {each.recipient}: {came}, {tries}"
