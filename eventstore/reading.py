"""Queries of one workspace, under row-level security."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Cursor
from psycopg_pool import ConnectionPool, PoolTimeout

from eventstore.database import explained

# One round trip: every read pays for it.
BIND = "SELECT set_config('ledgerdesk.workspace', %s, true), set_config('transaction_read_only', 'on', true)"


@contextmanager
def bound(pool: ConnectionPool[Any], workspace: UUID) -> Iterator[Cursor[Any]]:
    """A read-only transaction that sees one workspace. A database that is away becomes DatabaseUnavailable."""
    try:
        with pool.connection() as db, db.transaction(), db.cursor() as cursor:
            cursor.execute(BIND, [str(workspace)])
            yield cursor
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise explained(pool.conninfo if isinstance(pool.conninfo, str) else "", error) from None
