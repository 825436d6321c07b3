"""A wire between a client and PostgreSQL that a test can cut at the worst moment."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class CuttingProxy:
    """Passes everything on; once armed, cuts the next connection that has sent a query, before its answer passes.

    The server gets the whole query and carries it out: what the client cannot know is exactly that.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._target = f"{conninfo_to_dict(url)['host']}/.s.PGSQL.5432"
        self._socket = folder / ".s.PGSQL.5432"
        self.url = make_conninfo(url, host=str(folder))
        self.cuts = 0
        self._armed = self._for_good = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._carry, self._socket)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def arm(self, *, for_good: bool = False) -> None:
        """Cut the next one; `for_good` lets nobody in afterwards."""
        self._armed, self._for_good = True, for_good

    async def _carry(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(self._target)
        marked = asyncio.Event()
        ways = [
            asyncio.create_task(self._pass(client, to_server, asks=marked)),
            asyncio.create_task(self._pass(server, to_client, answers=marked)),
        ]
        with suppress(asyncio.CancelledError):
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        to_client.close()
        to_server.close()

    async def _pass(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        asks: asyncio.Event | None = None,
        answers: asyncio.Event | None = None,
    ) -> None:
        with suppress(ConnectionError):
            while data := await source.read(1 << 16):
                # A bind message: the prepared statement is carried out with what follows.
                if asks and self._armed and data.startswith(b"B"):
                    self._armed = False
                    asks.set()
                if answers and answers.is_set():
                    self.cuts += 1
                    if self._for_good:
                        self._socket.unlink()
                    return
                target.write(data)
                await target.drain()
