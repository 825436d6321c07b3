"""Reading tables that anybody may have sent: CSV, JSON Lines, XLSX. Each row as [number, {column: value}]."""

import codecs
import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from domain.errors import Refusal

Rows = Iterator[tuple[int, dict[str, Any]]]
# Is told the columns of a table that names them once, before its rows.
Told = Callable[[list[str]], object]

# Characters of a row, columns of a row, and bytes that a workbook may unpack to.
LONGEST_ROW, MOST_COLUMNS, LARGEST_WORKBOOK = 1 << 20, 1000, 2 << 30
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class UnusableFile(Refusal):
    """What was sent is no table of the format that was named, or one that asks for too much."""

    code = "unusable_file"
    status = 422
    sentence = "The file cannot be imported: {reason}. Nothing after the rows that are reported was."


def count(form: str, path: Path, encoding: str) -> int | None:
    """How many rows there are to come, where that can be told quickly; a workbook's own word is not taken for it."""
    return None if form == "xlsx" else sum(1 for _ in READERS[form](path, encoding))


def read_csv(path: Path, encoding: str, told: Told = bool) -> Rows:
    """Separated by comma, semicolon or tab, whichever the first line has most of."""
    with path.open("rb") as file:
        text = _text(file, encoding)
        csv.field_size_limit(LONGEST_ROW)
        number = 0
        try:
            # Strictly: a quotation mark that is never closed would take all that follows into its cell.
            reader = csv.reader(_bounded(text), delimiter=_separator(text), strict=True)
            columns = _header(next(reader, []))
            told(columns)
            for number, cells in enumerate(reader, start=2):
                if any(cells):
                    yield number, _named(columns, cells, number)
        except csv.Error:
            where = f"row {number + 1 if number else 1}"
            raise UnusableFile(
                reason=f"{where} is no CSV; perhaps a quotation mark in it is not closed, or not doubled"
            ) from None
        except UnicodeError:
            raise _not_text(encoding) from None


def _separator(text: io.TextIOWrapper) -> str:
    first = text.readline(LONGEST_ROW)
    text.seek(0)
    return max(",;\t", key=first.count)


def read_jsonl(path: Path, encoding: str, _: Told = bool) -> Rows:
    """An object a line."""
    with path.open("rb") as file:
        try:
            for number, line in enumerate(_bounded(_text(file, encoding)), start=1):
                if line.strip():
                    yield number, _object(line, number)
        except UnicodeError:
            raise _not_text(encoding) from None


def read_xlsx(path: Path, _: str, told: Told = bool) -> Rows:
    """The first sheet of a workbook; of formulas, the values that they had when it was saved."""
    _check_workbook(path)
    from openpyxl import load_workbook

    try:
        # Opened here: the library goes by a name's ending.
        book = load_workbook(path.open("rb"), read_only=True, data_only=True, keep_links=False)
        rows = book.worksheets[0].iter_rows(values_only=True)
        columns = _header([_plain(cell) or "" for cell in next(rows, ())])
        told(columns)
        for number, cells in enumerate(rows, start=2):
            values = [_plain(cell) for cell in cells]
            if any(value is not None for value in values):
                yield number, _named(columns, values, number)
    except (UnusableFile, MemoryError, GeneratorExit):
        raise
    except Exception:  # noqa: BLE001 - a workbook that lies about itself fails in as many ways as there are parts of it
        raise UnusableFile(reason="it is no workbook that a spreadsheet saved") from None


READERS: dict[str, Callable[..., Rows]] = {"csv": read_csv, "jsonl": read_jsonl, "xlsx": read_xlsx}


def _text(file: Any, encoding: str) -> io.TextIOWrapper:
    # On some systems what is opened by the name of standard input begins where it was left.
    file.seek(0)
    start = file.read(3)
    file.seek(0)
    if b"\0" in start and not encoding and not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnusableFile(reason="it is no text")
    if start.startswith(b"PK\x03"):
        raise UnusableFile(reason="it is a workbook or an archive, not text")
    known = next((name for mark, name in _BOMS.items() if start.startswith(mark)), "utf-8")
    return io.TextIOWrapper(file, encoding=encoding or known, newline="")


def _bounded(text: io.TextIOWrapper) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: text.readline(LONGEST_ROW + 1), ""), start=1):
        if len(line) > LONGEST_ROW:
            raise UnusableFile(reason=f"line {number} is longer than {LONGEST_ROW} characters")
        yield line


def _header(names: Sequence[Any]) -> list[str]:
    columns = [str(name).strip() for name in names]
    while columns and not columns[-1]:
        columns.pop()
    if not columns:
        raise UnusableFile(reason="its first row names no columns")
    if len(columns) > MOST_COLUMNS or sum(map(len, columns)) > LONGEST_ROW:
        raise UnusableFile(reason=f"it has more than {MOST_COLUMNS} columns, or too long names of them")
    if len(set(columns)) != len(columns):
        raise UnusableFile(reason="two of its columns have the same name, or one has none")
    return columns


def _named(columns: Sequence[str], cells: Sequence[Any], number: int) -> dict[str, Any]:
    if any(cell not in (None, "") for cell in cells[len(columns) :]):
        raise UnusableFile(reason=f"row {number} has more cells than there are columns")
    if sum(len(cell) for cell in cells if isinstance(cell, str)) > LONGEST_ROW:
        raise UnusableFile(reason=f"row {number} is longer than {LONGEST_ROW} characters")
    return {name: cell for name, cell in zip(columns, cells, strict=False) if cell not in (None, "")}


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UnusableFile(reason=f"line {number} is no JSON object")
    return {str(name): value for name, value in found.items() if value is not None}


def _plain(cell: Any) -> Any:
    if cell is None or isinstance(cell, bool | int | float):
        return cell
    if hasattr(cell, "isoformat"):
        return str(cell.isoformat())
    return str(cell).strip() or None


def _check_workbook(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise UnusableFile(reason="it is no workbook (XLSX)") from None
    if unpacked > LARGEST_WORKBOOK:
        raise UnusableFile(reason="it unpacks to more than 2 GiB")


def _not_text(encoding: str) -> UnusableFile:
    return UnusableFile(reason=f"it is not text in {encoding or 'UTF-8'}; name its encoding, for example gb18030")
