"""`ledgerdesk compare`: the desk's key figures before and after a change of a rule or policy, beside what was expected."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import typer
from pydantic_core import to_json

from cli.backtest import may_test
from cli.find import AS, JSON, seeing
from cli.opening import WORKSPACE, keyring_of, reading, ready
from cli.story import Names, minute
from domain.backtest.comparison import MOST_DAYS, USUAL_DAYS, change_of, sides_of
from eventstore.stories import stream
from projections.comparison import Comparison, Kept, compared


def compare(
    key: str = typer.Argument(..., metavar="KEY", help="The rule's or the policy's short name."),
    version: int | None = typer.Option(None, "--version", min=1, help="Which version; else the newest."),
    policy: bool = typer.Option(False, "--policy", help="It is a policy."),
    days: int = typer.Option(USUAL_DAYS, "--days", min=1, max=MOST_DAYS, help="How many days before and after it."),
    workspace: str | None = WORKSPACE,
    who: str | None = AS,
    as_json: bool = JSON,
) -> None:
    """Put the desk's key figures before and after a change of a rule or policy beside what was expected of it.

    Example: ledgerdesk compare urgent-first --days 7
    """
    with seeing(workspace, who) as me:
        may_test(me)
        # Says which ones there are, if there is none of that key.
        _ = me.desk.policy_versions(key) if policy else me.desk.rule(key)
        with ready() as settings, reading(settings) as log:
            events = stream(log, keyring_of(settings), me.workspace)
        change = change_of(events, "policy" if policy else "rule", key, version)
        sides = sides_of(change, days, datetime.now(UTC))
        found = compared(me.db, me.workspace, change, sides, me.reach, me.context)
        typer.echo(to_json(found).decode() if as_json else "\n".join(_told(found, days, me.names)))


def _told(found: Comparison, days: int, names: Names) -> Iterator[str]:
    yield f"{found.kind.capitalize()} {found.key}, version {found.version}: «{found.title}»"
    yield f"  set {minute(found.at)} by {names.actor(found.by)}"
    yield f"  why: {found.why or 'not said'}"
    yield f"  expected: {found.expected or 'not said'}"
    if found.cut is not None:
        why = "it was changed again then" if found.cut == "changed_again" else "no more time has passed yet"
        yield f"  {found.days:.1f} days before and after it instead of {days}: {why}"
    yield f"{'':32}{'before':>12}{'after':>12}"
    yield from (f"{name:32}{before:>12}{after:>12}" for name, before, after in _lines(found))


def _lines(found: Comparison) -> Iterator[tuple[str, str, str]]:
    before, after = found.before, found.after
    acted = "promised to tickets" if found.kind == "policy" else "acted"
    for name, field in (
        ("tickets opened", "opened"),
        (acted, "acted"),
        ("escalations", "escalations"),
        ("transfers", "transfers"),
        ("reopenings", "reopenings"),
    ):
        yield name, str(getattr(before, field)), str(getattr(after, field))
    yield "first response, median", _span(before.first_response_seconds), _span(after.first_response_seconds)
    yield "resolution, median", _span(before.resolution_seconds), _span(after.resolution_seconds)
    yield from _rates("late", before.kept, after.kept)
    yield from _rates("of its own late", before.kept_by_policy, after.kept_by_policy)


def _rates(name: str, before: list[Kept], after: list[Kept]) -> Iterator[tuple[str, str, str]]:
    rates = [{each.measure: f"{each.breach_rate:.1%}" for each in side} for side in (before, after)]
    for measure in sorted(rates[0].keys() | rates[1].keys()):
        yield f"{name}: {measure.replace('_', ' ')}", rates[0].get(measure, "-"), rates[1].get(measure, "-")


def _span(seconds: float | None) -> str:
    return "-" if seconds is None else str(timedelta(seconds=round(seconds)))
