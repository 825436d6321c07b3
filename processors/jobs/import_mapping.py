"""From a row of somebody's table to a ticket: which column means what, and what is wrong with a cell."""

import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from domain.catalogue import Catalogue
from domain.errors import Refusal
from domain.event import Actor
from domain.ids import requester_id
from domain.staff import Person
from domain.values import NOBODY, Assignee, Key, Line, Priority
from processors.jobs import import_history
from processors.jobs.import_history import BadCell, Entry, History

CUSTOM = "fields."
_CUSTOM_KEY = re.compile(r"fields\.[a-z0-9][a-z0-9_-]{0,49}")
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})[ T](\d{1,2}):(\d{2})(?::(\d{2}))?")
_ADDRESS = re.compile(r"(.*)<([^<>@\s]+@[^<>@\s]+)>|([^<>@\s]+@[^<>@\s]+)")


class UnknownTarget(Refusal):
    """A column is mapped to something that no ticket has."""

    code = "unknown_target"
    status = 422
    sentence = "Nothing of a ticket is called what column {place} of the mapping is mapped to. {hint}"


class MappingIncomplete(Refusal):
    """Tickets cannot be made of what is mapped."""

    code = "mapping_incomplete"
    status = 422
    sentence = "{reason}"


class Requester(NamedTuple):
    """A customer as a row names them; whoever has the same address, or else the same name, is the same."""

    name: str
    email: str | None = None
    phone: str | None = None

    @property
    def handle(self) -> str:
        """What their id follows from."""
        return self.email.casefold() if self.email else self.name


class Wrong(NamedTuple):
    """What is wrong with a cell; the reason never quotes it."""

    column: str | None
    reason: str


@dataclass
class Translated:
    """The ticket of a row: fields of OpenTicket, what the row is known by, and what is wrong with it."""

    fields: dict[str, Any] = field(default_factory=dict)
    key: str | None = None
    opened_at: datetime | None = None
    requester: Requester | None = None
    history: History = field(default_factory=History)
    wrong: list[Wrong] = field(default_factory=list)


def _text(cell: Any, _: Catalogue) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, list | dict):
        raise BadCell(reason="must be text")
    return str(cell)


def _parts(cell: Any, separators: str) -> list[str]:
    parts = cell if isinstance(cell, list) else re.split(separators, str(cell))
    return [text for part in parts if (text := str(part).strip())]


def _category(cell: Any, _: Catalogue) -> list[str]:
    return _parts(cell, r"\s*[/>]\s*")


def _tags(cell: Any, _: Catalogue) -> list[str]:
    return list(dict.fromkeys(_parts(cell, "[;,；，]")))


def _priority(cell: Any, _: Catalogue) -> Priority:
    try:
        return Priority(str(cell).strip().casefold())
    except ValueError:
        raise BadCell(reason=f"is none of {', '.join(Priority)}; say in `values` what it means") from None


def _status(cell: Any, desk: Catalogue) -> str:
    wanted = str(cell).strip().casefold()
    for status in desk.statuses.values():
        if wanted in (status.key, status.name.casefold()):
            return status.key
    raise BadCell(reason=f"is none of {', '.join(desk.statuses)}; say in `values` what it means")


def _team(cell: Any, desk: Catalogue) -> UUID:
    wanted = str(cell).strip().casefold()
    found = next((team.id for team in desk.teams.values() if team.name.casefold() == wanted), None)
    if found is None:
        raise BadCell(reason="is no team of this workspace")
    return found


def _person(cell: Any, desk: Catalogue) -> UUID:
    active = [person for person in desk.people.values() if person.active]
    return _one_of(active, cell)


def _person_then(cell: Any, desk: Catalogue) -> UUID:
    # Who has left since may have done what is told.
    return _one_of(list(desk.people.values()), cell)


def _one_of(people: list[Person], cell: Any) -> UUID:
    wanted = str(cell).strip().casefold()
    known = [p for p in people if isinstance(p.email, str) and p.email.casefold() == wanted]
    named = [p for p in people if isinstance(p.name, str) and p.name.casefold() == wanted]
    found = next((some for some in (known, named) if len(some) == 1), None)
    if found is None:
        raise BadCell(reason="is the address of nobody on this desk, nor the name of one person")
    return found[0].id


def _fields(cell: Any, _: Catalogue) -> dict[str, Any]:
    if not isinstance(cell, dict):
        raise BadCell(reason="must be an object of fields and their values")
    return cell


def _moment(cell: Any, _: Catalogue) -> datetime:
    try:
        return moment(str(cell).strip())
    except ValueError:
        raise BadCell(reason="is not a time like 2026-11-22T09:00Z or 22-11-2026 09:00") from None


def moment(text: str) -> datetime:
    """Day-month-year hour:minute or ISO 8601; without a zone it is UTC. ValueError when it is neither, or in no year from 1 to 9999."""
    if found := _DAY_FIRST.fullmatch(text):
        day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    parsed = datetime.fromisoformat(text)
    try:
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError("beyond the years 1 to 9999 in UTC") from None


# How a cell becomes what a ticket has. `key` tells rows apart; by it, or by the number, a row is imported once.
TARGETS: dict[str, Callable[[Any, Catalogue], Any]] = {
    "number": _text,
    "title": _text,
    "description": _text,
    "status": _status,
    "priority": _priority,
    "type": _text,
    "category": _category,
    "tags": _tags,
    "due_at": _moment,
    "opened_at": _moment,
    "assignee": _person,
    "team": _team,
    "requester": _text,
    "requester_name": _text,
    "requester_email": _text,
    "requester_phone": _text,
    "key": _text,
}
# What one entry of a history has besides: `history` is a list of entries in one cell, the others make each row an entry.
PAST = ("history", "at", "by", "reply", "note")
_ENTRY: dict[str, Callable[[Any, Catalogue], Any]] = {
    "at": _moment,
    "body": _text,
    "title": _text,
    "status": _status,
    "priority": _priority,
    "assignee": _person_then,
    "team": _team,
    "category": _category,
    "fields": _fields,
    "add": _tags,
    "remove": _tags,
}
_REQUESTER = ("requester", "requester_name", "requester_email", "requester_phone")


class ImportAsked(BaseModel):
    """What to import, and what its columns mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file_id: UUID = Field(description="As the upload was answered.")
    format: Literal["csv", "xlsx", "jsonl"]
    mapping: dict[Line, Line] = Field(
        min_length=1,
        max_length=1000,
        description="Column of the file → number, title, description, status, priority, type, category, tags, due_at, "
        "opened_at, assignee, team, requester, requester_name, requester_email, requester_phone, key or fields.<key>; "
        "history (JSON Lines: a list of entries with at, by and kind), or at, by, reply and note where each row is an "
        "update of the ticket that its number or key names.",
        examples=[{"Subject": "title", "Caller": "requester", "Room": "fields.room"}],
    )
    values: dict[Line, dict[Line, Line]] = Field(
        default_factory=dict, max_length=100, description="What cells mean: {priority: {P1: urgent}}."
    )
    source: Key = Field(default="import", description="The system that the keys come from.")
    encoding: Line | None = Field(default=None, description="Of a text that is not Unicode, for example gb18030.")
    dry_run: bool = Field(default=False, strict=True, description="Report what would happen, write nothing.")

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        try:
            # Not all that can be looked up is for text: some pack bytes, or turn letters into others.
            "".encode(name or "utf-8")
            return codecs.lookup(name).name if name else None
        except (LookupError, ValueError):
            raise ValueError("is no encoding that we know; try utf-8, gb18030 or cp1252") from None

    @model_validator(mode="after")
    def _folded(self) -> Self:
        for meanings in self.values.values():
            if len(meanings) > 1000:
                raise ValueError("has more than 1000 values for one field")
        return self

    @property
    def needed(self) -> list[str]:
        """The columns that a table must have: those that are called what they mean anyway may be left out."""
        return [column for column, target in self.mapping.items() if column != target]

    @property
    def by_updates(self) -> bool:
        """Whether each row is one update of a ticket rather than a whole one."""
        return "at" in self.mapping.values()

    def check(self) -> None:
        """UnknownTarget or MappingIncomplete unless tickets can be made of what is mapped."""
        for place, target in enumerate(self.mapping.values(), start=1):
            if target not in (*TARGETS, *PAST) and not _CUSTOM_KEY.fullmatch(target):
                near = get_close_matches(target, (*TARGETS, *PAST), n=3)
                hint = f"Did you mean {', '.join(near)}?" if near else f"Use {', '.join(TARGETS)} or fields.<key>."
                raise UnknownTarget(place=place, hint=hint)
        targets = list(self.mapping.values())
        if "title" not in targets:
            raise MappingIncomplete(reason="A ticket needs a title: map a column to `title`.")
        if self.by_updates and not {"number", "key"} & set(targets):
            raise MappingIncomplete(reason="Updates need to say of which ticket: map a column to `number` or `key`.")
        if not self.by_updates and {"by", "reply", "note"} & set(targets):
            raise MappingIncomplete(reason="Updates need to say when they were: map a column to `at`.")
        if len(set(targets)) != len(targets):
            raise MappingIncomplete(reason="Two columns are mapped to the same field. Map each field once.")


class Translator:
    """Reads rows by a mapping, on a desk as it is set up."""

    def __init__(self, asked: ImportAsked, desk: Catalogue, workspace: UUID) -> None:
        self._asked, self._desk, self._workspace = asked, desk, workspace
        self._values = {
            target: {name.casefold(): value for name, value in meanings.items()}
            for target, meanings in asked.values.items()
        }
        self.columns = {target: column for column, target in asked.mapping.items()}

    def read(self, cells: Mapping[str, Any]) -> Translated:
        """The ticket that the row means."""
        row, values = Translated(), {}
        for column, target in self._asked.mapping.items():
            cell = self._meant(target, cells.get(column))
            if cell is None or cell == "":
                continue
            try:
                values[target] = self._value(target, cell)
            except BadCell as bad:
                row.wrong.append(Wrong(column, str(bad)))
        past = {name: values.pop(name) for name in PAST if name in values}
        self._place(row, values)
        if self._asked.by_updates:
            self._update(row, past, cells)
        elif "history" in past:
            self._history(row, past["history"])
        return row

    def _value(self, target: str, cell: Any) -> Any:
        if target in ("history", "by") or target.startswith(CUSTOM):
            return cell
        return (TARGETS.get(target) or _ENTRY.get(target) or _text)(cell, self._desk)

    def _history(self, row: Translated, cell: Any) -> None:
        """What the row is now, its history may have made it: it begins without."""

        def meant(name: str, value: Any) -> Any:
            value = self._meant(name, value) if isinstance(value, str) else value
            return self._author(value, row) if name == "by" else _ENTRY[name](value, self._desk)

        row.history = history = import_history.read(cell, meant)
        row.wrong += [Wrong(self.columns["history"], reason) for reason in history.wrong]
        if history.opened and row.opened_at is None:
            row.opened_at = history.opened.at
        if history.entries:
            row.opened_at = row.opened_at or history.entries[0].at
            now = dict(import_history.before(row.fields, history))
            row.history.entries += [Entry(history.entries[-1].at, None, import_history.mark(now), now)] if now else []

    def _update(self, row: Translated, past: dict[str, Any], cells: Mapping[str, Any]) -> None:
        """The row as an entry of its ticket's history, and as its beginning, should it be the first."""
        if "at" not in past or not row.key:
            missing = "at" if "at" not in past else "key" if "key" in self.columns else "number"
            if not any(wrong.column == self.columns[missing] for wrong in row.wrong):
                row.wrong.append(Wrong(self.columns[missing], "is missing"))
            return
        at, by = past["at"], self._by(row, past.get("by"))
        tells = {name: row.fields[name] for name in _ENTRY if name in row.fields}
        tells |= {"add": row.fields["tags"]} if "tags" in row.fields else {}
        if tells["assignee"] == NOBODY:
            del tells["assignee"]
        mark = import_history.mark({target: cells.get(column) for column, target in self._asked.mapping.items()})
        said = [{"body": past["reply"]}] if "reply" in past else []
        said += [{"body": past["note"], "internal": True}] if "note" in past else []
        entries = [Entry(at, by, f"{mark}{place}", each) for place, each in enumerate(said)]
        row.history = History([Entry(at, by, mark, tells), *entries], Entry(at, by, ""))
        row.opened_at = row.opened_at or at

    def _by(self, row: Translated, cell: Any) -> Actor | None:
        try:
            return self._author(cell, row) if cell is not None else None
        except BadCell as bad:
            row.wrong.append(Wrong(self.columns["by"], str(bad)))
            return None

    def _author(self, cell: Any, row: Translated) -> Actor:
        """A colleague, also one who has left, or the ticket's requester."""
        wanted, customer = str(cell).strip().casefold(), row.requester
        if customer and wanted in (customer.handle.casefold(), customer.name.casefold()):
            return Actor(kind="requester", id=str(row.fields["requester_id"]))
        try:
            return Actor(kind="person", id=str(_person_then(cell, self._desk)))
        except BadCell:
            reason = "is nobody of this desk, nor the ticket's requester; say in `values` who of them it means"
            raise BadCell(reason=reason) from None

    def _meant(self, target: str, cell: Any) -> Any:
        meanings = self._values.get(target)
        return meanings.get(str(cell).strip().casefold(), cell) if meanings and cell is not None else cell

    def _place(self, row: Translated, values: dict[str, Any]) -> None:
        """Put the values where a command has them."""
        row.opened_at = values.pop("opened_at", None)
        row.key = values.pop("key", None) or values.get("number")
        row.requester = _requester({name: values.pop(name, None) for name in _REQUESTER})
        assignee = Assignee(person=values.pop("assignee", None), team=values.pop("team", None))
        custom = {name.removeprefix(CUSTOM): values.pop(name) for name in list(values) if name.startswith(CUSTOM)}
        row.fields = {**values, "assignee": assignee, "fields": custom}
        if row.requester:
            row.fields["requester_id"] = requester_id(self._workspace, row.requester.handle)


def _requester(told: Mapping[str, str | None]) -> Requester | None:
    name, email = told["requester_name"], told["requester_email"]
    whole = (told["requester"] or "").strip()
    if found := _ADDRESS.fullmatch(whole):
        name, email = name or (found[1] or "").strip(), email or found[2] or found[3]
    elif whole:
        name = name or whole
    if not name and not email:
        return None
    return Requester(name or email or "", email, told["requester_phone"])
