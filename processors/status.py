"""How process managers are doing, and what people decide about what they could not take in."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from domain.errors import Refusal
from domain.event import Actor
from eventstore.vault import Vault


class Decision(StrEnum):
    """What becomes of a dead letter."""

    RETRY = "retry"
    SKIP = "skipped"


class UnknownLetter(Refusal):
    """No dead letter of that id waits."""

    code = "unknown_letter"
    status = 404
    sentence = "No dead letter {letter} waits for a decision in this workspace. See `ledgerdesk processors`."


class Progress(NamedTuple):
    """A row of `processes.progress`."""

    process: str
    position: int
    head: int
    lag_events: int
    parked: int


_LETTERS = """
    SELECT letter_id, process, number, position, timer->>'key' AS timer, topics, error, attempts, state, parked_at,
        resolved_at, resolved_by
    FROM processes.dead_letters
    WHERE workspace_id = %(workspace)s AND letter_id > %(after)s AND state = ANY(%(states)s)
        AND process = coalesce(%(process)s, process)
    ORDER BY letter_id LIMIT %(limit)s
"""
# Where the table is large, all that wait are few.
_LATE = (
    "SELECT process, count(*), min(due_at) FROM processes.timers WHERE workspace_id = %s AND wake_at <= clock_timestamp() "
    "GROUP BY process"
)


_PLACES = "SELECT process, partition, position FROM processes.places ORDER BY process, partition"


def progress(db: Cursor[Any]) -> list[Progress]:
    """Every process that has begun, of the whole installation."""
    rows = db.execute("SELECT process, position, head, lag_events, parked FROM processes.progress ORDER BY process")
    return [Progress(*row) for row in rows]


def overdue_seconds(db: Cursor[Any]) -> float:
    """How late the most overdue timer of the installation is."""
    row = db.execute("SELECT coalesce(processes.overdue_seconds(), 0)").fetchone()
    return float(row[0]) if row else 0.0


def overview(db: Cursor[Any], workspace: UUID) -> list[dict[str, Any]]:
    """The processes as a workspace sees them: how far, what is overdue there, what waits there for somebody."""
    late = {name: (count, since) for name, count, since in db.execute(_LATE, [workspace])}
    counted = (
        "SELECT process, count(*) FROM processes.dead_letters WHERE workspace_id = %s AND state IN ('waiting', 'retry') "
        "GROUP BY process"
    )
    parked = dict(db.execute(counted, [workspace]).fetchall())
    places: dict[str, list[dict[str, int]]] = {}
    for process, partition, position in db.execute(_PLACES):
        places.setdefault(process, []).append({"partition": partition, "position": position})
    return [_seen(each, late, parked) | {"partitions": _shared(each, places)} for each in progress(db)]


def _seen(each: Progress, late: dict[str, tuple[int, datetime]], parked: dict[str, int]) -> dict[str, Any]:
    overdue, since = late.get(each.process, (0, None))
    come = {"process": each.process, "position": each.position, "lag_events": each.lag_events}
    return come | {"timers_overdue": overdue, "overdue_since": since, "parked": parked.get(each.process, 0)}


def _shared(each: Progress, places: dict[str, list[dict[str, int]]]) -> list[dict[str, int]]:
    """Where its partitions are; none where somebody has followed the log beyond all of them since."""
    found = places.get(each.process, [])
    ahead = [part["position"] >= each.position for part in found]
    return [part | {"position": max(part["position"], each.position)} for part in found] if any(ahead) else []


def letters(
    db: Cursor[Any],
    workspace: UUID,
    process: str | None = None,
    states: tuple[str, ...] = ("waiting", "retry"),
    after: int = 0,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Dead letters, the first parked first."""
    asked = {"workspace": workspace, "process": process, "states": list(states), "after": after, "limit": limit}
    with db.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_LETTERS, asked).fetchall()


async def resolve(vault: Vault, workspace: UUID, letter: int, decision: Decision, who: Actor) -> None:
    """Retry from the first that waits for the same ticket, or pass over this one. UnknownLetter where none waits."""
    asked = "SELECT processes.resolve(%s, %s, %s, %s)"
    if not await vault.call(asked, workspace, letter, decision.value, Jsonb(who.model_dump())):
        raise UnknownLetter(letter=letter)
