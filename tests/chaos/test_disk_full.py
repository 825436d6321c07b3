"""The disk is full: writes are refused, nothing is torn, and with room it goes on by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.cluster import Cluster
from tests.chaos import audit
from tests.chaos.crew import Crew
from tests.chaos.disks import MEGABYTE, fill, move, small_disk
from tests.waiting import wait_until

WRITERS = 2


@pytest.fixture
def small(server: Cluster) -> Iterator[Path]:
    with small_disk(server.folder.with_name(f"{server.folder.name}-disk"), 128) as disk:
        yield disk


def test_full_tables_refuse_and_recover(server: Cluster, crew: Crew, small: Path) -> None:
    move(server, "base", small)
    filler = fill(small, 3 * MEGABYTE)
    crew.hire(WRITERS)
    wait_until(lambda: "storage_full" in crew.told.refused.values(), 60)
    room_again(server, crew, filler)


def test_a_full_write_ahead_log_stops_the_database_and_recovers(server: Cluster, crew: Crew, small: Path) -> None:
    move(server, "pg_wal", small)
    filler = fill(small, 3 * MEGABYTE)
    crew.hire(WRITERS)
    wait_until(lambda: "PANIC" in server.log.read_text(), 60)
    room_again(server, crew, filler)


def room_again(server: Cluster, crew: Crew, filler: Path) -> None:
    """Without anybody's help but the supervisor's, who starts a server that has died."""
    before = len(crew.told.answered)
    filler.unlink()
    if server.pid is None:
        server.start()
    wait_until(lambda: len(crew.told.answered) > before + 100, 60)
    assert crew.alive
    crew.kill_all()
    told = crew.told
    audit.check(server.url(), told)
    audit.repeat(server.url(), told)
    audit.check(server.url(), told)
