"""Which policy a ticket is under, and which calendar it is counted by: the first whose condition holds, as things are now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from domain.calendars.calendar import Calendar
from domain.catalogue import Catalogue
from domain.conditions import Condition, Context, evaluate
from domain.happening import Situation
from domain.organisation_merges import Merges
from domain.requester import Requester
from domain.rules.facts import Facts
from domain.sla.clocks import Clock, clocks
from domain.sla.policy import Policy
from domain.ticket.promising import Promise
from domain.values import Pinned


class Promised(NamedTuple):
    """The policy that a ticket is under, with its clocks; `facts` and `merges` are what conditions of its reminders and steps ask."""

    policy: Policy
    calendar: Calendar | None
    clocks: tuple[Clock, ...]
    facts: Mapping[str, Any]
    merges: Merges

    @property
    def promise(self) -> Promise:
        """The same, as it is recorded."""
        policy, calendar = self.pinned
        return Promise(policy=policy, calendar=calendar)

    @property
    def pinned(self) -> tuple[Pinned, Pinned | None]:
        """The versions of the policy and the calendar."""
        policy = Pinned(key=self.policy.key, version=self.policy.version)
        return policy, Pinned(key=self.calendar.key, version=self.calendar.version) if self.calendar else None

    def holds(self, condition: Condition, at: datetime) -> bool:
        """Whether the condition is true of the ticket."""
        return evaluate(condition, self.facts, Context(at, merges=self.merges))


def promised(now: Situation, desk: Catalogue, requester: Requester | None, at: datetime) -> Promised | None:
    """What is promised about the ticket; None where no policy is for it, or nobody waits: it is spam, or no ticket any more."""
    row = now.row
    if row.spam or row.withdrawn or row.merged_into is not None or row.erased:
        return None
    facts, context = Facts(now, requester), Context(at, merges=desk.organisations)
    for policy in desk.policies_in_order:
        if evaluate(policy.when, facts, context):
            calendar = desk.hours_of(row.assignee_team, policy.calendar)
            counted = clocks(now.course, row, policy, calendar)
            return Promised(policy, calendar, counted, facts, desk.organisations)
    return None
