"""A change of a rule or policy, and the spans before and after it that are set side by side (D8)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from domain.backtest.story import Span
from domain.errors import Refusal
from domain.event import Actor, Event, Recorded
from domain.rules.rule import Rule
from domain.setup.policies import PolicyRetired, PolicySet
from domain.setup.rules import RuleRetired, RuleSet
from domain.sla.policy import Policy

# Days before and after, unless said otherwise, and at most.
USUAL_DAYS, MOST_DAYS = 14, 366
Kind = Literal["rule", "policy"]
Cut = Literal["too_early", "changed_again"]


class NoSuchChange(Refusal):
    """The rule or policy never had that version."""

    code = "no_such_change"
    status = 404
    sentence = "The {kind} «{key}» has no version {version}. Its newest is {newest}."


class Change(NamedTuple):
    """A version of a rule or policy: who made it, why and what for, and when it was changed or retired next."""

    made: Rule | Policy
    by: Actor
    at: datetime
    why: str | None
    expected: str | None
    until: datetime | None = None

    @property
    def kind(self) -> Kind:
        """What was changed."""
        return "rule" if isinstance(self.made, Rule) else "policy"


class Sides(NamedTuple):
    """The time before and the time after, equally long; `cut` says why they are shorter than asked for."""

    before: Span
    after: Span
    cut: Cut | None


def change_of(events: Iterable[Recorded[Event]], kind: Kind, key: str, version: int | None) -> Change:
    """That version of what is set up, or its newest, from the workspace's events. NoSuchChange where there is none."""
    found: list[Change] = []
    for recorded in events:
        at, event = recorded.metadata.occurred_at, recorded.event
        if _key(event, kind) != key:
            continue
        if found and found[-1].until is None:
            found[-1] = found[-1]._replace(until=at)
        if isinstance(event, RuleSet | PolicySet):
            made = event.rule if isinstance(event, RuleSet) else event.policy
            found.append(Change(made, recorded.metadata.actor, at, event.why, event.expected))
    for change in found[::-1]:
        if version in (None, change.made.version):
            return change
    raise NoSuchChange(kind=kind, key=key, version=version, newest=found[-1].made.version if found else "none")


def _key(event: Event, kind: Kind) -> str | None:
    match event:
        case RuleSet(rule=Rule(key=key)) | RuleRetired(key=key) if kind == "rule":
            return key
        case PolicySet(policy=Policy(key=key)) | PolicyRetired(key=key) if kind == "policy":
            return key
    return None


def sides_of(change: Change, days: int, now: datetime) -> Sides:
    """So many days before and after; fewer where it was changed again by then, or where they have not passed yet."""
    wanted = timedelta(days=days)
    length = max(timedelta(), min(wanted, (change.until or now) - change.at, now - change.at))
    cut: Cut | None = None
    if length < wanted:
        cut = "changed_again" if change.until is not None and change.until <= now else "too_early"
    return Sides(Span(change.at - length, change.at), Span(change.at, change.at + length), cut)
