"""Which change is meant, and which spans are set side by side."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.backtest.comparison import NoSuchChange, change_of, sides_of
from domain.event import SYSTEM, Event, Metadata, Recorded
from domain.rules.rule import Rule
from domain.setup.policies import PolicyRetired
from domain.setup.rules import RuleRetired, RuleSet

WHEN = datetime(2026, 3, 2, tzinfo=UTC)
NOBODY = UUID(int=0)


def rule(version: int) -> Rule:
    return Rule.model_validate(
        {"key": "calm", "rule_id": NOBODY, "version": version, "title": "Calm", "kind": "trigger"}
        | {"when": {"all": []}, "then": [{"do": "close"}]}
    )


def story(*told: tuple[int, Event]) -> list[Recorded[Event]]:
    """Events of the desk, each on its day."""
    return [
        Recorded(place, NOBODY, place, WHEN, _envelope(WHEN + timedelta(days=day)), event)
        for place, (day, event) in enumerate(told, 1)
    ]


def _envelope(at: datetime) -> Metadata:
    return Metadata(
        event_id=NOBODY,
        workspace_id=NOBODY,
        occurred_at=at,
        actor=SYSTEM,
        channel="api",
        correlation_id=NOBODY,
        command_id=NOBODY,
    )


FIRST, SECOND = RuleSet(rule=rule(1), why="So"), RuleSet(rule=rule(2), expected="Less")


def test_the_newest_change_is_meant_unless_another_is_named() -> None:
    told = story((0, FIRST), (1, PolicyRetired(key="calm")), (20, SECOND))
    newest = change_of(told, "rule", "calm", None)
    assert (newest.made.version, newest.expected, newest.until) == (2, "Less", None)
    first = change_of(told, "rule", "calm", 1)
    assert (first.at, first.why, first.until) == (WHEN, "So", WHEN + timedelta(days=20))


def test_what_was_retired_was_in_force_until_then_and_not_until_it_was_set_again() -> None:
    told = story((0, FIRST), (5, RuleRetired(key="calm")), (9, SECOND))
    assert change_of(told, "rule", "calm", 1).until == WHEN + timedelta(days=5)


@pytest.mark.parametrize(
    ("kind", "key", "version"), [("rule", "calm", 3), ("rule", "none", None), ("policy", "calm", 1)]
)
def test_where_there_was_no_change_there_is_nothing_to_compare(kind, key, version) -> None:
    with pytest.raises(NoSuchChange):
        change_of(story((0, FIRST), (1, SECOND)), kind, key, version)


@pytest.mark.parametrize(
    ("ends", "now", "length", "cut"),
    [
        (None, 40, 14, None),
        (None, 3, 3, "too_early"),
        (None, 0, 0, "too_early"),
        (5, 40, 5, "changed_again"),
        (20, 40, 14, None),
        (None, -1, 0, "too_early"),
    ],
)
def test_both_spans_are_equally_long_and_say_why_they_are_short(ends, now, length, cut) -> None:
    change = change_of(story((0, FIRST), *([(ends, SECOND)] if ends else [])), "rule", "calm", 1)
    sides = sides_of(change, 14, WHEN + timedelta(days=now))
    assert sides.cut == cut
    assert sides.before == (WHEN - timedelta(days=length), WHEN)
    assert sides.after == (WHEN, WHEN + timedelta(days=length))
