"""Macros and canned replies, and what is filled into their texts."""

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.macros import VARIABLES, checked, filled, rendered
from domain.setup import macros as m
from tests.domain.kit import given, wish

ACTIONS = ({"do": "set_priority", "priority": "high"}, {"do": "reply", "body": "Hello {{ requester.name }}"})
KEPT = (*ACTIONS[:1], ACTIONS[1] | {"mentions": []})
MACRO = m.MacroSet(key="hello", title="Say hello", actions=KEPT, why="Politeness", expected="Smiles")
REASONS = {"why": "Politeness", "expected": "Smiles"}
THANKS = m.CannedReplySet(key="thanks", title="Thanks", body="Thank you for {{ticket.number}}.")


def test_a_macro_is_made_changed_retired_and_made_again():
    asked = {"key": "hello", "title": "Say hello", "actions": ACTIONS}
    desk = given().when(m.SetMacro, **asked, **REASONS).then(MACRO)
    assert m.macro(desk, "hello").actions == KEPT
    given(MACRO).when(m.SetMacro, **asked).then_nothing()
    retired = m.MacroRetired(key="hello")
    gone = given(MACRO).when(m.RetireMacro, key="hello").then(retired)
    with pytest.raises(m.UnknownMacro):
        m.macro(gone, "hello")
    given(MACRO, retired).when(m.RetireMacro, key="hello").then_nothing()
    given(MACRO, retired).when(m.SetMacro, **asked, **REASONS).then(MACRO)
    given().when(m.RetireMacro, key="hello").then_refused(m.UnknownMacro, macro="hello")


@pytest.mark.parametrize(
    "action",
    [{"do": "explode"}, {"do": "reply", "body": "{{ticket.secret}}"}, {"do": "reply"}, {"do": "set_priority", "x": 1}],
)
def test_a_macro_does_only_what_can_be_done(action):
    with pytest.raises(ValidationError):
        wish(m.SetMacro, key="x", title="X", actions=(action,))


def test_a_canned_reply_is_made_changed_and_retired():
    asked = {"key": "thanks", "title": "Thanks", "body": "Thank you for {{ticket.number}}."}
    desk = given().when(m.SetCannedReply, **asked).then(THANKS)
    assert m.canned_reply(desk, "thanks").body == asked["body"]
    given(THANKS).when(m.SetCannedReply, **asked).then_nothing()
    gone = given(THANKS).when(m.RetireCannedReply, key="thanks").then(m.CannedReplyRetired(key="thanks"))
    with pytest.raises(m.UnknownCannedReply):
        m.canned_reply(gone, "thanks")
    given(THANKS, m.CannedReplyRetired(key="thanks")).when(m.RetireCannedReply, key="thanks").then_nothing()
    given().when(m.RetireCannedReply, key="thanks").then_refused(m.UnknownCannedReply)


def test_a_text_speaks_only_of_what_there_is_and_the_refusal_repeats_nothing():
    assert checked("{{ticket.number}} {not a variable} {{ agent.name }}")
    with pytest.raises(ValueError, match=r"has 1 unknown variables") as refused:
        checked("{{ secret words }}")
    assert "secret words" not in str(refused.value)


VALUES = {name: f"<{name}>" for name in VARIABLES}


def test_variables_are_filled_in_wherever_a_text_is():
    action = {"do": "reply", "body": "No {{ticket.number}}", "people": ["{{ agent.name }}", 1, None, True]}
    assert filled(action, VALUES) == {
        "do": "reply",
        "body": "No <ticket.number>",
        "people": ["<agent.name>", 1, None, True],
    }


def test_what_is_filled_in_is_not_read_again():
    values = VALUES | {"ticket.title": "{{agent.name}}"}
    assert rendered("{{ticket.title}}", values) == "{{agent.name}}"


@for_all(st.text().filter(lambda text: "{{" not in text))
def test_a_text_without_variables_stays_as_it_is(text):
    assert rendered(text, VALUES) == text


@pytest.mark.parametrize("text", ["{{" + " " * 99_000 + "x", "{{" * 50_000, "{{x" * 33_000])
def test_a_long_text_with_open_braces_is_read_like_any_other(text):
    assert checked(text) == rendered(text, {}) == text


@pytest.mark.parametrize("text", ["{{ {{ ticket.secret }}", "{{{ticket.number}}}", "{{\n}}", "{{ticket.number}} {{}}"])
def test_braces_around_anything_else_are_a_mistake(text):
    with pytest.raises(ValueError, match="unknown variables"):
        checked(text)
