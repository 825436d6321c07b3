"""Rules know whether it is in business hours: of the ticket's team, else of the desk (B10)."""

from datetime import timedelta

import pytest

from domain.calendars.calendar import CalendarDefinition
from domain.happening import Happening, Situation
from domain.rules.facts import facts_of
from domain.rules.rule import RuleDefinition
from domain.setup.calendars import CalendarSet, DefaultCalendarSet, SetCalendar, TeamCalendarSet
from domain.setup.rules import InvalidRule, SetRule
from domain.sla.course import Course, followed
from domain.ticket.folds import listed
from domain.values import Assignee
from tests.domain.kit import BILLING, DESK, NETWORK, NOON, folded, given, opened
from tests.domain.rules.kit import happens, leaf, recorded, trigger

IN_HOURS = leaf("business_hours", "is", True)


def calendar(key: str, weekday: int) -> CalendarSet:
    """Open on one day of the week, from nine to six."""
    week = [{"weekday": weekday, "starts": 540, "ends": 1080}]
    definition = CalendarDefinition(title=key, week=week)
    (event,) = given().when(SetCalendar, key=key, definition=definition).events
    return event


# NOON is a Sunday's.
SUNDAYS, MONDAYS = calendar("sundays", 6), calendar("mondays", 0)
WITH_BOTH = folded(
    DESK,
    SUNDAYS,
    MONDAYS,
    TeamCalendarSet(team_id=BILLING, calendar="mondays", previous=None),
    DefaultCalendarSet(calendar="sundays", previous=None),
)


def in_hours(desk, team=None, hours=0):
    """Whether a ticket of the team that is opened then is opened in business hours."""
    event = recorded(opened(assignee=Assignee(team=team)), at=NOON + timedelta(hours=hours))
    now = Situation(folded(None, event.event), listed([event]), followed(Course(), event))
    return facts_of(Happening((event,), None, now, desk))["business_hours"]


@pytest.mark.parametrize(
    ("team", "hours", "wanted"),
    [(None, 0, True), (None, 6, False), (NETWORK, 0, True), (BILLING, 0, False), (BILLING, 24, True)],
)
def test_a_team_has_its_own_hours_others_those_of_the_desk(team, hours, wanted):
    assert in_hours(WITH_BOTH, team, hours) is wanted


def test_without_a_calendar_it_is_always_open():
    assert in_hours(DESK, hours=15) is True


def test_only_what_happens_is_in_business_hours_or_not():
    definition = trigger({"all": [happens("opened"), IN_HOURS]}, {"do": "add_tags", "tags": ["open"]})
    assert given().when(SetRule, key="open", definition=definition).refusal is None
    waits = RuleDefinition(
        title="Waits",
        kind="automation",
        when=IN_HOURS,
        then=({"do": "add_tags", "tags": ["open"]},),
        timing={"since": "opened_at", "after": {"amount": 1, "unit": "hours"}},
    )
    given().when(SetRule, key="waits", definition=waits).then_refused(InvalidRule)
