"""Reading conditions: what they are as data, and how each mistake is refused."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import BaseModel

from domain.conditions import (
    ALWAYS,
    AllOf,
    AnyOf,
    Condition,
    Context,
    InvalidCondition,
    Leaf,
    asks_what_happened,
    depends_on,
    evaluator,
    facets,
    parse,
)
from domain.conditions.fields import FIELDS, FieldType
from domain.conditions.operators import OPERATORS

ANN, BILLING = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class View(BaseModel):
    """Something that is saved with a condition."""

    condition: Condition = ALWAYS


def leaf(field, op, value=None):
    return {"field": field, "op": op, "value": value}


EVERYTHING = {
    "all": [
        leaf("priority", "is_any_of", ["high", "urgent"]),
        leaf("assignee_person", "is_any_of", [{"me": True}, str(ANN)]),
        leaf("assignee_team", "is", {"my_teams": True}),
        leaf("requester.organisation_id", "is", {"my_organisation": True}),
        leaf("due_at", "within_next", {"amount": 4, "unit": "hours"}),
        leaf("opened_at", "between", ["2026-01-01T00:00:00+01:00", "2026-02-01T00:00:00Z"]),
        {"any": [leaf("category", "under", ["Hardware", "Printer"]), {"none": [leaf("tags", "has_all", ["vip"])]}]},
        leaf("fields.size", "is", True),
        leaf("title", "is_set"),
    ]
}


def test_a_condition_survives_json_and_dictionaries():
    view = View(condition=EVERYTHING)
    assert View.model_validate_json(view.model_dump_json()) == view
    assert View.model_validate(view.model_dump()) == view
    assert parse(json.loads(view.condition.model_dump_json())) == view.condition


def test_a_condition_is_a_key():
    assert {parse(EVERYTHING): 1}[parse(json.loads(json.dumps(EVERYTHING)))] == 1


def test_true_is_not_one():
    one, yes = parse(leaf("fields.size", "is", 1)), parse(leaf("fields.size", "is", True))
    context = Context(NOON)
    assert one != yes
    assert evaluator(one)({"fields": {"size": 1}}, context, None)
    assert not evaluator(yes)({"fields": {"size": 1}}, context, None)


def test_conditions_can_be_put_together_in_code():
    urgent = Leaf(field="priority", op="is", value="urgent")
    assert AllOf(all=(urgent, {"any": [leaf("spam", "is", False)]})) == parse(
        {"all": [leaf("priority", "is", "urgent"), {"any": [leaf("spam", "is", False)]}]}
    )
    with pytest.raises(InvalidCondition, match="Did you mean urgent"):
        Leaf(field="priority", op="is", value="urgnt")


REFUSED = [
    ({"all": [leaf("prioriti", "is", "high")]}, r"all\[0\]\.field: There is no field «prioriti»\. Did you mean priority\?"),
    (leaf("fields.", "is", "x"), "There is no field «fields\\.»"),
    (leaf("fields.Größe", "is", "x"), "There is no field"),
    (leaf("priority", "is_one_of", ["high"]), r"condition\.op: priority \(option\) cannot be asked .*is_none_of"),
    (leaf("title", "before", "x"), "title .* cannot be asked «before»"),
    ({"any": [{"none": [leaf("priority", "is_any_of", ["high", "hgih"])]}]}, r"any\[0\]\.none\[0\]\.value\[1\]: .*Did you mean high"),
    (leaf("priority", "is", "a value of mine"), "Use one of: low, normal, high, urgent"),
    (leaf("priority", "is", ["high"]), "Give a text"),
    (leaf("priority", "is_any_of", "high"), "Give a list of 1 to 100"),
    (leaf("priority", "is_any_of", []), "Give a list of 1 to 100"),
    (leaf("priority", "is_any_of", ["high"] * 101), "Give a list of 1 to 100"),
    (leaf("title", "contains", ""), "Give a text of 1 to 200"),
    (leaf("title", "contains", "x" * 201), "Give a text of 1 to 200"),
    (leaf("title", "contains", "a\0b"), "without control characters"),
    (leaf("title", "contains", "\ud800"), "without control characters"),
    (leaf("title", "is_set", "x"), "takes no value"),
    (leaf("assignee_person", "is", "ann"), r'Give an id \(a UUID\) or \{"me": true\}'),
    (leaf("assignee_person", "is", {"my_teams": True}), "Give an id"),
    (leaf("assignee_person", "is", {"me": 1}), "Give an id"),
    (leaf("replies", "gt", "3"), "Give a number"),
    (leaf("replies", "gt", True), "Give a number"),
    (leaf("replies", "gt", float("nan")), "Give a number"),
    (leaf("replies", "gt", 10**40), "Give a number"),
    (leaf("fields.size", "is", 10**400), "Give a number"),
    (leaf("replies", "between", [3, 1]), "lower one .* first"),
    (leaf("replies", "between", [3]), "two values"),
    (leaf("fields.a", "between", [3, "2026-01-01T00:00:00Z"]), "Give a moment"),
    (leaf("fields.a", "is_any_of", [3, "x"]), "only texts, only numbers"),
    (leaf("fields.a", "is_any_of", [["x"], "x"]), "only paths"),
    (leaf("fields.a", "is_any_of", [True]), "true or false with the operator is"),
    (leaf("fields.a", "is", {"a": 1}), "Give a text, a number"),
    (leaf("spam", "is", "yes"), "Give true or false"),
    (leaf("category", "under", "Hardware"), "Give a path as a list"),
    (leaf("due_at", "before", "2026-11-22"), "Give a moment with its time zone"),
    (leaf("due_at", "before", 5), "Give a moment with its time zone"),
    (leaf("due_at", "within_last", {"amount": 0, "unit": "hours"}), "Give a span like"),
    (leaf("due_at", "within_last", {"amount": 4, "unit": "years"}), "Give a span like"),
    (leaf("due_at", "within_last", {"amount": "4", "unit": "days"}), "Give a span like"),
    ({"all": [], "any": []}, "exactly one of all, any and none"),
    ({"every": []}, "exactly one of all, any and none"),
    ({}, "exactly one of all, any and none"),
    ({"all": {"field": "spam"}}, "all: Give a list of conditions"),
    ({"all": ["spam"]}, r"all\[0\]: Give a group"),
    (None, "condition: Give a group"),
    ({"field": "spam", "op": "is", "values": [True]}, "«values» does not belong here"),
    ({"field": "spam", "op": 3}, "both as text"),
    ({"field": "spam"}, "both as text"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "said"), REFUSED)
def test_a_mistake_is_named_with_its_place(data, said):
    with pytest.raises(InvalidCondition, match=said):
        View(condition=data)


def test_a_refusal_never_quotes_a_value():
    for data, _ in REFUSED:
        with pytest.raises(InvalidCondition) as refused:
            parse(data)
        assert "a value of mine" not in str(refused.value)


def test_depth_and_size_are_bounded():
    deep = leaf("spam", "is", True)
    for _ in range(8):
        deep = {"all": [deep]}
    assert parse(deep)
    with pytest.raises(InvalidCondition, match="at most 8 deep"):
        parse({"all": [deep]})
    assert parse({"all": [leaf("spam", "is", True)] * 200})
    for part in (leaf("spam", "is", True), {"all": []}):
        with pytest.raises(InvalidCondition, match="at most 200 things"):
            parse({"all": [part] * 201})


def test_a_hostile_depth_is_refused_like_any_other():
    deep = leaf("spam", "is", True)
    for _ in range(100_000):
        deep = {"all": [deep]}
    with pytest.raises(InvalidCondition, match="at most 8 deep"):
        parse(deep)


def test_what_a_condition_depends_on():
    assert depends_on(parse(EVERYTHING)) == {
        *("priority", "assignee_person", "assignee_team", "requester.organisation_id", "due_at", "opened_at"),
        *("category", "tags", "fields.size", "title"),
    }
    assert depends_on(ALWAYS) == frozenset()


def test_what_asks_about_a_change():
    assert asks_what_happened(parse({"any": [{"none": [leaf("status", "has_changed")]}]}))
    assert not asks_what_happened(parse(EVERYTHING))


def test_facets_are_what_must_be_so():
    condition = parse({
        "all": [
            leaf("status", "is_any_of", ["open", "pending"]),
            leaf("tags", "has_all", ["vip", "紧急"]),
            {"all": [leaf("tags", "has_any", ["a", "b"])]},
            leaf("assignee_person", "is", {"me": True}),
            leaf("followers", "has_any", [str(ANN)]),
            leaf("priority", "is_not", "low"),
            leaf("requester.tier", "is", "gold"),
            leaf("title", "is", "x"),
            {"any": [leaf("type", "is", "incident")]},
            {"none": [leaf("type", "is", "incident")]},
        ]
    })  # fmt: skip
    sure = [
        ("status", ("open", "pending")), ("tags", ("vip",)), ("tags", ("紧急",)), ("tags", ("a", "b")),
        ("followers", (str(ANN),)),
    ]  # fmt: skip
    assert facets(condition) == sure
    context = Context(NOON, person=ANN, teams=frozenset({BILLING}))
    assert facets(condition, context) == [*sure[:-1], ("assignee_person", (str(ANN),)), sure[-1]]
    assert facets(AnyOf(any=(condition,))) == []
    assert facets(parse(leaf("assignee_team", "is", {"my_teams": True})), context) == [
        ("assignee_team", (str(BILLING),))
    ]


def test_every_type_of_field_has_operators():
    assert {field.type for field in FIELDS.values()} | {FieldType.CUSTOM} == set(OPERATORS)


def test_the_schema_of_a_body_with_a_condition_names_its_parts():
    schema = View.model_json_schema()
    assert {"AllOf", "AnyOf", "NoneOf", "Leaf"} <= schema["$defs"].keys()
    assert "is_any_of" in schema["$defs"]["Leaf"]["properties"]["op"]["enum"]
