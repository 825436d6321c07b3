"""Waiting for what another process or thread will do, with a deadline."""

import asyncio
import time
from collections.abc import Callable, Iterator


def wait_until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """Return when it is true; fail after that many seconds."""
    for pause in _pauses(true, seconds):
        time.sleep(pause)


async def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """The same, while the event loop goes on."""
    for pause in _pauses(true, seconds):
        await asyncio.sleep(pause)


def _pauses(true: Callable[[], object], seconds: float) -> Iterator[float]:
    """Until it is true: who takes long to ask waits longer, and leaves the processor to what is waited for."""
    began = asked = time.monotonic()
    while not true():
        now = time.monotonic()
        assert now < began + seconds, f"still not so after {seconds} s"
        yield min(max(0.01, 2 * (now - asked)), 0.1)
        asked = time.monotonic()
