"""What holds for every event, every command and every refusal."""

import string
from enum import StrEnum
from typing import Any, Union, get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.aggregates import INITIAL
from domain.command import DECIDERS, EVOLVERS, Command
from domain.errors import LedgerdeskError
from domain.event import ERASED, EVENTS, Actor, Erased, Event, UnnamedEvent
from domain.exports import WorkspaceExported
from domain.ticket import events as e
from domain.ticket.calling import TicketWebhookCalled
from domain.ticket.confidential import TicketConfidentialViewed
from domain.ticket.reporting import TicketRuleRefused, TicketRulesCut
from domain.ticket.telling import TicketNoticeGiven
from tests.eventstore.samples import SAMPLES

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


FREE = (dict[str, Any], dict[str, Any] | Erased)


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Any value that a field may have, but ERASED."""
    if annotation in FREE:
        return st.dictionaries(st.text(), JSON, max_size=3)
    # Left out before anything is drawn: to throw away one of two that are drawn is more than Hypothesis puts up with.
    kinds = [each for each in get_args(annotation) if each is not Erased]
    return st.from_type(Union[tuple(kinds)] if Erased in get_args(annotation) else annotation)  # noqa: UP007 - made of a list


def has_parts(kind: type[Event]) -> bool:
    """Whether its fields are models with rules of their own, which no value made up from types alone would keep."""
    annotations = [info.annotation for info in kind.model_fields.values() if info.annotation not in FREE]
    return any(_named_in(annotation) - {Actor, Erased} for annotation in annotations)


def _named_in(annotation: Any) -> set[Any]:
    inner = {each for part in get_args(annotation) for each in _named_in(part)}
    ours = isinstance(annotation, type) and annotation.__module__.startswith("domain.")
    parts = annotation is Any or (ours and not issubclass(annotation, StrEnum))
    return inner | ({annotation} if parts else set())


def events(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Any event of the kind; of one with parts, its samples."""
    if has_parts(kind):
        return st.sampled_from([sample for sample in SAMPLES if type(sample) is kind])
    return st.builds(kind, **{name: values(info.annotation) for name, info in kind.model_fields.items()})


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.filter_too_much])
@for_all(st.data())
def test_an_event_comes_back_from_json_as_it_was(kind, data):
    event = data.draw(events(kind))
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
    assert room in INITIAL
    assert fact.replace("_", "").isalpha()
    assert kind.VERSION >= 1
    assert kind.model_config["frozen"]
    assert kind.__doc__


def test_two_events_never_have_one_name():
    with pytest.raises(UnnamedEvent):
        type("Again", (Event,), {}, name="ticket.opened", version=1)


def test_every_event_is_folded_or_leaves_nothing_to_fold():
    only_told = {
        e.TicketUpdateTold,
        TicketConfidentialViewed,
        TicketRuleRefused,
        TicketRulesCut,
        WorkspaceExported,
        TicketNoticeGiven,
        TicketWebhookCalled,
    }
    assert set(EVENTS.values()) - set(EVOLVERS) == only_told


def test_every_command_is_decided():
    commands = {*subclasses(Command)}
    assert {command for command in commands if not subclasses(command)} <= set(DECIDERS) <= commands


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
