"""What today, this week or four hours ago is, in the zone of the one who asks."""

from datetime import UTC, date, datetime

import pytest

from domain.conditions.windows import FIRST, LAST, Span, window
from domain.errors import InvalidInput


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("op", "now", "zone", "start", "end"),
    [
        ("today", "2026-03-29T12:00", "Europe/Berlin", "2026-03-28T23:00", "2026-03-29T22:00"),  # 23 hours long
        ("today", "2026-10-25T12:00", "Europe/Berlin", "2026-10-24T22:00", "2026-10-25T23:00"),  # 25
        ("today", "2026-11-22T20:00", "Asia/Shanghai", "2026-11-22T16:00", "2026-11-23T16:00"),
        ("today", "2026-11-01T12:00", "America/Havana", "2026-11-01T04:00", "2026-11-02T05:00"),  # midnight comes twice
        ("today", "2025-03-30T12:00", "Asia/Beirut", "2025-03-29T22:00", "2025-03-30T21:00"),  # never
        ("yesterday", "2026-03-01T00:00", "UTC", "2026-02-28T00:00", "2026-03-01T00:00"),
        ("tomorrow", "2026-12-31T12:00", "UTC", "2027-01-01T00:00", "2027-01-02T00:00"),
        ("this_week", "2026-11-22T12:00", "UTC", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("this_month", "2028-02-29T12:00", "UTC", "2028-02-01T00:00", "2028-03-01T00:00"),
        ("this_month", "2026-10-25T12:00", "Europe/Berlin", "2026-09-30T22:00", "2026-10-31T23:00"),
    ],
)
def test_days_weeks_and_months_follow_the_zone(op, now, zone, start, end):
    assert window(op, None, utc(now), zone)[:2] == (utc(start), utc(end))


@pytest.mark.parametrize(
    ("amount", "unit", "now", "start"),
    [
        (24, "hours", "2026-03-29T12:00", "2026-03-28T12:00"),
        (1, "days", "2026-03-29T12:00", "2026-03-28T13:00"),  # 14:00 there, on both days
        (1, "weeks", "2026-03-29T12:00", "2026-03-22T13:00"),
        (1, "months", "2026-03-31T10:00", "2026-02-28T11:00"),
        (13, "months", "2028-03-29T10:00", "2027-02-28T11:00"),
        (90, "minutes", "2026-03-29T01:00", "2026-03-28T23:30"),
    ],
)
def test_spans_keep_the_hour_where_the_calendar_counts(amount, unit, now, start):
    found = window("within_last", Span(amount=amount, unit=unit), utc(now), "Europe/Berlin")
    assert found.start == utc(start)
    assert found.holds(utc(now))
    assert not window("older_than", Span(amount=amount, unit=unit), utc(now), "Europe/Berlin").holds(utc(start))


def test_beyond_the_calendar_is_its_end():
    longest, now = Span(amount=100_000, unit="months"), utc("2026-11-22T12:00")
    assert window("older_than", longest, now, "UTC").start == window("older_than", longest, now, "UTC").end == FIRST
    assert window("within_next", longest, now, "Asia/Shanghai").end == LAST
    assert window("before", FIRST, now, "America/Havana").first_day == date.min
    assert window("after", LAST, now, "Asia/Shanghai").start == LAST


def test_dates_are_in_it_when_their_day_begins_in_it():
    found = window("within_last", Span(amount=24, unit="hours"), utc("2026-11-22T12:00"), "Europe/Berlin")
    assert [found.holds(date(2026, 11, day)) for day in (21, 22, 23)] == [False, True, False]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "a\0b", "Europe"])
def test_an_unknown_zone_is_refused(zone):
    with pytest.raises(InvalidInput, match="no time zone"):
        window("today", None, utc("2026-11-22T12:00"), zone)
