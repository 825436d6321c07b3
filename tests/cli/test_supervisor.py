"""The supervisor keeps its children alive, and never outlives or is outlived by them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from cli.serve import api_children, worker_child
from cli.supervisor import AUTOGROUP, Child, ChildGaveUp, Supervisor
from tests.waiting import wait_until

PARENT = """
import sys, time
from pathlib import Path
from cli.serve import api_children, worker_child
from cli.supervisor import AUTOGROUP, Child, Supervisor

def child():
    with Path(sys.argv[1]).open("a") as file:
        file.write("started\\n")
    time.sleep(600)

Supervisor([Child("child", child)], {}, lambda: None).run()
"""


def ending(code: int) -> Callable[[], None]:
    """What a child does that ends at once."""
    return partial(sys.exit, code)


@pytest.fixture
def notes(tmp_path):
    return tmp_path / "notes"


@pytest.fixture
def parent(notes):
    """A supervisor in a process of its own, with one child that notes each of its starts."""
    process = subprocess.Popen([sys.executable, "-c", PARENT, notes])
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
    child = Child("child", ending(2))
    with pytest.raises(ChildGaveUp, match="child"):
        Supervisor([child], {}, lambda: None).run()


@pytest.mark.parametrize("given", [{}, {"PROMETHEUS_MULTIPROC_DIR": "the operator's"}])
def test_children_count_their_metrics_together(notes, given, monkeypatch):
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)

    def child() -> None:
        notes.write_text(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        sys.exit(2)

    with pytest.raises(ChildGaveUp):
        Supervisor([Child("child", child)], given, lambda: None).run()
    assert notes.read_text() == given.get("PROMETHEUS_MULTIPROC_DIR", notes.read_text())
    assert notes.read_text()


@pytest.mark.parametrize("by", [0, 3])
def test_a_child_gives_way_as_far_as_it_is_told(notes, by):
    def child() -> None:
        grouped = AUTOGROUP.read_text().split() if AUTOGROUP.exists() else []
        session = grouped[-1] if grouped else by
        notes.write_text(f"{os.nice(0)} {session}")
        sys.exit(2)

    with pytest.raises(ChildGaveUp):
        Supervisor([Child("child", child, by)], {}, lambda: None).run()
    assert notes.read_text() == f"{min(os.nice(0) + by, 19)} {by}"


def test_what_people_wait_for_goes_before_what_follows_it():
    with socket.socket() as listening:
        assert [child.gives_way for child in api_children([listening])] == [0]
    assert worker_child().gives_way > 0


def test_a_child_that_keeps_failing_is_started_less_and_less_often():
    child = Child("child", ending(1))
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
