"""What is wrong with a value is said in words for people, and the value is not quoted."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.conditions.refusal import FEW, near
from domain.streaming import Shown
from domain.values import Key, Line
from domain.webhooks import Address
from domain.wording import first, wrong


class Asked(BaseModel):
    """Something that is asked for."""

    model_config = ConfigDict(extra="forbid")

    names: tuple[Line, ...]


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (Line, "", "must not be empty"),
        (Annotated[tuple[Line, ...], Field(min_length=1)], [], "must not be empty"),
        (Line, "x" * 201, "must have at most 200 characters"),
        (Line, 7, "must be a string"),
        (Key, "Secret Key", "must be like ^[a-z0-9]"),
        (Shown, "sound", "must be 'title', 'text', 'fields' or 'files'"),
        (Literal["a", "b"], "c", "must be 'a' or 'b'"),
        (int, "seven", "must be a whole number"),
        (bool, "perhaps", "must be true or false"),
        (UUID, "4711", "must be an id"),
        (datetime, "yesterday", "must be a time like"),
        (AwareDatetime, "2026-11-27T08:00:00", "with a time zone"),
        (Asked, 7, "must be a JSON object"),
        (Asked, {"names": "a"}, "must be a JSON array"),
        (Asked, {}, "is missing"),
        (Asked, {"names": (), "more": 1}, "is not known here"),
        (Address, "ftp://secret.example/", "must be an address like"),
    ],
)
def test_it_is_said_in_words_for_people(kind: Any, value: Any, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    reason = wrong(caught.value.errors()[0])
    assert reason.startswith(said) or reason.endswith(said)
    assert "Input" not in reason
    assert "ecret" not in reason


def test_where_it_is_is_said_too() -> None:
    with pytest.raises(ValidationError) as caught:
        Asked.model_validate({"names": ("a", "")})
    assert first(caught.value) == ("names.1", "must not be empty")


def test_of_many_names_only_those_are_said_that_were_probably_meant() -> None:
    many = [*(str(number) for number in range(FEW)), "ticket.closed"]
    assert near("ticket.close", many) == "Did you mean ticket.closed?"
    assert near("quite another", many, "the list") == "All names are in the list."
    assert near("quite another", ["a", "b"]) == "Use one of: a, b."
