"""From an incident's rows to commands: who told what, when, in our words."""

import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from cli.imports.mapping import PRIORITIES, Mapping, States
from cli.imports.source import COUNTERS, PEOPLE, TITLES, Row
from cli.imports.spool import Incident, Spool, category
from domain.catalogue import Status
from domain.command import Command
from domain.event import SYSTEM, UNKNOWN, Actor
from domain.ids import person_id, requester_id, team_id
from domain.requester import RegisterRequester
from domain.staff import Team
from domain.ticket.commands import TellOpening, TellUpdate
from domain.values import FINISHED, Assignee, Priority, StatusKind
from domain.workspace import ExtendCatalogue, NewPerson

CHANNEL = "import"
_STRUCTURE = {
    *("number", "incident_state", "active", "priority", "assignment_group", "assigned_to"),
    *("category", "subcategory", "caller_id", "sys_updated_by", "sys_updated_at", *COUNTERS, *TITLES),
}
# The source writes these into every row, also into those from before they happened; history must not know the future.
_ONCE_FINISHED = {"resolved_at", "resolved_by", "closed_code"}
_ONCE_CLOSED = {"closed_at"}
_KEY = re.compile("[a-z0-9][a-z0-9_-]{0,49}")


class Told(NamedTuple):
    """A command and the row that it comes from."""

    row: Row
    command: TellOpening | TellUpdate


class _Constant(NamedTuple):
    """What all updates of an incident share. A column that is empty in one row has no value then: all must be named."""

    title: str
    columns: set[str]


class Translator:
    """Speaks for one file into one workspace."""

    def __init__(self, workspace: UUID, mapping: Mapping, states: States, teams: Iterable[Team]) -> None:
        self.workspace, self.states = workspace, states
        self._teams = {team.name: team.id for team in teams}
        self._priorities = PRIORITIES | {name.casefold(): value for name, value in mapping.priorities.items()}
        self.unknown_priorities: set[str] = set()

    def commands(self, incident: Incident) -> Iterator[Told]:
        """The opening, then one command an update."""
        first = incident.rows[0]
        told = _Constant(_title(first), {c for row in incident.rows for c in row.cells} - _STRUCTURE)
        yield Told(first, self._opening(first, told))
        seen: dict[str, Iterator[int]] = {}
        status = self._status(first, self.states.status("New"))
        for row in incident.rows:
            status = self._status(row, status)
            mark = f"{row.at.isoformat()}|{row.cells.get('sys_mod_count', '')}"
            occurrence = next(seen.setdefault(mark, count()))
            update = TellUpdate(
                command_id=self._command_id(row.number, f"{mark}|{occurrence}"),
                at=row.at,
                told_by=self._actor(row, "sys_updated_by"),
                **self._facts(row, status, told),
            )
            yield Told(row, update)

    def catalogue(self, spool: Spool, at: datetime) -> ExtendCatalogue:
        """All that the file's tickets will refer to."""
        people = spool.distinct(*PEOPLE)
        return ExtendCatalogue(
            **self._context(),
            at=at,
            command_id=uuid5(self.workspace, f"import catalogue {at.isoformat()}"),
            statuses=tuple((s.key, s.name, s.kind) for s in map(self.states.status, spool.distinct("incident_state"))),
            teams=tuple((self._team(name), name) for name in spool.distinct("assignment_group")),
            people=tuple(NewPerson(person_id=person_id(self.workspace, n), person_name=n) for n in people),
            categories=tuple(spool.category_paths()),
        )

    def requesters(self, spool: Spool, at: datetime) -> list[Command]:
        """The customers; their commands are the same whatever file names them."""
        return [
            RegisterRequester(
                **self._context(),
                at=at,
                command_id=uuid5(self.workspace, f"import requester {name}"),
                requester_id=requester_id(self.workspace, name),
                requester_name=name,
            )
            for name in spool.distinct("caller_id")
        ]

    def _opening(self, first: Row, told: "_Constant") -> TellOpening:
        # Work began as new whatever the first update made of it, which is told next, with its own time and person.
        new = self.states.status("New")
        opened = first.moment("opened_at") or first.moment("sys_created_at") or first.at
        return TellOpening(
            command_id=self._command_id(first.number, "opened"),
            at=min(opened, first.at),
            told_by=self._actor(first, "opened_by", "sys_created_by"),
            **self._facts(first, new, told),
        )

    def _facts(self, row: Row, status: Status, told: "_Constant") -> dict[str, Any]:
        cells, workspace = row.cells, self.workspace
        group, person, caller = cells.get("assignment_group"), cells.get("assigned_to"), cells.get("caller_id")
        return self._context() | {
            "number": row.number,
            "title": told.title,
            "status": status.key,
            "priority": self._priority(cells.get("priority")),
            "assignee": Assignee(
                team=self._team(group) if group else None,
                person=person_id(workspace, person) if person else None,
            ),
            "category": category(cells),
            "requester_id": requester_id(workspace, caller) if caller else None,
            "fields": _fields(cells, told.columns, status.kind),
        }

    def _context(self) -> dict[str, Any]:
        return {"workspace_id": self.workspace, "by": SYSTEM, "channel": CHANNEL}

    def _command_id(self, number: str, mark: str) -> UUID:
        return uuid5(self.workspace, f"import incident {number}|{mark}")

    def _status(self, row: Row, before: Status) -> Status:
        state = row.cells.get("incident_state")
        return self.states.status(state) if state else before

    def _team(self, name: str) -> UUID:
        """The desk's own team of that name, or the one that the import sets up."""
        return self._teams.get(name) or team_id(self.workspace, name)

    def _actor(self, row: Row, *columns: str) -> Actor:
        name = next((row.cells[column] for column in columns if column in row.cells), None)
        return Actor(kind="person", id=str(person_id(self.workspace, name))) if name else UNKNOWN

    def _priority(self, told: str | None) -> Priority:
        if told is None:
            return Priority.NORMAL
        if told.casefold() not in self._priorities:
            self.unknown_priorities.add(told)
        return self._priorities.get(told.casefold(), Priority.NORMAL)


def _title(first: Row) -> str:
    told = next((first.cells[column] for column in TITLES if column in first.cells), None)
    described = [first.cells[c] for c in ("u_symptom", "category", "subcategory") if c in first.cells]
    return told or " · ".join(described) or first.number


def _fields(cells: dict[str, str], columns: set[str], kind: StatusKind) -> dict[str, str | None]:
    hidden = (set() if kind in FINISHED else _ONCE_FINISHED) | (set() if kind is StatusKind.CLOSED else _ONCE_CLOSED)
    return {_field_key(column): None if column in hidden else cells.get(column) for column in sorted(columns)}


def _field_key(column: str) -> str:
    return column if _KEY.fullmatch(column) else f"column-{zlib.crc32(column.encode()):08x}"
