"""Setting up calendars and policies (B10, E1)."""

import pytest

from domain.calendars.calendar import CalendarDefinition, UnknownCalendar
from domain.errors import InvalidInput, UnknownPerson
from domain.receivers import Receivers
from domain.setup import calendars as c
from domain.setup import policies as p
from domain.setup.teams import RetireTeam
from domain.setup.uses import StillInUse
from domain.sla.defaults import DEFAULT
from domain.sla.policy import LadderStep, PolicyDefinition, Reminder, Target
from tests.domain.kit import BILLING, DESK, LEFT, folded, given

WEEK = [{"weekday": day, "starts": 540, "ends": 1080} for day in range(5)]
OFFICE = CalendarDefinition(title="Office", week=WEEK, zone="Asia/Shanghai")
ACCEPT = Target(measure="accept", urgent=5)
SIMPLE = PolicyDefinition(title="Simple", targets=(ACCEPT,))


def calendar_set(definition=OFFICE, key="office"):
    (event,) = given().when(c.SetCalendar, key=key, definition=definition).events
    return event


def policy_set(definition=SIMPLE, key="simple", *happened):
    (event,) = given(*happened).when(p.SetPolicy, key=key, definition=definition).events
    return event


def test_a_changed_calendar_is_a_new_version_and_the_same_is_none():
    first = calendar_set()
    given(first).when(c.SetCalendar, key="office", definition=OFFICE).then_nothing()
    changed = OFFICE.model_copy(update={"title": "Bureau"})
    (second,) = given(first).when(c.SetCalendar, key="office", definition=changed).events
    assert (first.calendar.version, second.calendar.version) == (1, 2)
    assert first.calendar.calendar_id == second.calendar.calendar_id


def test_a_calendar_in_use_is_not_retired():
    office = calendar_set()
    with_team = c.TeamCalendarSet(team_id=BILLING, calendar="office", previous=None)
    given(office, with_team).when(c.RetireCalendar, key="office").then_refused(StillInUse, users="the team «Billing»")
    desks = c.DefaultCalendarSet(calendar="office", previous=None)
    given(office, desks).when(c.RetireCalendar, key="office").then_refused(StillInUse, users="the desk")
    by_it = policy_set(SIMPLE.model_copy(update={"calendar": "office"}), "simple", office)
    given(office, by_it).when(c.RetireCalendar, key="office").then_refused(StillInUse, users="the policy «simple»")
    given(office).when(c.RetireCalendar, key="office").then(c.CalendarRetired(key="office"))


def test_a_retired_calendar_is_gone_by_no_more_until_it_is_set_again():
    retired = (calendar_set(), c.CalendarRetired(key="office"))
    given(*retired).when(c.SetTeamCalendar, team_id=BILLING, calendar="office").then_refused(UnknownCalendar)
    (again,) = given(*retired).when(c.SetCalendar, key="office", definition=OFFICE).events
    assert again.calendar.version == 2
    given(*retired, again).when(c.SetDefaultCalendar, calendar="office").then(
        c.DefaultCalendarSet(calendar="office", previous=None)
    )


def test_a_team_goes_by_its_own_calendar_then_by_the_named_one_then_by_the_desks():
    desk = folded(DESK, *(calendar_set(key=key) for key in ("own", "named", "usual")))
    assert desk.hours_of(BILLING) is None
    desk = folded(desk, c.DefaultCalendarSet(calendar="usual", previous=None))
    assert desk.hours_of(BILLING).key == "usual"
    assert desk.hours_of(BILLING, "named").key == "named"
    desk = folded(desk, c.TeamCalendarSet(team_id=BILLING, calendar="own", previous=None))
    assert desk.hours_of(BILLING, "named").key == "own"
    desk = folded(desk, c.TeamCalendarSet(team_id=BILLING, calendar=None, previous="own"))
    assert desk.hours_of(BILLING, "named").key == "named"


def test_policies_are_asked_in_the_order_of_their_positions_whenever_they_were_set_up():
    last, first = (policy_set(SIMPLE.model_copy(update={"position": at}), f"at-{at}") for at in (20, 10))
    for order in ((first, last), (last, first)):
        assert [policy.position for policy in folded(DESK, *order).policies_in_order] == [10, 20]
    assert folded(DESK, first, p.PolicyRetired(key="at-10")).policies_in_order == ()


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"calendar": "none"}, UnknownCalendar),
        ({"when": {"field": "priority", "op": "has_changed"}}, InvalidInput),
        ({"when": {"field": "event", "op": "has_any", "value": ["ticket.opened"]}}, InvalidInput),
        ({"when": {"field": "opened_at", "op": "today"}}, InvalidInput),
        ({"reminders": (Reminder(key="a", to=Receivers(people=(LEFT,))),)}, UnknownPerson),
        ({"ladder": (LadderStep(key="a", level=1, after=0, to=Receivers(people=(LEFT,))),)}, UnknownPerson),
    ],
)
def test_a_policy_that_could_not_be_kept_is_refused(wrong, refusal):
    definition = PolicyDefinition(**SIMPLE.model_dump() | wrong)
    given().when(p.SetPolicy, key="simple", definition=definition).then_refused(refusal)


def test_a_team_that_a_ladder_gives_tickets_to_is_not_retired():
    step = LadderStep(key="a", level=1, after=0, team=BILLING)
    policy = policy_set(SIMPLE.model_copy(update={"ladder": (step,)}))
    given(policy).when(RetireTeam, team_id=BILLING).then_refused(StillInUse, users="the policy «simple»")


@pytest.mark.parametrize(
    "wrong",
    [
        {"targets": ()},
        {"targets": (ACCEPT, ACCEPT)},
        {"targets": ({"measure": "accept", "urgent": 0},)},
        {"targets": ({"measure": "accept", "statuses": ("open",)},)},
        {"ladder": ({"key": "a", "level": 1},)},
        {"reminders": ({"key": "a", "to": {}, "at_most": 2},)},
    ],
)
def test_a_policy_that_means_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=r"targets|ladder|reminders"):
        PolicyDefinition(**SIMPLE.model_dump() | wrong)


def test_the_default_is_a_policy_like_any_other():
    assert policy_set(DEFAULT, "default").policy.targets == DEFAULT.targets
