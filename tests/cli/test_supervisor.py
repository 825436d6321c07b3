"""The supervisor keeps its children alive, and never outlives or is outlived by them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from cli.supervisor import Child, ChildGaveUp, Supervisor
from tests.waiting import wait_until

CHILD = """
import sys, time
from pathlib import Path
from cli.supervisor import die_with_supervisor
die_with_supervisor()
with Path(sys.argv[1]).open("a") as file:
    file.write("started\\n")
time.sleep(600)
"""
PARENT = """
import sys
from cli.supervisor import Child, Supervisor
Supervisor([Child("child", [sys.executable, "-c", sys.argv[1], sys.argv[2]])], {}, lambda: None).run()
"""


@pytest.fixture
def notes(tmp_path):
    return tmp_path / "notes"


@pytest.fixture
def parent(notes):
    """A supervisor in a process of its own, with one child that notes each of its starts."""
    process = subprocess.Popen([sys.executable, "-c", PARENT, CHILD, notes])
    wait_until(lambda: starts(notes) == 1)
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


def starts(notes: Path) -> int:
    return notes.read_text().count("started") if notes.exists() else 0


def test_a_killed_child_is_started_again(parent, notes):
    parent.children()[0].kill()
    wait_until(lambda: starts(notes) == 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_told_supervisor_stops_its_children_first(parent, number):
    child = parent.children()[0]
    parent.send_signal(number)
    assert parent.wait(30) == 0
    wait_until(lambda: not alive(child))


def test_children_do_not_outlive_a_killed_supervisor(parent):
    child = parent.children()[0]
    parent.kill()
    wait_until(lambda: not alive(child))


def test_ctrl_c_in_the_terminal_reaches_the_supervisor_alone(parent):
    assert os.getpgid(parent.children()[0].pid) != os.getpgid(parent.pid)


def test_a_child_that_says_it_is_misused_is_not_started_again():
    child = Child("child", [sys.executable, "-c", "raise SystemExit(2)"])
    with pytest.raises(ChildGaveUp, match="child"):
        Supervisor([child], {}, lambda: None).run()


@pytest.mark.parametrize("given", [{}, {"PROMETHEUS_MULTIPROC_DIR": "the operator's"}])
def test_children_count_their_metrics_together(notes, given, monkeypatch):
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    code = "import os, sys; open(sys.argv[1], 'a').write(os.environ['PROMETHEUS_MULTIPROC_DIR']); raise SystemExit(2)"
    with pytest.raises(ChildGaveUp):
        Supervisor([Child("child", [sys.executable, "-c", code, str(notes)])], given, lambda: None).run()
    assert notes.read_text() == given.get("PROMETHEUS_MULTIPROC_DIR", notes.read_text())
    assert notes.read_text()


def test_a_child_that_keeps_failing_is_started_less_and_less_often():
    child = Child("child", [sys.executable, "-c", "raise SystemExit(1)"])
    supervisor = Supervisor([child], {}, lambda: supervisor.stopping.set() if child.failures >= 3 else None)
    began = time.monotonic()
    supervisor.run()
    assert child.not_before - began >= 0.1 + 0.2 + 0.4


def test_what_else_must_live_is_tended():
    tended: list[bool] = []

    def tend() -> None:
        tended.append(True)
        supervisor.stopping.set()

    supervisor = Supervisor([], {}, tend)
    supervisor.run()
    assert tended == [True]


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
