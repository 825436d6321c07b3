"""Keeps a set of processes alive, and takes them down in order."""

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from pathlib import Path

from setproctitle import getproctitle, setproctitle

from cli.failures import MISUSE
from domain.errors import LedgerdeskError
from eventstore.process import settled

TOLD_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
STEADY_AFTER = 10.0
STOP_WITHIN = 15.0
AUTOGROUP = Path("/proc/self/autogroup")


class ChildGaveUp(LedgerdeskError):
    """A process said that starting it again would not help."""

    code = "child_gave_up"
    sentence = "The {name} process cannot run; its own message is above."


@dataclass
class Child:
    """One process to be kept alive; `run` is what it does, `gives_way` how far it stands back behind others, as nice(1) counts."""

    name: str
    run: Callable[[], None]
    gives_way: int = 0
    process: ForkProcess | None = None
    failures: int = 0
    started: float = 0.0
    not_before: float = 0.0


class Supervisor:
    """Starts children, starts again what dies, stops all of them when told or when one cannot run at all.

    Children are forked, so that the code which `preload` imports is in memory once. Nothing here may have threads.
    `tend` is called ten times a second, for whatever else must be kept alive.
    """

    def __init__(
        self,
        children: Sequence[Child],
        environment: Mapping[str, str],
        tend: Callable[[], None],
        preload: Callable[[], None] = lambda: None,
    ) -> None:
        self.children = children
        self.environment = environment
        self.tend, self.preload = tend, preload
        self.stopping = threading.Event()

    def run(self) -> None:
        """Return when told to stop (SIGINT, SIGTERM, SIGHUP) and every child has ended."""
        with (
            _told_by_signal(self.stopping),
            self._lifeline() as lifeline,
            _shared_metrics() as metrics,
            _own_environment(),
        ):
            # It finds the place of the title only as long as the environment is what the process began with.
            getproctitle()
            # Before the preload: how metrics are counted is decided when their library is imported.
            os.environ.update({**metrics, **os.environ, **self.environment})
            self.preload()
            settled()
            try:
                while not self.stopping.wait(0.1):
                    self.tend()
                    for child in self.children:
                        self._keep_alive(child, lifeline)
            finally:
                self._stop_all()

    def _keep_alive(self, child: Child, lifeline: tuple[int, int]) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.not_before:
                self._start(child, lifeline)
        elif (code := child.process.exitcode) is not None:
            if code == MISUSE:
                raise ChildGaveUp(name=child.name)
            child.failures = 1 if now - child.started > STEADY_AFTER else child.failures + 1
            pause = min(FIRST_PAUSE * 2 ** (child.failures - 1), LONGEST_PAUSE)
            child.process, child.not_before = None, now + pause
            say(f"{child.name} ended ({_how(code)}); starting it again in {pause:.1f} s")

    def _start(self, child: Child, lifeline: tuple[int, int]) -> None:
        child.started = time.monotonic()
        child.process = multiprocessing.get_context("fork").Process(target=_begin, args=[child, lifeline], daemon=True)
        child.process.start()

    @contextmanager
    def _lifeline(self) -> Iterator[tuple[int, int]]:
        # The write end is ours alone: when we are gone, however that came, the children read its end.
        read, write = os.pipe()
        try:
            yield read, write
        finally:
            os.close(write)
            os.close(read)

    def _stop_all(self) -> None:
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_WITHIN
        for process in running:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.exitcode is None:
                process.kill()
                process.join()


def _begin(child: Child, lifeline: tuple[int, int]) -> None:
    """The first thing that a child does."""
    # Ctrl-C in the terminal is for the supervisor alone, which keeps the order.
    os.setsid()
    if child.gives_way:
        _give_way(child.gives_way)
    for number in TOLD_BY:
        signal.signal(number, signal.SIG_DFL)
    read, write = lifeline
    os.close(write)
    threading.Thread(target=_watch, args=[read], name="lifeline", daemon=True).start()
    setproctitle(f"ledgerdesk: {child.name}")
    child.run()


def _give_way(by: int) -> None:
    os.nice(by)
    # Where Linux shares the processors out among sessions first, niceness counts only within one. This one is the process's own.
    with contextlib.suppress(OSError):
        AUTOGROUP.write_text(str(by))


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
def _own_environment() -> Iterator[None]:
    """What is set here is for our children alone."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _told_by_signal(stopping: threading.Event) -> Iterator[None]:
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in TOLD_BY}
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
