"""The disk is full: writes are refused, nothing is torn, and with room it goes on by itself."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cli.cluster import Cluster
from tests.chaos import audit
from tests.chaos.crew import Crew
from tests.chaos.disks import MEGABYTE, fill, move, small_disk
from tests.chaos.read_models import behind, caught_up, equal_a_rebuild
from tests.projections.tables import built
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


@pytest.mark.chaos
def test_a_full_write_ahead_log_stops_the_database_and_recovers(server: Cluster, crew: Crew, small: Path) -> None:
    move(server, "pg_wal", small)
    filler = fill(small, 3 * MEGABYTE)
    crew.hire(WRITERS)
    wait_until(lambda: "PANIC" in server.log.read_text(), 60)
    room_again(server, crew, filler)


@pytest.mark.chaos
def test_a_read_model_without_room_waits_and_writes_go_on(server: Cluster, crew: Crew, small: Path) -> None:
    crew.follow()
    wait_until(lambda: caught_up(server.url()), 60)
    put_elsewhere(server, "ticket_timeline", small)
    filler = fill(small, MEGABYTE)
    crew.hire(WRITERS)
    wait_until(lambda: crew.written > 3 * MEGABYTE, 60)
    crew.kill_all()
    wait_until(lambda: behind(server.url()) == ["ticket_timeline"], 60)
    assert "storage_full" not in crew.told.refused.values()
    filler.unlink()
    equal_a_rebuild(server.url(), lambda: built(server.url()))


def put_elsewhere(server: Cluster, model: str, disk: Path) -> None:
    """Keep a read model's tables on another disk."""
    folder, owner = disk / model, server.folder.stat()
    folder.mkdir()
    os.chown(folder, owner.st_uid, owner.st_gid)
    with psycopg.connect(server.superuser_url("ledgerdesk"), autocommit=True) as db:
        db.execute(f"CREATE TABLESPACE small LOCATION '{folder}'".encode())
        found = db.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname LIKE %s", [f"{model}_b%"])
        for schema, table in found.fetchall():
            db.execute(f"ALTER TABLE {schema}.{table} SET TABLESPACE small".encode())


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
