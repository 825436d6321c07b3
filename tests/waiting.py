"""Waiting for what another process or thread will do, with a deadline."""

import asyncio
import time
from collections.abc import Callable


def wait_until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """Return when it is true; fail after that many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(0.01)


async def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """The same, while the event loop goes on."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        await asyncio.sleep(0.01)
