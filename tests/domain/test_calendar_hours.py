"""Business time is what a count minute by minute says it is (B10)."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendars import hours
from domain.calendars.calendar import Day, Opening, Preset, WeekWindow
from domain.calendars.hours import NEVER, after, day_ends, intervals, is_open, worked
from tests.domain.calendars import BEGINS, MINUTE, calendar, calendars, naively_open, naively_worked

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)
starts = st.builds(lambda day, minutes: day + minutes * MINUTE, st.sampled_from(BEGINS), st.integers(0, 2880))
NIGHT = calendar(week=(WeekWindow(weekday=6, starts=22 * 60, ends=30 * 60),), zone="Europe/Berlin")


def at(day: int, hour: float) -> datetime:
    """That hour of that day, counted from the Monday."""
    return MONDAY + timedelta(days=day, hours=hour)


@settings(max_examples=40)
@given(calendars(), starts, st.integers(0, 2000))
def test_it_is_what_is_counted_minute_by_minute(kept, start, minutes):
    end = start + minutes * MINUTE
    assert worked(kept, start, end) == naively_worked(kept, start, end) * MINUTE


@settings(max_examples=40)
@given(calendars(), starts, st.integers(0, 2000))
def test_the_stretches_are_the_minutes_that_are_open(kept, start, minutes):
    found = list(intervals(kept, start, start + minutes * MINUTE))
    for place in range(minutes):
        moment = start + place * MINUTE
        assert any(opens <= moment < closes for opens, closes in found) == naively_open(kept, moment)
        assert is_open(kept, moment) == naively_open(kept, moment)
    assert all(one[1] < other[0] for one, other in pairwise(found)), "apart, and in order"


@settings(max_examples=40)
@given(calendars(), starts, st.integers(1, 40_000))
@example(calendar(), MONDAY, 9 * 60)
def test_after_is_the_first_moment_by_which_that_much_has_passed(kept, start, minutes):
    amount = minutes * MINUTE
    found = after(kept, start, amount)
    # A minute a week goes on for longer than fifty years.
    assume(found < NEVER)
    assert worked(kept, start, found) == amount
    assert worked(kept, start, found - MINUTE / 2) < amount


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        (at(0, 8), at(0, 20), 9),
        (at(0, 17), at(1, 10), 2),
        (at(4, 17), at(7, 10), 2),
        (at(0, 18), at(1, 9), 0),
        (at(1, 9), at(0, 18), 0),
    ],
)
def test_office_hours(start, end, hours):
    assert worked(calendar(), start, end) == hours * HOUR


def test_what_would_take_more_than_fifty_years_never_comes():
    minute_a_week = calendar(week=(WeekWindow(weekday=0, starts=0, ends=1),), version=3)
    assert after(minute_a_week, MONDAY, timedelta(days=366)) == NEVER


def test_thousands_of_years_are_not_gone_through():
    begin, end, kept = datetime(2, 5, 1, tzinfo=UTC), datetime(9990, 1, 1, tzinfo=UTC), calendar(version=4)
    fifty = datetime(52, 1, 1, tzinfo=UTC)
    seen = hours._year.cache_info().misses
    assert worked(kept, begin, end) == worked(kept, begin, fifty)
    assert list(intervals(kept, begin, end)) == list(intervals(kept, begin, fifty))
    assert hours._year.cache_info().misses - seen <= 51


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("kept", [None, calendar(zone="Pacific/Kiritimati"), calendar(zone="Pacific/Pago_Pago")])
def test_the_ends_of_all_dates_can_be_counted_from(kept, moment):
    assert after(kept, moment, 100_000 * HOUR) >= moment or after(kept, moment, HOUR) == NEVER
    assert worked(kept, moment, moment) == timedelta()
    assert list(intervals(kept, moment, moment)) == []
    assert is_open(kept, moment) is (kept is None)
    assert day_ends(kept, moment, "Pacific/Kiritimati") == moment


def test_a_window_past_midnight_counts_to_the_day_on_which_it_begins():
    night = calendar(
        week=tuple(WeekWindow(weekday=day, starts=22 * 60, ends=30 * 60) for day in range(7)),
        days=(Day(date=date(2026, 11, 24)),),
    )
    assert is_open(night, at(1, 5)), "Monday's night goes on"
    assert not is_open(night, at(1, 23)), "Tuesday's does not begin"
    assert not is_open(night, at(2, 5))


@pytest.mark.parametrize(
    ("sunday", "hours"), [(date(2026, 3, 28), 7), (date(2026, 10, 24), 9), (date(2026, 11, 21), 8)]
)
def test_a_night_is_as_long_as_the_clock_on_the_wall_says(sunday, hours):
    saturdays = NIGHT.model_copy(update={"version": 2, "week": (WeekWindow(weekday=5, starts=1320, ends=1800),)})
    noon = datetime.combine(sunday, datetime.min.time(), UTC) + 12 * HOUR
    assert worked(saturdays, noon, noon + 24 * HOUR) == hours * HOUR


def test_all_day_loses_no_minute_at_midnight():
    always = calendar(week=tuple(WeekWindow(weekday=day, starts=0, ends=1440) for day in range(7)))
    assert worked(always, at(0, 0), at(7, 0)) == 7 * 24 * HOUR
    assert list(intervals(always, at(0, 0), at(7, 0))) == [(at(0, 0), at(7, 0))]
    assert list(intervals(always, at(30, 0), at(50, 0))) == [(at(30, 0), at(50, 0))], "nor at a new year"


def test_a_day_of_its_own_goes_before_a_holiday_and_that_before_the_weekday():
    kept = calendar(
        holidays=(Day(date=date(2026, 11, 23)), Day(date=date(2026, 11, 24)), Day(date=date(2026, 11, 28), like=0)),
        days=(Day(date=date(2026, 11, 24), windows=(Opening(starts=600, ends=660),)),),
    )
    assert [worked(kept, at(day, 0), at(day + 1, 0)) / HOUR for day in range(7)] == [0, 1, 9, 9, 9, 9, 0]


def test_without_a_calendar_all_time_counts():
    assert worked(None, at(0, 3), at(2, 3)) == 48 * HOUR
    assert after(None, at(0, 3), HOUR) == at(0, 4)
    assert is_open(None, at(6, 3))


@pytest.mark.parametrize(
    ("moment", "ends"),
    [(at(0, 3), at(0, 18)), (at(0, 17.5), at(0, 18)), (at(0, 18), at(1, 18)), (at(5, 12), at(7, 18))],
)
def test_the_day_ends_with_its_last_window(moment, ends):
    assert day_ends(calendar(), moment) == ends


def test_without_a_calendar_it_ends_at_midnight_there():
    assert day_ends(None, at(0, 3), "Asia/Shanghai") == at(0, 16)


@pytest.mark.parametrize(
    "wrong",
    [
        {"week": ()},
        {"week": [{"weekday": 0, "starts": 600, "ends": 600}]},
        {"week": [{"weekday": 0, "starts": 600, "ends": 2041}]},
        {"zone": "Mars/Olympus"},
        {"days": [{"date": "2026-11-23"}, {"date": "2026-11-23", "like": 1}]},
        {"days": [{"date": "2026-11-23", "like": 1, "windows": [{"starts": 0, "ends": 1}]}]},
    ],
)
def test_a_calendar_that_nobody_could_work_by_is_refused(wrong):
    with pytest.raises(ValidationError):
        calendar(**wrong)


def test_presets_are_of_a_few_years():
    with pytest.raises(ValidationError):
        Preset(country="CN", first=2026, last=2025)
