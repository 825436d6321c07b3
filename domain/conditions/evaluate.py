"""Conditions asked in memory, of the facts of one ticket."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from domain.conditions.context import Context
from domain.conditions.fields import BEFORE_PREFIX, FieldType, field_named
from domain.conditions.folding import fold
from domain.conditions.model import (
    AllOf,
    AnyOf,
    Condition,
    Leaf,
    NoneOf,
    asks_for_organisations,
    follows_who_asks,
    resolved,
)
from domain.conditions.operators import Asks
from domain.conditions.patterns import searcher
from domain.conditions.predicates import (
    Between,
    Contains,
    During,
    Ends,
    Exact,
    HasAll,
    HasAny,
    Is,
    Matches,
    Never,
    OneNumber,
    OneOf,
    OnePath,
    OneText,
    Predicate,
    Present,
    Starts,
    Under,
    exact,
    one_of,
    predicate,
)

Facts = Mapping[str, Any]
Check = Callable[[Facts, Context, Facts | None], bool]
Holds = Callable[[Any], bool]

_NOBODY = Context(now=datetime(1970, 1, 1, tzinfo=UTC))
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
STAMP = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
    r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$"
)


def evaluate(condition: Condition, facts: Facts, context: Context, before: Facts | None = None) -> bool:
    """Whether the condition is true of the facts, keyed by field; custom fields are a dict under "fields".

    A missing fact is unset. `before` are the facts before a change; without them nothing has changed.
    """
    return evaluator(condition)(facts, context, before)


@lru_cache(maxsize=4096)
def evaluator(condition: Condition) -> Check:
    """The condition as a function of facts, context and facts before: made once, for many tickets."""
    return _check(condition)


def _check(condition: Condition) -> Check:
    match condition:
        case AllOf(all=parts):
            checks = tuple(map(_check, parts))
            return lambda facts, context, before: all(check(facts, context, before) for check in checks)
        case AnyOf(any=parts):
            checks = tuple(map(_check, parts))
            return lambda facts, context, before: any(check(facts, context, before) for check in checks)
        case NoneOf(none=parts):
            checks = tuple(map(_check, parts))
            return lambda facts, context, before: not any(check(facts, context, before) for check in checks)
    return _leaf(condition)


def _leaf(leaf: Leaf) -> Check:
    read, negated = _reader(leaf), leaf.operator.negated
    if leaf.operator.asks is Asks.CHANGED:
        return _changed(leaf, read)
    if _is_the_same_everywhere(leaf):
        holds = holder(predicate(leaf, _NOBODY))
        return lambda facts, _context, _before: holds(read(facts)) is not negated
    holder_in = _in_context(leaf, lambda context: holder(predicate(leaf, context)))
    return lambda facts, context, _before: holder_in(context)(read(facts)) is not negated


def _is_the_same_everywhere(leaf: Leaf) -> bool:
    """Whether it asks the same whoever asks it, when, and at what desk: that is worked out once."""
    return not (follows_who_asks(leaf) or asks_for_organisations(leaf))


def _reader(leaf: Leaf) -> Callable[[Facts], Any]:
    field = field_named(leaf.field)
    if field.type is FieldType.CUSTOM:
        holder = BEFORE_PREFIX + "fields" if field.before else "fields"
        return lambda facts: (facts.get(holder) or {}).get(field.column)
    if field.type is FieldType.FLAG:
        return lambda facts: bool(facts.get(field.name))
    return lambda facts: facts.get(field.name)


def _changed(leaf: Leaf, read: Callable[[Facts], Any]) -> Check:
    kind = field_named(leaf.field).type
    if leaf.op == "has_changed":
        plain = _unordered if kind in (FieldType.TAGS, FieldType.PEOPLE) else _plain
        return lambda facts, _context, before: before is not None and plain(read(facts)) != plain(read(before))
    is_value = _in_context(leaf, lambda context: _is_value(leaf, kind, context))
    became = leaf.op == "changed_to"

    def check(facts: Facts, context: Context, before: Facts | None) -> bool:
        if before is None:
            return False
        holds, old, new = is_value(context), read(before), read(facts)
        return (holds(new) and not holds(old)) if became else (holds(old) and not holds(new))

    return check


def _in_context(leaf: Leaf, made: Callable[[Context], Holds]) -> Callable[[Context], Holds]:
    """Made once for each who asks, or for each desk whose organisations it asks for; else once for all."""
    if follows_who_asks(leaf):
        return lru_cache(maxsize=1)(made)
    if asks_for_organisations(leaf):
        at_desk = lru_cache(maxsize=1)(lambda merges: made(replace(_NOBODY, merges=merges)))
        return lambda context: at_desk(context.merges)
    holds = made(_NOBODY)
    return lambda _context: holds


def _is_value(leaf: Leaf, kind: FieldType, context: Context) -> Holds:
    wanted = frozenset(resolved(leaf, context))
    return holder(one_of(kind, wanted) if wanted else Never())


def _plain(value: Any) -> Any:
    """Equal where nothing has changed: no value in any form, a path as list or tuple; but true is not 1."""
    if not _present(value):
        return None
    if isinstance(value, bool):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _unordered(value: Any) -> frozenset[Any]:
    return frozenset(value or ())


def holder(test: Predicate) -> Holds:
    """The predicate as a function of a value; a value of another type does not hold."""
    return _HOLDERS[type(test)](test)


def _one_of(test: OneOf) -> Holds:
    values = test.values
    return lambda value: value in values


def _texts(on_folded: Holds) -> Holds:
    return lambda value: isinstance(value, str) and on_folded(fold(value))


def _one_text(test: OneText) -> Holds:
    values = test.values
    return _texts(lambda folded: folded in values)


def _contains(test: Contains) -> Holds:
    needles = test.needles
    if len(needles) == 1:
        (needle,) = needles
        return _texts(lambda folded: needle in folded)
    return _texts(lambda folded: any(needle in folded for needle in needles))


def _matches(test: Matches) -> Callable[[str], bool]:
    search, needle = searcher(test.pattern), test.needle
    # To look for a word as letters costs a fraction of asking whether it stands alone.
    return (lambda folded: needle in folded and search(folded)) if needle else search


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _one_number(test: OneNumber) -> Holds:
    values = test.values
    return lambda value: _is_number(value) and exact(value) in values


def _between(test: Between) -> Holds:
    def holds(value: Any) -> bool:
        if not _is_number(value):
            return False
        number: Exact = exact(value)
        if test.open:
            return (test.low is None or number > test.low) and (test.high is None or number < test.high)
        return (test.low is None or number >= test.low) and (test.high is None or number <= test.high)

    return holds


def _during(test: During) -> Holds:
    def holds(value: Any) -> bool:
        moment = _moment(value)
        return moment is not None and test.window.holds(moment)

    return holds


def _moment(value: Any) -> date | None:
    """A moment as it is, or a date or moment as custom fields store it: written out in ISO form."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        return None
    try:
        if _is_date(value):
            return date.fromisoformat(value)
        return datetime.fromisoformat(value) if _is_stamp(value) else None
    except ValueError:
        return None


def _present(value: Any) -> bool:
    return value is not None and not (isinstance(value, str | list | tuple | dict | set | frozenset) and not value)


def _members(value: Any) -> frozenset[Any]:
    if not isinstance(value, list | tuple | set | frozenset):
        return frozenset()
    return frozenset(each for each in value if isinstance(each, str | UUID))


def _path(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return tuple(value)
    return None


def _under(test: Under) -> Holds:
    path, depth = test.path, len(test.path)
    return lambda value: (_path(value) or ())[:depth] == path


_is_date = re.compile(DATE[:-1] + r"\Z").match
_is_stamp = re.compile(STAMP[:-1] + r"\Z").match
_HOLDERS: dict[type[Predicate], Callable[[Any], Holds]] = {
    Never: lambda _test: lambda _value: False,
    Present: lambda _test: _present,
    OneOf: _one_of,
    OneText: _one_text,
    OneNumber: _one_number,
    OnePath: lambda test: lambda value: _path(value) in test.values,
    Is: lambda test: lambda value: value is test.wanted,
    Contains: _contains,
    Starts: lambda test: _texts(lambda folded: folded.startswith(test.needles)),
    Ends: lambda test: _texts(lambda folded: folded.endswith(test.needles)),
    Matches: lambda test: _texts(_matches(test)),
    Between: _between,
    During: _during,
    HasAny: lambda test: lambda value: not test.values.isdisjoint(_members(value)),
    HasAll: lambda test: lambda value: test.values <= _members(value),
    Under: _under,
}
