"""Moments: what "today" or "within the last four hours" is, as an interval that contains its first instant but not its last."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from domain.conditions.context import Context
from domain.errors import InvalidInput

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)


class Span(BaseModel):
    """A length of time. Hours and minutes are exact; days, weeks and months follow the calendar and keep the hour."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    amount: int = Field(ge=1, le=100_000)
    unit: Literal["minutes", "hours", "days", "weeks", "months"]


class Window(NamedTuple):
    """From `start` up to but not including `end`; `first_day` and `end_day` are the same for dates without a time."""

    start: datetime
    end: datetime
    first_day: date
    end_day: date

    def holds(self, moment: date) -> bool:
        """Whether the moment, or the begin of the date, lies in it."""
        if isinstance(moment, datetime):
            return self.start <= moment < self.end
        return self.first_day <= moment < self.end_day


@lru_cache(maxsize=4096)
def window(operator: str, value: Any, now: datetime, zone_name: str) -> Window:
    """The interval that a moment operator asks for."""
    zone = _zone(zone_name)
    start, end = _bounds(operator, value, now.astimezone(UTC), zone)
    return Window(start, end, _first_day_from(start, zone), _first_day_from(end, zone))


def window_in(context: Context, operator: str, value: Any) -> Window:
    """The same, as seen by the one who asks."""
    return window(operator, value, context.now, context.zone)


def _bounds(operator: str, value: Any, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    match operator:
        case "before":
            return FIRST, value
        case "after":
            return _later(value), LAST
        case "between":
            return value[0], value[1]
        case "within_last":
            return shifted(now, value, zone, -1), _later(now)
        case "within_next":
            return now, _later(shifted(now, value, zone, 1))
        case "older_than":
            return FIRST, shifted(now, value, zone, -1)
        case "further_than":
            return _later(shifted(now, value, zone, 1)), LAST
    first, days = _days(operator, now.astimezone(zone).date())
    return _midnight(first, zone), _midnight(first + timedelta(days=days), zone)


def _days(operator: str, today: date) -> tuple[date, int]:
    match operator:
        case "yesterday":
            return today - _DAY, 1
        case "tomorrow":
            return today + _DAY, 1
        case "this_week":
            return today - timedelta(days=today.weekday()), 7
        case "this_month":
            return today.replace(day=1), monthrange(today.year, today.month)[1]
    return today, 1


def shifted(moment: datetime, span: Span, zone: ZoneInfo, sign: int) -> datetime:
    """The moment that much later (sign 1) or earlier (-1); beyond the calendar, its last or first moment."""
    amount = sign * span.amount
    try:
        if span.unit in ("minutes", "hours"):
            return moment + timedelta(**{span.unit: amount})
        local = moment.astimezone(zone).replace(tzinfo=None, fold=0)
        there = _months(local, amount) if span.unit == "months" else local + timedelta(**{span.unit: amount})
        return there.replace(tzinfo=zone).astimezone(UTC)
    except (OverflowError, ValueError):
        return LAST if sign > 0 else FIRST


def _months(local: datetime, amount: int) -> datetime:
    year, month = divmod(local.year * 12 + local.month - 1 + amount, 12)
    return local.replace(year=year, month=month + 1, day=min(local.day, monthrange(year, month + 1)[1]))


def _later(moment: datetime) -> datetime:
    return moment + TICK if moment < LAST else LAST


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins there; where clocks skip midnight, the first instant after."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _first_day_from(moment: datetime, zone: ZoneInfo) -> date:
    try:
        day = moment.astimezone(zone).date()
        return day if _midnight(day, zone) >= moment else day + _DAY
    except OverflowError:  # within a day of the calendar's first or last moment
        return moment.date()


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidInput(field="zone", reason="is no time zone; write one like Europe/Berlin or UTC") from None
