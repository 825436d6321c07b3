"""One JSON Schema (2020-12) for each event as services receive it, and one for what a ticket is now; made from the code."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from domain.event import EVENTS, Event
from domain.stream.present import ALWAYS, PRESENT, PRESENT_CONTENT
from domain.streaming import KINDS, Shown
from domain.ticket.row import COLUMNS, Row

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# What receivers need not check, or may one day be more than it is.
_LEFT_OUT = frozenset({"title", "default", "additionalProperties", "discriminator"})
_NAMED = frozenset({"properties", "$defs"})
Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """Every schema by its type, such as `ticket.opened.v2`."""
    known = (kind for _, kind in sorted(EVENTS.items()) if kind.__module__.startswith("domain."))
    return {**{f"{kind.NAME}.v{kind.VERSION}": event_schema(kind) for kind in known}, PRESENT: present_schema()}


def event_schema(kind: type[Event]) -> Schema:
    """The data of one event: secrets are not in it, and content may be null."""
    schema = kind.model_json_schema(mode="serialization")
    told = {name: field for name, field in schema.get("properties", {}).items() if name not in kind.SECRETS}
    for name in kind.CONTENT & told.keys():
        told[name]["description"] = _may_be_told(KINDS.get((kind.NAME, name)))
    required = [name for name in schema.get("required", ()) if name in told]
    return _finished(f"{kind.NAME}.v{kind.VERSION}", schema, told, required)


def present_schema() -> Schema:
    """The data of what a ticket is now. Only what tells which ticket it is, and how far, is always there."""
    schema = TypeAdapter(Row).json_schema(mode="serialization")
    for name, needed in PRESENT_CONTENT.items():
        schema["properties"][name]["description"] = _may_be_told(needed)
    schema["description"] = "What a ticket is now."
    return _finished(PRESENT, schema, {name: schema["properties"][name] for name in COLUMNS}, ALWAYS)


def _may_be_told(needed: Shown | None) -> str:
    null = "null where it was erased or taken back"
    if needed is None:
        return f"Content that is never in Kafka; {null}."
    return f"Content of the kind «{needed}»; {null}, and in Kafka where the workspace does not show that kind."


def _finished(name: str, schema: Schema, properties: Schema, required: Iterable[str]) -> Schema:
    parts = {"type": "object", "properties": _bare(properties, named=True), "required": sorted(required)}
    defs = _bare(schema.get("$defs", {}), named=True)
    used = _used(parts, defs, frozenset())
    kept = {"$defs": {each: defs[each] for each in sorted(used)}} if used else {}
    described = {"title": name, "description": schema.get("description", "")}
    return {"$schema": DIALECT, "$id": f"urn:ledgerdesk:stream:{name}", **described, **parts, **kept}


def _bare(schema: Any, *, named: bool = False) -> Any:
    """Without what is said for other readers; new members may come, so none is forbidden."""
    if isinstance(schema, Mapping):
        kept = ((key, value) for key, value in schema.items() if named or key not in _LEFT_OUT or _map_of(key, value))
        return {key: _bare(value, named=not named and key in _NAMED) for key, value in kept}
    return [_bare(each) for each in schema] if isinstance(schema, list) else schema


def _map_of(key: str, value: Any) -> bool:
    """Whether it says of what kind the values of a map are."""
    return key == "additionalProperties" and isinstance(value, Mapping)


def _used(part: Any, defs: Mapping[str, Any], seen: frozenset[str]) -> frozenset[str]:
    for name in _references(part):
        if name not in seen:
            seen = _used(defs[name], defs, seen | {name})
    return seen


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        if isinstance(reference := part.get("$ref"), str):
            yield reference.rpartition("/")[2]
        for each in part.values():
            yield from _references(each)
    elif isinstance(part, list):
        for each in part:
            yield from _references(each)
