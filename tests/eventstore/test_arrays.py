"""Arrays packed whole are read by PostgreSQL as what they were."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import TupleRow

from eventstore.arrays import Bytes, Ints, Longs, Packed, Texts, Times, Uuids

EAST = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("packed", "kind"),
    [
        (Texts(["", "坏了", 'a"\\b{}', "NULL"]), "text"),
        (Bytes([b"", b"\x00\xff"]), "bytea"),
        (Uuids([uuid4(), None, uuid4()]), "uuid"),
        (Ints([-1, 0, 2**31 - 1]), "int"),
        (Longs([-1, 2**62]), "bigint"),
        (
            Times([datetime(1999, 12, 31, 23, 59, 59, 999999, UTC), datetime(2026, 2, 28, 7, 30, 0, 1, EAST)]),
            "timestamptz",
        ),
        (Times([datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)]), "timestamptz"),
        (Times([]), "timestamptz"),
    ],
)
def test_it_is_read_as_it_was(packed: Packed, kind: str, database: psycopg.Connection[TupleRow]) -> None:
    database.execute("SET timezone = 'UTC'")
    found: Any = database.execute(f"SELECT %s::{kind}[]".encode(), [packed]).fetchone()
    assert found == (packed.items,)
