"""Copies of frozen records with slots and several fields: states are folded event by event, and most of an event's cost is the copy."""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


def replace(record: T, **changes: Any) -> T:
    """As that of `dataclasses`, at less than half its cost: what was valid is not put in field by field again."""
    kind: Any = type(record)
    of, puts = _slots(kind)
    copy: T = object.__new__(kind)
    for put, value in zip(puts.values(), of(record), strict=True):
        put(copy, value)
    for name, value in changes.items():
        puts[name](copy, value)
    return copy


@cache
def _slots(kind: Any) -> tuple[Callable[[Any], tuple[Any, ...]], dict[str, Callable[[Any, Any], None]]]:
    names = [field.name for field in fields(kind)]
    return attrgetter(*names), {name: getattr(kind, name).__set__ for name in names}
