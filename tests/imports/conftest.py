"""Incident logs to import."""

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commandline import ledgerdesk as ledgerdesk

REAL = Path(__file__).parents[1] / "data" / "incidents.csv.gz"
COLUMNS = ("number", "incident_state", "reassignment_count", "reopen_count", "sys_mod_count", "opened_by", "opened_at")
COLUMNS += ("sys_updated_by", "sys_updated_at", "assignment_group", "assigned_to", "priority", "category", "caller_id")

Write = Callable[..., Path]


@pytest.fixture(scope="session")
def real_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a real desk."""
    path = tmp_path_factory.mktemp("log") / "incidents.csv"
    path.write_bytes(gzip.decompress(REAL.read_bytes()))
    return path


@pytest.fixture
def real_rows(real_log: Path) -> list[list[str]]:
    """Its header and its rows."""
    return list(csv.reader(real_log.read_text().splitlines()))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write rows as CSV; the path."""

    def to_file(rows: list[list[str]], name: str = "log.csv", **dialect: str) -> Path:
        path = tmp_path / name
        with path.open("w", encoding=dialect.pop("encoding", "utf-8"), newline="") as file:
            csv.writer(file, **dialect).writerows(rows)  # type: ignore[arg-type]
        return path

    return to_file


def update(number: str, state: str, at: str, count: int = 0, **cells: str) -> list[str]:
    """One row under COLUMNS."""
    known = {
        "number": number,
        "incident_state": state,
        "sys_updated_at": at,
        "sys_mod_count": str(count),
        "opened_at": "01-03-2016 08:00",
        "opened_by": "Opened by  1",
        "sys_updated_by": "Updated by 1",
        "assignment_group": "Group 1",
        "reassignment_count": "0",
        "reopen_count": "0",
        "priority": "3 - Moderate",
    }
    return [(known | cells).get(column, "?") for column in COLUMNS]


def log_of(*rows: list[str]) -> list[list[str]]:
    """A header and these rows."""
    return [list(COLUMNS), *rows]
