"""How far read models have come, for those who wait for their own action and for those who watch."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Cursor


class Freshness(NamedTuple):
    """A row of `desk.freshness`."""

    read_model: str
    version: int
    build: int
    state: str
    error: str | None
    position: int
    head: int
    lag_events: int
    applied_time: datetime | None
    updated_at: datetime


def all_of(db: Cursor[Any]) -> list[Freshness]:
    """Every build of every read model."""
    rows = db.execute(
        "SELECT read_model, version, build, state, error, position, head, lag_events, applied_time, updated_at "
        "FROM desk.freshness ORDER BY read_model, build"
    )
    return [Freshness(*row) for row in rows]


def position_of(db: Cursor[Any], name: str) -> int:
    """Everything up to this position is in the read model; 0 where it is not built yet."""
    row = db.execute("SELECT position FROM ops.builds WHERE name = %s AND state = 'live'", [name]).fetchone()
    return int(row[0]) if row else 0
