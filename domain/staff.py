"""People of the desk, their teams and roles, as the catalogue keeps them (B6, B7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.errors import Refusal
from domain.event import Content
from domain.inbox.preferences import USUALLY, Preferences
from domain.permissions import PERMISSIONS, Permission, RoleName


class RoleTooWide(Refusal):
    """Nobody can give what they do not have."""

    code = "role_too_wide"
    status = 403
    sentence = "The role «{role}» gives more than you have: {missing}. Ask an admin who has it."


@dataclass(frozen=True, slots=True)
class Scope:
    """Which tickets a role reaches: those of these types or under these categories; empty reaches all."""

    types: frozenset[str] = frozenset()
    categories: frozenset[tuple[str, ...]] = frozenset()

    @property
    def everything(self) -> bool:
        """Whether nothing is out of reach."""
        return not self.types and not self.categories

    def covers(self, type_: str | None, category: tuple[str, ...]) -> bool:
        """Whether a ticket of that type and category is in reach."""
        branches = (category[:depth] for depth in range(1, len(category) + 1))
        return self.everything or type_ in self.types or not self.categories.isdisjoint(branches)

    def within(self, other: "Scope") -> bool:
        """Whether the other scope reaches everything that this one does."""
        if other.everything or self.everything:
            return other.everything
        return self.types <= other.types and all(other.covers(None, category) for category in self.categories)


@dataclass(frozen=True, slots=True)
class Role:
    """What its bearers may do, and to which tickets."""

    key: str
    name: str
    permissions: frozenset[Permission]
    scope: Scope = Scope()
    active: bool = True


BUILT_IN: Mapping[str, Role] = {
    name.value: Role(name.value, name.value.replace("_", " ").capitalize(), allowed)
    for name, allowed in PERMISSIONS.items()
}


@dataclass(frozen=True, slots=True)
class Team:
    """A group that tickets can be given to."""

    id: UUID
    name: str
    leads: frozenset[UUID] = frozenset()
    active: bool = True


@dataclass(frozen=True, slots=True)
class Absence:
    """A time in which a person takes no tickets, from `starts` up to, not including, `ends`."""

    id: UUID
    starts: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Shift:
    """Working hours of a weekday (0 Monday to 6 Sunday), in minutes after midnight; past 1440 is the next day."""

    weekday: int
    starts: int
    ends: int


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works on the desk. `skills` have levels 1 to 5; `load_limit` is the most open tickets at once."""

    id: UUID
    name: Content[str]
    email: Content[str] | None
    role: str
    teams: frozenset[UUID] = frozenset()
    active: bool = True
    skills: Mapping[str, int] = field(default_factory=dict)
    load_limit: int | None = None
    on_duty: bool = True
    absences: tuple[Absence, ...] = ()
    shifts: tuple[Shift, ...] = ()
    zone: str = "UTC"
    notifications: Preferences = USUALLY


def available(person: Person, at: datetime) -> bool:
    """Whether the person takes tickets at that time: active, on duty, not absent, and within a shift if they have any."""
    absent = any(absence.starts <= at < absence.ends for absence in person.absences)
    return person.active and person.on_duty and not absent and (not person.shifts or _in_shift(person, at))


_DAY = 24 * 60


def _in_shift(person: Person, at: datetime) -> bool:
    """By the clock on the wall there; yesterday's shift may still go on."""
    here = at.astimezone(ZoneInfo(person.zone))
    minute, yesterday = here.hour * 60 + here.minute, (here - timedelta(days=1)).weekday()
    return any(
        (shift.weekday == here.weekday() and shift.starts <= minute < shift.ends)
        or (shift.weekday == yesterday and shift.starts <= minute + _DAY < shift.ends)
        for shift in person.shifts
    )


@dataclass(frozen=True, slots=True)
class Grant:
    """What an actor may do."""

    role: str
    permissions: frozenset[Permission]
    scope: Scope = Scope()


REQUESTERS = Grant(RoleName.REQUESTER, PERMISSIONS[RoleName.REQUESTER])
