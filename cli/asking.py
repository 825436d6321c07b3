"""The domain's commands as the command line knows them: their names, what they take, and how that is written."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, create_model

import domain.aggregates  # noqa: F401 - registers every command
from domain.command import CONTEXT_FIELDS, DECIDERS, Command
from domain.errors import InvalidInput, LedgerdeskError
from domain.rules.effects import EFFECT
from domain.rules.rule import RuleDefinition

Schema = Mapping[str, Any]

# Two-stream halves, confirmations and imported facts: carried out by what is named here, never by hand.
FOLLOWING = {
    "absorb-requester": "merge-requester",
    "absorb-ticket": "merge-ticket",
    "confirm-organisation-erasure": "erase-organisation",
    "confirm-requester-erasure": "erase-requester",
    "confirm-ticket-erasure": "erase-ticket",
    "create-workspace": "ledgerdesk workspace create",
    "keep-promises": "the clock of a policy",
    "keep-split": "undo-split",
    "link-back": "link-ticket",
    "open-split": "split-ticket",
    "record-export": "an export",
    "release-requester": "undo-requester-merge",
    "release-ticket": "undo-merge",
    "report-cut": "a rule that acts",
    "report-refusal": "a rule that acts",
    "send-notification": "what happens to tickets",
    "tell-change": "ledgerdesk import",
    "tell-opening": "ledgerdesk import",
    "tell-update": "ledgerdesk import",
    "unlink-back": "unlink-ticket",
    "rotate-webhook-secret": "ledgerdesk webhooks rotate",
    "set-webhook": "ledgerdesk webhooks add",
    "withdraw-split": "undo-split",
}
# Which field says whose id it is, wherever it stands in a command.
NAMED = {
    "person_id": "person",
    "person": "person",
    "people": "person",
    "mentions": "person",
    "followers": "person",
    "leads": "person",
    "approvers": "person",
    "team_id": "team",
    "team": "team",
    "teams": "team",
    "requester_id": "requester",
    # Where it is an id: tickets and tags go on as others by their numbers and names.
    "into": "requester",
    "organisation_id": "organisation",
}
# Where the same name of a field means another kind.
NAMED_OF = {("merge-organisation", "into"): "organisation"}
# What these commands make gets an id of its own where none is given.
MADE = {
    "add-absence": "absence_id",
    "add-organisation": "organisation_id",
    "add-person": "person_id",
    "add-team": "team_id",
    "register-requester": "requester_id",
    "save-view": "view_id",
}

# Written as JSON writes them, without quotes.
_PLAIN_VALUES = {"boolean", "integer", "number"}
_WITHOUT_ADDRESS = ("team", "organisation")


class UnknownAction(LedgerdeskError):
    """No command of that name."""

    code = "unknown_action"
    sentence = "There is no action «{action}». {hint}See `ledgerdesk do --list`."
    misuse = True


class NotByHand(LedgerdeskError):
    """A command that only follows from another one."""

    code = "not_by_hand"
    sentence = "The action «{action}» follows from {instead} and is not done by itself."
    misuse = True


@cache
def actions() -> dict[str, type[Command]]:
    """All commands by their names: ClaimTicket is claim-ticket."""
    return {kebab(command.__name__): command for command in DECIDERS}


def kebab(name: str) -> str:
    """A class's name as an action's."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "-", name).lower()


def action(name: str) -> type[Command]:
    """The command of that name, or UnknownAction with those that sound alike."""
    if name in actions():
        return actions()[name]
    from difflib import get_close_matches

    near = get_close_matches(name, [each for each in actions() if each not in FOLLOWING], n=3)
    raise UnknownAction(action=name, hint=f"Did you mean {' or '.join(near)}? " if near else "")


class Asked(NamedTuple):
    """What a command takes: a JSON schema of its fields without who, when and what is found out."""

    name: str
    schema: Schema

    @property
    def fields(self) -> dict[str, Schema]:
        """Each field's schema by name."""
        found: dict[str, Schema] = self.schema["properties"]
        return found

    @property
    def required(self) -> set[str]:
        """Fields that must be given."""
        made = {MADE.get(self.name)}
        return {*self.schema.get("required", ())} - made

    @property
    def subject(self) -> str | None:
        """The field that may be given without its name: what the action is done to."""
        return next((name for name in self.fields if name not in ("why", "expected")), None)

    def open(self, schema: Schema) -> list[Schema]:
        """The ways in which a value may be, references and unions opened, without null."""
        if "$ref" in schema:
            return self.open(self.schema["$defs"][schema["$ref"].rpartition("/")[2]])
        ways = schema.get("anyOf") or schema.get("oneOf")
        found = [each for way in ways for each in self.open(way)] if ways else [schema]
        return [way for way in found if way.get("type") != "null"]

    def at(self, path: str) -> Schema:
        """The schema of a field, or of what is inside it: `definition.title`; InvalidInput where there is none."""
        schema: Schema = self.schema
        for name in path.split("."):
            inside = [found for way in self.open(schema) if (found := _inside(way, name)) is not None]
            if not inside:
                known = ", ".join(dict.fromkeys(key for way in self.open(schema) for key in way.get("properties", ())))
                reason = f"is none of its fields; there are {known}" if known else "has nothing inside"
                raise InvalidInput(field=path, reason=f"{reason}. See `ledgerdesk do --describe {self.name}`.")
            schema = inside[0]
        return schema

    def read(self, path: str, text: str) -> Any:
        """A value as it was written: text, JSON where it is structured, a,b for several."""
        schema = self.at(path)
        ways = self.open(schema)
        kinds = {way.get("type") for way in ways}
        if not text and not any(way.get("type") == "string" and not way.get("minLength") for way in ways):
            return [] if kinds == {"array"} and not _nullable(schema) else None
        if kinds & {"object", "array"} and text[:1] in ("{", "["):
            return _json(path, text)
        if "array" in kinds:
            return [part.strip() for part in text.split(",")]
        if kinds <= {"object"} and not _short(ways):
            raise InvalidInput(field=path, reason=f"is JSON like {self.words(schema)}, or give {path}.NAME=VALUE")
        return _free(text) if None in kinds or kinds <= _PLAIN_VALUES else text

    def words(self, schema: Schema, name: str = "") -> str:
        """What a value may be, for people."""
        return " or ".join(dict.fromkeys(self._way(way, name) for way in self.open(schema))) or "nothing"

    def _way(self, way: Schema, name: str) -> str:
        if "enum" in way or "const" in way:
            return " | ".join(map(str, way.get("enum") or [way["const"] or "nothing"]))
        if way.get("type") == "array":
            items = way.get("items")
            return f"several: {self.words(items, name)}" if items else "a list"
        if "properties" in way:
            return f"{{{', '.join(way['properties'])}}}"
        if way.get("type") == "object":
            return "{NAME: VALUE}, each also as .NAME=VALUE"
        if way.get("format") == "uuid" and (kind := self._kind(name)):
            return f"{kind} (name or id)" if kind in _WITHOUT_ADDRESS else f"{kind} (login, e-mail address, name or id)"
        formats = {"uuid": "an id", "date-time": "a time like 2026-11-22T09:00:00Z"}
        plain = {"string": "text", "boolean": "true | false", "integer": "a number", "number": "a number"}
        return formats.get(way.get("format", "")) or plain.get(way.get("type", ""), "any JSON value")

    def _kind(self, name: str) -> str | None:
        """What the id in a field of that name is the id of, where that has names."""
        return NAMED_OF.get((self.name, name)) or NAMED.get(name)

    def ids(self, schema: Schema, value: Any, name: str) -> Iterator[tuple[Any, int | str, str]]:
        """Places that hold an id of a kind that has names: (container, key, kind)."""
        for way in self.open(schema):
            if isinstance(value, dict) and way.get("type") == "object" and _meant(way, value):
                for key, each in value.items():
                    inside = _inside(way, key)
                    if inside is not None:
                        yield from self._held(inside, value, key, each, key)
            elif isinstance(value, list) and way.get("type") == "array" and "items" in way:
                for place, each in enumerate(value):
                    yield from self._held(way["items"], value, place, each, name)

    def _held(
        self, schema: Schema, holder: Any, key: int | str, value: Any, name: str
    ) -> Iterator[tuple[Any, int | str, str]]:
        if isinstance(value, str):
            if (kind := self._kind(name)) and any(way.get("format") == "uuid" for way in self.open(schema)):
                yield holder, key, kind
            elif any(_short([way]) for way in self.open(schema)):
                yield holder, key, "assignee"
        else:
            yield from self.ids(schema, value, name)


@cache
def asked(name: str) -> Asked:
    """What the command of that name takes."""
    command = action(name)
    own = {
        key: (info.annotation, info)
        for key, info in command.model_fields.items()
        if key not in CONTEXT_FIELDS and not info.exclude
    }
    form = create_model(command.__name__, __config__=ConfigDict(extra="forbid"), **own)  # type: ignore[call-overload]
    return Asked(name, _with_effects(form.model_json_schema()))


@cache
def asked_of(kind: type[BaseModel]) -> Asked:
    """What is to be in a definition of that kind."""
    return Asked(kind.__name__, _with_effects(kind.model_json_schema()))


def _with_effects(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with what rules may do in it: a rule keeps that as it was written."""
    rules = [each for each in (schema, *schema.get("$defs", {}).values()) if each["title"] == RuleDefinition.__name__]
    if rules:
        effect = EFFECT.json_schema()
        schema.setdefault("$defs", {}).update(effect.pop("$defs"))
        for rule in rules:
            rule["properties"]["then"]["items"] = effect
    return schema


def _inside(way: Schema, name: str) -> Schema | None:
    """The schema of a property, or of any property of a mapping; None where there is no such."""
    if name in way.get("properties", {}):
        found: Schema = way["properties"][name]
        return found
    for free in (*way.get("patternProperties", {}).values(), way.get("additionalProperties")):
        if free not in (None, False):
            return free if isinstance(free, Mapping) else {}
    return None


def _meant(way: Schema, value: Mapping[str, Any]) -> bool:
    """Whether it can be this way of several: not where a property that says which it is says another one."""
    told = ((schema.get("const"), value[name]) for name, schema in way.get("properties", {}).items() if name in value)
    return all(said in (None, is_it) for said, is_it in told)


def _short(ways: list[Schema]) -> bool:
    """Whether it is an assignee, who may be given by name alone."""
    return any(way.get("title") == "Assignee" for way in ways)


def _nullable(schema: Schema) -> bool:
    return any(way.get("type") == "null" for way in schema.get("anyOf", ()))


def _json(path: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput(field=path, reason="is not JSON; mind the quotes of your shell") from None


def _free(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
