"""A worker that is killed in the middle of a job: another goes on, nothing is done twice, nothing is left lying about."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from processors.jobs import child
from processors.jobs.import_mapping import ImportAsked
from tests.commandline import environment
from tests.desks import Office
from tests.processors.jobs import asked, ended, found, items, under_way
from tests.processors.test_jobs_imports import rows_of, sent, tickets
from tests.waiting import until

Db = psycopg.Connection[TupleRow]
ROWS = 1000


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts `ledgerdesk worker`; its temporary files are in `tmp_path`."""
    env = os.environ | environment(database_url, tmp_path) | {"TMPDIR": str(tmp_path)}
    started: list[subprocess.Popen[bytes]] = []

    def run() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-m", "cli", "worker"], env=env))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def left(folder: Path) -> list[Path]:
    return list(folder.glob("ledgerdesk-job-*"))


async def test_another_worker_goes_on_with_a_killed_ones_import(
    office: Office,
    database_url: str,
    database: Db,
    start: Callable[[], subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    file_id = await sent(office, rows_of(["Id", "Subject"], *([f"k{n}", f"ticket {n}"] for n in range(ROWS))))
    wanted = ImportAsked(file_id=file_id, format="csv", mapping={"Id": "key", "Subject": "title"})
    job = await asked(office, "import", **wanted.model_dump(mode="json"))
    first = start()
    await under_way(database_url, job)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert found(database_url, job)["finished_at"] is None
    start()
    state = await ended(database_url, job, 120)
    assert (state["state"], state["done"], state["skipped"], state["failed"]) == ("done", ROWS, 0, 0)
    assert [item[0] for item in items(database_url, job)] == [str(n) for n in range(2, ROWS + 2)]
    assert tickets(database) == ROWS
    await until(lambda: not left(tmp_path))


async def test_a_writer_whose_worker_died_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with child.folder() as folder:
        path = folder / "tickets.xlsx"
        async with child._sheets("write", "xlsx", str(path), stdin=asyncio.subprocess.PIPE) as writer:
            assert writer.stdin is not None
            writer.stdin.write(b'[["number", "text"]]\n["1"]\n')
            writer.stdin.close()
            assert await writer.wait() == 1
        assert left(tmp_path) == []
