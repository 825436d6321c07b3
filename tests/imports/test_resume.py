"""An import that is killed goes on where it stopped."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.commandline import Run, counts, environment
from tests.waiting import wait_until


def test_a_killed_import_is_completed_by_the_next(
    ledgerdesk: Run, real_log: Path, database_url: str, database: psycopg.Connection[tuple[int]], tmp_path: Path
) -> None:
    env = os.environ | environment(database_url, tmp_path / "data")
    killed = subprocess.Popen([sys.executable, "-m", "cli", "import", "incidents", str(real_log)], env=env)
    wait_until(lambda: _told(database) > 500)
    killed.kill()
    killed.wait()
    before = _told(database)

    found = counts(ledgerdesk("import", "incidents", real_log, "--json"))
    assert 0 < before < _told(database)
    assert before + found["events"] == _told(database)
    assert (
        found["tickets"] + found["skipped_as_already_imported"] == found["closed"] == found["equal_reopenings"] == 600
    )
    whole = counts(ledgerdesk("import", "incidents", real_log, "--json", "-w", "whole"))
    assert whole["events"] * 2 == _told(database), "neither lost nor told twice"


def _told(database: psycopg.Connection[tuple[int]]) -> int:
    row = database.execute("SELECT count(*) FROM log.stored_events WHERE topic LIKE 'ticket.%'").fetchone()
    assert row is not None
    return row[0]
