"""The leaf that said no, by its place."""

from domain.conditions import Context, parse, refused_by
from tests.domain.kit import NOON
from tests.domain.rules.kit import leaf

FACTS = {"priority": "low", "tags": ["vip"]}


def places(condition):
    return [(reason.place, reason.held) for reason in refused_by(parse(condition), FACTS, Context(NOON))]


def test_of_several_that_all_must_hold_the_first_that_does_not():
    asked = [leaf("tags", "has_any", ["vip"]), leaf("priority", "is", "high"), leaf("priority", "is", "urgent")]
    assert places({"all": asked}) == [("all[1]", False)]


def test_of_alternatives_every_one():
    asked = [leaf("priority", "is", "high"), {"all": [leaf("priority", "is", "urgent")]}]
    assert places({"any": asked}) == [("any[0]", False), ("any[1].all[0]", False)]


def test_of_what_must_not_be_the_one_that_is():
    asked = [leaf("priority", "is", "high"), leaf("tags", "has_any", ["vip"])]
    assert places({"none": asked}) == [("none[1]", True)]


def test_a_leaf_alone_and_a_group_of_nothing():
    assert places(leaf("priority", "is", "high")) == [("condition", False)]
    assert places({"all": [{"any": []}]}) == [("all[0]", False)]
    assert places({"all": []}) == []
