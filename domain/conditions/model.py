"""Conditions as data: groups of all, any or none, nested, and leaves that ask one field one thing."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, NoReturn, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator

from domain.conditions.context import Context
from domain.conditions.fields import BEFORE_PREFIX, CUSTOM_KEY, CUSTOM_PREFIX, FIELDS, HAPPENING, FieldType, field_named
from domain.conditions.operators import OPERATORS, Asks, Operator, Takes
from domain.conditions.refusal import InvalidCondition, near
from domain.conditions.values import Me, MyOrganisation, MyTeams, Placeholder, checked

DEEPEST = 8
MOST_LEAVES = 200
ROOT = "condition"
_FIELD_SCHEMA = {
    "type": "string",
    "anyOf": [
        {"enum": [*FIELDS, *HAPPENING, *(BEFORE_PREFIX + name for name in FIELDS if "." not in name)]},
        {"pattern": rf"^({re.escape(BEFORE_PREFIX)})?{re.escape(CUSTOM_PREFIX)}{CUSTOM_KEY.pattern}$"},
    ],
}
_OP_SCHEMA = {"type": "string", "enum": sorted({op for known in OPERATORS.values() for op in known})}
_VALUE_SCHEMA = {
    "description": "What to compare with, as the operator takes it: a text, number, true or false, a list, "
    'a moment, a span {"amount": 4, "unit": "hours"}, or who asks: {"me": true}, {"my_teams": true}, {"my_organisation": true}.',
}


class _Node(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Leaf(_Node):
    """One field, one operator and its value, e.g. priority is_any_of high, urgent."""

    field: Annotated[str, WithJsonSchema(_FIELD_SCHEMA)]
    op: Annotated[str, WithJsonSchema(_OP_SCHEMA)]
    value: Annotated[Any, WithJsonSchema(_VALUE_SCHEMA)] = None

    @model_validator(mode="after")
    def _understood(self) -> Self:
        # Frozen for everybody else: the value takes its one hashable form.
        self.__dict__["value"] = _value(self.field, self.op, self.value, ROOT)
        return self

    # To Python 1 is True; to a condition it is not.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Leaf) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.field, self.op, self.value))

    def _key(self) -> tuple[str, str, str]:
        return self.field, self.op, repr(self.value)

    @property
    def operator(self) -> Operator:
        """What its operator tests."""
        return OPERATORS[field_named(self.field).type][self.op]


class AllOf(_Node):
    """Every one of them holds; of nothing, that is true."""

    all: tuple["Condition", ...]


class AnyOf(_Node):
    """At least one of them holds; of nothing, that is false."""

    any: tuple["Condition", ...]


class NoneOf(_Node):
    """None of them holds; of nothing, that is true."""

    none: tuple["Condition", ...]


_GROUPS: dict[str, type[AllOf | AnyOf | NoneOf]] = {"all": AllOf, "any": AnyOf, "none": NoneOf}


def parse(data: Any) -> "Condition":
    """The condition that JSON-like data says; raises InvalidCondition naming the place in it."""
    return _Parser().node(data, "", 0)


Condition = Annotated[AllOf | AnyOf | NoneOf | Leaf, BeforeValidator(parse)]
ALWAYS, NEVER = AllOf(all=()), AnyOf(any=())


class _Parser:
    def __init__(self) -> None:
        self.leaves = 0

    def node(self, data: Any, place: str, depth: int) -> Condition:
        if isinstance(data, _Node):
            return data  # type: ignore[return-value]
        if not isinstance(data, dict):
            _refuse(place, 'Give a group, e.g. {"all": [...]}, or {"field": ..., "op": ..., "value": ...}.')
        if "field" in data or "op" in data:
            return self.leaf(data, place)
        names = [name for name in _GROUPS if name in data]
        if len(names) != 1 or len(data) != 1:
            _refuse(place, "A group has exactly one of all, any and none, and nothing else.")
        return self.group(names[0], data[names[0]], place, depth)

    def group(self, name: str, parts: Any, place: str, depth: int) -> Condition:
        inside = f"{place}.{name}" if place else name
        if not isinstance(parts, list | tuple):
            _refuse(inside, "Give a list of conditions.")
        if depth == DEEPEST:
            _refuse(place, f"Groups are nested at most {DEEPEST} deep.")
        if not parts:
            self.count(place)
        children = tuple(self.node(part, f"{inside}[{index}]", depth + 1) for index, part in enumerate(parts))
        return _GROUPS[name].model_construct(None, **{name: children})

    def leaf(self, data: dict[str, Any], place: str) -> Leaf:
        self.count(place)
        if unknown := data.keys() - {"field", "op", "value"}:
            _refuse(place, f"«{min(map(str, unknown))[:60]}» does not belong here: only field, op and value do.")
        field, op = data.get("field"), data.get("op")
        if not isinstance(field, str) or not isinstance(op, str):
            _refuse(place, "Give a field and an op, both as text.")
        return Leaf.model_construct(field=field, op=op, value=_value(field, op, data.get("value"), place or ROOT))

    def count(self, place: str) -> None:
        self.leaves += 1
        if self.leaves > MOST_LEAVES:
            _refuse(place, f"A condition asks at most {MOST_LEAVES} things.")


def _refuse(place: str, reason: str) -> NoReturn:
    raise InvalidCondition(place=place or ROOT, reason=reason)


def _value(field_name: str, op: str, value: Any, place: str) -> Any:
    field = field_named(field_name, f"{place}.field")
    known = OPERATORS[field.type]
    if op not in known:
        reason = f"{field.name} ({field.type}) cannot be asked «{op[:60]}». {near(op, known)}"
        raise InvalidCondition(place=f"{place}.op", reason=reason)
    if field.before and known[op].asks is Asks.CHANGED:
        raise InvalidCondition(place=f"{place}.op", reason=f"Ask «{op}» of {field_name.removeprefix(BEFORE_PREFIX)}.")
    return checked(field, known[op], value, f"{place}.value")


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Its leaves, from left to right."""
    match condition:
        case Leaf():
            yield condition
        case AllOf(all=parts) | AnyOf(any=parts) | NoneOf(none=parts):
            for part in parts:
                yield from leaves(part)


def depends_on(condition: Condition) -> frozenset[str]:
    """The fields that it reads."""
    return frozenset(leaf.field for leaf in leaves(condition))


def asks_what_happened(condition: Condition) -> bool:
    """Whether it asks about what happened, which a list or a view cannot know."""
    return any(leaf.operator.asks is Asks.CHANGED or field_named(leaf.field).of_happening for leaf in leaves(condition))


def follows_the_clock(leaf: Leaf) -> bool:
    """Whether what it says changes by time passing alone: "today", "older than"."""
    return leaf.operator.asks is Asks.WINDOW and leaf.operator.takes is not Takes.ONE


def values(leaf: Leaf) -> tuple[Any, ...]:
    """The values that it compares with, whether its operator takes one or a list."""
    return leaf.value if leaf.operator.takes in (Takes.MANY, Takes.SOME) else (leaf.value,)


def resolved(leaf: Leaf, context: Context) -> tuple[Any, ...]:
    """Its values with the placeholders filled in; nobody's teams and organisation are no value.

    An organisation stands for all that are the same one.
    """
    found = tuple(each for value in values(leaf) for each in _stands_for(value, context))
    if not asks_for_organisations(leaf):
        return found
    return tuple(record for each in found for record in context.merges.records(each))


def _stands_for(value: Any, context: Context) -> tuple[Any, ...]:
    match value:
        case Me():
            return () if context.person is None else (context.person,)
        case MyTeams():
            return tuple(sorted(context.teams))
        case MyOrganisation():
            return () if context.organisation is None else (context.organisation,)
    return (value,)


def asks_for_organisations(leaf: Leaf) -> bool:
    """Whether its values are organisations: which of them are one, the desk says."""
    return field_named(leaf.field).type is FieldType.ORGANISATION and leaf.operator.takes is not Takes.NOTHING


def has_placeholder(leaf: Leaf) -> bool:
    """Whether its value depends on who asks."""
    return any(isinstance(value, Placeholder) for value in values(leaf))


def follows_who_asks(leaf: Leaf) -> bool:
    """Whether what it says depends on who asks or when."""
    # Of moments, "between" is one of those whose days begin where the asker is.
    return leaf.operator.asks is Asks.WINDOW or leaf.op == "between" or has_placeholder(leaf)


_INDEXED = frozenset({FieldType.OPTION, FieldType.PERSON, FieldType.TEAM, FieldType.TAGS, FieldType.PEOPLE})


def facets(condition: Condition, context: Context | None = None) -> list[tuple[str, tuple[str, ...]]]:
    """What must hold of every ticket it is true of: a field of the list and the values of which it has one.

    `has_all` gives one for each value; what depends on who asks is left out without a context.
    """
    match condition:
        case AllOf(all=parts):
            return [facet for part in parts for facet in facets(part, context)]
        case Leaf() if context or not has_placeholder(condition):
            return _leaf_facets(condition, context)
    return []


def _leaf_facets(leaf: Leaf, context: Context | None) -> list[tuple[str, tuple[str, ...]]]:
    field, operator = field_named(leaf.field), leaf.operator
    if operator.negated or field.of_requester or field.of_happening or field.type not in _INDEXED:
        return []
    if operator.asks not in (Asks.EQUAL, Asks.HAS_ANY, Asks.HAS_ALL):
        return []
    wanted = tuple(map(str, resolved(leaf, context) if context else values(leaf)))
    return [(leaf.field, (each,)) for each in wanted] if operator.asks is Asks.HAS_ALL else [(leaf.field, wanted)]
