"""Queries of one workspace, under row-level security."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg import AsyncConnection, Connection, Cursor
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from eventstore.database import AWAY, Lent, explained_of

AnyConnection = Connection[Any] | AsyncConnection[Any]
AnyPool = ConnectionPool[Any] | AsyncConnectionPool[Any]
_bound_to: WeakKeyDictionary[AnyConnection, UUID | None] = WeakKeyDictionary()
Remembered = dict[type, Any]
M = TypeVar("M")
_memories: WeakKeyDictionary[AnyConnection, Remembered] = WeakKeyDictionary()
_of_pools: WeakKeyDictionary[AnyPool, Remembered] = WeakKeyDictionary()
Rows = list[tuple[Any, ...]]
# A read that is asked in threads and on event loops alike: it yields statements with their values, and is sent what each finds.
Asking = Generator[tuple[bytes, Sequence[Any]], Rows, M]
_BIND = "SELECT set_config('ledgerdesk.workspace', %s, false), set_config('default_transaction_read_only', 'on', false)"


@contextmanager
def bound(pool: ConnectionPool[Any], workspace: UUID) -> Iterator[Cursor[Any]]:
    """A cursor that sees one workspace and changes nothing, each statement as of its own moment. A database that is away becomes DatabaseUnavailable.

    The connection stays bound until somebody asks for another workspace: a transaction would cost every read two more round trips.
    """
    try:
        with pool.connection() as db, db.cursor() as cursor:
            _share(pool, db)
            bind(cursor, workspace)
            yield cursor
    except AWAY as error:
        raise explained_of(pool, error) from None


class BoundAsync(Lent):
    """The same on an event loop: a thread has to be waited for, and its turn of the interpreter."""

    __slots__ = ("_workspace",)

    def __init__(self, pool: AsyncConnectionPool, workspace: UUID) -> None:
        super().__init__(pool)
        self._workspace = workspace

    async def __aenter__(self) -> AsyncConnection[Any]:
        db = await super().__aenter__()
        _share(self._pool, db)
        if _bound_to.get(db) != self._workspace:
            await self._bind(db)
        return db

    async def _bind(self, db: AsyncConnection[Any]) -> None:
        _bound_to.pop(db, None)
        try:
            await db.execute(_BIND, [str(self._workspace)])
        except BaseException as error:
            await self.__aexit__(None, error, None)
            raise
        _bound_to[db] = self._workspace


def answered(db: Cursor[Any], asking: Asking[M]) -> M:
    """What the read comes to; what the database refuses is raised in it, where the statement stands."""
    asked, values = next(asking)
    try:
        while True:
            try:
                rows = db.execute(asked, values, binary=True).fetchall()
            except psycopg.Error as error:
                asked, values = asking.throw(error)
            else:
                asked, values = asking.send(rows)
    except StopIteration as done:
        answer: M = done.value
        return answer


async def answered_async(db: AsyncConnection[Any], asking: Asking[M]) -> M:
    """The same on an event loop."""
    asked, values = next(asking)
    try:
        while True:
            try:
                rows = await (await db.execute(asked, values, binary=True)).fetchall()
            except psycopg.Error as error:
                asked, values = asking.throw(error)
            else:
                asked, values = asking.send(rows)
    except StopIteration as done:
        answer: M = done.value
        return answer


def bind(cursor: Cursor[Any], workspace: UUID | None) -> None:
    """From now on the connection sees that workspace; with None nothing of any, whoever had it before."""
    db = cursor.connection
    if db not in _bound_to or _bound_to[db] != workspace:
        # Should it fail, nobody relies on what was there before.
        _bound_to.pop(db, None)
        cursor.execute(_BIND, ["" if workspace is None else str(workspace)])
        _bound_to[db] = workspace


def remembered(db: AnyConnection, kind: type[M]) -> M:
    """The one memory of its kind that there is of the database which is asked through this connection, from one statement to the next.

    A pool's connections share it until one of them is new: the server may have come back from before what was read then.
    """
    memories = _memories.setdefault(db, {})
    if (found := memories.get(kind)) is None:
        found = memories.setdefault(kind, kind())
    memory: M = found
    return memory


def _share(pool: AnyPool, db: AnyConnection) -> None:
    if db not in _memories or pool not in _of_pools:
        _of_pools[pool] = {}
    _memories[db] = _of_pools[pool]
