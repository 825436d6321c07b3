"""Whom something about a ticket is told or given to: by what they are to the ticket, or by name (E3, E4)."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

ReceiverRole = Literal["handler", "team", "lead", "followers", "control_room"]


class Receivers(BaseModel):
    """The people of the desk who hear of it: `roles` are what they are to the ticket; `people` and `teams` are named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: tuple[ReceiverRole, ...] = Field(default=(), max_length=5)
    people: tuple[UUID, ...] = Field(default=(), max_length=50)
    teams: tuple[UUID, ...] = Field(default=(), max_length=20)

    def __add__(self, other: "Receivers") -> "Receivers":
        """Those of both."""
        return Receivers(
            roles=tuple(dict.fromkeys((*self.roles, *other.roles))),
            people=tuple(dict.fromkeys((*self.people, *other.people))),
            teams=tuple(dict.fromkeys((*self.teams, *other.teams))),
        )


NOBODY_TOLD = Receivers()
