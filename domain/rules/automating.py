"""Automations (D2): so long after something, and still so. When to look at a ticket again, and what to do then."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.calendars.calendar import Calendar
from domain.catalogue import Catalogue
from domain.conditions import AllOf, AnyOf, Condition, Context, Leaf, NoneOf, Reason, evaluate, leaves, refused_by
from domain.conditions.evaluate import Facts as Asked
from domain.conditions.fields import FieldType, field_named
from domain.conditions.model import follows_the_clock
from domain.conditions.windows import FIRST, LAST, TICK, shifted
from domain.happening import Happening, Situation
from domain.requester import Requester
from domain.rules.acting import Occasion, tried
from domain.rules.chain import Act, Refused
from domain.rules.effects import Armed, settled
from domain.rules.facts import Facts, asked_by
from domain.rules.index import automations_of, stopping_before
from domain.rules.rule import Rule, Timing

_UTC = ZoneInfo("UTC")
_MIDNIGHTLY = frozenset({"today", "yesterday", "tomorrow", "this_week", "this_month"})
_armed = lru_cache(maxsize=4096)(lambda rule: Armed(rule.then))


class Plan(NamedTuple):
    """How an automation stands on a ticket: the moment it counts from, and when it is its turn; None: not as things are."""

    rule: Rule
    since: datetime | None
    due: datetime | None
    reasons: tuple[Reason, ...] = ()


class Firing(NamedTuple):
    """What automations do to a ticket now, what was refused, when to look again, and what happens by it."""

    acts: tuple[Act, ...]
    refused: tuple[Refused, ...]
    look: datetime | None
    happenings: tuple[Happening, ...]


class Look(NamedTuple):
    """A ticket with all that its automations ask about, at one moment."""

    now: Situation
    desk: Catalogue
    requester: Requester | None
    at: datetime

    @property
    def facts(self) -> Facts:
        """What can be asked."""
        return Facts(self.now, self.requester)

    @property
    def context(self) -> Context:
        """Nobody acts; it is the time that passes."""
        return asked_by(None, self.at, self.desk, self.requester)


def next_look(look: Look, passed: frozenset[str] = frozenset()) -> datetime | None:
    """When something is to be done next, as far as that can be known now; rules that had their turn are passed over."""
    facts, context = look.facts, look.context
    waiting = (rule for _, rule in automations_of(look.desk).candidates(facts) if rule.key not in passed)
    turns = (_turn(rule, look, facts, context) for rule in waiting)
    return min((turn for turn in turns if turn is not None), default=None)


def _turn(rule: Rule, look: Look, facts: Facts, context: Context) -> datetime | None:
    due = due_at(rule, look, facts)
    if due is None or not may_hold(rule.when, facts, context):
        return None
    if due > look.at or evaluate(rule.when, facts, context):
        return due
    return min((each for each in _flips(rule.when, facts, context) if each > look.at), default=None)


def due_at(rule: Rule, look: Look, facts: Facts) -> datetime | None:
    """When the rule acts next on this occasion; None where there is none, or it is through with it."""
    timing = rule.timing
    anchor = facts.get(timing.since) if timing else None
    if timing is None or anchor is None:
        return None
    opening = look.desk.hours_of(look.now.row.assignee_team, timing.calendar) if timing.hours == "business" else None
    stopping, ran = stopping_before(rule, look.desk), list[datetime]()
    for rule_id, at in look.now.course.ran:
        if at >= anchor and (
            rule_id == rule.rule_id or (rule_id in stopping and _was_due(timing, anchor, ran, opening, at))
        ):
            ran.append(at)
    return timing.due(anchor, ran, opening)


def _was_due(timing: Timing, anchor: datetime, ran: list[datetime], opening: Calendar | None, at: datetime) -> bool:
    """Whether its time had come when one before it that stops acted: that was its turn then."""
    due = timing.due(anchor, ran, opening)
    return due is not None and due <= at


def fired(look: Look, occasion: Occasion) -> Firing:
    """What the automations whose time has come do, in their order, each seeing what earlier ones did."""
    acts: list[Act] = []
    refused: list[Refused] = []
    made: list[Happening] = []
    passed: set[str] = set()
    automations, facts = automations_of(look.desk), look.facts
    waiting = automations.candidates(facts)
    while waiting:
        (place, rule), *waiting = waiting
        due = due_at(rule, look, facts)
        if due is None or due > look.at or not evaluate(rule.when, facts, look.context):
            continue
        passed.add(rule.key)
        effects = _armed(rule)
        trial = tried(rule, effects, occasion._replace(now=look.now))
        if trial.refusal is not None:
            refused.append(Refused(rule, trial.refusal, None))
        if trial.happening is not None:
            acts.append(Act(rule, trial.actions, None))
            settled(look.now.row.ticket_id, trial.actions, occasion.roster)
            made.append(trial.happening)
            look = look._replace(now=trial.happening.after)
            facts = look.facts
            waiting = automations.candidates(facts, beyond=place)
        if effects.stops and trial.refusal is None:
            # Where nothing was to be done no event says so: they wait for something to happen.
            passed |= {later.key for _, later in waiting if (due := due_at(later, look, facts)) and due <= look.at}
            break
    again = next_look(look, frozenset(passed) - _repeating(acts))
    return Firing(tuple(acts), tuple(refused), again, tuple(made))


def _repeating(acts: list[Act]) -> set[str]:
    return {act.rule.key for act in acts}


def plans(look: Look) -> list[Plan]:
    """How each automation of the desk stands on the ticket."""
    facts, context = look.facts, look.context
    return [_plan(rule, look, facts, context) for rule in automations_of(look.desk).all]


def _plan(rule: Rule, look: Look, facts: Facts, context: Context) -> Plan:
    since = facts.get(rule.timing.since) if rule.timing else None
    reasons = refused_by(rule.when, facts, context)
    return Plan(rule, since, due_at(rule, look, facts), reasons)


def may_hold(condition: Condition, facts: Asked, context: Context, *, wanted: bool = True) -> bool:
    """Whether the condition may come to be as wanted while nothing happens to the ticket: time passes, customers change."""
    match condition:
        case AllOf(all=parts):
            some = all if wanted else any
            return some(may_hold(part, facts, context, wanted=wanted) for part in parts)
        case AnyOf(any=parts):
            some = any if wanted else all
            return some(may_hold(part, facts, context, wanted=wanted) for part in parts)
        case NoneOf(none=parts):
            some = all if wanted else any
            return some(may_hold(part, facts, context, wanted=not wanted) for part in parts)
    return _moves(condition) or evaluate(condition, facts, context) is wanted


def _moves(leaf: Leaf) -> bool:
    return follows_the_clock(leaf) or field_named(leaf.field).of_requester


def _flips(condition: Condition, facts: Asked, context: Context) -> Iterator[datetime]:
    """The moments at which a leaf that follows the clock may come to say something else."""
    for leaf in leaves(condition):
        if not follows_the_clock(leaf):
            continue
        # Days begin at midnight; of dates in forms only the day counts.
        if leaf.op in _MIDNIGHTLY or field_named(leaf.field).type is FieldType.CUSTOM:
            yield _midnight_after(context.now)
        elif isinstance(moment := facts.get(leaf.field), datetime):
            sign = 1 if leaf.op in ("older_than", "within_last") else -1
            # Windows contain their first instant but not their last.
            yield min(max(shifted(moment, leaf.value, _UTC, sign), FIRST), LAST - TICK) + TICK


def _midnight_after(now: datetime) -> datetime:
    day = now.astimezone(_UTC) + timedelta(days=1)
    return day.replace(hour=0, minute=0, second=0, microsecond=0)
