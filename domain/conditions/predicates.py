"""What a leaf comes down to once it is known who asks and when: a dozen plain tests of one value.

Both readings, in memory and in SQL, are readings of these; a negated operator is the opposite of its predicate.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.conditions.context import Context
from domain.conditions.fields import FieldType, field_named
from domain.conditions.folding import fold
from domain.conditions.model import Leaf, resolved, values
from domain.conditions.operators import Asks
from domain.conditions.patterns import translated, word
from domain.conditions.windows import Window, window_in

Exact = int | Decimal


@dataclass(frozen=True, slots=True)
class Never:
    """Nothing does: a placeholder stands for nobody."""


@dataclass(frozen=True, slots=True)
class Present:
    """There is a value, and it is not empty."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """A key or an id that is one of these, to the letter."""

    values: frozenset[Any]


@dataclass(frozen=True, slots=True)
class OneText:
    """A text whose folded form is one of these."""

    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class OneNumber:
    """A number that is one of these."""

    values: frozenset[Exact]


@dataclass(frozen=True, slots=True)
class OnePath:
    """A path that is one of these, to the letter."""

    values: frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Is:
    """True or false; a flag of the ticket that was never set is false."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class Contains:
    """A text whose folded form has one of these in it."""

    needles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Starts:
    """A text whose folded form begins with one of these."""

    needles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ends:
    """A text whose folded form ends with one of these."""

    needles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """A text whose folded form has a match of this pattern, which both engines read alike; never without `needle` in it."""

    pattern: str
    needle: str = ""


@dataclass(frozen=True, slots=True)
class Between:
    """A number from `low` to `high`, each of which belongs to it unless `open`; None is no bound."""

    low: Exact | None
    high: Exact | None
    open: bool = False


@dataclass(frozen=True, slots=True)
class During:
    """A moment, or the begin of a date, in the window."""

    window: Window


@dataclass(frozen=True, slots=True)
class HasAny:
    """A set that has one of these."""

    values: frozenset[Any]


@dataclass(frozen=True, slots=True)
class HasAll:
    """A set that has all of these."""

    values: frozenset[Any]


@dataclass(frozen=True, slots=True)
class Under:
    """A path that begins with this one, or is it."""

    path: tuple[str, ...]


Predicate = (
    Never
    | Present
    | OneOf
    | OneText
    | OneNumber
    | OnePath
    | Is
    | Contains
    | Starts
    | Ends
    | Matches
    | Between
    | During
    | HasAny
    | HasAll
    | Under
)


def exact(number: float) -> Exact:
    """The number as it is written: 0.1 is a tenth, as JSON and PostgreSQL have it."""
    if isinstance(number, int):
        return number
    return int(number) if number.is_integer() and abs(number) < 2**53 else Decimal(repr(number))


def predicate(leaf: Leaf, context: Context) -> Predicate:
    """What has to be true of the field's value, before negation."""
    match leaf.operator.asks:
        case Asks.PRESENT:
            return Present()
        case Asks.EQUAL:
            return one_of(field_named(leaf.field).type, frozenset(resolved(leaf, context)))
        case Asks.COMPARE if not (isinstance(leaf.value, tuple) and isinstance(leaf.value[0], datetime)):
            return _compare(leaf)
        case Asks.COMPARE | Asks.WINDOW:
            return During(window_in(context, leaf.op, leaf.value))
        case Asks.HAS_ANY | Asks.HAS_ALL:
            return _has(leaf, resolved(leaf, context))
        case Asks.UNDER:
            return Under(leaf.value)
    return _text(leaf)


def one_of(kind: FieldType, wanted: frozenset[Any]) -> Predicate:
    """Equality with one of these values, as fields of that type have it; of custom fields, as the values are."""
    match kind, next(iter(wanted), None):
        case _, None:
            return Never()
        case FieldType.FLAG | FieldType.CUSTOM, bool() as flag:
            return Is(flag)
        case FieldType.PATH | FieldType.CUSTOM, tuple():
            return OnePath(wanted)
        case FieldType.NUMBER | FieldType.CUSTOM, int() | float():
            return OneNumber(frozenset(map(exact, wanted)))
        case FieldType.TEXT | FieldType.CUSTOM, _:
            return OneText(frozenset(fold(str(value)) for value in wanted))
    return OneOf(wanted)


def _compare(leaf: Leaf) -> Predicate:
    if leaf.op == "between":
        low, high = map(exact, leaf.value)
        return Between(low, high)
    bound, strict = exact(leaf.value), leaf.op in ("gt", "lt")
    return Between(bound, None, strict) if leaf.op in ("gt", "gte") else Between(None, bound, strict)


def _has(leaf: Leaf, wanted: tuple[Any, ...]) -> Predicate:
    # Somebody who is nobody is in no set.
    if not wanted or (leaf.operator.asks is Asks.HAS_ALL and len(wanted) < len(leaf.value)):
        return Never()
    return HasAny(frozenset(wanted)) if leaf.operator.asks is Asks.HAS_ANY else HasAll(frozenset(wanted))


_OF_NEEDLES: dict[Asks, type[Contains | Starts | Ends]] = {
    Asks.CONTAINS: Contains,
    Asks.STARTS: Starts,
    Asks.ENDS: Ends,
}


def _text(leaf: Leaf) -> Predicate:
    if kind := _OF_NEEDLES.get(leaf.operator.asks):
        return kind(tuple(map(fold, values(leaf))))
    return (
        Matches(translated(leaf.value))
        if leaf.operator.asks is Asks.PATTERN
        else Matches(word(leaf.value), fold(leaf.value))
    )
