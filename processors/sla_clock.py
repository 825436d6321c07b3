"""SlaClock: keeps the desk's promises in mind; records what is late, reminds, and goes up the ladder (E1-E4, E7)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from domain.calendars.hours import NEVER
from domain.catalogue import Catalogue
from domain.event import EVENTS, Event, Recorded
from domain.happening import Happening, Situation
from domain.requester import Requester
from domain.setup.calendars import HOURS
from domain.setup.policies import PolicyRetired, PolicySet
from domain.sla.choosing import Promised, promised
from domain.sla.due import Due, breaches, due
from domain.sla.standing import standing
from domain.ticket.promising import KeepPromises
from processors.present import Present
from processors.process import (
    CancelTimer,
    Cause,
    Do,
    Hasten,
    Keep,
    Memory,
    Output,
    SetTimer,
    TicketProcess,
    Timer,
    because_of,
)

KEY = "promises"
# What came due while another system had the ticket is late or not; nobody is reminded of it or called for it.
TOLD = {"told": True}
# It is told update by update: nothing is late of which the next update may be on its way.
REST = timedelta(hours=1)
SET_UP = (PolicySet, PolicyRetired, *HOURS)


class SlaClock(TicketProcess):
    """Looks at a ticket when something happens to it, and when something about it comes due."""

    NAME = "sla_clock"
    # Not what it records itself.
    TOPICS = frozenset(name for name, kind in EVENTS.items() if name.startswith("ticket.") and kind.CHANGES)
    PARTITIONED = True

    def react(self, happening: Happening, memory: Memory) -> Iterable[Output]:
        """What came due before it happened, though no timer may have fired yet; and what is due now that it has."""
        now, at, desk = happening.after, happening.at, happening.desk
        missed = _missed(happening)
        if missed.breaches:
            yield _keep(happening, now, desk, missed)
        stands = promised(now, desk, happening.requester, at)
        yield _stands(now, stands, at)
        found = due(stands, now.ticket, at, told=happening.told).without(missed.breaches)
        if not happening.told:
            yield from _outputs(happening, now, desk, found)
            return
        rested = happening.events[-1].recorded_at + REST
        yield from _outputs(happening, now, desk, replace(found, next_at=max(found.next_at or NEVER, rested)), TOLD)

    def fire(
        self,
        timer: Timer,
        now: Present,
        desk: Catalogue,
        requester: Requester | None,
        at: datetime,
        memory: Memory,
    ) -> Iterable[Output]:
        """What is due by now, on the ticket as it is now."""
        stands = promised(now.situation, desk, requester, at)
        found = due(stands, now.ticket, at, told=dict(timer.detail) == TOLD)
        return [_stands(now.situation, stands, at), *_outputs(timer, now.situation, desk, found, timer.detail)]

    def set_up(self, recorded: Recorded[Event], desk: Catalogue) -> Iterable[Output]:
        """Another promise: every ticket that is waited for is looked at anew, from its history."""
        return [Hasten()] if isinstance(recorded.event, SET_UP) else []


def _missed(happening: Happening) -> Due:
    before = happening.before
    then = promised(before, happening.desk, happening.requester, happening.at) if before else None
    if before is None or then is None:
        return Due()
    return Due(then.promise, breaches(then, before.ticket, happening.at))


def _stands(now: Situation, stands: Promised | None, at: datetime) -> Keep:
    return Keep(now.row.ticket_id, now.row.number, standing(stands, at))


def _outputs(
    cause: Cause, now: Situation, desk: Catalogue, found: Due, detail: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[Output]:
    if now.row.erased:
        yield CancelTimer(now.row.ticket_id, KEY)
        return
    if found.news(now.ticket):
        yield _keep(cause, now, desk, found)
    if now.row.finished:
        yield CancelTimer(now.row.ticket_id, KEY)
    else:
        # Also where nothing will be due as things stand: to be hastened when the desk promises something else.
        yield SetTimer(now.row.ticket_id, KEY, found.next_at or NEVER, detail)


def _keep(cause: Cause, now: Situation, desk: Catalogue, found: Due) -> Do:
    context = because_of(cause)
    if (policy := found.promise.policy) is not None:
        rule: dict[str, Any] = {"rule_id": desk.policy_of(policy).policy_id, "rule_version": policy.version}
        context |= rule
    parts = {name: getattr(found, name) for name in ("promise", "breaches", "reminders", "steps")}
    return Do(KeepPromises(**context, number=now.row.number, **parts))
