"""Calendars for tests, and the count that the arithmetic is held to: minute by minute, by the clock on the wall."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from domain.calendars.calendar import Calendar, Day, Opening, WeekWindow

MINUTE = timedelta(minutes=1)
# Half an hour, a whole day and no time at all of daylight saving; a zone that is not a whole hour from UTC.
ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
)
# When their clocks change, among others; Samoa left a day out.
BEGINS = tuple(
    datetime.fromisoformat(day).replace(tzinfo=UTC)
    for day in (
        "2026-03-07",
        "2026-03-28",
        "2026-04-04",
        "2026-10-03",
        "2026-10-24",
        "2026-10-31",
        "2011-12-29",
        "2026-12-30",
    )
)


def calendar(**given: object) -> Calendar:
    """Monday to Friday from nine to six, unless told otherwise."""
    nine_to_six = tuple(WeekWindow(weekday=day, starts=9 * 60, ends=18 * 60) for day in range(5))
    usual = {"key": "usual", "calendar_id": UUID(int=1), "version": 1, "title": "Usual", "week": nine_to_six}
    return Calendar.model_validate(usual | given)


@st.composite
def _openings(draw: st.DrawFn) -> Opening:
    starts = draw(st.integers(0, 1439))
    return Opening(starts=starts, ends=starts + draw(st.integers(1, 1440)))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Any week, with closed days, make-up days and days with hours of their own in it."""
    week = draw(
        st.lists(
            st.builds(lambda day, each: WeekWindow(weekday=day, **dict(each)), st.integers(0, 6), _openings()),
            min_size=1,
            max_size=8,
        )
    )
    dates = [begin.date() + timedelta(days=more) for begin in BEGINS for more in range(-1, 5)]
    days = st.builds(Day, date=st.sampled_from(dates), like=st.none() | st.integers(0, 6)) | st.builds(
        Day, date=st.sampled_from(dates), windows=st.lists(_openings(), max_size=2).map(tuple)
    )
    own, holidays = (draw(st.lists(days, max_size=4, unique_by=lambda day: day.date)) for _ in range(2))
    # A calendar is told from others by its id and version.
    known_by = UUID(int=abs(hash((tuple(week), tuple(own), tuple(holidays)))))
    return calendar(
        week=tuple(week),
        days=tuple(own),
        holidays=tuple(holidays),
        zone=draw(st.sampled_from(ZONES)),
        calendar_id=known_by,
    )


def naively_open(kept: Calendar, at: datetime) -> bool:
    """Whether the clock on the wall stands in a window that began today, or yesterday or the day before."""
    wall = at.astimezone(ZoneInfo(kept.zone)).replace(tzinfo=None)
    for back in range(3):
        day = wall.date() - timedelta(days=back)
        into = (wall - datetime.combine(day, datetime.min.time())) / MINUTE
        if any(window.starts <= into < window.ends for window in _begin(kept, day)):
            return True
    return False


def _begin(kept: Calendar, day: date) -> list[Opening]:
    for exception in (*kept.days, *kept.holidays):
        if exception.date == day:
            if exception.like is None:
                return list(exception.windows)
            return [window for window in kept.week if window.weekday == exception.like]
    return [window for window in kept.week if window.weekday == day.weekday()]


def naively_worked(kept: Calendar | None, start: datetime, end: datetime) -> int:
    """Minutes of business time, counted."""
    minutes = int((end - start) / MINUTE)
    return sum(kept is None or naively_open(kept, start + place * MINUTE) for place in range(minutes))
