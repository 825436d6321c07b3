"""The operators: what each one asks, whether it asks the opposite, and what value it takes."""

from enum import StrEnum
from typing import NamedTuple

from domain.conditions.fields import FieldType


class Asks(StrEnum):
    """What an operator asks of a value; its negation asks the opposite."""

    PRESENT = "present"
    EQUAL = "equal"
    CONTAINS = "contains"
    STARTS = "starts"
    ENDS = "ends"
    PATTERN = "pattern"
    WORD = "word"
    COMPARE = "compare"
    WINDOW = "window"
    HAS_ANY = "has_any"
    HAS_ALL = "has_all"
    UNDER = "under"
    CHANGED = "changed"


class Takes(StrEnum):
    """The shape of an operator's value."""

    NOTHING = "no value"
    ONE = "one value"
    MANY = "a list of values"
    SOME = "one value or a list of them"
    PAIR = "a list of two values, the lower one first"
    SPAN = 'a span of time, e.g. {"amount": 4, "unit": "hours"}'
    PATTERN = "a regular expression"


class Operator(NamedTuple):
    """`negated`: true where what it asks is not; so it is also true of a field without a value."""

    asks: Asks
    takes: Takes
    negated: bool = False


_EQUAL = {
    "is": Operator(Asks.EQUAL, Takes.ONE),
    "is_not": Operator(Asks.EQUAL, Takes.ONE, negated=True),
}
_ANY_OF = {
    "is_any_of": Operator(Asks.EQUAL, Takes.MANY),
    "is_none_of": Operator(Asks.EQUAL, Takes.MANY, negated=True),
}
_PRESENT = {
    "is_set": Operator(Asks.PRESENT, Takes.NOTHING),
    "is_not_set": Operator(Asks.PRESENT, Takes.NOTHING, negated=True),
}
_TEXT = {
    "contains": Operator(Asks.CONTAINS, Takes.ONE),
    "contains_not": Operator(Asks.CONTAINS, Takes.ONE, negated=True),
    "contains_any": Operator(Asks.CONTAINS, Takes.MANY),
    "contains_none": Operator(Asks.CONTAINS, Takes.MANY, negated=True),
    "starts_with": Operator(Asks.STARTS, Takes.SOME),
    "ends_with": Operator(Asks.ENDS, Takes.SOME),
    "matches": Operator(Asks.PATTERN, Takes.PATTERN),
    "matches_not": Operator(Asks.PATTERN, Takes.PATTERN, negated=True),
    "contains_word": Operator(Asks.WORD, Takes.ONE),
}
_MEMBERS = {
    "has_any": Operator(Asks.HAS_ANY, Takes.MANY),
    "has_none": Operator(Asks.HAS_ANY, Takes.MANY, negated=True),
    "has_all": Operator(Asks.HAS_ALL, Takes.MANY),
    "has_not_all": Operator(Asks.HAS_ALL, Takes.MANY, negated=True),
}
_UNDER = {
    "under": Operator(Asks.UNDER, Takes.ONE),
    "not_under": Operator(Asks.UNDER, Takes.ONE, negated=True),
}
_NUMBERS = {name: Operator(Asks.COMPARE, Takes.ONE) for name in ("lt", "lte", "gt", "gte")}
_MOMENTS = (
    {name: Operator(Asks.WINDOW, Takes.ONE) for name in ("before", "after")}
    | {name: Operator(Asks.WINDOW, Takes.SPAN) for name in ("within_last", "within_next", "older_than", "further_than")}
    | {
        name: Operator(Asks.WINDOW, Takes.NOTHING)
        for name in ("today", "yesterday", "tomorrow", "this_week", "this_month")
    }
)
# Of numbers both ends belong to it; of moments the first does, the last does not.
_BETWEEN = {"between": Operator(Asks.COMPARE, Takes.PAIR)}
_CHANGED = {"has_changed": Operator(Asks.CHANGED, Takes.NOTHING)}
_CHANGED_VALUE = {
    "changed_from": Operator(Asks.CHANGED, Takes.ONE),
    "changed_to": Operator(Asks.CHANGED, Takes.ONE),
}

_SINGLE = _EQUAL | _ANY_OF | _PRESENT | _CHANGED | _CHANGED_VALUE
_SEVERAL = _MEMBERS | _PRESENT | _CHANGED
OPERATORS: dict[FieldType, dict[str, Operator]] = {
    FieldType.OPTION: _SINGLE,
    FieldType.PERSON: _SINGLE,
    FieldType.TEAM: _SINGLE,
    FieldType.ORGANISATION: _SINGLE,
    FieldType.TEXT: _SINGLE | _TEXT,
    FieldType.TAGS: _SEVERAL,
    FieldType.PEOPLE: _SEVERAL,
    FieldType.PATH: _SINGLE | _UNDER,
    FieldType.NUMBER: _SINGLE | _NUMBERS | _BETWEEN,
    FieldType.MOMENT: _MOMENTS | _BETWEEN | _PRESENT | _CHANGED,
    FieldType.FLAG: _EQUAL | _CHANGED | _CHANGED_VALUE,
    FieldType.CUSTOM: _SINGLE | _TEXT | _MEMBERS | _UNDER | _NUMBERS | _BETWEEN | _MOMENTS,
}


def operator(kind: FieldType, name: str) -> Operator:
    """The operator of that name on fields of that type; KeyError if it has none."""
    return OPERATORS[kind][name]
