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
from domain.ids import requester_id
from domain.values import Assignee, Key, Line, Priority

CUSTOM = "fields."
_CUSTOM_KEY = re.compile(r"fields\.[a-z0-9][a-z0-9_-]{0,49}")
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})[ T](\d{1,2}):(\d{2})(?::(\d{2}))?")
_ADDRESS = re.compile(r"(.*?)\s*<([^<>@\s]+@[^<>@\s]+)>|([^<>@\s]+@[^<>@\s]+)")


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


class _BadCell(Exception):
    pass


@dataclass
class Translated:
    """The ticket of a row: fields of OpenTicket, what the row is known by, and what is wrong with it."""

    fields: dict[str, Any] = field(default_factory=dict)
    key: str | None = None
    opened_at: datetime | None = None
    requester: Requester | None = None
    wrong: list[Wrong] = field(default_factory=list)


def _text(cell: Any, _: Catalogue) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, list | dict):
        raise _BadCell("must be text")
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
        raise _BadCell(f"is none of {', '.join(Priority)}; say in `values` what it means") from None


def _status(cell: Any, desk: Catalogue) -> str:
    wanted = str(cell).strip().casefold()
    for status in desk.statuses.values():
        if wanted in (status.key, status.name.casefold()):
            return status.key
    raise _BadCell(f"is none of {', '.join(desk.statuses)}; say in `values` what it means")


def _team(cell: Any, desk: Catalogue) -> UUID:
    wanted = str(cell).strip().casefold()
    found = next((team.id for team in desk.teams.values() if team.name.casefold() == wanted), None)
    if found is None:
        raise _BadCell("is no team of this workspace")
    return found


def _person(cell: Any, desk: Catalogue) -> UUID:
    wanted = str(cell).strip()
    active = [person for person in desk.people.values() if person.active]
    named = [p for p in active if isinstance(p.name, str) and p.name.casefold() == wanted.casefold()]
    found = desk.person_with_email(wanted) or (named[0] if len(named) == 1 else None)
    if found is None:
        raise _BadCell("is the address of nobody on this desk, nor the name of one person")
    return found.id


def _moment(cell: Any, _: Catalogue) -> datetime:
    try:
        return moment(str(cell).strip())
    except ValueError:
        raise _BadCell("is not a time like 2026-11-22T09:00Z or 22-11-2026 09:00") from None


def moment(text: str) -> datetime:
    """Day-month-year hour:minute or ISO 8601; without a zone it is UTC. ValueError when it is neither."""
    if found := _DAY_FIRST.fullmatch(text):
        day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


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
        "opened_at, assignee, team, requester, requester_name, requester_email, requester_phone, key or fields.<key>.",
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
            return codecs.lookup(name).name if name else None
        except (LookupError, ValueError):
            raise ValueError("is no encoding that we know; try utf-8, gb18030 or cp1252") from None

    @model_validator(mode="after")
    def _folded(self) -> Self:
        for meanings in self.values.values():
            if len(meanings) > 1000:
                raise ValueError("has more than 1000 values for one field")
        return self

    def check(self) -> None:
        """UnknownTarget or MappingIncomplete unless tickets can be made of what is mapped."""
        for place, target in enumerate(self.mapping.values(), start=1):
            if target not in TARGETS and not _CUSTOM_KEY.fullmatch(target):
                near = get_close_matches(target, TARGETS, n=3)
                hint = f"Did you mean {', '.join(near)}?" if near else f"Use {', '.join(TARGETS)} or fields.<key>."
                raise UnknownTarget(place=place, hint=hint)
        targets = list(self.mapping.values())
        if "title" not in targets:
            raise MappingIncomplete(reason="A ticket needs a title: map a column to `title`.")
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
                values[target] = cell if target.startswith(CUSTOM) else TARGETS[target](cell, self._desk)
            except _BadCell as bad:
                row.wrong.append(Wrong(column, str(bad)))
        self._place(row, values)
        return row

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
        name, email = name or found[1], email or found[2] or found[3]
    elif whole:
        name = name or whole
    if not name and not email:
        return None
    return Requester(name or email or "", email, told["requester_phone"])
