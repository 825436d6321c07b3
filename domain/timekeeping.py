"""The part of the catalogue that says when the desk is open and what it promises. Of calendars and policies all versions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from domain.calendars.calendar import Calendar, UnknownCalendar
from domain.sla.policy import Policy, UnknownPolicy
from domain.values import Pinned


@dataclass(frozen=True)
class Timekeeping:
    """Calendars by key, which of them teams go by, and policies by key."""

    calendars: Mapping[str, tuple[Calendar, ...]] = field(default_factory=dict)
    team_calendars: Mapping[UUID, str] = field(default_factory=dict)
    default_calendar: str | None = None
    policies: Mapping[str, tuple[Policy, ...]] = field(default_factory=dict)

    def calendar(self, key: str) -> Calendar:
        """The newest version of the calendar in use, or UnknownCalendar."""
        versions = self.calendars.get(key)
        if versions is None or versions[-1].retired:
            used = sorted(key for key, (*_, last) in self.calendars.items() if not last.retired)
            raise UnknownCalendar(calendar=key, calendars=", ".join(used) or "none yet")
        return versions[-1]

    def hours_of(self, team: UUID | None, otherwise: str | None = None) -> Calendar | None:
        """The calendar of the team, else that one, else the desk's; None where there is none."""
        own = self.team_calendars.get(team) if team else None
        key = own or otherwise or self.default_calendar
        return self.calendars[key][-1] if key else None

    @cached_property
    def policies_in_order(self) -> tuple[Policy, ...]:
        """The newest versions of those in use, in the order in which they are asked: that of their set-up does not count."""
        newest = (versions[-1] for versions in self.policies.values())
        return tuple(sorted((each for each in newest if not each.retired), key=lambda p: (p.position, p.key)))

    @property
    def all_policies(self) -> list[Policy]:
        """The newest versions, those that are retired at the end."""
        newest = [versions[-1] for versions in self.policies.values()]
        return [*self.policies_in_order, *(each for each in newest if each.retired)]

    def policy_versions(self, key: str) -> tuple[Policy, ...]:
        """Every version of the policy, or UnknownPolicy."""
        try:
            return self.policies[key]
        except KeyError:
            raise UnknownPolicy(policy=key, policies=", ".join(sorted(self.policies)) or "none yet") from None

    def policy_of(self, pinned: Pinned) -> Policy:
        """That version of the policy."""
        return self.policies[pinned.key][pinned.version - 1]

    def calendar_of(self, pinned: Pinned | None) -> Calendar | None:
        """That version of the calendar."""
        return self.calendars[pinned.key][pinned.version - 1] if pinned else None
