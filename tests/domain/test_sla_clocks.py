"""Clocks are what a count minute by minute says, whatever a ticket went through (E2, E8)."""

from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.sla.clocks import clocks
from domain.sla.policy import Measure, Target
from domain.values import StatusKind
from tests.domain.calendars import MINUTE, calendar, calendars
from tests.domain.slas import BEGAN, HOUR, LONGEST, K, Model, begins, course, happened, policy, row

PENDING = frozenset({K.PENDING})


def of(measure, *steps, calendar=None, **given):
    """The clocks of that measure of a ticket that went through this."""
    amount = given.pop("amount", 60)
    rules = policy(Target(measure=measure, normal=amount), **given)
    return clocks(
        course(*steps), row(kind=[K.NEW, *(s for _, s in steps if isinstance(s, StatusKind))][-1]), rules, calendar
    )


def at(minutes):
    return BEGAN + minutes * MINUTE


@settings(max_examples=80)
@given(
    happened(),
    begins,
    st.none() | calendars(),
    st.integers(1, 900),
    st.sampled_from([frozenset(), PENDING, PENDING | {K.NEW}]),
)
@example([(10, "answered"), (20, K.RESOLVED), (30, "asked"), (40, K.OPEN), (50, "answered")], BEGAN, None, 15, PENDING)
def test_clocks_are_what_is_counted_minute_by_minute(steps, began, kept, amount, paused):
    model = Model(amount, paused, kept)
    model.run(began, steps, LONGEST)
    targets = (Target(measure=measure, normal=amount) for measure in Measure if measure is not Measure.UPDATE)
    rules = policy(*targets, hours="business", pauses=tuple(paused))
    now = began + LONGEST * MINUTE
    made = clocks(course(*steps, began=began), row(opened_at=began), rules, kept)
    assert {(c.measure, c.since): [c.used(now) / MINUTE, late(c, now), c.met_at] for c in made} == model.found


def late(clock, now):
    """When it was late, if it was by then."""
    return clock.reached() if clock.late(now) else None


def test_pending_pauses_and_the_requesters_reply_goes_on():
    (clock,) = of("resolution", (0, K.OPEN), (30, K.PENDING), (500, K.OPEN))
    assert clock.due_at == at(530)
    (paused,) = of("resolution", (0, K.OPEN), (30, K.PENDING))
    assert (paused.due_at, paused.state(at(5000))) == (None, "paused")
    assert [(p.start, p.end, p.kind) for p in clock.pauses] == [(at(30), at(500), K.PENDING)]


def test_what_is_done_at_the_very_moment_is_late():
    assert [c.state(at(100)) for c in of("accept", (60, K.OPEN))] == ["broken"]
    assert [c.state(at(100)) for c in of("accept", (59, K.OPEN))] == ["kept"]


def test_what_was_done_says_when_it_would_have_been_due():
    (clock,) = of("accept", (10, K.OPEN))
    assert (clock.met_at, clock.due_at, clock.reached()) == (at(10), at(60), None)


def test_the_clock_does_not_go_on_while_the_work_is_finished_and_goes_on_after_it_was_reopened():
    (clock,) = of("resolution", (0, K.OPEN), (50, K.RESOLVED), (5000, K.OPEN))
    assert (clock.met_at, clock.due_at) == (None, at(5010))


def test_an_answer_ends_the_first_wait_and_each_later_question_is_a_wait_of_its_own():
    steps = ((5, "asked"), (10, "answered"), (20, "asked"), (25, "asked"), (40, "answered"), (50, "asked"))
    assert [(c.since, c.met_at) for c in of("first_response", *steps)] == [(BEGAN, at(10))]
    assert [(c.since, c.met_at) for c in of("next_response", *steps)] == [(at(20), at(40)), (at(50), None)]


def test_a_question_that_reopens_is_waited_for_from_then():
    steps = ((5, "answered"), (10, K.RESOLVED), (20, "asked"), (20, K.OPEN))
    assert [(c.since, c.due_at) for c in of("next_response", *steps)] == [(at(20), at(80))]


def test_who_finishes_the_work_need_not_write_as_well():
    assert [c.met_at for c in of("first_response", (15, K.RESOLVED))] == [at(15)]


def test_the_desk_writes_every_so_often():
    steps = ((0, K.OPEN), (10, "answered"), (100, "answered"))
    assert [(c.since, c.due_at, c.state(at(120))) for c in of("follow_up", *steps)] == [
        (at(10), at(70), "broken"),
        (at(100), at(160), "running"),
    ]


def test_an_update_is_waited_for_in_a_status_only():
    target = Target(measure="update", normal=60, statuses=("waiting",), pauses=())
    still = clocks(course((5, K.PENDING)), row(kind="pending", status="waiting"), policy(target), None)
    assert [(c.since, c.due_at) for c in still] == [(at(5), at(65))]
    assert clocks(course((5, K.PENDING)), row(kind="pending", status="other"), policy(target), None) == ()
    assert clocks(course((5, K.CLOSED)), row(kind="closed", status="waiting"), policy(target), None) == ()


def test_the_same_day_ends_with_the_business_day():
    (clock,) = of("accept", amount="same_day", hours="business", calendar=calendar())
    assert clock.due_at == BEGAN.replace(hour=18)
    (midnight,) = of("accept", amount="same_day", zone="Asia/Shanghai")
    assert midnight.due_at == BEGAN.replace(hour=16)


def test_business_hours_are_counted_where_the_policy_says_so():
    office, late_one = calendar(), course(began=BEGAN.replace(hour=17))
    target = Target(measure="accept", normal=120)
    (business,) = clocks(late_one, row(), policy(target, hours="business"), office)
    (always,) = clocks(late_one, row(), policy(target), office)
    assert (business.due_at, always.due_at) == (BEGAN + 25 * HOUR, BEGAN + 10 * HOUR)
    assert business.counted(BEGAN + 24.5 * HOUR) == [
        (BEGAN + 8 * HOUR, BEGAN + 9 * HOUR),
        (BEGAN + 24 * HOUR, BEGAN + 24.5 * HOUR),
    ]


@pytest.mark.parametrize(("priority", "due"), [("urgent", 5), ("high", 15), ("normal", None)])
def test_another_priority_is_another_promise_from_the_beginning(priority, due):
    target = Target(measure="accept", urgent=5, high=15)
    made = clocks(course(), row(priority=priority), policy(target), None)
    assert [clock.due_at - BEGAN for clock in made] == ([timedelta(minutes=due)] if due else [])
