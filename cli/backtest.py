"""`ledgerdesk backtest`: what a rule, or a draft of it, would have done in a stretch of the past."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import typer
from pydantic_core import to_json

from cli.defining import definition_in
from cli.find import AS, JSON, Seeing, seeing
from cli.opening import WORKSPACE, ready
from domain.backtest.rules import drafted
from domain.errors import InvalidInput, NotAllowed
from domain.event import Actor
from domain.rules.rule import Rule, RuleDefinition
from eventstore import jobs
from eventstore.settings import Settings
from eventstore.vault import Vault
from processors.jobs.backtests import Backtest, BacktestAsked

# Tickets that are listed, and how often the job is asked how far it is, in seconds.
LISTED, PAUSE = 200, 0.5
ENDED = ("done", "failed", "cancelled")


def backtest(
    rule: str = typer.Argument(..., metavar="RULE", help="The rule's short name."),
    since: datetime = typer.Option(..., "--from", help="From when on, in UTC."),
    until: datetime = typer.Option(..., "--to", help="Up to when, not included, in UTC."),
    draft: str | None = typer.Option(None, "--draft", metavar="JSON|FILE", help="The rule as it might be."),
    workspace: str | None = WORKSPACE,
    who: str | None = AS,
    as_json: bool = JSON,
) -> None:
    """Tell how often, when and to which tickets a rule would have acted. Nothing is done; a worker must be running.

    Example: ledgerdesk backtest urgent-first --from 2026-10-01 --to 2026-11-01
    """
    span = since.replace(tzinfo=UTC), until.replace(tzinfo=UTC)
    if span[0] >= span[1]:
        raise InvalidInput(field="to", reason="must be later than from")
    with seeing(workspace, who) as me:
        asked = BacktestAsked(rule=_rule(me, rule, draft), since=span[0], until=span[1])
    with ready() as settings:
        job = asyncio.run(_asked(settings, me.workspace, me.actor, asked))
    found, items = _ended(workspace, who, job)
    if as_json:
        typer.echo(to_json({**found, "tickets": items}).decode())
    else:
        typer.echo("\n".join([*_told(found), *map(_line, items)]))
    if found["state"] != "done":
        raise typer.Exit(1)


def _rule(me: Seeing, key: str, draft: str | None) -> Rule:
    if me.actor.kind != "system":
        grant = me.desk.grant(me.actor)
        if grant.permissions.isdisjoint(Backtest.NEEDS):
            raise NotAllowed(permission=Backtest.NEEDS[0], role=grant.role)
    if draft is None:
        return me.desk.rule(key)
    return drafted(me.desk, me.workspace, key, definition_in(draft, RuleDefinition), datetime.now(UTC))


async def _asked(settings: Settings, workspace: UUID, by: Actor, asked: BacktestAsked) -> UUID:
    job = uuid4()
    async with Vault(str(settings.database_url)) as vault:
        await jobs.ask(vault, job, workspace, Backtest.NAME, by, asked.model_dump(mode="json"))
    return job


def _ended(workspace: str | None, who: str | None, job: UUID) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The job at its end, with its first tickets."""
    while True:
        with seeing(workspace, who) as me:
            found = jobs.find(me.db, me.workspace, job)
            if found["state"] in ENDED:
                return found, jobs.items(me.db, me.workspace, job, 0, ["done", "failed"], LISTED)
        time.sleep(PAUSE)


def _told(found: dict[str, Any]) -> list[str]:
    sums = found["result"] or {}
    if found["state"] != "done":
        return [found["error"] or f"The backtest was {found['state']}."]
    days = [f"  {day}  {counts['acted']} times" for day, counts in sums["days"].items()]
    tickets = f"on {sums['tickets']} tickets" if sums["tickets"] != 1 else "on one ticket"
    refused = f", refused {sums['refused']} times" if sums["refused"] else ""
    return [f"It would have acted {sums['acted']} times {tickets}{refused}.", *days]


def _line(item: dict[str, Any]) -> str:
    acts = item["detail"]["acts"]
    return f"{item['item']}: {', '.join(act['at'][:16].replace('T', ' ') for act in acts)}"
