"""What is wrong with a value, in words for people: the library that finds it out has words for programmers."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

_MOMENT, _OBJECT, _ARRAY = "must be a time like 2026-11-27T08:00:00Z", "must be a JSON object", "must be a JSON array"
_WHOLE, _NUMBER, _ID = "must be a whole number", "must be a number", "must be an id, as a UUID"
_DAY, _BOOLEAN = "must be a date like 2026-11-27", "must be true or false"
# By type of error; what stands in braces is of its context.
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here; see the description",
    "string_type": "must be a string",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must be like {pattern}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "timezone_aware": f"{_MOMENT}, with a time zone",
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing"), _NUMBER),
    **dict.fromkeys(("uuid_type", "uuid_parsing"), _ID),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_from_date_parsing"), _MOMENT),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), _DAY),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), _OBJECT),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), _ARRAY),
}


def wrong(error: Mapping[str, Any]) -> str:
    """What is wrong, of one entry of `ValidationError.errors()`, to be read after the name of the value; without the value."""
    words = _WORDS.get(error["type"])
    if words is None:
        return str(error["msg"]).removeprefix("Value error, ")
    if error["type"] in ("string_too_short", "too_short") and error["ctx"]["min_length"] == 1:
        return "must not be empty"
    return words.format_map(error.get("ctx", {}))


def first(error: ValidationError) -> tuple[str, str]:
    """Where the first of what is wrong is, with dots between, and what it is; the value itself is not quoted."""
    found = error.errors(include_input=False, include_url=False)[0]
    return ".".join(map(str, found["loc"])), wrong(found)
