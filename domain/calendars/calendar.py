"""A business calendar: windows of a week by the clock of a zone, and the days that are different (B10)."""

from datetime import date
from functools import lru_cache
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from domain.errors import Refusal
from domain.values import Key, Line, Whole, Zone

DAY = 24 * 60
MOST_DAYS = 2_000
YEARS = (2000, 2100)


class UnknownCalendar(Refusal):
    """The workspace has no calendar of that key in use."""

    code = "unknown_calendar"
    status = 422
    sentence = "No calendar «{calendar}» in use here. There are: {calendars}."


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Opening(_Part):
    """A window, from `starts` up to, not including, `ends`, in minutes after midnight; past 1440 is the next day."""

    starts: Whole = Field(ge=0, lt=DAY)
    ends: Whole = Field(gt=0, le=2 * DAY)

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        """A window is at most a day long."""
        if not self.starts < self.ends <= self.starts + DAY:
            raise ValueError("a window ends after it starts, at most 24 hours later")
        return self


class WeekWindow(Opening):
    """A window of every week; 0 is Monday."""

    weekday: Whole = Field(ge=0, le=6)


class Day(_Part):
    """A date on which other hours begin than its weekday's: those of the weekday `like`, else `windows`; none is closed."""

    date: date
    title: Line | None = None
    like: Whole | None = Field(default=None, ge=0, le=6)
    windows: tuple[Opening, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        """A day is like a weekday or has windows of its own."""
        if self.like is not None and self.windows:
            raise ValueError("give the weekday that it is like, or windows: not both")
        return self


Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]


class Preset(_Part):
    """Public holidays of a country from `first` to `last` year; make-up days are worked like the weekday `like`."""

    country: Country
    subdivision: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9 -]{1,40}$")] | None = None
    first: Whole = Field(ge=YEARS[0], le=YEARS[1])
    last: Whole = Field(ge=YEARS[0], le=YEARS[1])
    like: Whole = Field(default=0, ge=0, le=6)

    @model_validator(mode="after")
    def _few_years(self) -> Self:
        """As many years as a calendar has room for."""
        if not self.first <= self.last < self.first + 30:
            raise ValueError("the last year is not before the first, and at most 30 years are taken")
        return self


class CalendarSettings(_Part):
    """A calendar as people set it up. A window counts to the day on which it begins; `days` are for single dates."""

    title: Line
    zone: Zone = "UTC"
    week: tuple[WeekWindow, ...] = Field(min_length=1, max_length=100)
    days: tuple[Day, ...] = Field(default=(), max_length=MOST_DAYS)
    presets: tuple[Preset, ...] = Field(default=(), max_length=5)

    @field_validator("days")
    @classmethod
    def _each_once(cls, days: tuple[Day, ...]) -> tuple[Day, ...]:
        """A date has one set of hours."""
        return _dated_once(days)


class CalendarDefinition(CalendarSettings):
    """The same, with the holidays that its presets came to: a newer list of holidays changes no calendar by itself."""

    holidays: tuple[Day, ...] = Field(default=(), max_length=MOST_DAYS)

    @field_validator("holidays")
    @classmethod
    def _each_holiday_once(cls, days: tuple[Day, ...]) -> tuple[Day, ...]:
        """A date has one set of hours."""
        return _dated_once(days)


def _dated_once(days: tuple[Day, ...]) -> tuple[Day, ...]:
    if len({day.date for day in days}) < len(days):
        raise ValueError("a date is there twice")
    return days


class Calendar(CalendarDefinition):
    """One version of a calendar."""

    key: Key
    calendar_id: UUID
    version: int
    retired: bool = False

    def __hash__(self) -> int:
        """By its version, which is never changed: quick, for all that is kept by calendar."""
        return hash((self.calendar_id, self.version))

    def windows(self, on: date) -> tuple[Opening, ...]:
        """What begins on that date: its own hours, else a holiday's, else its weekday's."""
        day = _exceptions(self).get(on)
        if day is not None and day.like is None:
            return day.windows
        weekday = on.weekday() if day is None or day.like is None else day.like
        return tuple(window for window in self.week if window.weekday == weekday)


@lru_cache(maxsize=256)
def _exceptions(calendar: Calendar) -> dict[date, Day]:
    return {day.date: day for days in (calendar.holidays, calendar.days) for day in days}
