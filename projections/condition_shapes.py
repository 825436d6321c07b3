"""What a condition looks like: whether it asks several things that all must hold, a queue, or the time of day."""

from functools import lru_cache

from domain.conditions import AllOf, Condition, Leaf, leaves
from domain.conditions.model import asks_for_organisations, follows_who_asks, values
from domain.conditions.operators import Asks


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
    """Whether it asks the same whoever asks it, when, and at what desk."""
    return not any(follows_who_asks(leaf) or asks_for_organisations(leaf) for leaf in leaves(condition))
