"""`ledgerdesk up`, the whole service in one command, through what happens to it."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
import pytest

from cli.embedded import cluster_of
from eventstore.settings import new_key
from tests.waiting import wait_until

LEDGERDESK = Path(sys.executable).with_name("ledgerdesk")


class Up:
    """A running `ledgerdesk up` on a folder of its own, without the demo desk."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.data = folder / "data"
        ours = {"LEDGERDESK_DATA": str(self.data), "LEDGERDESK_PORT": str(self.port), "LEDGERDESK_DEMO": "false"}
        self.environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"} | ours
        self.output = folder / "output"

    def start(self) -> psutil.Process:
        with self.output.open("w") as output:
            process = subprocess.Popen([LEDGERDESK, "up"], env=self.environment, stdout=output, stderr=output)
        wait_until(lambda: process.poll() is not None or "is ready" in self.output.read_text(), 60)
        assert process.poll() is None, self.output.read_text()
        return psutil.Process(process.pid)

    def run(self, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        command = [LEDGERDESK, *arguments]
        return subprocess.run(command, env=self.environment, input=said, capture_output=True, text=True)

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/api/v1/health/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


@pytest.fixture(scope="module")
def up(tmp_path_factory) -> Iterator[Up]:
    service = Up(tmp_path_factory.mktemp("up"))
    yield service
    cluster_of(service.data).kill()


@pytest.fixture(scope="module")
def running(up) -> Iterator[psutil.Process]:
    process = up.start()
    yield process
    process.send_signal(signal.SIGINT)
    process.wait(60)


def workers(supervisor: psutil.Process) -> list[psutil.Process]:
    return [child for child in supervisor.children() if is_worker(child)]


def is_worker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):  # it may have died since it was listed
        return "ledgerdesk: " in " ".join(process.cmdline())
    return False


def test_it_says_where_it_is_once_it_answers(up, running):
    assert f"Ledgerdesk is ready: http://127.0.0.1:{up.port}" in up.output.read_text()
    assert up.is_ready()


def test_a_second_supervisor_on_the_folder_is_refused(up, running):
    second = up.run("up")
    assert second.returncode == 2
    assert "already up" in second.stderr


def test_other_commands_work_meanwhile(up, running):
    assert up.run("migrate").stdout == "The database is up to date.\n"
    assert up.is_ready()


def test_one_scrape_tells_of_all_api_processes(up, running):
    asked = 40
    for _ in range(asked):
        assert up.is_ready()
    # Each process tells its own a few times a second.
    wait_until(lambda: answered(up.port) >= asked)


def answered(port):
    """How often the desk was asked whether it is ready, as a scrape says it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/metrics") as answer:
        told = re.search(r'requests_total\{[^}]*health/ready[^}]*"200"\} ([\d.]+)', answer.read().decode())
    return float(told[1]) if told else 0


def test_processes_that_are_killed_come_back(up, running):
    before = workers(running)
    assert len(before) == 3
    for process in before:
        process.kill()
    wait_until(lambda: len(set(workers(running)) - set(before)) == 3)
    wait_until(up.is_ready)


def test_a_database_that_is_killed_comes_back(up, running):
    before = cluster_of(up.data).pid
    cluster_of(up.data).kill()
    wait_until(lambda: cluster_of(up.data).pid not in {before, None})
    wait_until(up.is_ready)


def test_a_stop_leaves_nothing_running_and_the_next_start_finds_the_data(tmp_path):
    up = Up(tmp_path)
    for number in (signal.SIGINT, signal.SIGTERM):
        supervisor = up.start()
        children = supervisor.children(recursive=True)
        supervisor.send_signal(number)
        assert supervisor.wait(60) == 0
        wait_until(lambda gone=children: not any(map(alive, gone)))
        assert up.output.read_text().endswith("Ledgerdesk has stopped.\n")


def test_after_a_killed_supervisor_the_next_start_takes_over(tmp_path):
    up = Up(tmp_path)
    supervisor = up.start()
    children = workers(supervisor)
    supervisor.kill()
    wait_until(lambda: not any(map(alive, children)))
    supervisor = up.start()
    supervisor.terminate()
    assert supervisor.wait(60) == 0
    assert not cluster_of(up.data).running


def test_a_database_of_one_s_own_is_used_instead(tmp_path, empty_database_url):
    up = Up(tmp_path)
    up.environment |= {"DATABASE_URL": empty_database_url, "LEDGERDESK_MASTER_KEY": new_key()}
    supervisor = up.start()
    assert up.is_ready()
    supervisor.terminate()
    assert supervisor.wait(60) == 0
    assert not up.data.exists()


def test_a_key_that_is_not_the_database_s_is_refused_at_start(tmp_path, superuser_url, database_url):
    with psycopg.connect(superuser_url) as db:
        db.execute(
            "INSERT INTO vault.keys (workspace_id, subject_id, master_id, wrapped) VALUES (%s, %s, 'other', %s)",
            [uuid4(), uuid4(), b"x"],
        )
    up = Up(tmp_path)
    up.environment |= {"DATABASE_URL": database_url, "LEDGERDESK_MASTER_KEY": new_key()}
    refused = up.run("up")
    assert refused.returncode == 1
    assert "wrapped by master key other" in refused.stderr


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
