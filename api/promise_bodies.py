"""What is sent to set up calendars and promises."""

from api.setup_bodies import Reasons
from domain.calendars.calendar import CalendarDefinition, CalendarSettings
from domain.sla.policy import PolicyDefinition
from domain.values import Key


class CalendarBody(CalendarSettings, Reasons):
    """A calendar, all of it. What its presets come to is worked out now, and kept with it."""

    def definition(self) -> CalendarDefinition:
        """The calendar, without what its presets come to."""
        return CalendarDefinition(**{name: getattr(self, name) for name in CalendarSettings.model_fields})


class CalendarKeyBody(Reasons):
    """Which calendar to go by; null is none of one's own."""

    calendar: Key | None


class PolicyBody(PolicyDefinition, Reasons):
    """A policy, all of it."""
