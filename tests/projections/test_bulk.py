"""Rows come into a table as they are, whether they go as one value or by COPY."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import TupleRow

from eventstore.database import Role, connect
from projections import bulk

TABLE = """
    CREATE TEMP TABLE odd (id int PRIMARY KEY, said text, at timestamptz, who uuid, tags text[], people uuid[], many bigint,
        fields jsonb, told json, bits bytea, yes boolean, left_out int DEFAULT 7)
"""
COLUMNS = ("id", "said", "at", "who", "tags", "people", "many", "fields", "told", "bits", "yes")
WHO, AT = UUID(int=7), datetime(2026, 11, 27, 13, 0, 0, 123456, tzinfo=UTC)
TOLD = '{"b": 1.10, "a":  "打印机"}'
FULL = [
    1,
    'a "b" \\ {c} 打印机\n',
    AT,
    WHO,
    bulk.texts(['x "y"', "z,\\"]),
    bulk.array([WHO]),
    2**62,
    TOLD,
    TOLD,
    "\\x00ff",
    True,
]
EMPTY = [2, "", *[None] * 2, [], "{}", -1, None, '"{}"', "\\x", False]


@pytest.mark.parametrize("few", [0, 50])
def test_rows_are_the_same_whichever_way_they_go(database_url: str, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(bulk, "FEW", few)
    found = _kept(database_url, [FULL, EMPTY])
    assert found[0] == (
        1,
        FULL[1],
        AT,
        WHO,
        ['x "y"', "z,\\"],
        [WHO],
        2**62,
        {"a": "打印机", "b": 1.1},
        TOLD,
        b"\0\xff",
        True,
        7,
    )
    assert found[1] == (2, "", None, None, [], [], -1, None, '"{}"', b"", False, 7)


def _kept(url: str, rows: list[list[Any]]) -> list[TupleRow]:
    with connect(url, Role.WORKER) as db, db.transaction():
        db.execute(TABLE)
        _put(db, rows)
        # What is there is brought to the newer row.
        _put(db, [[*row[:1], "former", *row[2:]] for row in rows])
        _put(db, rows)
        return db.execute(
            "SELECT id, said, at, who, tags, people, many, fields, told::text, bits, yes, left_out FROM odd ORDER BY id"
        ).fetchall()


def _put(db: psycopg.Connection[TupleRow], rows: list[list[Any]]) -> None:
    bulk.upsert(db.cursor(), "odd", COLUMNS, rows, "(id) DO UPDATE SET {updates}", ("fields", "told"))
