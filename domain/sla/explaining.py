"""A clock explains itself: the intervals that counted and those that did not, by which policy and calendar (E8)."""

from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from domain.catalogue import Catalogue
from domain.happening import Situation
from domain.requester import Requester
from domain.sla.choosing import promised
from domain.sla.clocks import Clock
from domain.sla.policy import Measure
from domain.values import Pinned, StatusKind


class Counted(BaseModel):
    """An interval that counted, up to, not including, its end."""

    starts: datetime
    ends: datetime


class Paused(BaseModel):
    """An interval that did not; without an end it is going on. `kind` is that of the status in which the ticket was."""

    starts: datetime
    ends: datetime | None
    kind: StatusKind


class ClockView(BaseModel):
    """One thing that is waited for, or was."""

    measure: Measure
    state: str = Field(description="kept, broken, running, paused, or late: not done yet, and not in time.")
    since: datetime
    due_at: datetime | None = Field(description="Null while it is paused before it was due.")
    met_at: datetime | None
    target_seconds: float
    used_seconds: float = Field(description="The counted intervals together.")
    business_hours: bool = Field(description="Whether only time within the calendar counts.")
    counted: list[Counted]
    paused: list[Paused]


class Explanation(BaseModel):
    """The policy that holds, the calendar, and every clock."""

    policy: Pinned
    calendar: Pinned | None
    level: int = Field(description="How far the ticket was escalated.")
    clocks: list[ClockView]


def explained(now: Situation, desk: Catalogue, requester: Requester | None, at: datetime) -> Explanation | None:
    """How the promises about the ticket stand at that moment; None where there are none."""
    found = promised(now, desk, requester, at)
    if found is None:
        return None
    policy, calendar = found.pinned
    views = [_view(clock, at) for clock in found.clocks]
    return Explanation(policy=policy, calendar=calendar, level=now.ticket.level, clocks=views)


def _view(clock: Clock, at: datetime) -> ClockView:
    return ClockView(
        measure=clock.measure,
        state=clock.state(at),
        since=clock.since,
        due_at=clock.due_at,
        met_at=clock.met_at,
        target_seconds=clock.amount / timedelta(seconds=1),
        used_seconds=clock.used(at) / timedelta(seconds=1),
        business_hours=clock.calendar is not None,
        counted=[Counted(starts=start, ends=end) for start, end in clock.counted(at)],
        paused=[Paused(starts=pause.start, ends=pause.end, kind=pause.kind) for pause in clock.pauses],
    )
