"""Custom fields: what each kind takes, and what a form asks for (B2)."""

from datetime import UTC, datetime

import pytest

from domain.conditions import parse
from domain.field_values import FieldKind, Known, Option
from domain.forms import CustomField, Form, InvalidField, InvalidForm, order
from tests.domain.kit import ANN, BOB, LEFT

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KNOWN = Known(NOW, {ANN, BOB}.__contains__, frozenset({LEFT}))
OFFICES = (
    Option(id="cn", title="中国"),
    Option(id="bj", title="北京", parent="cn"),
    Option(id="sh", title="上海", parent="cn"),
    Option(id="old", title="Old", parent="cn", retired=True),
    Option(id="us", title="US"),
)
CHOICES = tuple(Option(id=key, title=key.upper()) for key in ("red", "green", "blue"))


def field(key="it", kind="line", **more):
    return CustomField(key=key, title=key.title(), kind=kind, **more)


def when(key, value):
    return parse({"field": f"fields.{key}", "op": "is", "value": value})


GOOD = [
    ("line", {}, "  B-12 ", "B-12"),
    ("line", {"pattern": "[A-Z]{2}[0-9]+", "min": 3}, "AB1", "AB1"),
    ("text", {}, "two\nlines", "two\nlines"),
    ("dropdown", {"options": CHOICES}, "red", "red"),
    ("radio", {"options": CHOICES}, "blue", "blue"),
    ("checkboxes", {"options": CHOICES, "max": 2}, ["blue", "red", "blue"], ["red", "blue"]),
    ("cascade", {"options": OFFICES}, ["cn", "bj"], ["cn", "bj"]),
    ("cascade", {"options": OFFICES}, ["us"], ["us"]),
    ("date", {}, "2026-02-28", "2026-02-28"),
    ("time", {}, "09:30", "09:30:00"),
    ("datetime", {}, "2026-11-22T17:00:00+08:00", "2026-11-22T09:00:00Z"),
    ("number", {"min": -1, "max": 1}, 0.5, 0.5),
    ("number", {}, -3, -3),
    ("positive_integer", {}, 1, 1),
    ("money", {"min": 0.1}, {"amount": "0.1", "currency": "CNY"}, {"amount": "0.1", "currency": "CNY"}),
    ("link", {}, " https://例え.jp/打印机?a=1 ", "https://例え.jp/打印机?a=1"),
    ("phone", {}, "+86 (10) 1234-5678", "+86 (10) 1234-5678"),
    ("email", {}, "wang@example.cn", "wang@example.cn"),
    ("person", {}, str(ANN), str(ANN)),
    ("file", {}, str(LEFT), str(LEFT)),
]
BAD = [
    ("line", {}, "", "one line"),
    ("line", {}, "x" * 201, "200 characters"),
    ("line", {}, 7, "one line"),
    ("line", {"pattern": "[A-Z]+"}, "ABc", r"pattern \[A-Z\]\+"),
    ("line", {"min": 3}, "ab", "at least 3 characters"),
    ("text", {"max": 3}, "abcd", "at most 3 characters"),
    ("text", {}, "bell\x07", "text of"),
    ("dropdown", {"options": CHOICES}, "RED", "one of red, green, blue"),
    ("dropdown", {"options": CHOICES}, ["red"], "one of"),
    ("radio", {"options": CHOICES}, True, "one of"),
    ("checkboxes", {"options": CHOICES}, "red", "a list of"),
    ("checkboxes", {"options": CHOICES}, ["red", "pink"], "a list of"),
    ("checkboxes", {"options": CHOICES, "min": 2}, ["red"], "at least 2 choices"),
    ("cascade", {"options": OFFICES}, ["cn"], "go on after «cn» with one of bj, sh$"),
    ("cascade", {"options": OFFICES}, ["bj"], "begin with one of cn, us"),
    ("cascade", {"options": OFFICES}, ["cn", "old"], "with one of bj, sh$"),
    ("cascade", {"options": OFFICES}, ["us", "bj"], "must go on after «us» with one of nothing"),
    ("cascade", {"options": OFFICES}, [], "from the root to a leaf"),
    ("date", {}, "2026-02-30", "a date like"),
    ("date", {}, "20260228", "a date like"),
    ("time", {}, "25:00", "a time like"),
    ("datetime", {}, "2026-11-22T17:00:00", "with its time zone"),
    ("datetime", {}, 5, "with its time zone"),
    ("number", {}, True, "a number"),
    ("number", {}, "1", "a number"),
    ("number", {}, float("nan"), "a number"),
    ("number", {}, 2**63, "a number"),
    ("number", {"max": 1}, 1.5, "at most 1$"),
    ("positive_integer", {}, 0, "from 1 up"),
    ("positive_integer", {}, 1.0, "from 1 up"),
    ("money", {}, {"amount": 12.3, "currency": "CNY"}, "money like"),
    ("money", {}, {"amount": "12.3", "currency": "yuan"}, "money like"),
    ("money", {"min": 0.1}, {"amount": "0.09", "currency": "CNY"}, "at least 0.1"),
    ("link", {}, "javascript:alert(1)", "http://"),
    ("link", {}, "example.com", "http://"),
    ("link", {}, "http://a\nb.example", "http://"),
    ("phone", {}, "call me", "phone number"),
    ("email", {}, "wang@localhost", "e-mail"),
    ("person", {}, str(LEFT), "active person"),
    ("person", {}, "ann", "active person"),
    ("file", {}, str(ANN), "file on the ticket"),
]


@pytest.mark.parametrize(("kind", "more", "value", "stored"), GOOD)
def test_a_good_value_is_stored(kind, more, value, stored):
    form = Form.of([field(kind=kind, **more)])
    assert form.check({"it": value}, {}, KNOWN) == {"it": stored}


@pytest.mark.parametrize(("kind", "more", "value", "said"), BAD)
def test_a_bad_value_is_refused_saying_what_is_allowed(kind, more, value, said):
    with pytest.raises(ValueError, match=said):
        field(kind=kind, **more).cleaned(value, KNOWN)


def test_every_kind_is_tried():
    assert {kind for kind, *_ in GOOD} == {kind for kind, *_ in BAD} == set(FieldKind)


def test_everything_that_is_wrong_is_named_at_once_and_nothing_that_was_written():
    form = Form.of([field("seats", "positive_integer")], asked=[field("room", required=True)])
    with pytest.raises(InvalidField) as refused:
        form.check({"seats": "my secret", "colour": 1}, {}, KNOWN, submitting=True)
    errors = {each["field"] for each in refused.value.wrong}
    assert errors == {"seats", "colour", "room"}
    assert "secret" not in str(refused.value)


def test_a_required_field_is_asked_for_only_when_submitting():
    form = Form.of([], asked=[field("room", required=True)])
    assert form.check({}, {}, KNOWN) == {}
    assert form.check({}, {"room": "B-12"}, KNOWN, submitting=True) == {}
    with pytest.raises(InvalidField, match="room must be filled in"):
        form.check({"room": None}, {"room": "B-12"}, KNOWN, submitting=True)


def test_a_default_is_filled_in_when_submitting():
    form = Form.of([], asked=[field("when", "datetime", default="2026-11-22T17:00:00+08:00", required=True)])
    assert form.check({}, {}, KNOWN, submitting=True) == {"when": "2026-11-22T09:00:00Z"}
    assert form.check({}, {}, KNOWN) == {}


def test_a_default_that_went_out_of_use_is_left_out():
    options = (Option(id="red", title="Red", retired=True), Option(id="blue", title="Blue"))
    form = Form.of([], asked=[field("colour", "radio", options=options, default="red")])
    assert form.check({}, {}, KNOWN, submitting=True) == {}


SITE = field("site", "dropdown", options=CHOICES)
HALL = field("hall", required=True, visible_if=when("site", "red"))
DOOR = field("door", required=True, visible_if=when("hall", "A"))


def test_a_hidden_field_is_neither_asked_for_nor_kept():
    form = Form.of([], asked=[DOOR, HALL, SITE])
    assert form.check({"site": "blue", "hall": "A"}, {}, KNOWN, submitting=True) == {"site": "blue", "hall": None}
    with pytest.raises(InvalidField, match="hall must be"):
        form.check({"site": "red"}, {}, KNOWN, submitting=True)


def test_what_is_wrong_in_a_hidden_field_is_left_out_with_it():
    form = Form.of([], asked=[DOOR, HALL, SITE])
    assert form.check({"site": "blue", "hall": ["no line"]}, {}, KNOWN, submitting=True) == {"site": "blue"}
    with pytest.raises(InvalidField, match="hall must be"):
        form.check({"site": "red", "hall": ["no line"]}, {}, KNOWN, submitting=True)


def test_a_requester_learns_nothing_from_a_field_that_is_hidden_from_them():
    secret = field("secret", internal=True, visible_if=when("site", "red"))
    for site in ("red", "blue"):
        with pytest.raises(InvalidField, match="secret is not on this form"):
            Form.of([secret, SITE]).check({"secret": "x"}, {"site": site}, KNOWN, by_requester=True)


def test_what_a_change_hides_is_taken_away_and_so_is_what_hung_on_that():
    form = Form.of([DOOR, HALL, SITE])
    present = {"site": "red", "hall": "A", "door": "3"}
    assert form.check({"site": "green"}, present, KNOWN) == {"site": "green", "door": None, "hall": None}
    assert form.check({"hall": "B"}, present, KNOWN) == {"hall": "B", "door": None}


def test_fields_that_show_each_other_are_refused():
    ring = [field("a", visible_if=when("b", "x")), field("b", visible_if=when("a", "x"))]
    with pytest.raises(InvalidForm, match="depending on itself"):
        order(ring)


def test_an_internal_field_is_not_there_for_a_requester():
    form = Form.of([], asked=[field("risk", internal=True, required=True, default="low")])
    assert form.check({}, {}, KNOWN, by_requester=True, submitting=True) == {"risk": "low"}
    with pytest.raises(InvalidField, match="risk is not on this form"):
        form.check({"risk": "high"}, {}, KNOWN, by_requester=True)


def test_what_was_allowed_once_stays_as_long_as_it_is_not_changed():
    old = field("site", "dropdown", options=(Option(id="red", title="Red", retired=True), CHOICES[1]))
    assert Form.of([old]).check({"site": "red"}, {"site": "red"}, KNOWN) == {"site": "red"}
    with pytest.raises(InvalidField):
        Form.of([old]).check({"site": "red"}, {"site": "green"}, KNOWN)


def test_a_form_is_closed_and_what_is_no_form_is_open():
    with pytest.raises(InvalidField, match="colour is not on this form"):
        Form.of([SITE]).check({"colour": 1}, {}, KNOWN)
    assert Form({"site": SITE}, free=True).check({"colour": 1, "site": "red"}, {}, KNOWN) == {
        "colour": 1,
        "site": "red",
    }
    assert Form.of([SITE]).check({"colour": None}, {"colour": 1}, KNOWN) == {"colour": None}


WRONG = [
    ({"kind": "line", "options": CHOICES}, "options"),
    ({"kind": "dropdown"}, "options"),
    ({"kind": "date", "min": 1}, "min or max"),
    ({"kind": "number", "min": 2, "max": 1}, "above its max"),
    ({"kind": "number", "pattern": "x"}, "pattern"),
    ({"kind": "line", "pattern": "("}, "no regular expression"),
    ({"kind": "line", "pattern": "a)(b"}, "no regular expression"),
    ({"kind": "number", "default": "x"}, "default that it would refuse: it must be a number"),
    ({"kind": "radio", "options": (*CHOICES, CHOICES[0])}, "two options"),
    ({"kind": "radio", "options": OFFICES}, "no cascade"),
    ({"kind": "cascade", "options": OFFICES[1:]}, "parent is missing"),
    ({"kind": "cascade", "options": (Option(id="a", title="A", parent="a"),)}, "below itself"),
]


@pytest.mark.parametrize(("made", "said"), WRONG)
def test_a_field_that_nobody_could_fill_in_is_refused(made, said):
    with pytest.raises(InvalidForm, match=said):
        field(**made).check(KNOWN)


def test_a_pattern_costs_no_more_than_the_text_is_long():
    slow_elsewhere = field(pattern="(a+)+")
    with pytest.raises(ValueError, match="pattern"):
        slow_elsewhere.cleaned("a" * 150 + "!", KNOWN)
