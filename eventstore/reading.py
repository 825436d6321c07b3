"""Queries of one workspace, under row-level security."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg import Connection, Cursor
from psycopg_pool import ConnectionPool, PoolTimeout

from eventstore.database import explained

_bound_to: WeakKeyDictionary[Connection[Any], UUID] = WeakKeyDictionary()


@contextmanager
def bound(pool: ConnectionPool[Any], workspace: UUID) -> Iterator[Cursor[Any]]:
    """A cursor that sees one workspace, each statement as of its own moment. A database that is away becomes DatabaseUnavailable.

    The connection stays bound until somebody asks for another workspace: a transaction would cost every read two more round trips.
    """
    try:
        with pool.connection() as db, db.cursor() as cursor:
            if _bound_to.get(db) != workspace:
                _bound_to.pop(db, None)
                cursor.execute("SELECT set_config('ledgerdesk.workspace', %s, false)", [str(workspace)])
                _bound_to[db] = workspace
            yield cursor
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise explained(pool.conninfo if isinstance(pool.conninfo, str) else "", error) from None
