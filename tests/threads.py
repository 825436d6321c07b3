"""Threads that work while a test runs."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def working(stop: threading.Event, targets: Iterable[Callable[[], object]]) -> Iterator[None]:
    """Each runs in a thread of its own until `stop` is set, which happens at the end; fails where one does not end."""
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
