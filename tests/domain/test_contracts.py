"""What holds for every event, every command and every refusal."""

import string
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from domain.aggregates import INITIAL
from domain.command import DECIDERS, EVOLVERS, Command
from domain.errors import LedgerdeskError
from domain.event import ERASED, EVENTS, Erased, Event, UnnamedEvent
from domain.ticket import events as e

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def subclasses(root: type) -> list[type]:
    """All of ours below a class."""
    direct = [each for each in root.__subclasses__() if each.__module__.startswith("domain.")]
    return [*direct, *(deep for each in direct for deep in subclasses(each))]


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Any value that a field may have, but ERASED."""
    if annotation == dict[str, Any] | Erased:
        return st.dictionaries(st.text(), JSON, max_size=3)
    return st.from_type(annotation).filter(lambda value: not isinstance(value, Erased))


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
@settings(deadline=None, max_examples=25)
@for_all(st.data())
def test_an_event_comes_back_from_json_as_it_was(kind, data):
    event = kind(**{name: data.draw(values(info.annotation)) for name, info in kind.model_fields.items()})
    assert kind.model_validate_json(event.model_dump_json()) == event


@pytest.mark.parametrize("kind", [kind for kind in EVENTS.values() if kind.CONTENT], ids=lambda kind: kind.NAME)
def test_erased_content_is_null_for_programs(kind):
    erased = kind.model_construct(**dict.fromkeys(kind.CONTENT, ERASED))
    assert {name for name, value in erased.model_dump(mode="json").items() if value is None} >= kind.CONTENT
    assert all(erased.model_dump()[name] is ERASED for name in kind.CONTENT)


def test_null_comes_back_as_erased_and_nothing_else_does():
    was = e.TicketRetitled(title=ERASED, previous="x")
    assert e.TicketRetitled.model_validate_json(was.model_dump_json()) == was
    with pytest.raises(ValueError, match="only null"):
        e.TicketRetitled.model_validate_json('{"title": 1, "previous": "x"}')


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_an_event_has_a_stable_name_and_cannot_be_changed(kind):
    room, _, fact = kind.NAME.partition(".")
    assert room in {"ticket", "requester", "workspace"}
    assert fact.replace("_", "").isalpha()
    assert kind.VERSION >= 1
    assert kind.model_config["frozen"]
    assert kind.__doc__


def test_two_events_never_have_one_name():
    with pytest.raises(UnnamedEvent):
        type("Again", (Event,), {}, name="ticket.opened", version=1)


def test_every_event_is_folded_or_leaves_nothing_to_fold():
    assert set(EVENTS.values()) - set(EVOLVERS) == {e.TicketUpdateTold}


def test_every_command_is_decided():
    abstract = {command for command in subclasses(Command) if subclasses(command)}
    assert {*subclasses(Command)} - abstract == set(DECIDERS)


def test_every_command_belongs_to_an_aggregate():
    assert {command.AGGREGATE for command in DECIDERS} == set(INITIAL)


REFUSALS = subclasses(LedgerdeskError)


def test_no_two_refusals_have_one_code():
    codes = [refusal.code for refusal in REFUSALS]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.__name__)
def test_a_refusal_is_a_sentence_for_people_and_a_code_for_programs(refusal):
    names = [name for _, name, _, _ in string.Formatter().parse(refusal.sentence) if name]
    sentence = str(refusal(**dict.fromkeys(names, "x")))
    assert sentence[-1] in ".x"
    assert refusal.code.replace("_", "").isalpha()
    assert 400 <= refusal.status < 500 or not refusal.misuse
    assert refusal.__doc__
