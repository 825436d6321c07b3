"""What happened to a ticket before it came here: entries of another system's history, each told once (C6)."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.errors import Refusal
from domain.event import Actor
from domain.values import NOBODY, Assignee

# The kinds of entry, each with what it cannot be without.
KINDS: dict[str, tuple[str, ...]] = {
    "opened": (),
    "reply": ("body",),
    "note": ("body",),
    "status": ("status",),
    "priority": ("priority",),
    "assign": (),
    "tag": (),
    "category": ("category",),
    "title": ("title",),
    "fields": ("fields",),
}
NAMES = (
    "at",
    "by",
    "kind",
    "body",
    "status",
    "priority",
    "assignee",
    "team",
    "category",
    "title",
    "fields",
    "add",
    "remove",
)
# What an entry says of the ticket, as TellChange has it.
_TELLS = ("body", "title", "status", "priority", "category", "fields", "add", "remove")

Cell = Callable[[str, Any], Any]


class BadCell(Refusal):
    """A value that cannot be what its column is mapped to; the reason never quotes it."""

    code = "bad_cell"
    status = 422
    sentence = "{reason}"


@dataclass
class Entry:
    """One entry: when, by whom (None: not told), what it tells; `mark` is the same however often it is read."""

    at: datetime
    by: Actor | None
    mark: str
    tells: dict[str, Any] = field(default_factory=dict)


@dataclass
class History:
    """A ticket's entries in their order, and how it began where that is told."""

    entries: list[Entry] = field(default_factory=list)
    opened: Entry | None = None
    wrong: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """What the entries leave the ticket with."""
        return {name: value for entry in self.entries for name, value in entry.tells.items()}


def read(cell: Any, meant: Cell) -> History:
    """The history that a cell of JSON holds; `meant` reads a value by the name of what it is for, or raises BadCell."""
    history = History()
    if not isinstance(cell, list) or not all(isinstance(each, dict) for each in cell):
        history.wrong.append("must be a list of objects with at, by, kind and what that kind tells")
        return history
    for place, raw in enumerate(cell, start=1):
        told = {name: value for name, value in raw.items() if value not in (None, "")}
        try:
            _add(told, history, meant)
        except BadCell as bad:
            history.wrong.append(f"entry {place}: {bad}")
    # Moments that are the same keep their order.
    history.entries.sort(key=lambda entry: entry.at)
    return history


def _add(told: Mapping[str, Any], history: History, meant: Cell) -> None:
    kind = told.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadCell(reason=f"kind must be one of {', '.join(KINDS)}")
    if missing := [name for name in ("at", *KINDS[kind]) if name not in told]:
        raise BadCell(reason=f"{missing[0]} is missing")
    if set(told) - set(NAMES):
        raise BadCell(reason=f"has something that no entry has; these can be told: {', '.join(NAMES)}")
    entry = entry_of(told, kind, meant)
    if kind == "opened":
        history.opened = entry
    else:
        history.entries.append(entry)


def entry_of(told: Mapping[str, Any], kind: str, meant: Cell) -> Entry:
    """The entry that has these values."""
    values = {name: _value(name, value, meant) for name, value in told.items() if name != "kind"}
    tells = {name: values[name] for name in _TELLS if name in values}
    if kind == "note":
        tells["internal"] = True
    if kind == "assign" or "assignee" in values or "team" in values:
        tells["assignee"] = Assignee(person=values.get("assignee"), team=values.get("team"))
    return Entry(values["at"], values.get("by"), mark(told), tells)


def _value(name: str, value: Any, meant: Cell) -> Any:
    try:
        return meant(name, value)
    except BadCell as bad:
        raise BadCell(reason=f"{name} {bad}") from None


def mark(told: Mapping[str, Any]) -> str:
    """The same text for the same values."""
    return json.dumps(told, sort_keys=True, default=str, ensure_ascii=False)


def before(fields: dict[str, Any], history: History) -> Iterator[tuple[str, Any]]:
    """Take out of a ticket's present values what its history changed, and yield where the two end differently."""
    told = history.told()
    for name, empty in (("status", None), ("priority", None), ("assignee", NOBODY), ("category", None)):
        if name in told and (now := fields.pop(name, empty)) != empty and now != told[name]:
            yield name, now
    added = {tag for entry in history.entries for tag in entry.tells.get("add", ())}
    if added and "tags" in fields:
        fields["tags"] = [tag for tag in fields["tags"] if tag not in added]
