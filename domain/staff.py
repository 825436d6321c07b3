"""People of the desk, their teams and roles, as the catalogue keeps them (B6, B7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.event import Content
from domain.permissions import PERMISSIONS, Permission, RoleName


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


@dataclass(frozen=True, slots=True)
class Grant:
    """What an actor may do."""

    role: str
    permissions: frozenset[Permission]
    scope: Scope = Scope()


REQUESTERS = Grant(RoleName.REQUESTER, PERMISSIONS[RoleName.REQUESTER])
