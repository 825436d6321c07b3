"""Rules tested on a ticket's past: triggers in their chain, automations by a clock that follows the log (D8)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import ClassVar
from uuid import UUID

from domain.backtest.anew import done_anew
from domain.backtest.story import Found, Reading, Story, Tested
from domain.catalogue import Catalogue
from domain.conditions import depends_on, evaluate, evaluator, leaves
from domain.conditions.fields import BEFORE_PREFIX, FieldType, field_named
from domain.conditions.model import has_placeholder
from domain.conditions.operators import Asks
from domain.event import SYSTEM, Event, Metadata
from domain.happening import Happening
from domain.rules.automating import Look, due_at, next_look
from domain.rules.chain import evaluated, workable
from domain.rules.channels import TRIGGER
from domain.rules.facts import context_of, facts_of
from domain.rules.index import needed
from domain.rules.rule import Rule, RuleDefinition
from domain.setup.calendars import HOURS
from domain.setup.rules import RuleRetired, RuleSet, RulesOrdered, SetRule, set_rule

# What a happening tells by itself; all else that only rules ask needs the ticket's course.
_TOLD = frozenset({"event", "actor", "actor_id", "channel", "message", "description"})
_WRITTEN = frozenset({"title", "message", "description"})


def on_trial(rule: Rule) -> Tested:
    """The rule, made ready to be tested; one that is retired too."""
    rule = rule.model_copy(update={"retired": False})
    return TestedAutomation(rule) if rule.kind == "automation" else TestedTrigger(rule)


def drafted(desk: Catalogue, workspace: UUID, key: str, definition: RuleDefinition, at: datetime) -> Rule:
    """The version that setting this up would make; refused as setting it up would be. Nothing is set up."""
    command = SetRule(workspace_id=workspace, by=SYSTEM, at=at, command_id=workspace, key=key, definition=definition)
    made = [event.rule for event in set_rule(command, desk, desk) if isinstance(event, RuleSet)]
    return made[0] if made else desk.rule(key)


def with_rule(desk: Catalogue, rule: Rule) -> Catalogue:
    """The desk with this version of the rule in its place; a rule that it did not have yet is its last."""
    order = desk.rule_order if rule.key in desk.rules else (*desk.rule_order, rule.key)
    return replace(desk, rules={**desk.rules, rule.key: (rule,)}, rule_order=order)


def _reading(rule: Rule) -> Reading:
    asked = {name.removeprefix(BEFORE_PREFIX) for name in depends_on(rule.when)}
    fields = [field_named(name) for name in depends_on(rule.when)]
    places = any(has_placeholder(leaf) for leaf in leaves(rule.when))
    return Reading(
        topics=_topics(rule),
        content=not asked.isdisjoint(_WRITTEN) or any(each.type is FieldType.CUSTOM for each in fields),
        description="description" in asked,
        before=any(each.before for each in fields)
        or any(leaf.operator.asks is Asks.CHANGED for leaf in leaves(rule.when)),
        course=rule.timing is not None or any(each.of_happening and each.name not in _TOLD for each in fields),
        requester=places or any(each.of_requester for each in fields),
    )


def _topics(rule: Rule) -> frozenset[str] | None:
    """The events without one of which a trigger never acts; None where there are no such."""
    if rule.timing is not None:
        return None
    ways = [atoms for atoms in needed(rule.when) if all(name == "event" for name, _ in atoms)]
    return frozenset(str(value) for _, value in min(ways, key=len)) if ways else None


@dataclass(frozen=True)
class _OfRules:
    """A rule among those of the desk as they were at each moment."""

    rule: Rule

    CHANGES: ClassVar[tuple[type[Event], ...]] = (RuleSet, RuleRetired, RulesOrdered, *HOURS)
    ANEW: ClassVar[bool] = True

    @cached_property
    def reading(self) -> Reading:
        """What its condition asks, and its timing."""
        return _reading(self.rule)

    def in_force(self, desk: Catalogue) -> Catalogue:
        """The desk with it."""
        return with_rule(desk, self.rule)

    def found(self, story: Story) -> Iterator[Found]:
        """Its part in all that rules would have done."""
        return done_anew(self.rule.rule_id, story)


class TestedTrigger(_OfRules):
    """A trigger, among the triggers of the desk as they were at each moment."""

    def follows(self, envelope: Metadata) -> bool:
        """What triggers do may lead to more of it, and what this one did would be undone."""
        return envelope.channel == TRIGGER

    def may_concern(self, story: Story) -> bool:
        """Whether its condition holds of anything that the log has."""
        holds = evaluator(self.rule.when)
        for happening in _within(story):
            if evaluated(happening):
                facts = facts_of(happening)
                if holds(facts, context_of(happening), facts.before):
                    return True
        return False


def _within(story: Story) -> Iterator[Happening]:
    return (tick.happening for tick in story.ticks if tick.happening is not None and story.span.holds(tick.at))


class TestedAutomation(_OfRules):
    """An automation, among those of the desk. A ticket has one timer, as it has where automations really run."""

    def follows(self, envelope: Metadata) -> bool:
        """What it did itself would be undone."""
        return envelope.rule_id == self.rule.rule_id

    def may_concern(self, story: Story) -> bool:
        """Whether its time comes while its condition holds, whatever other automations do in the same instant."""
        alone = replace(story.desk(story.span.since), rules={self.rule.key: (self.rule,)}, rule_order=(self.rule.key,))
        for tick in story.ticks:
            happening = tick.happening
            if happening is None or tick.until < story.span.since or not workable(happening.after):
                continue
            at = max(tick.at, story.span.since)
            if self._acts_by(tick.until, Look(happening.after, alone, story.requester(at), at)):
                return True
        return False

    def _acts_by(self, end: datetime, look: Look) -> bool:
        turn = next_look(look)
        while turn is not None and turn <= end:
            look = look._replace(at=max(turn, look.at))
            due = due_at(self.rule, look, look.facts)
            if due is not None and due <= look.at and evaluate(self.rule.when, look.facts, look.context):
                return True
            turn = next_look(look)
        return False
