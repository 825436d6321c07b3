"""Why a condition does not hold: the leaves that said no."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from domain.conditions.context import Context
from domain.conditions.evaluate import Facts, evaluate
from domain.conditions.model import ROOT, AllOf, AnyOf, Condition, Leaf, NoneOf


class Reason(NamedTuple):
    """A leaf that decided, its place in the condition, and whether it held; no leaf: a group that has none in it."""

    place: str
    leaf: Leaf | None
    held: bool


def refused_by(condition: Condition, facts: Facts, context: Context, before: Facts | None = None) -> tuple[Reason, ...]:
    """The leaves because of which the condition is not true; none where it is true.

    Where one was enough, it is the first; where all of several had to be as they are, it is every one.
    """
    if evaluate(condition, facts, context, before):
        return ()
    return tuple(_why(condition, "", lambda part: evaluate(part, facts, context, before)))


def _why(condition: Condition, place: str, holds: Callable[[Condition], bool]) -> Iterator[Reason]:
    """What made it as it is."""
    held = holds(condition)
    match condition:
        case Leaf():
            yield Reason(place or ROOT, condition, held)
            return
        case AllOf(all=parts):
            name, decisive = "all", False
        case AnyOf(any=parts):
            name, decisive = "any", True
        case NoneOf(none=parts):
            name, decisive = "none", True
    inside = [(part, f"{place}.{name}[{index}]" if place else f"{name}[{index}]") for index, part in enumerate(parts)]
    if not inside:
        yield Reason(place or ROOT, None, held)
    # One part that is as it must not be decides; else all of them together do.
    one = next(((part, at) for part, at in inside if holds(part) is decisive), None)
    for part, at in [one] if one else inside:
        yield from _why(part, at, holds)
