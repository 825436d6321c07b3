"""Macros and canned replies as the catalogue keeps them, and what stands for a ticket in their texts (B9)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator

from domain.values import Message

# What a text may speak of, as {{ticket.number}}; and of every custom field, as {{ticket.fields.site}}.
VARIABLES = (
    "ticket.number",
    "ticket.title",
    "ticket.status",
    "ticket.priority",
    "ticket.type",
    "ticket.category",
    "ticket.team",
    "ticket.assignee",
    "ticket.due_at",
    "requester.name",
    "agent.name",
    "workspace.title",
)
FIELD = "ticket.fields."
# From one pair of braces to the next pair of either kind: linear, whatever somebody writes.
_PLACE = re.compile(r"\{\{((?:(?!\{\{|\}\}).)*+)\}\}", re.DOTALL)
_FIELD = re.compile(re.escape(FIELD) + r"[a-z0-9][a-z0-9_-]{0,49}")


def checked(text: str) -> str:
    """The same text, or ValueError where it speaks of what nobody can fill in."""
    places = {place.strip() for place in _PLACE.findall(text)} - set(VARIABLES)
    if unknown := [place for place in places if not _FIELD.fullmatch(place)]:
        known = ", ".join([*VARIABLES, f"{FIELD}<key>"])
        raise ValueError(f"has {len(unknown)} unknown variables; these are known: {known}")
    return text


Template = Annotated[Message, AfterValidator(checked)]


def rendered(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables filled in, in one pass: what is filled in is not read again."""
    return _PLACE.sub(lambda place: values.get(place[1].strip(), ""), text)


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """A JSON value with every text in it rendered."""
    match value:
        case str():
            return rendered(value, values)
        case dict():
            return {name: filled(each, values) for name, each in value.items()}
        case list() | tuple():
            return [filled(each, values) for each in value]
    return value


def texts(value: Any) -> list[str]:
    """Every text in a JSON value."""
    match value:
        case str():
            return [value]
        case dict():
            return [text for each in value.values() for text in texts(each)]
        case list() | tuple():
            return [text for each in value for text in texts(each)]
    return []


@dataclass(frozen=True, slots=True)
class Macro:
    """Several actions as JSON, done as one."""

    key: str
    title: str
    actions: tuple[dict[str, Any], ...]
    active: bool = True


@dataclass(frozen=True, slots=True)
class CannedReply:
    """A text that agents begin an answer with."""

    key: str
    title: str
    body: str
    active: bool = True
