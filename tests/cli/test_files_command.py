"""`ledgerdesk files sweep`, as an operator runs it."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from domain.ids import workspace_id
from eventstore.files.local import LocalFiles
from tests.commandline import Run
from tests.commandline import ledgerdesk as ledgerdesk
from tests.eventstore.files import pieces


@pytest.fixture
def forgotten(tmp_path: Path) -> Path:
    """A file that was uploaded three days ago and never attached."""
    folder = tmp_path / "data" / "files"
    put = asyncio.run(LocalFiles(folder).put(workspace_id("acme"), pieces(b"x")))
    [path] = folder.rglob(put.sha256)
    age(path)
    return path


def age(path: Path) -> None:
    then = time.time() - 3 * 86400
    os.utime(path, (then, then))


def test_a_sweep_says_what_it_would_do_and_does_it(ledgerdesk: Run, forgotten: Path) -> None:
    assert ledgerdesk("workspace", "create", "acme", "--title", "Acme").exit_code == 0
    half = forgotten.parents[2] / "unfinished" / "tmp1"
    half.write_bytes(b"x")
    age(half)
    assert ledgerdesk("files", "sweep", "--dry-run").stdout == "1 would be removed, 0 kept\n"
    assert forgotten.exists()
    assert half.exists()
    assert ledgerdesk("files", "sweep").stdout == "1 removed, 0 kept\n"
    assert not forgotten.exists()
    assert not half.exists()
    assert ledgerdesk("files", "sweep").stdout == "0 removed, 0 kept\n"


def test_a_workspace_that_this_database_does_not_know_is_not_touched(ledgerdesk: Run, forgotten: Path) -> None:
    assert ledgerdesk("files", "sweep").stdout == "0 removed, 0 kept\n"
    assert forgotten.exists()
