"""How the promises about a ticket stand, a line a measure: the newest of what was waited for, and how often it was late."""

from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from domain.sla.choosing import Promised
from domain.sla.policy import Measure
from domain.values import Pinned


class ClockLine(NamedTuple):
    """How one measure stands. `occasions` of it were waited for, of which `breaches` were late."""

    measure: Measure
    policy: Pinned
    calendar: Pinned | None
    state: str
    since: datetime
    target_seconds: int
    due_at: datetime | None
    met_at: datetime | None
    breached_at: datetime | None
    occasions: int
    breaches: int


def standing(promised: Promised | None, at: datetime) -> tuple[ClockLine, ...]:
    """A line for each measure that was ever waited for."""
    if promised is None:
        return ()
    policy, calendar = promised.pinned
    lines = []
    for measure, found in groupby(promised.clocks, attrgetter("measure")):
        every = tuple(found)
        late, newest = [clock.late(at) for clock in every], every[-1]
        target = newest.amount // timedelta(seconds=1)
        moments = newest.due_at, newest.met_at, newest.reached() if late[-1] else None
        state = newest.state(at)
        lines.append(ClockLine(measure, policy, calendar, state, newest.since, target, *moments, len(every), sum(late)))
    return tuple(lines)
