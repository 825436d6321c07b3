"""The clocks of a ticket: pure functions of when it did what, and of what is promised now (E2, E8)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from domain.calendars.calendar import Calendar
from domain.calendars.hours import NONE, Interval, after, day_ends, intervals, worked
from domain.sla.course import Course
from domain.sla.policy import Amount, Measure, Policy, Target
from domain.ticket.row import Row
from domain.values import FINISHED, Priority, StatusKind

# A stretch without an end is still going on.
Stretch = tuple[datetime, datetime | None]
# From when something was waited for, and when it came.
Occasion = tuple[datetime, datetime | None]


@dataclass(frozen=True, slots=True)
class Pause:
    """A time that did not count, and the kind of status in which the ticket was."""

    start: datetime
    end: datetime | None
    kind: StatusKind


@dataclass(frozen=True, slots=True)
class Clock:
    """One thing that is waited for since `since`, and came at `met_at`. `stretches` counted, within the hours of `calendar`.

    Half-open as all of it: what comes at the very moment at which it is due is late.
    """

    measure: Measure
    since: datetime
    met_at: datetime | None
    amount: timedelta
    stretches: tuple[Stretch, ...]
    pauses: tuple[Pause, ...]
    calendar: Calendar | None

    @property
    def running(self) -> bool:
        """Whether its time is counted now, in business hours or not."""
        return bool(self.stretches) and self.stretches[-1][1] is None

    def reached(self, beyond: timedelta = NONE) -> datetime | None:
        """When the promised amount and that much more is used up; None where that is not so, and will not be as it stands."""
        return self._when(self.amount + beyond, self.stretches)

    @property
    def due_at(self) -> datetime | None:
        """When it is, or was, due; None while it is paused."""
        if self.met_at is None or not self.stretches:
            return self.reached()
        # It was done: when it would have been due, had it gone on.
        return self._when(self.amount, (*self.stretches[:-1], (self.stretches[-1][0], None)))

    def late(self, at: datetime) -> bool:
        """Whether it was not done in time, as far as that is known by then."""
        reached = self.reached()
        return reached is not None and reached <= at

    def state(self, at: datetime) -> str:
        """In a word: kept or broken once it is over, and late, running or paused until then."""
        if self.met_at is not None:
            return "broken" if self.late(at) else "kept"
        return "late" if self.late(at) else "running" if self.running else "paused"

    def counted(self, at: datetime) -> list[Interval]:
        """The stretches that counted until then."""
        ends = ((start, min(end or at, at)) for start, end in self.stretches)
        return list(chain.from_iterable(intervals(self.calendar, start, end) for start, end in ends))

    def used(self, at: datetime) -> timedelta:
        """How much was counted until then."""
        return sum((worked(self.calendar, start, min(end or at, at)) for start, end in self.stretches), NONE)

    def _when(self, amount: timedelta, stretches: tuple[Stretch, ...]) -> datetime | None:
        if amount <= NONE:
            return None
        for start, end in stretches:
            passed = None if end is None else worked(self.calendar, start, end)
            if passed is None or passed >= amount:
                return after(self.calendar, start, amount)
            amount -= passed
        return None


def clocks(course: Course, row: Row, policy: Policy, calendar: Calendar | None) -> tuple[Clock, ...]:
    """A clock for each thing that was waited for, in the order of the policy's targets."""
    made = (_clocks_of(target, course, row, policy, calendar) for target in policy.targets)
    return tuple(chain.from_iterable(made))


def _clocks_of(target: Target, course: Course, row: Row, policy: Policy, calendar: Calendar | None) -> Iterator[Clock]:
    promised = target.amount(Priority(row.priority))
    if promised is None:
        return
    hours = calendar if policy.hours == "business" else None
    paused = frozenset(policy.pauses if target.pauses is None else target.pauses)
    for since, met_at in _occasions(target, course, row):
        stretches, pauses = _counted(course, since, met_at, paused)
        amount = _amount(promised, since, hours, calendar.zone if calendar else policy.zone)
        yield Clock(target.measure, since, met_at, amount, stretches, pauses, hours)


def _amount(promised: Amount, since: datetime, hours: Calendar | None, zone: str) -> timedelta:
    if promised == "same_day":
        return worked(hours, since, day_ends(hours, since, zone))
    return timedelta(minutes=promised)


def _counted(
    course: Course, since: datetime, met_at: datetime | None, paused: frozenset[StatusKind]
) -> tuple[tuple[Stretch, ...], tuple[Pause, ...]]:
    """What of the time from `since` to `met_at` counts: not while it is paused, and not while the work is finished."""
    stretches: list[Stretch] = []
    pauses: list[Pause] = []
    for began, ended, kind in _kinds(course):
        start, end = max(began, since), ended if met_at is None else min(ended or met_at, met_at)
        if end is not None and end <= start:
            continue
        if kind in paused or kind in FINISHED:
            pauses.append(Pause(start, end, kind))
        elif stretches and stretches[-1][1] == start:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((start, end))
    return tuple(stretches), tuple(pauses)


def _kinds(course: Course) -> Iterator[tuple[datetime, datetime | None, StatusKind]]:
    ends = (*(at for at, _ in course.kinds[1:]), None)
    for (at, kind), end in zip(course.kinds, ends, strict=True):
        yield at, end, kind


def _occasions(target: Target, course: Course, row: Row) -> list[Occasion]:
    match target.measure:
        case Measure.ACCEPT:
            return _accepting(course)
        case Measure.FIRST_RESPONSE:
            return [(course.opened_at, _first_response(course))]
        case Measure.NEXT_RESPONSE:
            return _next_responses(course)
        case Measure.RESOLUTION:
            return [(course.opened_at, _resolved(course))]
        case Measure.FOLLOW_UP:
            return _follow_ups(course)
    quiet = not row.finished and (not target.statuses or row.status in target.statuses)
    return [(max(course.touched_at or course.opened_at, course.moved_at), None)] if quiet else []


def _accepting(course: Course) -> list[Occasion]:
    """Until it is new no longer; what never was new need not be accepted."""
    new = [place for place, (_, kind) in enumerate(course.kinds) if kind is StatusKind.NEW]
    if not new:
        return []
    left = course.kinds[new[-1] + 1 :]
    return [(course.opened_at, left[0][0] if left else None)]


def _first_response(course: Course) -> datetime | None:
    """An answer, or the end of the work: who finishes it need not write as well."""
    return min((*course.answered[:1], *_finishes(course)[:1]), default=None)


def _next_responses(course: Course) -> list[Occasion]:
    """From the first question after an answer to the next answer, or to the end of the work."""
    answered = _first_response(course)
    found: list[Occasion] = []
    for asked in course.asked:
        if answered is None or asked <= answered:
            continue
        answered = _next(asked, course.answered, _finishes(course))
        found.append((asked, answered))
    return found


def _resolved(course: Course) -> datetime | None:
    """When the work ended for good, as far as is known."""
    ended = None
    for at, kind in course.kinds:
        ended = (ended or at) if kind in FINISHED else None
    return ended


def _follow_ups(course: Course) -> list[Occasion]:
    """From each word of the desk to the next, or to the end of the work; and from when finished work began again."""
    again = [at for at, kind, before in _moves(course) if kind not in FINISHED and before in FINISHED]
    begins = sorted({*course.answered, *(at for at in again if course.answered and at > course.answered[0])})
    ends = (course.answered, _finishes(course))
    met = ((since, _next(since, *ends)) for since in begins if not _is_over(course, since))
    # Work that begins again while an answer is awaited already is one occasion, not two.
    seen: dict[datetime | None, Occasion] = {}
    for occasion in met:
        seen.setdefault(occasion[1], occasion)
    return list(seen.values())


def _is_over(course: Course, at: datetime) -> bool:
    kinds = [kind for began, kind in course.kinds if began <= at]
    return bool(kinds) and kinds[-1] in FINISHED


def _finishes(course: Course) -> tuple[datetime, ...]:
    return tuple(at for at, kind, before in _moves(course) if kind in FINISHED and before not in FINISHED)


def _moves(course: Course) -> Iterator[tuple[datetime, StatusKind, StatusKind | None]]:
    before: StatusKind | None = None
    for at, kind in course.kinds:
        yield at, kind, before
        before = kind


def _next(since: datetime, *moments: tuple[datetime, ...]) -> datetime | None:
    return min((at for at in chain(*moments) if at > since), default=None)
