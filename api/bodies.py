"""What people and programs send."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from domain.values import (
    CategoryPath,
    Key,
    Line,
    Moment,
)


class Body(BaseModel):
    """The common part: nothing unknown is taken, so that a mistyped name does not go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def left_out() -> Any:
    """Of a value that may be left out, but not be null."""
    return None


class ReasonBody(Body):
    """Why something is erased; the reason stays readable for ever, so name nobody in it."""

    reason: Line


class CategoryBody(Body):
    """A path to add to the category tree; branches above it come with it."""

    path: CategoryPath = Field(min_length=1, max_length=20)


class LoginBody(Body):
    """How a person signs in from now on."""

    login: Line
    password: SecretStr = Field(min_length=10, max_length=1000)


class SignInBody(Body):
    """Login and password."""

    workspace: Key = Field(description="The workspace's short name.", examples=["demo"])
    login: Line
    password: SecretStr = Field(max_length=1000)


class ApiKeyBody(Body):
    """A new API key."""

    name: Line
    scopes: list[str] = Field(
        min_length=1, max_length=50, examples=[["read"]], description="Permissions, or read, write, admin, metrics."
    )
    person_id: UUID | None = Field(default=None, description="Whom it acts for; you, if left out.")
    requester_id: UUID | None = Field(default=None, description="The customer whom it acts for, instead of a person.")
    expires_at: Moment | None = None
