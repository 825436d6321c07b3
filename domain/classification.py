"""Types and categories of tickets, and what each of them sets for its tickets, down to the leaf (B1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Limited

from domain.errors import Refusal
from domain.values import CategoryPath, Key, Line


class UnknownType(Refusal):
    """The workspace has types, and none of that key is in use."""

    code = "unknown_type"
    status = 422
    sentence = "No type «{type}» is in use in this workspace. Use one of: {types}."


class RetiredCategory(Refusal):
    """The category takes no more tickets; those in it stay."""

    code = "retired_category"
    status = 422
    sentence = "The category {category} is no longer in use. Choose another; see /api/v1/categories."


class MayNotHandle(Refusal):
    """The ticket's type or category names who may handle it, and this person is none of them."""

    code = "may_not_handle"
    sentence = "Person {person} may not handle tickets of this type and category. Choose one of those who may."


class Settings(BaseModel):
    """What tickets get by where they are filed. `people` and `teams` are the only ones who may handle them, if any are named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    team: UUID | None = None
    template: Key | None = None
    workflow: Key | None = None
    people: tuple[UUID, ...] = Limited(default=(), max_length=200)
    teams: tuple[UUID, ...] = Limited(default=(), max_length=200)

    @property
    def restricted(self) -> bool:
        """Whether not everybody may handle these tickets."""
        return bool(self.people or self.teams)


class TypeDefinition(Settings):
    """A type as it is set up; what it leaves open its parent decides."""

    title: Line
    parent: Key | None = None


class TicketType(TypeDefinition):
    """A type of tickets."""

    key: Key
    retired: bool = False


class CategoryDefinition(Settings):
    """A branch or leaf of the category tree as it is set up. Without a title it is called by the end of its path."""

    path: CategoryPath = Limited(min_length=1, max_length=10)
    title: Line | None = None


class CategorySettings(CategoryDefinition):
    """What a branch or leaf sets."""

    retired: bool = False


@dataclass(frozen=True, slots=True)
class Handling:
    """What a ticket gets: of each thing what the nearest level says, the leaf before the branch before the type."""

    team: UUID | None = None
    template: str | None = None
    workflow: str | None = None
    people: frozenset[UUID] = frozenset()
    teams: frozenset[UUID] = frozenset()

    @classmethod
    def of(cls, nearest_first: Iterable[Settings]) -> Self:
        """The nearest level's word on each."""
        levels = list(nearest_first)
        if not levels:
            return cls()
        limit = next((level for level in levels if level.restricted), Settings())
        return cls(
            team=next((level.team for level in levels if level.team), None),
            template=next((level.template for level in levels if level.template), None),
            workflow=next((level.workflow for level in levels if level.workflow), None),
            people=frozenset(limit.people),
            teams=frozenset(limit.teams),
        )

    def allows(self, person: UUID, teams: frozenset[UUID]) -> bool:
        """Whether a person of those teams may handle the ticket."""
        return not (self.people or self.teams) or person in self.people or not self.teams.isdisjoint(teams)
