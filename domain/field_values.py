"""What a value of each kind of custom field must be, and how it is stored (B2)."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    HttpUrl,
    StrictFloat,
    StrictInt,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic import Field as Limited
from pydantic_core import SchemaError, SchemaValidator, core_schema

from domain.values import Flag, Key, Line, Message, Moment


class FieldKind(StrEnum):
    """What a custom field takes."""

    LINE = "line"
    TEXT = "text"
    DROPDOWN = "dropdown"
    CASCADE = "cascade"
    RADIO = "radio"
    CHECKBOXES = "checkboxes"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    NUMBER = "number"
    POSITIVE_INTEGER = "positive_integer"
    MONEY = "money"
    LINK = "link"
    PHONE = "phone"
    EMAIL = "email"
    PERSON = "person"
    FILE = "file"


CHOICES = frozenset({FieldKind.DROPDOWN, FieldKind.CASCADE, FieldKind.RADIO, FieldKind.CHECKBOXES})
WRITTEN = frozenset({FieldKind.LINE, FieldKind.TEXT})
MEASURED = WRITTEN | {FieldKind.NUMBER, FieldKind.POSITIVE_INTEGER, FieldKind.MONEY, FieldKind.CHECKBOXES}


class Option(BaseModel):
    """One of the choices of a field. Tickets keep its id, so that another title shows on all of them (B12)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Key
    title: Line
    parent: Key | None = None
    retired: Flag = False


class Money(BaseModel):
    """An amount as it was written, and its currency (ISO 4217)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,4})?$")]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


@dataclass(frozen=True, slots=True)
class Known:
    """What values may speak of: when they are given, whether a person works here, which files the ticket has."""

    at: datetime
    works_here: Callable[[UUID], bool]
    files: Container[UUID] = frozenset()


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _time(text: str) -> str:
    return time.fromisoformat(text).isoformat(timespec="seconds")


Finite = Annotated[float, Limited(allow_inf_nan=False, gt=-(2**63), lt=2**63)]
_NUMBER = Annotated[StrictInt | StrictFloat, Limited(allow_inf_nan=False, gt=-(2**63), lt=2**63)]
_PHONE = r"^\+?[0-9(][0-9 ()./-]{1,28}[0-9]$"
_EMAIL = r"^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$"
_DAY = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_day)]
_TIME = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}:[0-9]{2}(:[0-9]{2})?$"), AfterValidator(_time)]
_PLAIN: dict[FieldKind, tuple[TypeAdapter[Any], str]] = {
    FieldKind.LINE: (TypeAdapter(Line), "must be one line of 1 to 200 characters"),
    FieldKind.TEXT: (TypeAdapter(Message), "must be text of 1 to 100000 characters"),
    FieldKind.DATE: (TypeAdapter(_DAY), "must be a date like 2026-11-22"),
    FieldKind.TIME: (TypeAdapter(_TIME), "must be a time like 09:30"),
    FieldKind.DATETIME: (TypeAdapter(Moment), "must be a moment with its time zone, like 2026-11-22T09:00:00Z"),
    FieldKind.NUMBER: (TypeAdapter(_NUMBER), "must be a number below 2^63"),
    FieldKind.POSITIVE_INTEGER: (
        TypeAdapter(Annotated[StrictInt, Limited(ge=1, lt=2**63)]),
        "must be a whole number from 1 up",
    ),
    FieldKind.MONEY: (TypeAdapter(Money), 'must be money like {"amount": "12.30", "currency": "CNY"}'),
    FieldKind.LINK: (TypeAdapter(HttpUrl), "must be a link that begins with http:// or https://"),
    FieldKind.PHONE: (
        TypeAdapter(Annotated[str, StringConstraints(strip_whitespace=True, pattern=_PHONE)]),
        "must be a phone number like +86 10 1234 5678",
    ),
    FieldKind.EMAIL: (
        TypeAdapter(Annotated[str, StringConstraints(strip_whitespace=True, max_length=254, pattern=_EMAIL)]),
        "must be an e-mail address",
    ),
    FieldKind.PERSON: (TypeAdapter(UUID), "must be the id of an active person of the desk"),
    FieldKind.FILE: (TypeAdapter(UUID), "must be the id of a file on the ticket"),
}


def plain(kind: FieldKind, value: Any, known: Known) -> Any:
    """A value of a kind without choices, as it is stored; ValueError saying what is allowed."""
    adapter, allowed = _PLAIN[kind]
    try:
        valid = adapter.validate_python(value)
    except ValidationError:
        raise ValueError(allowed) from None
    if kind is FieldKind.LINK:
        return _as_written(value, allowed)
    if kind is FieldKind.PERSON and not known.works_here(valid):
        raise ValueError(allowed)
    if kind is FieldKind.FILE and valid not in known.files:
        raise ValueError(allowed)
    return adapter.dump_python(valid, mode="json")


def _as_written(link: str, allowed: str) -> str:
    """The link itself, for the parsed form has other letters for the same address; but the parser passes over line ends."""
    written = link.strip()
    if written.split() != [written]:
        raise ValueError(allowed)
    return written


def chosen(kind: FieldKind, value: Any, options: Iterable[Option]) -> Any:
    """The ids that were chosen, as they are stored; ValueError saying what is allowed."""
    live = {option.id: option for option in options if not option.retired}
    allowed = _listed(live)
    if kind is FieldKind.CASCADE:
        return _path(value, live)
    if kind is FieldKind.CHECKBOXES:
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) and each in live for each in value):
            raise ValueError(f"must be a list of {allowed}")
        return [each for each in live if each in value]
    if not isinstance(value, str) or value not in live:
        raise ValueError(f"must be one of {allowed}")
    return value


def _path(value: Any, live: dict[str, Option]) -> list[str]:
    """Ids from a root to a leaf."""
    if not isinstance(value, list | tuple) or not value or not all(isinstance(each, str) for each in value):
        raise ValueError("must be a list of option ids, from the root to a leaf")
    above: str | None = None
    for each in value:
        if each not in live or live[each].parent != above:
            raise ValueError(_next_of(above, live))
        above = each
    if any(option.parent == above for option in live.values()):
        raise ValueError(_next_of(above, live))
    return list(value)


def _next_of(above: str | None, live: dict[str, Option]) -> str:
    below = _listed(option.id for option in live.values() if option.parent == above)
    return f"must go on after «{above}» with one of {below}" if above else f"must begin with one of {below}"


_NAMED = 20


def _listed(ids: Iterable[str]) -> str:
    known = list(ids)
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return ", ".join(known[:_NAMED]) + more or "nothing: it has no options"


def measure(value: Any) -> Decimal:
    """What `min` and `max` limit: characters, choices, or the amount itself."""
    if isinstance(value, dict):
        return Decimal(value["amount"])
    return Decimal(str(len(value) if isinstance(value, str | list) else value))


def unit(kind: FieldKind) -> str:
    """What the limits count."""
    return " characters" if kind in WRITTEN else " choices" if kind is FieldKind.CHECKBOXES else ""


@lru_cache(maxsize=1024)
def _matcher(pattern: str) -> SchemaValidator:
    # Rust's engine: no pattern makes it take more than linear time.
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text has the form that the regular expression says."""
    return _matcher(f"^(?:{pattern})$").isinstance_python(text)


def readable(pattern: str) -> bool:
    """Whether it is a regular expression that the engine takes."""
    try:
        _matcher(pattern)
        _matcher(f"^(?:{pattern})$")
    except SchemaError:
        return False
    return True
