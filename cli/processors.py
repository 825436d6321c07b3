"""`ledgerdesk processors`: what acts on its own, how far it is, and what it could not take in."""

import asyncio
from enum import StrEnum
from typing import Any
from uuid import UUID

import typer
from pydantic_core import to_json

from cli.find import AS, JSON, Seeing, seeing
from cli.opening import WORKSPACE, ready
from cli.story import minute
from domain.errors import InvalidInput, NotAllowed
from domain.event import Actor
from domain.permissions import Permission
from eventstore.settings import Settings
from eventstore.vault import Vault
from processors import status
from processors.status import Decision


class Doing(StrEnum):
    """What to do."""

    STATUS = "status"
    RETRY = "retry"
    SKIP = "skip"


_DECISIONS = {Doing.RETRY: Decision.RETRY, Doing.SKIP: Decision.SKIP}


def processors(
    doing: Doing = typer.Argument(
        Doing.STATUS, help="status; or retry or skip what failed: a retry is of all that waits for the same ticket."
    ),
    letter: int | None = typer.Argument(None, metavar="[LETTER]", help="Which dead letter, as status lists them."),
    everything: bool = typer.Option(False, "--all", help="Retry all that failed, after its reason was removed."),
    workspace: str | None = WORKSPACE,
    who: str | None = AS,
    as_json: bool = JSON,
) -> None:
    """Show process managers and their dead letters, or decide what becomes of one.

    Example: ledgerdesk processors retry --all
    """
    with seeing(workspace, who) as me:
        must_be_allowed(me)
        found = {
            "processors": status.overview(me.db, me.workspace),
            "letters": status.letters(me.db, me.workspace),
        }
        of, actor = me.workspace, me.actor
    if doing is Doing.STATUS:
        typer.echo(to_json(found).decode() if as_json else "\n".join(_lines(found)))
        return
    chosen = _chosen(doing, letter, found["letters"], everything=everything)
    with ready() as settings:
        asyncio.run(_resolved(settings, of, chosen, _DECISIONS[doing], actor))
    typer.echo(f"{len(chosen)} decided: a worker goes on with them.")


def must_be_allowed(me: Seeing) -> None:
    """NotAllowed for whoever does not administer the desk."""
    if me.actor.kind == "system":
        return
    grant = me.desk.grant(me.actor)
    if Permission.WORKSPACE_EDIT not in grant.permissions:
        raise NotAllowed(permission=Permission.WORKSPACE_EDIT, role=grant.role)


def _chosen(doing: Doing, letter: int | None, waiting: list[dict[str, Any]], *, everything: bool) -> list[int]:
    if (letter is None) != everything:
        raise InvalidInput(field="LETTER", reason="say which one, or --all")
    if everything and doing is Doing.SKIP:
        raise InvalidInput(field="--all", reason="is for retry; say which one is to be passed over")
    # Those that merely wait behind another go on with it.
    failed = [each["letter_id"] for each in waiting if each["state"] == "waiting" and each["error"]]
    return failed if letter is None else [letter]


async def _resolved(settings: Settings, workspace: UUID, chosen: list[int], decision: Decision, who: Actor) -> None:
    async with Vault(str(settings.database_url)) as vault:
        for letter in chosen:
            await status.resolve(vault, workspace, letter, decision, who)


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [_process(each) for each in found["processors"]] or ["No process has begun: start `ledgerdesk worker`."]
    return [*lines, *map(_letter, found["letters"])]


def _process(each: dict[str, Any]) -> str:
    late = f", {each['timers_overdue']} timers overdue" if each["timers_overdue"] else ""
    parked = f", {each['parked']} parked" if each["parked"] else ""
    shared = "".join(f"\n{'':<20}   partition {at['partition']:>3} at {at['position']}" for at in each["partitions"])
    return (
        f"{each['process']:<20} position {each['position']}, {each['lag_events']} events behind{late}{parked}{shared}"
    )


def _letter(each: dict[str, Any]) -> str:
    about = ", ".join(each["topics"]) or f"timer {each['timer']}"
    why = each["error"] or "waits behind the one before"
    ticket = f"ticket {each['number']}" if each["number"] else "no ticket"
    return f"  {each['letter_id']:>6}  {minute(each['parked_at'])}  {each['process']}  {ticket}  {about}: {why} ({each['state']})"
