"""What people and programs send to set up a desk: its life cycle, teams, people, roles, tags and macros."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.bodies import Body, left_out
from domain.macros import VARIABLES, Template
from domain.permissions import Permission
from domain.rules.rule import MOST_RULES, RuleDefinition
from domain.setup.macros import MacroActions
from domain.setup.staff import Hours, Level
from domain.setup.tags import Colour
from domain.values import CategoryPath, Flag, Key, Line, Moment, StatusKind, Tag, Tags, Zone


class Reasons(Body):
    """Why, and what it should bring about; both are kept in the history (B11)."""

    why: Line | None = None
    expected: Line | None = None


class NewStatusBody(Body):
    """A further status of the life cycle."""

    key: Key
    title: Line
    kind: StatusKind


class TitleBody(Body):
    """What people call it."""

    title: Line


class StatusTitleBody(Reasons):
    """What people call the status."""

    title: Line


class OrderBody(Reasons):
    """All statuses, in their order."""

    order: tuple[Key, ...] = Field(max_length=200)


class MovesBody(Reasons):
    """Which statuses may follow; null leaves it to what its kind allows."""

    to: tuple[Key, ...] | None = Field(max_length=200)


class LeadsBody(Body):
    """Who leads the team, all of them."""

    leads: tuple[UUID, ...] = Field(max_length=50)


class PersonBody(Body):
    """Somebody who works on the desk from now on."""

    name: Line
    email: Line | None = None
    role: Key = Field(examples=["agent"])
    teams: tuple[UUID, ...] = Field(default=(), max_length=100)


class PersonChanges(Body):
    """What is to be different about a person; null takes the address away."""

    name: Line = Field(default_factory=left_out)
    email: Line | None = None


class RoleBody(Reasons):
    """Another role, by its key."""

    role: Key = Field(examples=["lead"])


class TeamsBody(Body):
    """The teams that a person works in, all of them."""

    teams: tuple[UUID, ...] = Field(max_length=100)


class SkillsBody(Body):
    """What a person is good at, all of it, from 1 to 5."""

    skills: dict[Key, Level] = Field(max_length=100, examples=[{"french": 3, "network": 5}])


class LoadLimitBody(Body):
    """How many open tickets a person takes at once; null is any number."""

    limit: Annotated[int, Field(ge=0, le=10_000)] | None


class DutyBody(Body):
    """Whether to take tickets."""

    on_duty: Flag


class AbsenceBody(Body):
    """A time without tickets, up to, not including, its end."""

    starts: Moment
    ends: Moment


class ShiftsBody(Body):
    """When a person works each week, by the clock of the zone; no shifts is always."""

    shifts: tuple[Hours, ...] = Field(max_length=50)
    zone: Zone = Field(examples=["Asia/Shanghai"])


class CustomRoleBody(Reasons):
    """A role of the workspace's own; without types and categories it reaches every ticket."""

    title: Line
    permissions: tuple[Permission, ...] = Field(max_length=len(Permission))
    types: tuple[Key, ...] = Field(default=(), max_length=200)
    categories: tuple[CategoryPath, ...] = Field(default=(), max_length=100)


class TagBody(Body):
    """A tag that is offered."""

    tag: Tag
    colour: Colour | None = Field(default=None, examples=["#ff8800"])


class RenamingBody(Body):
    """Another name for a tag, wherever it is."""

    tag: Tag
    to: Tag


class MergingBody(Body):
    """Several tags become one, wherever they are."""

    tags: Tags = Field(min_length=1, max_length=50)
    into: Tag


_TEXTS = f"Texts may have {', '.join(f'{{{{{name}}}}}' for name in VARIABLES)}."


class MacroBody(Reasons):
    """Several actions, done as one."""

    title: Line
    actions: MacroActions = Field(description=_TEXTS, examples=[[{"do": "set_priority", "priority": "high"}]])


class RuleBody(RuleDefinition, Reasons):
    """A rule, all of it: when it acts, and what it does."""


class RulesOrderBody(Reasons):
    """Every rule once, in the order in which they act."""

    order: tuple[Key, ...] = Field(max_length=MOST_RULES)


class CannedReplyBody(Body):
    """A text that agents begin an answer with."""

    title: Line
    body: Template = Field(description=_TEXTS, examples=["Thank you for {{ticket.number}}."])
