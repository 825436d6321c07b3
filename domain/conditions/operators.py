"""The operators: what each one tests, whether it is the opposite of that test, and what value it takes."""

from enum import StrEnum
from typing import NamedTuple

from domain.conditions.fields import FieldType


class Test(StrEnum):
    """The tests behind the operators, each without its opposite."""

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
    """`negated` is true where the test is not; so it is also true of a field without a value."""

    test: Test
    takes: Takes
    negated: bool = False


_EQUAL = {
    "is": Operator(Test.EQUAL, Takes.ONE),
    "is_not": Operator(Test.EQUAL, Takes.ONE, negated=True),
}
_ANY_OF = {
    "is_any_of": Operator(Test.EQUAL, Takes.MANY),
    "is_none_of": Operator(Test.EQUAL, Takes.MANY, negated=True),
}
_PRESENT = {
    "is_set": Operator(Test.PRESENT, Takes.NOTHING),
    "is_not_set": Operator(Test.PRESENT, Takes.NOTHING, negated=True),
}
_TEXT = {
    "contains": Operator(Test.CONTAINS, Takes.ONE),
    "contains_not": Operator(Test.CONTAINS, Takes.ONE, negated=True),
    "contains_any": Operator(Test.CONTAINS, Takes.MANY),
    "contains_none": Operator(Test.CONTAINS, Takes.MANY, negated=True),
    "starts_with": Operator(Test.STARTS, Takes.SOME),
    "ends_with": Operator(Test.ENDS, Takes.SOME),
    "matches": Operator(Test.PATTERN, Takes.PATTERN),
    "matches_not": Operator(Test.PATTERN, Takes.PATTERN, negated=True),
    "contains_word": Operator(Test.WORD, Takes.ONE),
}
_MEMBERS = {
    "has_any": Operator(Test.HAS_ANY, Takes.MANY),
    "has_none": Operator(Test.HAS_ANY, Takes.MANY, negated=True),
    "has_all": Operator(Test.HAS_ALL, Takes.MANY),
    "has_not_all": Operator(Test.HAS_ALL, Takes.MANY, negated=True),
}
_UNDER = {
    "under": Operator(Test.UNDER, Takes.ONE),
    "not_under": Operator(Test.UNDER, Takes.ONE, negated=True),
}
_NUMBERS = {name: Operator(Test.COMPARE, Takes.ONE) for name in ("lt", "lte", "gt", "gte")}
_MOMENTS = (
    {name: Operator(Test.WINDOW, Takes.ONE) for name in ("before", "after")}
    | {name: Operator(Test.WINDOW, Takes.SPAN) for name in ("within_last", "within_next", "older_than", "further_than")}
    | {
        name: Operator(Test.WINDOW, Takes.NOTHING)
        for name in ("today", "yesterday", "tomorrow", "this_week", "this_month")
    }
)
# Of numbers both ends belong to it; of moments the first does, the last does not.
_BETWEEN = {"between": Operator(Test.COMPARE, Takes.PAIR)}
_CHANGED = {"has_changed": Operator(Test.CHANGED, Takes.NOTHING)}
_CHANGED_VALUE = {
    "changed_from": Operator(Test.CHANGED, Takes.ONE),
    "changed_to": Operator(Test.CHANGED, Takes.ONE),
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
