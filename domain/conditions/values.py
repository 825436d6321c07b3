"""The values that conditions compare with: read from JSON, checked against the field and the operator."""

from collections.abc import Callable
from datetime import datetime
from math import isfinite
from typing import Annotated, Any, Literal, NoReturn
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from domain.conditions.fields import Field, FieldType
from domain.conditions.operators import Asks, Operator, Takes
from domain.conditions.patterns import translated
from domain.conditions.refusal import InvalidCondition, near
from domain.conditions.windows import Span
from domain.values import Moment, Printable

LONGEST_LIST = 100
LONGEST_TEXT = 200
DEEPEST_PATH = 16


class _Placeholder(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Me(_Placeholder):
    """Whoever asks."""

    me: Literal[True] = True


class MyTeams(_Placeholder):
    """The teams of whoever asks: any of them."""

    my_teams: Literal[True] = True


class MyOrganisation(_Placeholder):
    """The organisation of whoever asks."""

    my_organisation: Literal[True] = True


Placeholder = Me | MyTeams | MyOrganisation
_PLACEHOLDERS: dict[str, type[Placeholder]] = {"me": Me, "my_teams": MyTeams, "my_organisation": MyOrganisation}
_MOMENT = TypeAdapter[datetime](Moment)
_TEXT = TypeAdapter[str](Annotated[str, Printable])
Reader = Callable[[Field, Any, str], Any]


def checked(field: Field, operator: Operator, value: Any, place: str) -> Any:
    """The value in its one hashable form; raises InvalidCondition saying what is expected at that place."""
    read = _reader(field, operator, value)
    match operator.takes:
        case Takes.NOTHING:
            return _nothing(value, place)
        case Takes.PATTERN:
            pattern = _text(field, value, place)
            translated(pattern, place)
            return pattern
        case Takes.SPAN:
            return _span(value, place)
        case Takes.MANY:
            return _many(field, value, place, read)
        case Takes.SOME if isinstance(value, list | tuple):
            return _many(field, value, place, read)
        case Takes.SOME:
            return (read(field, value, place),)
        case Takes.PAIR:
            return _pair(field, value, place, read)
    return read(field, value, place)


def _refuse(place: str, reason: str) -> NoReturn:
    raise InvalidCondition(place=place, reason=reason)


def _reader(field: Field, operator: Operator, value: Any) -> Reader:
    """What reads one value: by the operator where it says, else by the field."""
    if operator.asks in _BY_TEST:
        return _BY_TEST[operator.asks]
    if operator.takes is Takes.PAIR and field.type is FieldType.CUSTOM:
        return _number if isinstance(value, list | tuple) and all(map(_is_number, value)) else _moment
    if operator.asks in (Asks.HAS_ANY, Asks.HAS_ALL) and field.type is FieldType.CUSTOM:
        return _text
    if operator.asks is Asks.COMPARE and field.type is FieldType.CUSTOM:
        return _number
    return _BY_TYPE[field.type]


def _nothing(value: Any, place: str) -> None:
    if value is not None:
        _refuse(place, "This operator takes no value; leave it out.")


def _many(field: Field, value: Any, place: str, read: Reader) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= LONGEST_LIST:
        _refuse(place, f"Give a list of 1 to {LONGEST_LIST} values.")
    values = tuple(read(field, each, f"{place}[{index}]") for index, each in enumerate(value))
    if len({(_is_number(each), isinstance(each, tuple)) for each in values}) > 1:
        _refuse(place, "Give only texts, only numbers or only paths.")
    if any(isinstance(each, bool) for each in values):
        _refuse(place, "Ask for true or false with the operator is.")
    return values


def _pair(field: Field, value: Any, place: str, read: Reader) -> tuple[Any, Any]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        _refuse(place, "Give a list of two values, the lower one first.")
    low, high = (read(field, each, f"{place}[{index}]") for index, each in enumerate(value))
    if low > high:
        _refuse(place, "Give the lower one of the two values first.")
    return low, high


def _span(value: Any, place: str) -> Span:
    try:
        return Span.model_validate(value)
    except ValidationError:
        units = "minutes, hours, days, weeks or months"
        _refuse(place, f'Give a span like {{"amount": 4, "unit": "hours"}}: an amount of 1 to 100000 {units}.')


def _text(_field: Field, value: Any, place: str) -> str:
    try:
        text = _TEXT.validate_python(value, strict=True)
    except ValidationError:
        _refuse(place, "Give a text without control characters.")
    if not 1 <= len(text) <= LONGEST_TEXT:
        _refuse(place, f"Give a text of 1 to {LONGEST_TEXT} characters.")
    return str(text)


def _option(field: Field, value: Any, place: str) -> str:
    text = _text(field, value, place)
    if field.options and text not in field.options:
        _refuse(place, f"{field.label} has no such value. {near(text, field.options, 'the settings of the field')}")
    return text


def _id_or(*placeholders: str) -> Reader:
    def read(_field: Field, value: Any, place: str) -> Any:
        if placeholder := _placeholder(value, placeholders):
            return placeholder
        try:
            return value if isinstance(value, UUID) else UUID(value)
        except (ValueError, TypeError, AttributeError):
            forms = " or ".join(f'{{"{name}": true}}' for name in placeholders)
            _refuse(place, f"Give an id (a UUID) or {forms}.")

    return read


def _placeholder(value: Any, allowed: tuple[str, ...]) -> Placeholder | None:
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, dict) and len(value) == 1:
        ((name, given),) = value.items()
        return _PLACEHOLDERS[name]() if name in allowed and given is True else None
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(_field: Field, value: Any, place: str) -> int | float:
    if not _is_number(value) or abs(value) >= 2**63 or not isfinite(value):
        _refuse(place, "Give a number.")
    return value  # type: ignore[no-any-return]


def _moment(_field: Field, value: Any, place: str) -> datetime:
    try:
        return _MOMENT.validate_python(value)
    except ValidationError:
        _refuse(place, "Give a moment with its time zone, e.g. 2026-11-22T09:00:00Z.")


def _flag(_field: Field, value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        _refuse(place, "Give true or false.")
    return value


def _path(field: Field, value: Any, place: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= DEEPEST_PATH:
        _refuse(place, f"Give a path as a list of 1 to {DEEPEST_PATH} names, from the root.")
    return tuple(_text(field, each, f"{place}[{index}]") for index, each in enumerate(value))


def _custom(field: Field, value: Any, place: str) -> Any:
    if placeholder := _placeholder(value, tuple(_PLACEHOLDERS)):
        return placeholder
    match value:
        case bool():
            return value
        case str():
            return _text(field, value, place)
        case int() | float():
            return _number(field, value, place)
        case list() | tuple():
            return _path(field, value, place)
    _refuse(place, "Give a text, a number, true or false, or a path.")


_BY_TEST: dict[Asks, Reader] = {
    Asks.CONTAINS: _text,
    Asks.STARTS: _text,
    Asks.ENDS: _text,
    Asks.WORD: _text,
    Asks.WINDOW: _moment,
    Asks.UNDER: _path,
}
_BY_TYPE: dict[FieldType, Reader] = {
    FieldType.OPTION: _option,
    FieldType.PERSON: _id_or("me"),
    FieldType.TEAM: _id_or("my_teams"),
    FieldType.ORGANISATION: _id_or("my_organisation"),
    FieldType.TEXT: _text,
    FieldType.TAGS: _text,
    FieldType.PEOPLE: _id_or("me"),
    FieldType.PATH: _path,
    FieldType.NUMBER: _number,
    FieldType.MOMENT: _moment,
    FieldType.FLAG: _flag,
    FieldType.CUSTOM: _custom,
}
