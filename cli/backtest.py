"""`ledgerdesk backtest`: what a rule, a policy, or a draft of one, would have done in a stretch of the past."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import typer
from pydantic_core import to_json

from cli.defining import Definition, definition_in
from cli.find import AS, JSON, Seeing, seeing
from cli.naming import Register
from cli.opening import WORKSPACE, ready
from domain.backtest.rules import drafted
from domain.errors import InvalidInput, NotAllowed
from domain.event import Actor
from domain.rules.rule import Rule, RuleDefinition
from domain.sla.policy import Policy, PolicyDefinition
from eventstore import jobs
from eventstore.settings import Settings
from eventstore.vault import Vault
from processors.jobs.backtests import Backtest, BacktestAsked
from processors.promised_past import drafted_policy

# Tickets that are listed, and how often the job is asked how far it is, in seconds.
LISTED, PAUSE = 200, 0.5
ENDED = ("done", "failed", "cancelled")


def backtest(
    key: str = typer.Argument(..., metavar="KEY", help="The rule's or the policy's short name."),
    since: datetime = typer.Option(..., "--from", help="From when on, in UTC."),
    until: datetime = typer.Option(..., "--to", help="Up to when, not included, in UTC."),
    draft: str | None = typer.Option(None, "--draft", metavar="JSON|FILE|-", help="The rule or policy as it might be."),
    policy: bool = typer.Option(
        False, "--policy", help="It is a policy, of which the breach and escalation rates are told."
    ),
    workspace: str | None = WORKSPACE,
    who: str | None = AS,
    as_json: bool = JSON,
) -> None:
    """Tell how often, when and to which tickets a rule would have acted, or how a policy would have been kept.

    Nothing is done; a worker must be running.

    Example: ledgerdesk backtest urgent-first --from 2026-10-01 --to 2026-11-01
    """
    span = since.replace(tzinfo=UTC), until.replace(tzinfo=UTC)
    if span[0] >= span[1]:
        raise InvalidInput(field="to", reason="must be later than from")
    with seeing(workspace, who) as me:
        what: dict[str, Any] = {"policy": _policy(me, key, draft)} if policy else {"rule": _rule(me, key, draft)}
        asked = BacktestAsked(**what, since=span[0], until=span[1])
    with ready() as settings:
        job = asyncio.run(_asked(settings, me.workspace, me.actor, asked))
    found, items = _ended(workspace, who, job)
    if as_json:
        typer.echo(to_json({**found, "tickets": items}).decode())
    else:
        typer.echo("\n".join([*_told(found), *map(_line, items)]))
    if found["state"] != "done":
        raise typer.Exit(1)


def may_test(me: Seeing) -> None:
    """NotAllowed where they may neither set rules nor make reports."""
    if me.actor.kind != "system":
        grant = me.desk.grant(me.actor)
        if grant.permissions.isdisjoint(Backtest.NEEDS):
            raise NotAllowed(permission=Backtest.NEEDS[0], role=grant.role)


def _policy(me: Seeing, key: str, draft: str | None) -> Policy:
    may_test(me)
    if draft is None:
        return me.desk.policy_versions(key)[-1]
    return drafted_policy(me.desk, me.workspace, key, _drafted(me, draft, PolicyDefinition), datetime.now(UTC))


def _rule(me: Seeing, key: str, draft: str | None) -> Rule:
    may_test(me)
    if draft is None:
        return me.desk.rule(key)
    return drafted(me.desk, me.workspace, key, _drafted(me, draft, RuleDefinition), datetime.now(UTC))


def _drafted(me: Seeing, draft: str, kind: type[Definition]) -> Definition:
    return definition_in(draft, kind, Register(me.workspace, me.desk, lambda ask: ask(me.db)), me.actor)


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
    if "breach_rate" in sums:
        return _kept(sums)
    days = [f"  {day}  {_times(counts['acted'])}" for day, counts in sums["days"].items()]
    tickets = f"on {sums['tickets']} tickets" if sums["tickets"] != 1 else "on one ticket"
    refused = f", refused {_times(sums['refused'])}" if sums["refused"] else ""
    return [f"It would have acted {_times(sums['acted'])} {tickets}{refused}.", *days]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _kept(sums: dict[str, Any]) -> list[str]:
    if not sums["tickets"]:
        return ["It would have been promised to no ticket."]
    late = ", ".join(f"{measure.replace('_', ' ')} {_times(count)}" for measure, count in sums["measures"].items())
    return [
        f"It would have been promised to {sums['tickets']} tickets.",
        f"Late: {sums['breached_tickets']} of them ({sums['breach_rate']:.1%}){f', {late}' if late else ''}.",
        f"Escalated: {sums['escalated_tickets']} of them ({sums['escalation_rate']:.1%}).",
    ]


def _line(item: dict[str, Any]) -> str:
    acts = item["detail"]["acts"]
    return f"{item['item']}: {', '.join(act['at'][:16].replace('T', ' ') for act in acts)}"
