"""Asking conditions of the facts of a ticket, in memory."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.conditions import ALWAYS, Context, evaluate, parse
from domain.values import Priority

ANN, BOB, BILLING, ACME = (UUID(int=number) for number in range(1, 5))
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HERE = Context(NOON, "Europe/Berlin", person=ANN, teams=frozenset({BILLING}), organisation=ACME)
TICKET = {
    "number": "1042",
    "title": "Die STRASSE brennt, 打印机坏了",
    "status": "open",
    "priority": Priority.HIGH,
    "category": ("Hardware", "Printer"),
    "assignee_person": ANN,
    "assignee_team": BILLING,
    "followers": {ANN, BOB},
    "tags": ["vip", "Late"],
    "replies": 3,
    "opened_at": NOON - timedelta(hours=4),
    "due_at": NOON + timedelta(hours=1),
    "spam": False,
    "fields": {"size": 0.1, "date": "2026-11-22", "at": "2026-11-22T13:00:00+01:00", "boxes": ["a", "b"], "ok": True},
    "requester.organisation_id": ACME,
    "requester.tier": "gold",
}

HOLDS = [
    ("priority", "is", "high"),
    ("priority", "is_any_of", ["low", "high"]),
    ("status", "is_not", "Open"),
    ("type", "is_not", "incident"),
    ("type", "is_none_of", ["incident"]),
    ("type", "is_not_set", None),
    ("title", "contains", "straße"),
    ("title", "contains_any", ["x", "BRENNT"]),
    ("title", "contains_none", ["x", "y"]),
    ("title", "starts_with", "die "),
    ("title", "ends_with", ["x", "坏了"]),
    ("title", "matches", r"stra(ss|ß)e\s+brenn(t|en)"),
    ("title", "matches_not", "^brennt"),
    ("title", "contains_word", "straße"),
    ("title", "contains_word", "打印机"),
    ("number", "is", "1042"),
    ("parent", "contains_not", "1"),
    ("assignee_person", "is", {"me": True}),
    ("assignee_team", "is_any_of", [{"my_teams": True}]),
    ("requester.organisation_id", "is", {"my_organisation": True}),
    ("requester.tier", "is", "gold"),
    ("requester.plan", "is_not", "pro"),
    ("requester.tags", "has_none", ["x"]),
    ("followers", "has_all", [{"me": True}, str(BOB)]),
    ("candidates", "has_none", [{"me": True}]),
    ("candidates", "is_not_set", None),
    ("tags", "has_any", ["vip", "x"]),
    ("tags", "has_not_all", ["vip", "late"]),
    ("category", "under", ["Hardware"]),
    ("category", "under", ["Hardware", "Printer"]),
    ("category", "not_under", ["Printer"]),
    ("category", "is", ["Hardware", "Printer"]),
    ("replies", "between", [3, 3]),
    ("replies", "gte", 3),
    ("replies", "lt", 3.5),
    ("rating", "is_not", 5),
    ("opened_at", "within_last", {"amount": 4, "unit": "hours"}),
    ("opened_at", "today", None),
    ("opened_at", "this_week", None),
    ("due_at", "within_next", {"amount": 1, "unit": "hours"}),
    ("due_at", "before", "2026-11-22T14:00:00.000001+01:00"),
    ("spam", "is", False),
    ("pinned", "is", False),
    ("fields.size", "is", 0.1),
    ("fields.size", "is_not", "0.1"),
    ("fields.date", "today", None),
    ("fields.at", "within_last", {"amount": 1, "unit": "minutes"}),
    ("fields.boxes", "has_all", ["b", "a"]),
    ("fields.boxes", "under", ["a"]),
    ("fields.ok", "is", True),
    ("fields.none", "is_not_set", None),
]
FAILS = [
    ("status", "is", "Open"),
    ("type", "is", "incident"),
    ("title", "contains_word", "stra"),
    ("title", "contains_word", "机坏了x"),
    ("title", "matches", "^brennt"),
    ("tags", "has_any", ["late"]),
    ("category", "under", ["Printer"]),
    ("category", "under", ["Hardware", "Printer", "Ink"]),
    ("replies", "gt", 3),
    ("rating", "lte", 5),
    ("opened_at", "older_than", {"amount": 4, "unit": "hours"}),
    ("due_at", "further_than", {"amount": 1, "unit": "hours"}),
    ("due_at", "before", "2026-11-22T13:00:00Z"),
    ("due_at", "after", "2026-11-22T13:00:00Z"),
    ("due_at", "between", ["2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z"]),
    ("fields.size", "contains", "0"),
    ("fields.ok", "is", 1),
    ("fields.date", "yesterday", None),
    ("fields.boxes", "is", "a"),
]


def asked(field, op, value, facts=TICKET, before=None, context=HERE):
    return evaluate(parse({"field": field, "op": op, "value": value}), facts, context, before)


@pytest.mark.parametrize(("field", "op", "value"), HOLDS)
def test_it_holds(field, op, value):
    assert asked(field, op, value) is True


@pytest.mark.parametrize(("field", "op", "value"), FAILS)
def test_it_does_not_hold(field, op, value):
    assert asked(field, op, value) is False


def test_groups_nest():
    yes, no = {"field": "replies", "op": "is", "value": 3}, {"field": "replies", "op": "is", "value": 4}

    def holds(data):
        return evaluate(parse(data), TICKET, HERE)

    assert holds({"all": [yes, {"any": [no, yes]}, {"none": [no, {"all": [yes, no]}]}]})
    assert not holds({"all": [yes, no]})
    assert not holds({"none": [no, yes]})
    assert holds({"all": []})
    assert not holds({"any": []})
    assert holds({"none": []})
    assert evaluate(ALWAYS, {}, HERE)


@pytest.mark.parametrize("op", ["is", "is_any_of"])
def test_nobody_is_not_me(op):
    nobody = Context(NOON)
    value = {"me": True} if op == "is" else [{"me": True}]
    assert not asked("assignee_person", op, value, {}, context=nobody)
    assert not asked("followers", "has_all", [{"me": True}, str(ANN)], context=nobody)
    assert asked("assignee_person", "is_not", {"me": True}, {}, context=nobody)


CHANGES = [
    ("status", "open", "closed", "open", "closed"),
    ("priority", None, "high", None, "high"),
    ("assignee_person", BOB, ANN, str(BOB), {"me": True}),
    ("title", "Straße", "x", "STRASSE", "X"),
    ("category", ("a",), ["b", "c"], ["a"], ["b", "c"]),
    ("replies", 3, 4, 3, 4),
    ("spam", None, True, False, True),
]


@pytest.mark.parametrize(("field", "old", "new", "from_value", "to_value"), CHANGES)
def test_a_change_is_seen(field, old, new, from_value, to_value):
    before, after = {field: old}, {field: new}
    assert asked(field, "has_changed", None, after, before)
    assert asked(field, "changed_to", to_value, after, before)
    assert from_value is None or asked(field, "changed_from", from_value, after, before)
    assert not asked(field, "changed_to", to_value, after, after)
    assert from_value is None or not asked(field, "changed_from", from_value, before, before)
    assert not asked(field, "has_changed", None, after)
    assert not asked(field, "changed_to", to_value, after)


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("tags", ["a", "b"], ("b", "a")),
        ("tags", None, []),
        ("category", ["a"], ("a",)),
        ("parent", "", None),
        ("spam", None, False),
    ],
)
def test_another_form_of_the_same_is_no_change(field, old, new):
    assert not asked(field, "has_changed", None, {field: new}, {field: old})


def test_the_order_of_a_path_and_the_type_of_a_value_matter():
    assert asked("category", "has_changed", None, {"category": ["a", "b"]}, {"category": ["b", "a"]})
    assert asked("fields.x", "has_changed", None, {"fields": {"x": 1}}, {"fields": {"x": True}})


@pytest.mark.parametrize(
    "value", [None, "", [], {}, 1, 0.5, True, [1], [["a"]], {"a": {}}, "2026-02-30", "0000-01-01", "x" * 9]
)
def test_no_stored_value_makes_a_custom_field_fail(value):
    facts = {"fields": {"x": value}}
    for op, wanted in [
        ("is", "a"),
        ("has_any", ["a"]),
        ("gt", 3),
        ("today", None),
        ("under", ["a"]),
        ("matches", "^a"),
    ]:
        assert asked("fields.x", op, wanted, facts) is False
