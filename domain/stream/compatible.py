"""Whether a schema may take the place of an earlier one of the same version: what was valid stays valid, and readers of the earlier one
find what they rely on."""

from collections.abc import Iterator, Mapping
from typing import Any

from domain.errors import LedgerdeskError

Schema = Mapping[str, Any]
Pairs = frozenset[tuple[str, str]]
_ALL = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_EXACT = ("pattern", "format", "uniqueItems")


class ContractBroken(LedgerdeskError):
    """A change that services which read the stream could not bear."""

    code = "contract_broken"
    sentence = "{what}. Give the event a new version, which has a schema of its own; what was told stays as it was."


def broken(earlier: Mapping[str, Schema], now: Mapping[str, Schema]) -> list[str]:
    """What services could not bear, a sentence each. A version that has a successor may be gone from the code."""
    latest = {name.rpartition(".v")[0]: int(name.rpartition(".v")[2]) for name in now}
    found = []
    for name, schema in earlier.items():
        event, _, version = name.rpartition(".v")
        if name in now:
            found += [f"{name}: {what}" for what in _Comparison(schema, now[name]).differences()]
        elif latest.get(event, 0) < int(version):
            found.append(f"{name}: the event is gone")
    return found


class _Comparison:
    """Of two schemas of the same name."""

    def __init__(self, earlier: Schema, now: Schema) -> None:
        self._earlier, self._now = earlier, now

    def differences(self) -> list[str]:
        """What is not borne."""
        return [] if self._earlier == self._now else list(self._differ(self._earlier, self._now, "", frozenset()))

    def _differ(self, earlier: Schema, now: Schema, path: str, above: Pairs) -> Iterator[str]:
        pair = (earlier.get("$ref", ""), now.get("$ref", ""))
        if all(pair):
            # A tree of conditions has conditions in it: those are what is being compared already.
            if pair in above:
                return
            above |= {pair}
        before, after = _resolved(earlier, self._earlier), _resolved(now, self._now)
        yield from self._widened(before, after, path)
        compare = self._choices if _choices(before) or _choices(after) else self._plain
        yield from compare(before, after, path, above)

    def _widened(self, before: Schema, after: Schema, path: str) -> Iterator[str]:
        """What reads a text there is not ready for null, or for a number."""
        had, has = _all_types(before, self._earlier), _all_types(after, self._now)
        if had < has:
            yield f"{_field(path)} may now be {' or '.join(sorted(has - had))}, which it never was"

    def _choices(self, before: Schema, after: Schema, path: str, above: Pairs) -> Iterator[str]:
        """Each of what it could be is still among what it may be."""
        for choice in _choices(before) or [before]:
            told = [list(self._differ(choice, each, path, above)) for each in self._like(choice, after)]
            if not told:
                yield f"{_field(path)} was {_named(_resolved(choice, self._earlier))}, which it may no longer be"
            elif all(told):
                yield from min(told, key=len)

    def _like(self, choice: Schema, after: Schema) -> list[Schema]:
        """What may have taken the place of a choice: that of its name, or those of its type."""
        left = _choices(after) or [after]
        same = [each for each in left if "$ref" in choice and each.get("$ref") == choice["$ref"]]
        types = _types(_resolved(choice, self._earlier))
        return same or [each for each in left if types <= _types(_resolved(each, self._now))]

    def _plain(self, before: Schema, after: Schema, path: str, above: Pairs) -> Iterator[str]:
        if not _types(before) <= _types(after):
            yield f"{_field(path)} was {_named(before)} and is now {_named(after)}"
            return
        yield from _narrowed(before, after, path)
        yield from self._members(before, after, path, above)
        for part, further in (("items", "[]"), ("additionalProperties", "{}")):
            if part in after:
                yield from self._differ(before.get(part, {}), after[part], path + further, above)

    def _members(self, before: Schema, after: Schema, path: str, above: Pairs) -> Iterator[str]:
        had, has = before.get("properties", {}), after.get("properties", {})
        for name in had:
            field = _below(path, name)
            if name not in has:
                yield f"{_field(field)} is gone"
            else:
                yield from self._differ(had[name], has[name], field, above)
        for name in sorted(set(after.get("required", ())) - set(before.get("required", ()))):
            yield f"{_field(_below(path, name))} is newly required, and messages that were sent do not have it"
        for name in sorted(set(before.get("required", ())) - set(after.get("required", ()))):
            if name in has:
                yield f"{_field(_below(path, name))} may now be missing, which it never was"


def _narrowed(before: Schema, after: Schema, path: str) -> Iterator[str]:
    allowed = _values(after)
    if allowed is not None:
        gone = [each for each in _values(before) or ["any other value"] if each not in allowed]
        if gone:
            yield f"{_field(path)} may no longer be {', '.join(f'«{each}»' for each in gone)}"
    for name in _LOWER + _UPPER:
        way = 1 if name in _LOWER else -1
        if name in after and (name not in before or way * after[name] > way * before[name]):
            yield f"{_field(path)} is narrower: {name} is now {after[name]}"
    for name in _EXACT:
        if name in after and before.get(name) != after[name]:
            yield f"{_field(path)} is narrower: {name} is now «{after[name]}»"


def _values(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _types(schema: Schema) -> frozenset[str]:
    kind = schema.get("type", _ALL)
    found = frozenset([kind] if isinstance(kind, str) else kind)
    return found | {"integer"} if "number" in found else found


def _all_types(schema: Schema, root: Schema) -> frozenset[str]:
    """Those of all that it could be."""
    each = _choices(schema) or [schema]
    return frozenset().union(*(_types(_resolved(choice, root)) for choice in each))


def _named(schema: Schema) -> str:
    types = _types(schema)
    return "anything" if types >= _ALL else " or ".join(sorted(types))


def _choices(schema: Schema) -> list[Schema]:
    return list(schema.get("anyOf") or schema.get("oneOf") or ())


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _field(path: str) -> str:
    return f"the field «{path}»" if path else "the data"


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema
