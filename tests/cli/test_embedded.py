"""One embedded database, many users: who starts it, who stops it, and who was killed in between."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from cli.embedded import cluster_of, database_of, embedded_database
from eventstore.settings import Settings, new_key
from tests.waiting import wait_until

USER = """
import sys, time
from pathlib import Path
from cli.embedded import embedded_database
with embedded_database(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    yield folder
    cluster_of(folder).kill()


def another_user(data: Path) -> subprocess.Popen[str]:
    user = subprocess.Popen([sys.executable, "-c", USER, data], stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    assert user.stdout.readline() == "in\n"
    return user


def works(url: str) -> bool:
    with psycopg.connect(url) as db:
        return db.execute("SELECT 1").fetchone() == (1,)


def test_it_runs_for_as_long_as_it_is_used(data):
    with embedded_database(data) as url:
        assert works(url)
    assert not cluster_of(data).running


def test_the_last_user_stops_it_not_the_first(data):
    other = another_user(data)
    with embedded_database(data) as url:
        other.send_signal(signal.SIGINT)
        other.communicate()
        assert works(url)
    assert not cluster_of(data).running


def test_a_killed_user_is_not_counted(data):
    other = another_user(data)
    other.kill()
    other.communicate()
    assert cluster_of(data).running
    with embedded_database(data) as url:
        assert works(url)
    assert not cluster_of(data).running


def test_many_may_come_and_go_at_once(data):
    def use(_: int) -> bool:
        with embedded_database(data) as url:
            return works(url)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(use, range(12)))
    assert not cluster_of(data).running


def test_a_server_that_died_is_started_for_the_next_user(data):
    with embedded_database(data):
        cluster_of(data).kill()
        wait_until(lambda: not cluster_of(data).running)
        with embedded_database(data) as url:
            assert works(url)


def test_settings_come_back_with_a_database_and_a_key(data, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with database_of(Settings(data=data)) as settings:
        assert works(str(settings.database_url))
        assert len(settings.master_key_bytes()) == 32
        assert settings.master_key_bytes() == Settings(data=data).master_key_bytes()


def test_a_master_key_in_a_file_of_one_s_own_is_the_one_that_is_used(data, tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    key = tmp_path / "own.key"
    key.write_text(new_key())
    wanted = Settings(data=data, master_key_file=key)
    with database_of(wanted) as settings:
        assert settings.master_key_bytes() == wanted.master_key_bytes()
    assert not (data / "master.key").exists()
