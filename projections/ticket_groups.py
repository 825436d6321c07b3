"""What a condition surely asks of the facets of a ticket: groups of which each ticket that matches has at least one."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from domain.conditions import AllOf, AnyOf, Condition, Context, Leaf, leaves
from domain.conditions.fields import FieldType, field_named
from domain.conditions.model import has_placeholder, resolved, values
from domain.conditions.operators import Asks
from projections.ticket_facets import BRANCH, Facet, is_option, plain

Group = tuple[Facet, ...]
_KINDS = frozenset({FieldType.OPTION, FieldType.PERSON, FieldType.TEAM, FieldType.TAGS, FieldType.PEOPLE})
_WITHOUT = frozenset({"assignee_person", "assignee_team"})


def groups(condition: Condition, context: Context) -> list[Group]:
    """The groups that all must be met. There may be more to the condition: it is checked on the rows as well."""
    match condition:
        case AllOf(all=parts):
            return [group for part in parts for group in groups(part, context)]
        case AnyOf(any=parts):
            return _either([groups(part, context) for part in parts])
        case Leaf():
            return _leaf(condition, context)
    return []


def _either(ways: Iterable[list[Group]]) -> list[Group]:
    # Of each way one group has to be met, whichever: the shortest reads the least.
    chosen: list[Facet] = []
    for way in ways:
        if not way:
            return []
        shortest: Group = min(way, key=len)
        chosen += shortest
    return [tuple(dict.fromkeys(chosen))]


def exact(condition: Condition) -> bool:
    """Whether tickets that meet the groups are just those that the condition means."""
    match condition:
        case AllOf(all=parts):
            return all(map(exact, parts))
        case Leaf():
            return _exact(condition)
    return False


def _exact(leaf: Leaf) -> bool:
    field, operator = field_named(leaf.field), leaf.operator
    if field.of_requester or field.type is FieldType.CUSTOM:
        texts = [isinstance(value, str) and is_option(value) for value in values(leaf)]
        return not field.of_requester and operator.asks is Asks.EQUAL and not operator.negated and all(texts)
    return bool(_of(leaf)) or (operator.asks in _ASKED and field.type in _KINDS and not operator.negated)


def _leaf(leaf: Leaf, context: Context) -> list[Group]:
    field, operator = field_named(leaf.field), leaf.operator
    if known := _of(leaf):
        return known
    if operator.negated or field.of_requester or operator.asks not in _ASKED:
        return []
    wanted = resolved(leaf, context)
    if field.type is FieldType.CUSTOM:
        return _custom(field.column, operator.asks, wanted)
    if field.type not in _KINDS:
        return []
    found = [(leaf.field, str(value)) for value in wanted]
    return [(facet,) for facet in found] if operator.asks is Asks.HAS_ALL else [tuple(found)]


def _of(leaf: Leaf) -> list[Group]:
    """What is asked in another way than by a value: nobody, anything but this, a branch."""
    field, operator = field_named(leaf.field), leaf.operator
    if operator.asks is Asks.PRESENT and operator.negated and leaf.field in _WITHOUT:
        return [((leaf.field, ""),)]
    if operator.asks is Asks.EQUAL and operator.negated and field.options:
        return [tuple((leaf.field, each) for each in field.options if each not in values(leaf))]
    if operator.asks is Asks.UNDER and not operator.negated and field.type is FieldType.PATH:
        return [((leaf.field, BRANCH.join(leaf.value)),)]
    return []


def conjunction(condition: Condition) -> list[Leaf] | None:
    """The leaves that all must hold, where there is nothing else to the condition."""
    match condition:
        case Leaf():
            return [condition]
        case AllOf(all=parts):
            inside = [conjunction(part) for part in parts]
            return None if None in inside else [leaf for each in inside for leaf in each or ()]
    return None


_QUEUE = ["assignee_team", "kind", "priority"]


@lru_cache(maxsize=1024)
def queue(condition: Condition) -> bool:
    """Whether it asks for one team, one kind of status and one priority, and for nothing else: `by_queue` has them by age."""
    asked = conjunction(condition) or []
    return sorted(leaf.field for leaf in asked) == _QUEUE and all(map(_of_one_value, asked))


def _of_one_value(leaf: Leaf) -> bool:
    return leaf.operator.asks is Asks.EQUAL and not leaf.operator.negated and len(values(leaf)) == 1


@lru_cache(maxsize=1024)
def timeless(condition: Condition) -> bool:
    """Whether it asks the same whoever asks it and when."""
    return not any(_relative(leaf) for leaf in leaves(condition))


def _relative(leaf: Leaf) -> bool:
    # Of moments, "between" is one of those whose days begin where the asker is.
    return leaf.operator.asks is Asks.WINDOW or leaf.op == "between" or has_placeholder(leaf)


_ASKED = frozenset({Asks.EQUAL, Asks.HAS_ANY, Asks.HAS_ALL})


def _custom(key: str, asks: Asks, wanted: tuple[Any, ...]) -> list[Group]:
    if not all(isinstance(value, bool) or is_option(value) for value in wanted):
        return []
    names = (f"fields.{key}",) if asks is Asks.EQUAL else (f"fields.{key}", f"each.{key}")
    found = [tuple((name, plain(value)) for name in names) for value in wanted]
    return found if asks is Asks.HAS_ALL else [tuple(facet for group in found for facet in group)]
