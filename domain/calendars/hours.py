"""The arithmetic of business time. Everything is half-open: a window's end no longer belongs to it."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.calendars.calendar import Calendar, Opening

NONE = timedelta()
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
# The first and the last year have no business time: what is around them is beyond all dates.
_COUNTED = range(2, 9999)
# Years that are counted: a calendar of a minute a week would have work for a year go on past the end of all dates, and a
# ticket of another system may have been opened in the year 2.
_HORIZON = 50
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
# How far the clock on a wall may be from UTC.
_FURTHEST = timedelta(days=2)
Interval = tuple[datetime, datetime]


def is_open(calendar: Calendar | None, at: datetime) -> bool:
    """Whether the moment is in business time; without a calendar it always is."""
    if calendar is None:
        return True
    year = _year(calendar, at.astimezone(UTC).year)
    place = bisect_right(year.starts, at) - 1
    return place >= 0 and at < year.ends[place]


def worked(calendar: Calendar | None, start: datetime, end: datetime) -> timedelta:
    """How much business time lies from `start` up to `end`, within 50 years; none where that is before it."""
    if end <= start:
        return NONE
    if calendar is None:
        return end - start
    end = min(end, _horizon(start))
    first, last = start.astimezone(UTC).year, end.astimezone(UTC).year
    whole = sum((_year(calendar, year).total for year in range(first, last)), NONE)
    return whole + _year(calendar, last).upto(end) - _year(calendar, first).upto(start)


def after(calendar: Calendar | None, start: datetime, amount: timedelta) -> datetime:
    """The first moment by which that much business time has passed since `start`; NEVER if that is not within 50 years."""
    if calendar is None or amount <= NONE:
        return start + min(max(amount, NONE), _LAST - start)
    number = start.astimezone(UTC).year
    left = amount + _year(calendar, number).upto(start)
    for later in range(number, number + _HORIZON):
        year = _year(calendar, later)
        if left <= year.total:
            return year.when(left)
        left -= year.total
    return NEVER


def intervals(calendar: Calendar | None, start: datetime, end: datetime) -> Iterator[Interval]:
    """The stretches of business time from `start` up to `end`, within 50 years, apart and in order."""
    if calendar is None:
        return iter(_clipped([(start, end)], start, end))
    end = min(end, _horizon(start))
    years = range(start.astimezone(UTC).year, end.astimezone(UTC).year + 1)
    found = [each for year in years for each in zip(*_year(calendar, year)[:2], strict=True)]
    return iter(_clipped(_merged(found), start, end))


def day_ends(calendar: Calendar | None, at: datetime, zone: str = "UTC") -> datetime:
    """When the business day that is going on ends, or the next one to begin; without a calendar, midnight in `zone`."""
    if at.astimezone(UTC).year not in _COUNTED:
        return at
    if calendar is None:
        here = at.astimezone(ZoneInfo(zone))
        return datetime.combine(here.date() + _DAY, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
    day = at.astimezone(ZoneInfo(calendar.zone)).date() - _DAY
    while True:
        stretches = _of_day(calendar, day)
        if stretches and stretches[-1][1] > at:
            return stretches[-1][1]
        day += _DAY


def _horizon(start: datetime) -> datetime:
    year = start.astimezone(UTC).year + _HORIZON
    return datetime(year, 1, 1, tzinfo=UTC) if year <= NEVER.year else _LAST


class _Year(NamedTuple):
    """The stretches of business time of a year (UTC), with how much has passed before each."""

    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]
    passed: tuple[timedelta, ...]
    total: timedelta

    def upto(self, at: datetime) -> timedelta:
        """How much of the year's has passed by then."""
        place = bisect_right(self.starts, at) - 1
        if place < 0:
            return NONE
        return self.passed[place] + min(at, self.ends[place]) - self.starts[place]

    def when(self, amount: timedelta) -> datetime:
        """The first moment by which that much of it has passed; it is more than none, and no more than there is."""
        place = len(self.passed) - 1
        while self.passed[place] >= amount:
            place -= 1
        return self.starts[place] + (amount - self.passed[place])


@lru_cache(maxsize=2048)
def _year(calendar: Calendar, number: int) -> _Year:
    if number not in _COUNTED:
        return _Year((), (), (), NONE)
    begin, end = datetime(number, 1, 1, tzinfo=UTC), datetime(number + 1, 1, 1, tzinfo=UTC)
    stretches = _clipped(_merged(_around(calendar, begin, end)), begin, end)
    passed, total = [], NONE
    for start, stop in stretches:
        passed.append(total)
        total += stop - start
    return _Year(tuple(s for s, _ in stretches), tuple(e for _, e in stretches), tuple(passed), total)


def _around(calendar: Calendar, begin: datetime, end: datetime) -> list[Interval]:
    first = (begin - _FURTHEST).date()
    days = range((end + _FURTHEST).date().toordinal() - first.toordinal())
    return [each for number in days for each in _of_day(calendar, first + number * _DAY)]


def _merged(stretches: list[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _clipped(stretches: list[Interval], begin: datetime, end: datetime) -> list[Interval]:
    cut = ((max(start, begin), min(stop, end)) for start, stop in stretches)
    return [(start, stop) for start, stop in cut if start < stop]


def _of_day(calendar: Calendar, day: date) -> list[Interval]:
    """What begins on that date, in UTC; a window in which the clocks change is as long as the clock on the wall says."""
    zone = ZoneInfo(calendar.zone)
    return _merged([each for window in calendar.windows(day) for each in _of_window(day, window, zone)])


def _of_window(day: date, window: Opening, zone: ZoneInfo) -> list[Interval]:
    midnight = datetime.combine(day, datetime.min.time())
    start, end = midnight + window.starts * _MINUTE, midnight + window.ends * _MINUTE
    begins = (start - _DAY).replace(tzinfo=UTC)
    stops = (end + _DAY).replace(tzinfo=UTC)
    found = []
    # Between two changes of the clocks the wall is a constant away from UTC.
    for since, until in _steady(zone, begins, stops):
        offset = _offset(zone, since)
        found.append((max((start - offset).replace(tzinfo=UTC), since), min((end - offset).replace(tzinfo=UTC), until)))
    return [(first, last) for first, last in found if first < last]


def _steady(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Interval]:
    """The stretches in which the clocks are not changed; two changes in three days cancel out nowhere."""
    while _offset(zone, start) != _offset(zone, end):
        change = _change(zone, start, end)
        yield start, change
        start = change
    yield start, end


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first moment at which the clocks differ from those at `low`; changes are at whole seconds."""
    before = _offset(zone, low)
    seconds = int((high - low).total_seconds())
    below, above = 0, seconds
    while above - below > 1:
        middle = (below + above) // 2
        if _offset(zone, low + timedelta(seconds=middle)) == before:
            below = middle
        else:
            above = middle
    return low + timedelta(seconds=above)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or NONE
