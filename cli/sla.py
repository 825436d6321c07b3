"""`ledgerdesk sla`: what the desk promises, and how its promises about a ticket stand."""

import json
from collections.abc import Iterator
from datetime import timedelta

import typer

from api.holiday_presets import with_holidays
from cli.carrying import carry
from cli.defining import EXPECTED, JSON, WHY, set_up
from cli.do import AS
from cli.opening import WORKSPACE, keyring_of
from cli.people import Office, in_office
from cli.story import minute
from domain.calendars.calendar import CalendarDefinition
from domain.ids import ticket_id
from domain.setup.calendars import SetCalendar
from domain.setup.policies import SetPolicy
from domain.sla.defaults import DEFAULT, DEFAULT_KEY
from domain.sla.explaining import ClockView, Explanation, explained
from domain.sla.policy import Policy, PolicyDefinition
from domain.ticket.state import UnknownTicket
from processors.looking_back import happenings_of

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)


@app.callback()
def sla() -> None:
    """See how promises stand, and set them up.

    Example: ledgerdesk sla explain 1001
    """


@app.command()
def explain(
    number: str = typer.Argument(..., help="The ticket's number."),
    workspace: str | None = WORKSPACE,
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Tell what is promised about a ticket, when it is due, and which intervals add up to that.

    Example: ledgerdesk sla explain 1001
    """
    found = in_office(workspace, lambda office: _explained(office, number))
    if as_json:
        typer.echo(found.model_dump_json() if found else "null")
        return
    typer.echo("\n".join(_lines(found)) if found else f"Nothing is promised about ticket {number}.")


@app.command()
def policies(workspace: str | None = WORKSPACE, as_json: bool = JSON) -> None:
    """List the policies in the order in which they are asked, then those that are retired.

    Example: ledgerdesk sla policies
    """

    async def work(office: Office) -> list[Policy]:
        return (await office.catalogue()).all_policies

    found = in_office(workspace, work)
    if as_json:
        typer.echo(json.dumps([policy.model_dump(mode="json") for policy in found], ensure_ascii=False))
        return
    if not found:
        typer.echo("None yet. See `ledgerdesk sla adopt --help`.")
    for policy in found:
        state = "retired" if policy.retired else ", ".join(target.measure for target in policy.targets)
        typer.echo(f"{policy.key}\t{state}\tversion {policy.version}\t{policy.title}")


@app.command("set")
def set_(
    key: str = typer.Argument(..., metavar="KEY", help="The policy's short name."),
    definition: str = typer.Argument(..., metavar="JSON|FILE|-", help="The policy as JSON, or a file that has it."),
    why: str | None = WHY,
    expected: str | None = EXPECTED,
    who: str | None = AS,
    workspace: str | None = WORKSPACE,
) -> None:
    """Promise something, or something else: a new version, which holds for all work that is going on.

    Example: ledgerdesk sla set vip policy.json --why "They pay for it" --expected "No VIP waits an hour"
    """
    asked = {"key": key, "why": why, "expected": expected}
    typer.echo(set_up(workspace, who, SetPolicy, asked, f"Policy {key}", definition=(definition, PolicyDefinition)))


@app.command()
def adopt(workspace: str | None = WORKSPACE) -> None:
    """Promise what most desks do: work on a ticket begins within 5, 15, 30 minutes or the same day, by priority.

    Example: ledgerdesk sla adopt --workspace demo
    """

    async def work(office: Office) -> int:
        return (await carry(office, SetPolicy(**office.context(), key=DEFAULT_KEY, definition=DEFAULT))).events

    changed = in_office(workspace, work)
    typer.echo(f"Policy {DEFAULT_KEY}: {'set' if changed else 'nothing to change'}.")


@app.command()
def renew(workspace: str | None = WORKSPACE) -> None:
    """Give the calendars the public holidays that this release knows; those of a coming year are known late.

    Example: ledgerdesk sla renew --workspace demo
    """
    renewed = in_office(workspace, _renewed)
    typer.echo(f"Calendars with other holidays: {', '.join(renewed) or 'none'}.")


async def _explained(office: Office, number: str) -> Explanation | None:
    workspace, keyring = office.workspace.id, keyring_of(office.settings)
    stream = ticket_id(workspace, number)
    happened = office.reading(lambda db: happenings_of(db, keyring, workspace, stream))
    if not happened:
        raise UnknownTicket(number=number)
    now = happened[-1].after
    requester = None
    if now.ticket.requester_id is not None:
        requester = (await office.desk.state(workspace, "requester", now.ticket.requester_id)).state
    return explained(now, await office.catalogue(), requester, office.context()["at"])


async def _renewed(office: Office) -> list[str]:
    renewed = []
    for *_, newest in (await office.catalogue()).calendars.values():
        if newest.presets and not newest.retired:
            kept = CalendarDefinition(**{name: getattr(newest, name) for name in CalendarDefinition.model_fields})
            command = SetCalendar(**office.context(), key=newest.key, definition=with_holidays(kept))
            renewed += [newest.key] if (await carry(office, command)).events else []
    return renewed


def _lines(found: Explanation) -> Iterator[str]:
    by = f", calendar {found.calendar.key} version {found.calendar.version}" if found.calendar else ""
    yield f"Policy {found.policy.key} version {found.policy.version}{by}"
    for clock in found.clocks:
        yield from _clock(clock)


def _clock(clock: ClockView) -> Iterator[str]:
    due = f"due {minute(clock.due_at)}" if clock.due_at else "not due while it is paused"
    done = f", done {minute(clock.met_at)}" if clock.met_at else ""
    yield f"{clock.measure.replace('_', ' ')}: {clock.state}, {due}{done}"
    hours = " of business time" if clock.business_hours else ""
    yield f"  {_span(clock.used_seconds)} of {_span(clock.target_seconds)}{hours} used, since {minute(clock.since)}"
    intervals = [(each.starts, f"  counted {minute(each.starts)} to {minute(each.ends)}") for each in clock.counted]
    for pause in clock.paused:
        until = minute(pause.ends) if pause.ends else "now"
        intervals.append((pause.starts, f"  paused {minute(pause.starts)} to {until} ({pause.kind})"))
    yield from (line for _, line in sorted(intervals))


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
