"""Reading an incident log: CSV as other programs write it, checked cell by cell, one row at a time."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO

from pydantic import TypeAdapter, ValidationError

from domain.errors import LedgerdeskError
from domain.values import Number, Printable
from processors.jobs.import_mapping import moment

REQUIRED = ("number", "incident_state", "sys_updated_at")
COUNTERS = ("sys_mod_count", "reassignment_count", "reopen_count")
MOMENTS = ("opened_at", "sys_created_at", "sys_updated_at", "resolved_at", "closed_at")
PEOPLE = ("assigned_to", "opened_by", "sys_created_by", "sys_updated_by", "resolved_by")
# Columns whose values become people, teams, customers, statuses and categories.
NAMED = frozenset({*PEOPLE, "assignment_group", "caller_id", "incident_state", "category", "subcategory"})
TITLES = ("title", "short_description", "subject")
LONGEST_NAME, LONGEST_TITLE, LONGEST = 200, 500, 100_000
_WHOLE_ROW = "(row)"
_NUMBER = TypeAdapter[str](Number)
_PRINTABLE = TypeAdapter[str](Annotated[str, Printable])


class UnreadableFile(LedgerdeskError):
    """A file that is no incident log; nothing of it was imported."""

    code = "unreadable_file"
    sentence = "{file}: {reason} Nothing was imported."
    misuse = True


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something was not imported; `row` counts as a spreadsheet does, the header being row 1."""

    row: int
    column: str
    reason: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One update of an incident; unknown cells are left out of `cells`."""

    line: int
    number: str
    at: datetime
    cells: dict[str, str]

    def count(self, counter: str) -> int | None:
        """One of the source's own counters."""
        return int(self.cells[counter]) if counter in self.cells else None

    def moment(self, column: str) -> datetime | None:
        """A time of the row, UTC."""
        return moment(self.cells[column]) if column in self.cells else None


class Source:
    """An incident log on disk."""

    def __init__(self, path: Path, columns: dict[str, str], encoding: str | None = None) -> None:
        self.path, self.encoding = path, encoding
        self._columns = {column_name(theirs): ours for theirs, ours in columns.items()}

    def rows(self, file: BinaryIO) -> Iterator[Row | Problem]:
        """Each row, or what is wrong with it. UnreadableFile where the file as a whole makes no sense."""
        try:
            text = io.TextIOWrapper(file, encoding=self.encoding or _encoding(file), newline="")
            header = self._header(text)
            text.seek(0)
            reader = csv.reader(text, delimiter=header.delimiter)
            next(reader)
            yield from self._checked(reader, header.names)
        except UnicodeError:
            reason = "is not text in UTF-8. Save it as «CSV UTF-8», or name its encoding: --encoding cp1252."
            raise UnreadableFile(file=self.path, reason=reason) from None
        except LookupError:
            raise UnreadableFile(file=self.path, reason=f"no encoding is called «{self.encoding}».") from None
        except csv.Error as error:
            raise UnreadableFile(file=self.path, reason=f"is not well-formed CSV ({error}).") from None

    def _checked(self, reader: Iterator[list[str]], names: Sequence[str]) -> Iterator[Row | Problem]:
        for line, cells in enumerate(reader, 2):
            if not any(cells):
                continue
            try:
                yield _row(line, cells, names)
            except _BadCell as bad:
                yield Problem(line, bad.column, bad.reason, _number_of(cells, names))

    def _header(self, text: io.TextIOWrapper) -> "_Header":
        first = text.readline()
        if not first.strip():
            raise UnreadableFile(file=self.path, reason="is empty.")
        delimiter = max(",;\t", key=first.count)
        theirs = [column_name(name) for name in next(csv.reader([first], delimiter=delimiter))]
        names = [self._columns.get(name, name) for name in theirs]
        self._refuse_header(names)
        return _Header(delimiter, names)

    def _refuse_header(self, names: list[str]) -> None:
        if missing := [name for name in REQUIRED if name not in names]:
            reason = f"has no column {', '.join(missing)}; it has: {', '.join(filter(None, names))[:300]}."
            raise UnreadableFile(file=self.path, reason=f"{reason} A mapping file can name its columns.")
        if twice := sorted({name for name in names if name and names.count(name) > 1}):
            raise UnreadableFile(file=self.path, reason=f"has the column {', '.join(twice)} twice.")


@dataclass(frozen=True, slots=True)
class _Header:
    delimiter: str
    names: list[str]


class _BadCell(Exception):
    def __init__(self, column: str, reason: str) -> None:
        self.column, self.reason = column, reason


def _row(line: int, cells: list[str], names: Sequence[str]) -> Row:
    if len(cells) != len(names):
        raise _BadCell(_WHOLE_ROW, f"has {len(cells)} cells where the header has {len(names)}")
    known = {
        name: " ".join(cell.split())
        for name, cell in zip(names, cells, strict=True)
        if name and cell.strip() not in ("", "?")
    }
    _check_text(known)
    for counter in COUNTERS:
        if counter in known and not (known[counter].isdecimal() and len(known[counter]) < 10):
            raise _BadCell(counter, "is not a whole number")
    number = _checked_number(known)
    moments = {column: _checked_moment(column, known) for column in MOMENTS if column in known}
    if "sys_updated_at" not in moments:
        raise _BadCell("sys_updated_at", "is missing: an update needs its time")
    return Row(line, number, moments["sys_updated_at"], known)


def _check_text(cells: dict[str, str]) -> None:
    try:
        _PRINTABLE.validate_python("".join(cells.values()))
        if max(map(len, cells.values()), default=0) <= LONGEST_NAME:
            return
    except ValidationError:
        pass
    for column, cell in cells.items():
        longest = LONGEST_NAME if column in NAMED else LONGEST_TITLE if column in TITLES else LONGEST
        if len(cell) > longest:
            raise _BadCell(column, f"is longer than {longest} characters")
        try:
            _PRINTABLE.validate_python(cell)
        except ValidationError:
            raise _BadCell(column, "has control characters in it") from None


def _checked_number(cells: dict[str, str]) -> str:
    try:
        return _NUMBER.validate_python(cells.get("number", ""))
    except ValidationError:
        raise _BadCell("number", "is not an incident number: letters, digits, . _ - and at most 40") from None


def _checked_moment(column: str, cells: dict[str, str]) -> datetime:
    try:
        return moment(cells[column])
    except ValueError:
        raise _BadCell(column, "is not a time like 29-02-2016 01:16 or 2016-02-29T01:16Z") from None


def column_name(name: str) -> str:
    """A column's name without what programs disagree on: case, spaces, punctuation."""
    return re.sub(r"\W+", "_", name.strip().casefold()).strip("_")


def _number_of(cells: list[str], names: Sequence[str]) -> str:
    place = names.index("number")
    return cells[place].strip() if place < len(cells) else ""


def _encoding(file: BinaryIO) -> str:
    start = file.read(2)
    file.seek(0)
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
