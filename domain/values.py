"""Small values that several aggregates speak of."""

import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite
from typing import Annotated, Any, Self
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    model_validator,
)

# What PostgreSQL, JSON or a terminal cannot carry: NUL and other control characters, lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _printable(text: str) -> str:
    if _UNPRINTABLE.search(text):
        raise ValueError("must not contain control characters")
    return text


def _one_line(text: str) -> str:
    return " ".join(part.strip() for part in _printable(text).splitlines())


def _written_out(moment: Any) -> Any:
    # "5" would be five seconds after 1970, which nobody means.
    if isinstance(moment, int | float) or (isinstance(moment, str) and not re.match(r"\d{4}-", moment)):
        raise ValueError("must be written out, e.g. 2026-11-22T09:00:00Z")
    return moment


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("must carry a time zone, e.g. 2026-11-22T09:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is beyond the years 1 to 9999 in UTC") from None


def _known_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise ValueError("must be an IANA time zone, e.g. Asia/Shanghai")
    return zone


def _storable(value: Any, depth: int = 0) -> Any:
    """A custom value as JSON, PostgreSQL and every reader of the log can carry it."""
    match value:
        case None | bool():
            pass
        case str():
            _printable(value)
        case int() | float() if abs(value) >= 2**63 or not isfinite(value):
            raise ValueError("must be a finite number below 2^63")
        case int() | float():
            pass
        case dict() | list() | tuple() if depth == DEEPEST:
            raise ValueError(f"must not be nested deeper than {DEEPEST}")
        case dict():
            for name, each in value.items():
                _printable(name)
                _storable(each, depth + 1)
        case list() | tuple():
            for each in value:
                _storable(each, depth + 1)
        case _:
            raise ValueError("must be a JSON value")
    return value


def same_value(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same to whoever reads them; to Python 1 and True are equal."""
    return bool(one == other) and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


DEEPEST = 16
FieldValue = Annotated[Any, AfterValidator(_storable)]
Printable = AfterValidator(_printable)
OneLine = AfterValidator(_one_line)
# True and false, and whole numbers, as JSON has them: "no" or 0 where a flag is asked is a mistake of whoever sent it.
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), OneLine]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), OneLine]
Text = Annotated[str, StringConstraints(max_length=100_000), Printable]
Message = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100_000), Printable]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), OneLine]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,49}$")]
Number = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
# Written in order, so that a command sent again has the same fingerprint in every process.
InOrder = PlainSerializer(sorted, return_type=list[str])
Tags = Annotated[frozenset[Tag], InOrder]
Names = Annotated[frozenset[str], InOrder]
CategoryPath = tuple[Line, ...]
Zone = Annotated[Line, AfterValidator(_known_zone)]
Moment = Annotated[datetime, BeforeValidator(_written_out), AfterValidator(_utc)]


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
    """Who is responsible (A9): a person, or a team, several people or a role of whom one must claim it. None is nobody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    team: UUID | None = None
    person: UUID | None = None
    people: tuple[UUID, ...] = Field(default=(), max_length=50)
    role: Key | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        """A person has it, or several may claim it: not both."""
        if self.people and (self.person or self.role):
            raise ValueError("give a person, or several people, or a role")
        if self.role and self.person:
            raise ValueError("give a person or a role, not both")
        return self

    @property
    def needs_claim(self) -> bool:
        """Whether somebody must claim it before anybody has it."""
        return self.person is None and bool(self.team or self.people or self.role)


NOBODY = Assignee()


class AssignmentReason(BaseModel):
    """Why the system gave it to that person: how it picked, of how many who were free, and what counted for them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    how: str
    among: int
    open: int
    skill: Key | None = None
    level: int | None = None


class Pinned(BaseModel):
    """A version of something that is set up: what a ticket began with stays its own (B12)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Key
    version: int


class Contact(BaseModel):
    """A way to reach somebody: `kind` says which, as people call it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Line
    value: Line


class Attachment(BaseModel):
    """A file: `sha256` of its stored, encrypted bytes in hex; `key` (base64url) opens them; `size` in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attachment_id: UUID
    name: Line
    media_type: Line
    size: int
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    key: str
