"""The one condition language: conditions are data, asked of a ticket in memory or compiled to SQL."""

from domain.conditions.context import Context
from domain.conditions.evaluate import evaluate, evaluator
from domain.conditions.model import (
    ALWAYS,
    AllOf,
    AnyOf,
    Condition,
    Leaf,
    NoneOf,
    depends_on,
    facets,
    leaves,
    parse,
    reads_before,
)
from domain.conditions.refusal import InvalidCondition

__all__ = [
    "ALWAYS",
    "AllOf",
    "AnyOf",
    "Condition",
    "Context",
    "InvalidCondition",
    "Leaf",
    "NoneOf",
    "depends_on",
    "evaluate",
    "evaluator",
    "facets",
    "leaves",
    "parse",
    "reads_before",
]
