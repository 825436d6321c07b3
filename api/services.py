"""What a request handler reaches: made once a process, opened and closed with it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

import anyio.to_thread
from fastapi import Request
from psycopg import Cursor

from api import metrics
from api.access import Access
from api.limits import Buckets
from api.settings import ApiSettings
from api.tail import Tail
from api.tokens import Tokens
from eventstore.database import Role, async_pool, reader_pool
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from eventstore.process import settled
from eventstore.reading import BoundAsync, bound


class Services:
    """The composition root of the API."""

    def __init__(self, url: str, keyring: Keyring, settings: ApiSettings) -> None:
        self.url, self.keyring, self.settings = url, keyring, settings
        self.desk = Desk(url, keyring)
        self.access = Access(url)
        self.readers = reader_pool(url, size=settings.readers)
        # For what is read by a statement or two: on the event loop that costs less than a thread.
        self.quick_readers = async_pool(url, Role.READER, "ledgerdesk-quick-reader", size=settings.readers)
        self.tail = Tail(url)
        self.tokens = Tokens()
        self.callers = Buckets(settings.rate_limit)
        self.strangers = Buckets(settings.anonymous_rate_limit)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open everything; a database that is away now is waited for by the pools."""
        # A thread without a connection to use would only wait for one.
        anyio.to_thread.current_default_thread_limiter().total_tokens = self.settings.readers
        self.readers.open()
        try:
            async with self.desk, self.access, self.tail, self.quick_readers:
                settled()
                yield
        finally:
            metrics.tell()
            await anyio.to_thread.run_sync(self.readers.close)

    @contextmanager
    def reading(self, workspace: UUID) -> Iterator[Cursor[Any]]:
        """A cursor that sees one workspace; for handlers that run in a thread."""
        with bound(self.readers, workspace) as db:
            yield db

    def reading_quickly(self, workspace: UUID) -> BoundAsync:
        """A connection that sees one workspace, to be opened with `async with`; for handlers on the event loop."""
        return BoundAsync(self.quick_readers, workspace)


def services(request: Request) -> Services:
    """The process's own."""
    found: Services = request.app.state.services
    return found
