"""Queries of one workspace, under row-level security."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Cursor
from psycopg_pool import ConnectionPool, PoolTimeout

from eventstore.database import explained


@contextmanager
def bound(pool: ConnectionPool[Any], workspace: UUID) -> Iterator[Cursor[Any]]:
    """A read-only transaction that sees one workspace. A database that is away becomes DatabaseUnavailable."""
    try:
        # The pool ends the transaction when it gets its connection back.
        with pool.connection() as db, db.cursor() as cursor:
            # Both in one round trip, for every read pays for it.
            cursor.execute(
                f"BEGIN READ ONLY; SELECT set_config('ledgerdesk.workspace', '{UUID(int=workspace.int)}', true)"
            )
            yield cursor
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise explained(pool.conninfo if isinstance(pool.conninfo, str) else "", error) from None
