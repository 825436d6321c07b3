"""The one condition language: conditions are data, asked of a ticket in memory or compiled to SQL."""

from domain.conditions.context import Context
from domain.conditions.evaluate import evaluate, evaluator
from domain.conditions.explain import Reason, refused_by
from domain.conditions.model import (
    ALWAYS,
    NEVER,
    AllOf,
    AnyOf,
    Condition,
    Leaf,
    NoneOf,
    asks_what_happened,
    depends_on,
    facets,
    leaves,
    parse,
)
from domain.conditions.refusal import InvalidCondition

__all__ = [
    "ALWAYS",
    "NEVER",
    "AllOf",
    "AnyOf",
    "Condition",
    "Context",
    "InvalidCondition",
    "Leaf",
    "NoneOf",
    "Reason",
    "asks_what_happened",
    "depends_on",
    "evaluate",
    "evaluator",
    "facets",
    "leaves",
    "parse",
    "refused_by",
]
