"""One event of every type that sets up calendars and promises."""

from datetime import date
from uuid import UUID

from domain.calendars.calendar import Calendar, Day, Opening, Preset, WeekWindow
from domain.conditions import parse
from domain.event import Event
from domain.receivers import Receivers
from domain.setup.calendars import CalendarRetired, CalendarSet, DefaultCalendarSet, TeamCalendarSet
from domain.setup.policies import PolicyRetired, PolicySet
from domain.sla.policy import LadderStep, Policy, Reminder, Target

ID = UUID("018f0000-0000-7000-8000-000000000001")
OTHER = UUID("018f0000-0000-7000-8000-000000000002")
WHY = {"why": "VIPs wait too long.", "expected": "Half as many breaches."}
VIP = parse({"field": "requester.tier", "op": "is_any_of", "value": ["vip"]})

CALENDAR = Calendar(
    key="china",
    calendar_id=ID,
    version=2,
    title="工作日",
    zone="Asia/Shanghai",
    week=(WeekWindow(weekday=0, starts=540, ends=720), WeekWindow(weekday=0, starts=1320, ends=1800)),
    days=(Day(date=date(2026, 12, 24), title="Early", windows=(Opening(starts=540, ends=720),)),),
    presets=(Preset(country="CN", first=2026, last=2027, like=4),),
    holidays=(Day(date=date(2026, 10, 1), title="国庆节"), Day(date=date(2026, 10, 10), like=4)),
)
POLICY = Policy(
    key="vip",
    policy_id=OTHER,
    version=3,
    title="贵宾",
    position=10,
    when=VIP,
    hours="business",
    calendar="china",
    targets=(
        Target(measure="accept", urgent=5, high=15, normal=30, low="same_day"),
        Target(measure="update", normal=480, pauses=(), statuses=("vendor",)),
    ),
    reminders=(
        Reminder(
            key="soon",
            measures=("accept",),
            when=VIP,
            minutes=-10,
            every=5,
            at_most=3,
            to=Receivers(roles=("handler",)),
            later=Receivers(roles=("lead",)),
        ),
    ),
    ladder=(
        LadderStep(key="late", level=1, after=0, to=Receivers(roles=("lead",)), reason="Late"),
        LadderStep(key="urged", level=2, urges=3, when=VIP, team=ID),
    ),
)

SAMPLES: tuple[Event, ...] = (
    CalendarSet(calendar=CALENDAR, **WHY),
    CalendarRetired(key="china", **WHY),
    TeamCalendarSet(team_id=ID, calendar="china", previous=None, **WHY),
    DefaultCalendarSet(calendar="china", previous="old", **WHY),
    PolicySet(policy=POLICY, **WHY),
    PolicyRetired(key="vip", **WHY),
)
