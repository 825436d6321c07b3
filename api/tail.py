"""Wakes everybody who waits for something new: one LISTEN a process, and a poll should it be lost."""

import asyncio
from contextlib import suppress
from typing import Any, Self

import structlog
from psycopg import AsyncConnection

from eventstore.database import Role, conninfo
from eventstore.feed import CHANNEL, POLL

log = structlog.get_logger()

CHANNELS = (CHANNEL, "read_models")
# Under load there are hundreds of notifications a second; nobody needs to be woken more often than this.
PAUSE = 0.01


class Tail:
    """Open it with `async with`. Take `mark`, look, and `wait` on the mark: what came in between wakes it."""

    def __init__(self, url: str) -> None:
        self._conninfo = conninfo(url, Role.READER, "ledgerdesk-tail")
        self._news, self._wanted = asyncio.Event(), asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listener = asyncio.create_task(self._listen_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listener is not None:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener

    def mark(self) -> asyncio.Event:
        """What the next news will set."""
        self._wanted.set()
        return self._news

    async def wait(self, mark: asyncio.Event, seconds: float) -> bool:
        """Whether there was news since the mark, within that time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(mark.wait(), seconds)
        return mark.is_set()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                async with await AsyncConnection.connect(self._conninfo, autocommit=True) as db:
                    await self._listen(db)
            except Exception as error:  # noqa: BLE001 - whatever it is: without it every waiter would wait in vain
                log.warning("tail.reconnecting", error=type(error).__name__)
            self._wake()
            await asyncio.sleep(POLL)

    async def _listen(self, db: AsyncConnection[Any]) -> None:
        while True:
            await self._wanted.wait()
            for channel in CHANNELS:
                await db.execute(f"LISTEN {channel}".encode())
            # What came between a mark and this is told to nobody.
            self._wake()
            while await self._somebody():
                async for _ in db.notifies(timeout=POLL, stop_after=1):
                    pass
                self._wake()
                await asyncio.sleep(PAUSE)
            # Where nobody waits, the server is spared telling us of every commit.
            await db.execute("UNLISTEN *")

    async def _somebody(self) -> bool:
        """Whether somebody has a mark, or has one within a while."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), POLL)
        found = self._wanted.is_set()
        self._wanted.clear()
        return found
