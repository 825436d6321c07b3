"""Sets up rules: a changed one is a new version, all versions stay, and none vanishes (B11, D1, D2, D9)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import Field, ValidationError

from domain.actions import ACTIONS, Assign, OneAction
from domain.catalogue import Catalogue
from domain.command import Command, Decision, decides, evolves
from domain.conditions import Condition, leaves
from domain.conditions.fields import BEFORE_PREFIX, OF_THE_MOMENT
from domain.conditions.model import values
from domain.conditions.operators import Asks
from domain.conditions.refusal import near
from domain.errors import InvalidInput, Refusal
from domain.event import EVENTS, of_ticket
from domain.macros import checked, texts
from domain.permissions import Permission
from domain.rules.effects import EFFECT, AssignBy, Effect, ReplyWith, RunMacro
from domain.rules.rule import MOST_RULES, Rule, RuleDefinition, rule_id
from domain.setup.entrusting import must_be_able, must_reach_everything
from domain.setup.macros import canned_reply, macro
from domain.values import Assignee, Key
from domain.wording import first
from domain.workspace import ReasonedCommand, ReasonedEvent


class InvalidRule(Refusal):
    """A rule that could not act; `place` says where in it."""

    code = "invalid_rule"
    status = 422
    sentence = "{place}: {reason}"


class RuleSet(ReasonedEvent, name="workspace.rule_set", version=2):
    """A rule acts as this version says."""

    rule: Rule


class RuleRetired(ReasonedEvent, name="workspace.rule_retired", version=1):
    """A rule acts no more; what it did keeps its name."""

    key: str


class RulesOrdered(ReasonedEvent, name="workspace.rules_ordered", version=1):
    """Rules act in this order."""

    order: tuple[str, ...]
    previous: tuple[str, ...]


class SetRule(ReasonedCommand):
    """Set up a rule, or change it: a new version. A new one acts after the others; a retired one acts again."""

    key: Key
    definition: RuleDefinition


class RetireRule(ReasonedCommand):
    """Let the rule act no more."""

    key: Key


class OrderRules(ReasonedCommand):
    """Say in which order rules act; every rule once."""

    order: tuple[Key, ...] = Field(max_length=MOST_RULES)


@decides(SetRule, needs=Permission.RULE_EDIT)
def set_rule(command: SetRule, desk: Catalogue, _: Catalogue) -> Decision:
    """The same again changes nothing. Nobody lets a rule do what they may not do themselves."""
    must_reach_everything(command, desk, Permission.RULE_EDIT)
    wanted = command.definition
    then = tuple(_effect(command, desk, raw, f"then[{place}]") for place, raw in enumerate(wanted.then))
    _check_condition(wanted, desk)
    if wanted.timing is not None and wanted.timing.calendar is not None:
        desk.calendar(wanted.timing.calendar)
    known = desk.rules.get(command.key, ())
    if known and known[-1].kind != wanted.kind:
        raise InvalidRule(place="kind", reason=f"it is a rule of kind {known[-1].kind} for ever; set up another one")
    if not known and len(desk.rules) >= MOST_RULES:
        raise InvalidRule(place="key", reason=f"a workspace has at most {MOST_RULES} rules")
    number, version = rule_id(command.workspace_id, command.key), len(known) + 1
    rule = Rule(key=command.key, rule_id=number, version=version, **dict(wanted) | {"then": then})
    if known and known[-1] == rule.model_copy(update={"version": len(known)}):
        return []
    return [RuleSet(rule=rule, **command.reasons)]


def _effect(command: Command, desk: Catalogue, raw: dict[str, Any], place: str) -> dict[str, Any]:
    """The effect in its one form, once all that it speaks of is known."""
    try:
        effect = EFFECT.validate_python(raw)
        for text in texts(raw):
            checked(text)
    except ValidationError as error:
        # Beginning with which effect it is, which `place` has.
        where, reason = first(error)
        raise InvalidRule(place=".".join([place, *where.split(".")[1:]]), reason=reason) from None
    except ValueError as error:
        raise InvalidRule(place=place, reason=str(error)) from None
    try:
        for action in _actions(effect, desk):
            must_be_able(command, action, desk)
    except ValidationError as error:
        where, reason = first(error)
        raise InvalidRule(place=f"{place}.{where}", reason=reason) from None
    except InvalidInput as error:
        raise InvalidRule(place=place, reason=str(error)) from None
    return dict(EFFECT.dump_python(effect, mode="json"))


def _actions(effect: Effect, desk: Catalogue) -> Iterator[OneAction]:
    """What it comes down to, as far as that is known before there is a ticket."""
    match effect:
        case RunMacro():
            yield from ACTIONS.validate_python(macro(desk, effect.macro).actions)
        case ReplyWith():
            for key in (effect.reply, *effect.by_language.values()):
                yield from ACTIONS.validate_python([{"do": "reply", "body": canned_reply(desk, key).body}])
        case AssignBy(team=team, people=people):
            for to in (Assignee(team=team), *(Assignee(person=person) for person in people)):
                yield Assign(do="assign", to=to)
        case OneAction():
            yield effect


def _check_condition(wanted: RuleDefinition, desk: Catalogue) -> None:
    """Raise InvalidRule where it waits for what cannot be: an event or a status that is not there."""
    for leaf in leaves(wanted.when):
        if wanted.kind == "automation" and (leaf.operator.asks is Asks.CHANGED or leaf.field.startswith(OF_THE_MOMENT)):
            reason = (
                f"{leaf.field} {leaf.op} is about what just happened; to an automation nothing does but time passing"
            )
            raise InvalidRule(place="when", reason=reason)
    must_be_known(wanted.when, desk, InvalidRule)


def must_be_known(when: Condition, desk: Catalogue, refusal: type[Refusal]) -> None:
    """Raise the refusal where a condition names an event, a status or a team that is not there."""
    for leaf in leaves(when):
        name = leaf.field.removeprefix(BEFORE_PREFIX)
        if name not in _KNOWN:
            continue
        known = _KNOWN[name](desk)
        if unknown := [str(value) for value in values(leaf) if value is not None and value not in known]:
            hint = near(unknown[0], map(str, known), EVENT_NAMES)
            raise refusal(place="when", reason=f"{leaf.field} is never «{unknown[0][:60]}». {hint}")


# Where people find the names of events.
EVENT_NAMES = "docs/events.md, and `ledgerdesk schema` lists them"


def ticket_events() -> list[str]:
    """The names of all events of tickets."""
    return sorted(filter(of_ticket, EVENTS))


_KNOWN: dict[str, Any] = {
    "event": lambda _: ticket_events(),
    "status": lambda desk: list(desk.statuses),
    "assignee_team": lambda desk: [*desk.teams],
}


@decides(RetireRule, needs=Permission.RULE_EDIT)
def retire_rule(command: RetireRule, desk: Catalogue, _: Catalogue) -> Decision:
    """Again changes nothing."""
    return [] if desk.rule(command.key).retired else [RuleRetired(key=command.key, **command.reasons)]


@decides(OrderRules, needs=Permission.RULE_EDIT)
def order_rules(command: OrderRules, desk: Catalogue, _: Catalogue) -> Decision:
    """Every rule once: what is left out would have no place."""
    if sorted(command.order) != sorted(desk.rules):
        raise InvalidInput(field="order", reason=f"name each of these once: {', '.join(desk.rule_order)}")
    if command.order == desk.rule_order:
        return []
    return [RulesOrdered(order=command.order, previous=desk.rule_order, **command.reasons)]


@evolves(RuleSet)
def _(desk: Catalogue, event: RuleSet) -> Catalogue:
    key = event.rule.key
    order = desk.rule_order if key in desk.rules else (*desk.rule_order, key)
    return replace(desk, rules={**desk.rules, key: (*desk.rules.get(key, ()), event.rule)}, rule_order=order)


@evolves(RuleRetired)
def _(desk: Catalogue, event: RuleRetired) -> Catalogue:
    *before, last = desk.rules[event.key]
    retired = last.model_copy(update={"retired": True})
    return replace(desk, rules={**desk.rules, event.key: (*before, retired)})


@evolves(RulesOrdered)
def _(desk: Catalogue, event: RulesOrdered) -> Catalogue:
    return replace(desk, rule_order=event.order)
