"""Which rules may act: found by what they depend on, so that a thousand cost what the few relevant ones cost."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from uuid import UUID

from domain.catalogue import Catalogue
from domain.conditions import AllOf, AnyOf, Condition, Leaf
from domain.conditions.evaluate import Check, evaluator
from domain.conditions.fields import FieldType, field_named
from domain.conditions.model import has_placeholder, values
from domain.conditions.operators import Asks
from domain.organisation_merges import APART, Merges
from domain.rules.effects import Armed
from domain.rules.facts import Facts
from domain.rules.rule import Rule

# A field and a value of it; or CHANGED and a field that is different now.
Atom = tuple[str, Any]
CHANGED = "changed"
_SINGLE = frozenset({FieldType.OPTION, FieldType.PERSON, FieldType.TEAM, FieldType.ORGANISATION})
_SEVERAL = frozenset({FieldType.TAGS, FieldType.PEOPLE})
# How much of a busy desk's tickets one value of the field tells apart, roughly; less is better.
_COMMON = {"actor": 4.0, "channel": 4.0, "kind": 3.0, "status": 3.0, "shelf": 9.0, "priority": 2.5, "event": 1.0}
_ANY_VALUE = 0.3
_CHANGE = 0.5


class Trigger:
    """A trigger ready to be asked."""

    __slots__ = ("effects", "holds", "place", "rule")

    def __init__(self, place: int, rule: Rule) -> None:
        self.place, self.rule = place, rule
        self.holds: Check = evaluator(rule.when)
        self.effects = Armed(rule.then)


class Index:
    """Conditions, each under the rarest of what must hold wherever it does; of some nothing is sure."""

    def __init__(self, conditions: Iterable[Condition], merges: Merges, *, waiting: bool = False) -> None:
        self._always: list[int] = []
        self._by_field: dict[str, dict[Any, list[int]]] = {}
        self._by_change: dict[str, list[int]] = {}
        self._merges = merges
        for place, condition in enumerate(conditions):
            self._enter(place, list(needed(condition, waiting=waiting)))

    def _enter(self, place: int, found: list[frozenset[Atom]]) -> None:
        if not found:
            self._always.append(place)
            return
        for name, value in min(found, key=_commonness):
            if name is CHANGED:
                self._by_change.setdefault(value, []).append(place)
                continue
            # Whoever belongs to one of these belongs to the organisation that they are now.
            same = self._merges.records(value) if field_named(name).type is FieldType.ORGANISATION else (value,)
            for each in same:
                self._by_field.setdefault(name, {}).setdefault(each, []).append(place)

    def places(self, facts: Facts) -> list[int]:
        """In order, those of all that may hold: those that are left out certainly do not."""
        places = set(self._always)
        for name, by_value in self._by_field.items():
            value = facts.get(name)
            for each in value if isinstance(value, list | tuple) else (value,):
                if (found := by_value.get(each)) is not None:
                    places.update(found)
        if (before := facts.before) is not None:
            for name, found in self._by_change.items():
                if _differs(facts.get(name), before.get(name)):
                    places.update(found)
        return sorted(places)


class Triggers:
    """The triggers of a desk in their order."""

    def __init__(self, rules: Iterable[Rule], merges: Merges = APART) -> None:
        self.all = tuple(Trigger(place, rule) for place, rule in enumerate(rules))
        self._index = Index((trigger.rule.when for trigger in self.all), merges)

    def candidates(self, facts: Facts) -> list[Trigger]:
        """In their order, all that may act."""
        return [self.all[place] for place in self._index.places(facts)]


class Automations:
    """The automations of a desk in their order, found by what holds until something happens."""

    def __init__(self, rules: tuple[Rule, ...], merges: Merges = APART) -> None:
        self.all = rules
        self._index = Index((rule.when for rule in rules), merges, waiting=True)

    def candidates(self, facts: Facts, beyond: int = -1) -> list[tuple[int, Rule]]:
        """Those beyond that place that may act now or, if nothing happens meanwhile, later; each with its place."""
        return [(place, self.all[place]) for place in self._index.places(facts) if place > beyond]


def needed(condition: Condition, *, waiting: bool = False) -> Iterator[frozenset[Atom]]:
    """Of each of these sets at least one atom holds wherever the condition does; `waiting`: or comes to, if nothing happens."""
    match condition:
        case AllOf(all=parts):
            for part in parts:
                yield from needed(part, waiting=waiting)
        case AnyOf(any=parts) if parts:
            ways = [list(needed(part, waiting=waiting)) for part in parts]
            if all(ways):
                yield frozenset().union(*(min(way, key=_commonness) for way in ways))
        # Customers change while nothing happens to their tickets.
        case Leaf() if not (waiting and field_named(condition.field).of_requester):
            yield from _needed_by(condition)


def _needed_by(leaf: Leaf) -> Iterator[frozenset[Atom]]:
    operator, field = leaf.operator, field_named(leaf.field)
    if operator.asks is Asks.CHANGED:
        if field.type is not FieldType.CUSTOM and not field.of_happening and not field.of_requester:
            yield frozenset({(CHANGED, leaf.field)})
        return
    if operator.negated or has_placeholder(leaf) or field.type not in _SINGLE | _SEVERAL:
        return
    if operator.asks in (Asks.EQUAL, Asks.HAS_ANY):
        yield frozenset((leaf.field, value) for value in values(leaf))
    elif operator.asks is Asks.HAS_ALL:
        yield from (frozenset({(leaf.field, value)}) for value in values(leaf))


def _commonness(atoms: frozenset[Atom]) -> float:
    return sum(_CHANGE if name is CHANGED else _COMMON.get(name, _ANY_VALUE) for name, _ in atoms)


def _differs(now: Any, before: Any) -> bool:
    """More than `has_changed` does: an order of tags that differs is no change, but looking costs little."""
    return bool(now != before)


def triggers_of(desk: Catalogue) -> Triggers:
    """The triggers of the desk that act, in their order; made once for a state of the desk."""
    made: Triggers = desk.derived(
        "triggers", lambda: _triggers(tuple(desk.rules_in_order("trigger")), desk.organisations)
    )
    return made


# Most changes of a desk leave its rules alone.
_triggers = lru_cache(maxsize=64)(Triggers)


def automations_of(desk: Catalogue) -> Automations:
    """The same of its automations."""
    made: Automations = desk.derived(
        "automations", lambda: _automations(tuple(desk.rules_in_order("automation")), desk.organisations)
    )
    return made


_automations = lru_cache(maxsize=64)(Automations)


def stopping_before(rule: Rule, desk: Catalogue) -> frozenset[UUID]:
    """The automations before it in the order that stop, or did: what one of them took from it is not given back later."""
    found: dict[str, frozenset[UUID]] = desk.derived("stopping", lambda: _stopping(desk))
    return found.get(rule.key, frozenset())


def _stopping(desk: Catalogue) -> dict[str, frozenset[UUID]]:
    before: dict[str, frozenset[UUID]] = {}
    found: frozenset[UUID] = frozenset()
    for key in desk.rule_order:
        versions, before[key] = desk.rules[key], found
        if versions[-1].kind == "automation" and any(each["do"] == "stop" for rule in versions for each in rule.then):
            found |= {versions[-1].rule_id}
    return before
