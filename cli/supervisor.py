"""Keeps a set of processes alive, and takes them down in order."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from domain.errors import LedgerdeskError

LIFELINE = "LEDGERDESK_LIFELINE_FD"
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
STEADY_AFTER = 10.0
STOP_WITHIN = 15.0
MISUSE = 2


class ChildGaveUp(LedgerdeskError):
    """A process said that starting it again would not help."""

    code = "child_gave_up"
    sentence = "The {name} process cannot run; its own message is above."


@dataclass
class Child:
    """One process to be kept alive."""

    name: str
    arguments: Sequence[str]
    files: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started: float = 0.0
    not_before: float = 0.0


class Supervisor:
    """Starts children, starts again what dies, stops all of them when told or when one cannot run at all.

    `tend` is called ten times a second, for whatever else must be kept alive.
    """

    def __init__(self, children: Sequence[Child], environment: Mapping[str, str], tend: Callable[[], None]) -> None:
        self.children = children
        self.environment = {**os.environ, **environment}
        self.tend = tend
        self.stopping = threading.Event()

    def run(self) -> None:
        """Return when told to stop (SIGINT, SIGTERM, SIGHUP) and every child has ended."""
        with _told_by_signal(self.stopping), self._lifeline() as lifeline, _shared_metrics() as metrics:
            self.environment = {**metrics, **self.environment}
            try:
                while not self.stopping.wait(0.1):
                    self.tend()
                    for child in self.children:
                        self._keep_alive(child, lifeline)
            finally:
                self._stop_all()

    def _keep_alive(self, child: Child, lifeline: int) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.not_before:
                self._start(child, lifeline)
        elif (code := child.process.poll()) is not None:
            if code == MISUSE:
                raise ChildGaveUp(name=child.name)
            child.failures = 1 if now - child.started > STEADY_AFTER else child.failures + 1
            pause = min(FIRST_PAUSE * 2 ** (child.failures - 1), LONGEST_PAUSE)
            child.process, child.not_before = None, now + pause
            say(f"{child.name} ended ({_how(code)}); starting it again in {pause:.1f} s")

    def _start(self, child: Child, lifeline: int) -> None:
        child.started = time.monotonic()
        child.process = subprocess.Popen(
            child.arguments,
            env={**self.environment, LIFELINE: str(lifeline)},
            stdin=subprocess.DEVNULL,
            pass_fds=(lifeline, *child.files),
            start_new_session=True,  # Ctrl-C in the terminal is for the supervisor alone, which keeps the order
        )

    @contextmanager
    def _lifeline(self) -> Iterator[int]:
        # The write end is ours alone: when we are gone, however that came, the children read its end.
        read, write = os.pipe()
        try:
            yield read
        finally:
            os.close(write)
            os.close(read)

    def _stop_all(self) -> None:
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_WITHIN
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def die_with_supervisor() -> None:
    """End this process when the supervisor that started it is gone, even by kill -9."""
    if (descriptor := os.environ.pop(LIFELINE, None)) is not None:
        threading.Thread(target=_watch, args=[int(descriptor)], name="lifeline", daemon=True).start()


def _watch(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.read(descriptor, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_WITHIN)
    os._exit(1)


@contextmanager
def _shared_metrics() -> Iterator[Mapping[str, str]]:
    """Where the API processes count together, so that one scrape tells of all of them."""
    with tempfile.TemporaryDirectory(prefix="ledgerdesk-metrics-") as folder:
        yield {"PROMETHEUS_MULTIPROC_DIR": folder}


@contextmanager
def _told_by_signal(stopping: threading.Event) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(sentence: str) -> None:
    """Tell the operator, on stderr."""
    print(sentence, file=sys.stderr, flush=True)


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
