"""`ledgerdesk rules`: what is set up to happen by itself, and what came of it on a ticket."""

import json
from collections.abc import Iterator
from typing import Any

import typer

from cli.defining import EXPECTED, JSON, WHY, set_up
from cli.do import AS
from cli.opening import WORKSPACE, keyring_of
from cli.people import Office, in_office
from cli.story import minute
from domain.ids import ticket_id
from domain.rules.rule import Rule, RuleDefinition
from domain.setup.rules import OrderRules, RetireRule, SetRule
from domain.ticket.state import UnknownTicket
from processors.looking_back import happenings_of
from processors.rule_log import Entry, Looked, Standing, entries, standings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)
KEY = typer.Argument(..., metavar="KEY", help="The rule's short name.")


@app.callback()
def rules() -> None:
    """Set up rules, and see what they did.

    Example: ledgerdesk rules list
    """


@app.command("list")
def list_(workspace: str | None = WORKSPACE, as_json: bool = JSON) -> None:
    """List the rules in the order in which they act.

    Example: ledgerdesk rules list
    """

    async def work(office: Office) -> list[Rule]:
        desk = await office.catalogue()
        return [desk.rule(key) for key in desk.rule_order]

    found = in_office(workspace, work)
    if as_json:
        typer.echo(json.dumps([rule.model_dump(mode="json") for rule in found], ensure_ascii=False))
        return
    if not found:
        typer.echo("None yet. See `ledgerdesk rules set --help`.")
    for rule in found:
        state = "retired" if rule.retired else rule.kind
        typer.echo(f"{rule.key}\t{state}\tversion {rule.version}\t{rule.title}")


@app.command("set")
def set_(
    key: str = KEY,
    definition: str = typer.Argument(..., metavar="JSON|FILE|-", help="The rule as JSON, or a file that has it."),
    why: str | None = WHY,
    expected: str | None = EXPECTED,
    who: str | None = AS,
    workspace: str | None = WORKSPACE,
) -> None:
    """Set up a rule, or change it: a new version. People, teams and requesters may be named in what it does.

    Example: ledgerdesk rules set urgent-first rule.json --why "Urgent ones waited"
    """
    asked = {"key": key, "why": why, "expected": expected}
    typer.echo(set_up(workspace, who, SetRule, asked, f"Rule {key}", definition=(definition, RuleDefinition)))


@app.command()
def retire(key: str = KEY, why: str | None = WHY, who: str | None = AS, workspace: str | None = WORKSPACE) -> None:
    """Let a rule act no more.

    Example: ledgerdesk rules retire urgent-first --why "Nobody tags any more"
    """
    typer.echo(set_up(workspace, who, RetireRule, {"key": key, "why": why}, f"Rule {key}", "retired"))


@app.command()
def order(
    keys: list[str] = typer.Argument(..., metavar="KEY...", help="Every rule once, in its order."),
    why: str | None = WHY,
    who: str | None = AS,
    workspace: str | None = WORKSPACE,
) -> None:
    """Say in which order rules act.

    Example: ledgerdesk rules order vip urgent-first
    """
    typer.echo(set_up(workspace, who, OrderRules, {"order": tuple(keys), "why": why}, "The order"))


@app.command()
def log(
    number: str = typer.Argument(..., help="The ticket's number."),
    workspace: str | None = WORKSPACE,
    as_json: bool = JSON,
) -> None:
    """Tell which rules acted on a ticket, which did not, and what said no.

    Example: ledgerdesk rules log 1001
    """
    told, automations = in_office(workspace, lambda office: _log(office, number))
    if as_json:
        told_json = {
            name: [each.model_dump(mode="json") for each in found]
            for name, found in (("entries", told), ("automations", automations))
        }
        typer.echo(json.dumps({"number": number, **told_json}, ensure_ascii=False))
        return
    typer.echo("\n".join([*_lines(told), *map(_stands, automations)]))


async def _log(office: Office, number: str) -> tuple[list[Entry], list[Standing]]:
    workspace, keyring = office.workspace.id, keyring_of(office.settings)
    stream = ticket_id(workspace, number)
    happened = office.reading(lambda db: happenings_of(db, keyring, workspace, stream))
    if not happened:
        raise UnknownTicket(number=number)
    return entries(happened), standings(happened[-1], await office.catalogue(), office.context()["at"])


def _lines(told: list[Entry]) -> Iterator[str]:
    for entry in told:
        did = ", ".join(name.partition(".")[2].replace("_", " ") for name in entry.events)
        by = f", by rule «{entry.by_rule.title}» version {entry.by_rule.version}" if entry.by_rule else ""
        yield f"{minute(entry.at)}  v{entry.version}  {did}{by}"
        yield from map(_look, entry.triggers)


def _look(look: Looked) -> str:
    after = f" (after {look.after})" if look.after else ""
    why = f": {look.refusal}" if look.refusal else "".join(f"; {_why(each)}" for each in look.because)
    return f"    {look.key}{after}: {look.said.replace('_', ' ')}{why}"


def _why(why: Any) -> str:
    asked = " ".join(str(part) for part in (why.field, why.op, why.value) if part is not None)
    return f"{asked or 'nothing'} at {why.place} {'holds' if why.held else 'does not hold'}"


def _stands(standing: Standing) -> str:
    due = f"due {minute(standing.due_at)}" if standing.due_at else "not due"
    return f"automation {standing.key}: {due}" + "".join(f"; {_why(each)}" for each in standing.because)
