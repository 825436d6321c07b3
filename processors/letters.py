"""Dead letters: what a process failed at, and what came for the same ticket since. Nothing is passed over unless somebody says so."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.types.json import Jsonb

from processors.process import Timer

_PARKED = (
    "SELECT DISTINCT stream_id FROM processes.dead_letters WHERE process = %s AND state IN ('waiting', 'retry') "
    "AND position IS NOT NULL AND stream_id = ANY(%s)"
)
# What comes behind those that are tried again is tried with them: nobody would ask for it a second time.
_PARK = """
    INSERT INTO processes.dead_letters
        (process, workspace_id, stream_id, number, position, timer, topics, error, attempts, state)
    SELECT p.*, CASE WHEN p.error IS NULL AND EXISTS (SELECT FROM processes.dead_letters d
        WHERE d.process = p.process AND d.stream_id = p.stream_id AND d.state = 'retry' AND d.position IS NOT NULL)
        THEN 'retry' ELSE 'waiting' END
    FROM (VALUES (%s::text, %s::uuid, %s::uuid, %s::text, %s::bigint, %s::jsonb, %s::text[], %s::text, %s::int))
        AS p (process, workspace_id, stream_id, number, position, timer, topics, error, attempts)
    ON CONFLICT (process, position) DO UPDATE SET state = excluded.state, error = excluded.error,
        attempts = processes.dead_letters.attempts + excluded.attempts
"""
_ASKED_FOR = (
    "SELECT letter_id, stream_id, position FROM processes.dead_letters WHERE process = %s AND state = 'retry' "
    "ORDER BY position"
)
_DONE = (
    "UPDATE processes.dead_letters SET state = 'done', attempts = attempts + 1, resolved_at = clock_timestamp() "
    "WHERE letter_id = %s AND state = 'retry'"
)
_BACK = (
    "UPDATE processes.dead_letters SET state = 'waiting' "
    "WHERE process = %s AND stream_id = %s AND state = 'retry' AND position IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Letter:
    """Something to park: from where in the log, or which timer; `error` is the kind of failure, None where it only waits."""

    process: str
    workspace: UUID
    stream: UUID
    number: str | None = None
    position: int | None = None
    timer: Timer | None = None
    topics: Sequence[str] = ()
    error: str | None = None


class Asked(NamedTuple):
    """A letter that somebody wants tried again."""

    letter: int
    stream: UUID
    position: int


def parked(db: Cursor[Any], process: str, streams: Iterable[UUID]) -> set[UUID]:
    """Those of the streams on which the process waits for somebody."""
    return {row[0] for row in db.execute(_PARKED, [process, list(streams)])}


def park(db: Cursor[Any], letters: Iterable[Letter]) -> None:
    """Keep them."""
    rows = [_row(letter) for letter in letters]
    if rows:
        db.executemany(_PARK, rows)


def asked_for(db: Cursor[Any], process: str, mine: Callable[[UUID], bool]) -> Asked | None:
    """What is to be tried again next of the streams that are ours, in the order of the log."""
    every = (Asked(*found) for found in db.execute(_ASKED_FOR, [process]))
    return next((each for each in every if mine(each.stream)), None)


def done(db: Cursor[Any], asked: Asked) -> bool:
    """It succeeded; False where somebody has decided otherwise meanwhile."""
    return db.execute(_DONE, [asked.letter]).rowcount == 1


def failed(db: Cursor[Any], letter: Letter) -> None:
    """It failed again: it waits for somebody, and so does all that was to be tried after it."""
    db.execute(_BACK, [letter.process, letter.stream])
    park(db, [letter])


def _row(letter: Letter) -> list[Any]:
    where = [letter.process, letter.workspace, letter.stream, letter.number, letter.position]
    return [*where, _timer(letter.timer), list(letter.topics), letter.error, int(letter.error is not None)]


def _timer(timer: Timer | None) -> Jsonb | None:
    """As a row of the timers table."""
    if timer is None:
        return None
    due_at = timer.due_at.isoformat()
    row = {"ticket_id": str(timer.ticket), "process": timer.process, "key": timer.key, "detail": dict(timer.detail)}
    wake_at = timer.woken_at.isoformat() if timer.woken_at else due_at
    row |= {"workspace_id": str(timer.workspace), "due_at": due_at, "wake_at": wake_at}
    return Jsonb(row | {"cause": _text(timer.cause), "correlation": _text(timer.correlation)})


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
