"""Writing rows as CSV, JSON Lines, XLSX or Parquet with a bounded part of them in memory."""

import csv
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

# What a column holds: text, number, flag, moment (ISO 8601), list (of text) or json (anything).
Columns = Sequence[tuple[str, str]]

# A spreadsheet takes text that begins like this for a formula.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
# The most of a sheet, the header being one of the rows, and the most characters of a cell.
SHEET_ROWS, CELL = 1_048_576, 32_767
# Parquet keeps a group in memory: so many rows, or so many characters.
GROUP_ROWS, GROUP_SIZE = 20_000, 1 << 24


class Writer(AbstractContextManager["Writer"]):
    """Takes rows, whose values are in the order of the columns."""

    def __init__(self, path: Path, columns: Columns) -> None:
        self.path, self.columns = path, columns

    def __enter__(self) -> Self:
        return self

    def add(self, row: Sequence[Any]) -> None:
        """One row more."""
        raise NotImplementedError


class JsonLines(Writer):
    """An object a line, in UTF-8."""

    def __enter__(self) -> Self:
        self._file = self.path.open("w", encoding="utf-8", newline="")
        self._names = [name for name, _ in self.columns]
        return self

    def add(self, row: Sequence[Any]) -> None:
        """A line."""
        self._file.write(json.dumps(dict(zip(self._names, row, strict=True)), ensure_ascii=False) + "\n")

    def __exit__(self, *_: object) -> None:
        self._file.close()


class Csv(Writer):
    """RFC 4180 in UTF-8 with the mark by which spreadsheets know it; no cell is taken for a formula."""

    def __enter__(self) -> Self:
        self._file = self.path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow([harmless(name) for name, _ in self.columns])
        return self

    def add(self, row: Sequence[Any]) -> None:
        """A line."""
        self._writer.writerow([harmless(value) for value in row])

    def __exit__(self, *_: object) -> None:
        self._file.close()


class Xlsx(Writer):
    """A workbook; what does not fit on a sheet goes on on the next. Times are in UTC."""

    def __enter__(self) -> Self:
        from xlsxwriter import Workbook

        options = {"constant_memory": True, "tmpdir": str(self.path.parent), "strings_to_urls": False}
        self._book = Workbook(str(self.path), options)
        self._book.use_zip64()
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._bold = self._book.add_format({"bold": True})
        self._next_sheet()
        return self

    def add(self, row: Sequence[Any]) -> None:
        """A row of cells; a text that is longer than a cell takes ends in an ellipsis."""
        if self._row == SHEET_ROWS:
            self._next_sheet()
        for place, ((_, kind), value) in enumerate(zip(self.columns, row, strict=True)):
            self._cell(place, kind, value)
        self._row += 1

    def _cell(self, place: int, kind: str, value: Any) -> None:
        if value is None:
            return
        if kind == "moment":
            # A cell's time has no zone and begins in 1900.
            at = datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None)
            if at.year > 1900:
                self._sheet.write_datetime(self._row, place, at, self._moment)
                return
        if isinstance(value, bool):
            self._sheet.write_boolean(self._row, place, value)
        elif isinstance(value, int | float) and abs(value) < 2**53:
            self._sheet.write_number(self._row, place, value)
        else:
            text = as_text(value)
            self._sheet.write_string(self._row, place, text if len(text) <= CELL else text[: CELL - 1] + "…")

    def _next_sheet(self) -> None:
        self._sheet, self._row = self._book.add_worksheet(), 1
        self._sheet.freeze_panes(1, 0)
        for place, (name, _) in enumerate(self.columns):
            self._sheet.write_string(0, place, name, self._bold)

    def __exit__(self, failure: object, *_: object) -> None:
        from xlsxwriter.exceptions import FileCreateError

        if failure is not None:
            return
        try:
            self._book.close()
        except FileCreateError as error:
            # The library wraps what the system said, which is what we can tell people.
            raise error.args[0] from None


class Parquet(Writer):
    """Typed columns, in groups of rows."""

    def __enter__(self) -> Self:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter

        kinds = {
            "number": pa.float64(),
            "count": pa.int64(),
            "flag": pa.bool_(),
            "moment": pa.timestamp("us", "UTC"),
            "list": pa.list_(pa.string()),
        }
        self._batch = pa.RecordBatch.from_pydict
        self._schema = pa.schema([(name, kinds.get(kind, pa.string())) for name, kind in self.columns])
        self._writer = ParquetWriter(self.path, self._schema, compression="zstd")
        self._rows: list[list[Any]] = []
        self._size = 0
        return self

    def add(self, row: Sequence[Any]) -> None:
        """A row of the group."""
        values = [_typed(kind, value) for (_, kind), value in zip(self.columns, row, strict=True)]
        self._rows.append(values)
        self._size += sum(len(value) for value in values if isinstance(value, str))
        if len(self._rows) == GROUP_ROWS or self._size > GROUP_SIZE:
            self._flush()

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else ([] for _ in self.columns)
        named = dict(zip(self._schema.names, map(list, columns), strict=True))
        self._writer.write_batch(self._batch(named, schema=self._schema))
        self._rows, self._size = [], 0

    def __exit__(self, failure: object, *_: object) -> None:
        if failure is None and self._rows:
            self._flush()
        self._writer.close()


WRITERS: dict[str, Callable[[Path, Columns], Writer]] = {
    "csv": Csv,
    "jsonl": JsonLines,
    "xlsx": Xlsx,
    "parquet": Parquet,
}


def _typed(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "moment":
        return datetime.fromisoformat(value)
    return value if kind in {"number", "count", "flag", "list"} else as_text(value)


def as_text(value: Any) -> str:
    """A value as one cell has it: a list's parts with semicolons between them."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "; ".join(value)
    return json.dumps(value, ensure_ascii=False)


def harmless(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before what looks like one."""
    if value is None:
        return ""
    text = as_text(value)
    is_number = isinstance(value, int | float)
    return f"'{text}" if text.startswith(FORMULAS) and not is_number else text
