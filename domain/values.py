"""Small values that several aggregates speak of."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

# What PostgreSQL, JSON or a terminal cannot carry: NUL and other control characters, lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _printable(text: str) -> str:
    if _UNPRINTABLE.search(text):
        raise ValueError("must not contain control characters")
    return text


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("must carry a time zone, e.g. 2026-11-22T09:00:00Z")
    return moment.astimezone(UTC)


Printable = AfterValidator(_printable)
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Printable]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Printable]
Text = Annotated[str, StringConstraints(max_length=100_000), Printable]
Message = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100_000), Printable]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), Printable]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,49}$")]
Number = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
CategoryPath = tuple[Line, ...]
Moment = Annotated[datetime, AfterValidator(_utc)]


class Priority(StrEnum):
    """How urgent a ticket is (A5)."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class StatusKind(StrEnum):
    """What a status means; a workspace gives its statuses names, each of one kind (A6)."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    RESOLVED = "resolved"
    CONFIRMED = "confirmed"
    RATED = "rated"
    CLOSED = "closed"


FINISHED = frozenset({StatusKind.RESOLVED, StatusKind.CONFIRMED, StatusKind.RATED, StatusKind.CLOSED})


class Assignee(BaseModel):
    """Who is responsible: a person, a team, or a person of a team. Neither means nobody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    team: UUID | None = None
    person: UUID | None = None


NOBODY = Assignee()
