"""What is due by a moment, and when something will be next: breaches, reminders, steps of the ladder (E3, E4, E7)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.sla.choosing import Promised
from domain.sla.clocks import Clock
from domain.sla.policy import LadderStep, Reminder
from domain.ticket.promising import Breach, Promise, Reminding, Step, reminded
from domain.ticket.state import Ticket

NOTHING_PROMISED = Promise(policy=None)


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be recorded, and when to look again."""

    promise: Promise = NOTHING_PROMISED
    breaches: tuple[Breach, ...] = ()
    reminders: tuple[Reminding, ...] = ()
    steps: tuple[Step, ...] = ()
    next_at: datetime | None = None

    def news(self, ticket: Ticket) -> bool:
        """Whether there is anything that the ticket does not know yet."""
        known = (ticket.promises.policy, ticket.promises.calendar)
        return bool(
            self.breaches or self.reminders or self.steps or known != (self.promise.policy, self.promise.calendar)
        )

    def without(self, known: tuple[Breach, ...]) -> "Due":
        """The same, but for these breaches, which are recorded already."""
        seen = {(each.measure, each.since) for each in known}
        return replace(self, breaches=tuple(b for b in self.breaches if (b.measure, b.since) not in seen))


def breaches(promised: Promised | None, ticket: Ticket, at: datetime) -> tuple[Breach, ...]:
    """What was late by then and is not recorded."""
    late = (clock for clock in promised.clocks if clock.late(at)) if promised else ()
    new = (clock for clock in late if (clock.measure, clock.since) not in ticket.promises.breached)
    return tuple(Breach(measure=clock.measure, since=clock.since, due_at=clock.reached() or at) for clock in new)


def due(promised: Promised | None, ticket: Ticket, at: datetime, *, told: bool = False) -> Due:
    """All that is due by then. What was `told` by another system is late or not, but nobody is reminded or called.

    Nor is anybody while time does not count: then it is somebody else's turn.
    """
    if promised is None:
        return Due()
    waiting = [] if ticket.finished else [clock for clock in promised.clocks if clock.met_at is None and clock.running]
    reminders = [] if told else list(_reminders(promised, waiting, ticket, at))
    steps = [] if told or ticket.finished else list(_steps(promised, waiting, ticket, at))
    moments = [moment for clock in waiting for moment in _moments(promised, clock) if moment > at]
    return Due(
        promised.promise, breaches(promised, ticket, at), tuple(reminders), tuple(steps), min(moments, default=None)
    )


def _reminders(promised: Promised, waiting: list[Clock], ticket: Ticket, at: datetime) -> Iterator[Reminding]:
    for clock in waiting:
        for reminder in promised.policy.reminders:
            passed = [count for count, moment in _times(reminder, clock) if moment <= at]
            # Of several that came due while nobody looked, the last one says it all.
            if passed and promised.holds(reminder.when, at):
                told = _reminding(promised, reminder, clock, passed[-1])
                if not _is_told(told, ticket):
                    yield told


def _is_told(reminder: Reminding, ticket: Ticket) -> bool:
    """Whether that time or a later one was told: what is due later now is not told from the beginning again."""
    *which, count = reminded(reminder)
    return any(known == which and told >= count for *known, told in ticket.promises.reminded)


def _reminding(promised: Promised, reminder: Reminder, clock: Clock, count: int) -> Reminding:
    return Reminding(
        step=f"{promised.policy.key}/{reminder.key}",
        count=count,
        measure=clock.measure,
        since=clock.since,
        due_at=clock.due_at,
        to=reminder.receivers(count),
    )


def _times(reminder: Reminder, clock: Clock) -> Iterator[tuple[int, datetime]]:
    """The moments of the reminder, each with the how manieth it is."""
    if reminder.measures and clock.measure not in reminder.measures:
        return
    for place in range(reminder.at_most):
        moment = clock.reached(timedelta(minutes=reminder.minutes + place * (reminder.every or 0)))
        if moment is not None:
            yield place + 1, moment


def _steps(promised: Promised, waiting: list[Clock], ticket: Ticket, at: datetime) -> Iterator[Step]:
    for step in promised.policy.ladder:
        name = f"{promised.policy.key}/{step.key}"
        if name not in ticket.promises.taken and _is_time(step, promised, waiting, ticket, at):
            yield Step(step=name, level=step.level, to=step.to, team=step.team, reason=step.reason)


def _is_time(step: LadderStep, promised: Promised, waiting: list[Clock], ticket: Ticket, at: datetime) -> bool:
    if step.urges is not None and ticket.urges < step.urges:
        return False
    if step.after is not None:
        moments = (_late_by(step, clock) for clock in waiting)
        if not any(moment is not None and moment <= at for moment in moments):
            return False
    return step.when is None or promised.holds(step.when, at)


def _late_by(step: LadderStep, clock: Clock) -> datetime | None:
    if step.after is None or (step.measures and clock.measure not in step.measures):
        return None
    return clock.reached(timedelta(minutes=step.after))


def _moments(promised: Promised, clock: Clock) -> Iterator[datetime]:
    """When something about the clock may be due."""
    if (late_at := clock.reached()) is not None:
        yield late_at
    for reminder in promised.policy.reminders:
        yield from (moment for _, moment in _times(reminder, clock))
    for step in promised.policy.ladder:
        if (moment := _late_by(step, clock)) is not None:
            yield moment
