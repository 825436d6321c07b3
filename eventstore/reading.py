"""Queries of one workspace, under row-level security."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg import Connection, Cursor
from psycopg_pool import ConnectionPool, PoolTimeout

from eventstore.database import explained

_bound_to: WeakKeyDictionary[Connection[Any], UUID | None] = WeakKeyDictionary()
Remembered = dict[type, Any]
M = TypeVar("M")
_memories: WeakKeyDictionary[Connection[Any], Remembered] = WeakKeyDictionary()
_of_pools: WeakKeyDictionary[ConnectionPool[Any], Remembered] = WeakKeyDictionary()
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
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise explained(pool.conninfo if isinstance(pool.conninfo, str) else "", error) from None


def bind(cursor: Cursor[Any], workspace: UUID | None) -> None:
    """From now on the connection sees that workspace; with None nothing of any, whoever had it before."""
    db = cursor.connection
    if db not in _bound_to or _bound_to[db] != workspace:
        # Should it fail, nobody relies on what was there before.
        _bound_to.pop(db, None)
        cursor.execute(_BIND, ["" if workspace is None else str(workspace)])
        _bound_to[db] = workspace


def remembered(db: Connection[Any], kind: type[M]) -> M:
    """The one memory of its kind that there is of the database which is asked through this connection, from one statement to the next.

    A pool's connections share it until one of them is new: the server may have come back from before what was read then.
    """
    memories = _memories.setdefault(db, {})
    if (found := memories.get(kind)) is None:
        found = memories.setdefault(kind, kind())
    memory: M = found
    return memory


def _share(pool: ConnectionPool[Any], db: Connection[Any]) -> None:
    if db not in _memories or pool not in _of_pools:
        _of_pools[pool] = {}
    _memories[db] = _of_pools[pool]
