"""What a condition surely asks of the facets of a ticket: groups of which each ticket that matches has at least one."""

from collections.abc import Iterable
from typing import Any

from domain.conditions import AllOf, AnyOf, Condition, Context, Leaf
from domain.conditions.fields import FieldType, field_named
from domain.conditions.model import resolved
from domain.conditions.operators import Asks
from projections.ticket_facets import BRANCH, Facet, is_option

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


def _leaf(leaf: Leaf, context: Context) -> list[Group]:
    field, operator = field_named(leaf.field), leaf.operator
    if operator.asks is Asks.PRESENT and operator.negated and leaf.field in _WITHOUT:
        return [((leaf.field, ""),)]
    if operator.negated or field.of_requester:
        return []
    values = resolved(leaf, context) if operator.asks in _ASKED else ()
    if operator.asks is Asks.UNDER and field.type is FieldType.PATH:
        return [((leaf.field, BRANCH.join(leaf.value)),)]
    if operator.asks not in _ASKED or (field.type not in _KINDS and not _custom(field.type, values)):
        return []
    facets = [(leaf.field, _text(value)) for value in values]
    return [(facet,) for facet in facets] if operator.asks is Asks.HAS_ALL else [tuple(facets)]


_ASKED = frozenset({Asks.EQUAL, Asks.HAS_ANY, Asks.HAS_ALL})


def _custom(kind: FieldType, values: tuple[Any, ...]) -> bool:
    """Whether custom values are such as have facets."""
    return kind is FieldType.CUSTOM and all(isinstance(value, bool) or is_option(value) for value in values)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
