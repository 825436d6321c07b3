"""Automations on a desk: each has its turn, also beside others of the same time (D2)."""

from datetime import timedelta

import pytest

from domain.setup.rules import RetireRule
from domain.ticket.commands import MoveTicket, OpenTicket, TagTicket
from processors.automations import Automations
from tests.processors.kit import Stage
from tests.processors.test_rules import after, leaf, rule


@pytest.fixture
def stage() -> Stage:
    """A desk with automations."""
    return Stage(Automations())


def test_automations_of_one_time_act_each_when_its_condition_comes_true(stage: Stage) -> None:
    rule(stage, "one", when={"all": []}, then=[{"do": "note", "body": "1"}], timing=after("opened_at", 4))
    urgent = leaf("tags", "has_any", ["urgent"])
    rule(stage, "two", when=urgent, then=[{"do": "note", "body": "2"}], timing=after("opened_at", 4))
    stage.do(OpenTicket, number="T-1", title="x")
    stage.advance(hours=5)
    stage.do(TagTicket, number="T-1", add=frozenset({"urgent"}))
    stage.advance(hours=1)
    assert stage.topics("T-1") == ["opened", "noted", "tagged", "noted"]


def test_an_automation_that_a_later_one_gives_something_to_do_does_it(stage: Stage) -> None:
    late = leaf("tags", "has_any", ["late"])
    rule(stage, "tell", when=late, then=[{"do": "note", "body": "Late"}], timing=after("opened_at", 4))
    rule(stage, "mark", when={"all": []}, then=[{"do": "add_tags", "tags": ["late"]}], timing=after("opened_at", 4))
    stage.do(OpenTicket, number="T-1", title="x")
    stage.advance(hours=5)
    assert stage.topics("T-1") == ["opened", "tagged", "noted"]


def test_an_automation_that_stops_takes_their_turn_from_those_after_it(stage: Stage) -> None:
    tag = {"do": "add_tags", "tags": ["one"]}
    rule(stage, "one", when={"all": []}, then=[tag, {"do": "stop"}], timing=after("opened_at", 4))
    rule(stage, "two", when={"all": []}, then=[{"do": "note", "body": "2"}], timing=after("opened_at", 4))
    rule(stage, "later", when={"all": []}, then=[{"do": "pin"}], timing=after("opened_at", 6))
    stage.do(OpenTicket, number="T-1", title="x")
    stage.advance(hours=9)
    assert stage.topics("T-1") == ["opened", "tagged", "pinned"]
    stage.do(RetireRule, key="one")
    stage.advance(hours=9)
    assert stage.topics("T-1") == ["opened", "tagged", "pinned"], "not even later"


def test_an_automation_that_only_stops_does_so_while_its_condition_holds(stage: Stage) -> None:
    rule(stage, "hold", when=leaf("tags", "has_any", ["hold"]), then=[{"do": "stop"}], timing=after("opened_at", 1))
    rule(stage, "two", when={"all": []}, then=[{"do": "note", "body": "2"}], timing=after("opened_at", 4))
    stage.do(OpenTicket, number="T-1", title="x", tags=("hold",))
    stage.advance(hours=9)
    assert stage.topics("T-1") == ["opened"]
    stage.do(TagTicket, number="T-1", remove=frozenset({"hold"}))
    stage.advance(hours=9)
    assert stage.topics("T-1") == ["opened", "untagged", "noted"]


def test_what_happens_by_a_clock_that_was_set_back_is_another_occasion_all_the_same(stage: Stage) -> None:
    rule(stage, "waits", when={"all": []}, then=[{"do": "note", "body": "Waits"}], timing=after("moved_at", 4))
    park = {"do": "set_status", "status": "pending"}
    rule(stage, "park", when=leaf("status", "is", "open"), then=[park], timing=after("moved_at", 9))
    stage.do(OpenTicket, number="T-1", title="x")
    stage.advance(hours=4)
    stage.now -= timedelta(minutes=5)
    stage.do(MoveTicket, number="T-1", status="open")
    stage.advance(hours=5)
    assert stage.topics("T-1") == ["opened", "noted", "accepted", "noted"]
    stage.now -= timedelta(hours=2)
    stage.advance(hours=20)
    assert stage.topics("T-1") == ["opened", "noted", "accepted", "noted", "moved", "noted"]
