"""Public holidays by country, from the `holidays` library: as days of a calendar, for it to keep (B10)."""

from collections.abc import Iterable
from functools import lru_cache

import holidays

from domain.calendars.calendar import MOST_DAYS, CalendarDefinition, Day, Preset
from domain.errors import InvalidInput


@lru_cache(maxsize=1)
def countries() -> dict[str, tuple[str, ...]]:
    """The countries that there are presets of, each with its subdivisions."""
    return {code: tuple(parts) for code, parts in sorted(holidays.list_supported_countries().items())}


def days_of(preset: Preset) -> list[Day]:
    """The holidays of the preset, and the weekend days that are worked to make up for them."""
    known = countries()
    if preset.country not in known:
        raise InvalidInput(field="presets", reason=f"there is none of «{preset.country}»; see /api/v1/holiday-presets")
    if preset.subdivision is not None and preset.subdivision not in known[preset.country]:
        raise InvalidInput(field="presets", reason=f"{preset.country} has no part «{preset.subdivision}»")
    years = range(preset.first, preset.last + 1)
    kept = holidays.country_holidays(preset.country, subdiv=preset.subdivision, years=years)
    off = [Day(date=date, title=title[:200] or None) for date, title in kept.items() if date.year in years]
    made_up = getattr(kept, "weekend_workdays", ())
    return off + [Day(date=date, like=preset.like) for date in made_up if date.year in years]


def with_holidays(definition: CalendarDefinition) -> CalendarDefinition:
    """The calendar with what its presets come to now; of a date that several have, the first one's word counts."""
    found: dict[object, Day] = {}
    for day in _all_days(definition.presets):
        found.setdefault(day.date, day)
    if len(found) > MOST_DAYS:
        raise InvalidInput(field="presets", reason=f"they come to more than {MOST_DAYS} days; take fewer years")
    days = tuple(sorted(found.values(), key=lambda day: day.date))
    return CalendarDefinition(**dict(definition) | {"holidays": days})


def _all_days(presets: Iterable[Preset]) -> Iterable[Day]:
    return (day for preset in presets for day in days_of(preset))
