"""What is due, as rows: set, moved, cancelled and taken set-wise."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from pydantic_core import to_json

from eventstore.arrays import Texts, Times, Uuids
from processors.deciding import Reaction
from processors.process import CancelTimer, Hasten, SetTimer, Timer

_CANCEL = (
    "DELETE FROM processes.timers t USING unnest(%s::text[], %s::uuid[], %s::text[]) AS c (process, ticket, key) "
    "WHERE t.ticket_id = c.ticket AND t.process = c.process AND t.key = coalesce(c.key, t.key)"
)
_HASTEN = (
    "UPDATE processes.timers t SET wake_at = %s FROM unnest(%s::text[], %s::uuid[]) AS h (process, workspace) "
    "WHERE t.process = h.process AND t.workspace_id = h.workspace AND t.wake_at > %s"
)
# In one order, whoever writes; what is set again as it was costs nothing.
_SET = """
    INSERT INTO processes.timers AS t (ticket_id, process, key, workspace_id, due_at, wake_at, detail, cause, correlation)
    SELECT s.ticket, s.process, s.key, s.workspace, s.due, s.wake, s.detail, s.cause, s.correlation
    FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::uuid[], %s::timestamptz[], %s::timestamptz[],
        %s::text[]::jsonb[], %s::uuid[],
        %s::uuid[]) AS s (process, ticket, key, workspace, due, wake, detail, cause, correlation)
    ORDER BY s.ticket, s.process, s.key
    ON CONFLICT (ticket_id, process, key) DO UPDATE SET due_at = excluded.due_at, wake_at = excluded.wake_at,
        detail = excluded.detail, cause = excluded.cause, correlation = excluded.correlation
    WHERE (t.due_at, t.wake_at, t.detail) IS DISTINCT FROM (excluded.due_at, excluded.wake_at, excluded.detail)
"""
# A ticket's timers fire one after the other: one that waits behind another, also one that somebody else has just taken,
# is left for later. A worker passes over timers of processes that it does not know.
_TAKE = """
    WITH due AS (
        SELECT t.ticket_id, t.process, t.key FROM processes.timers t
        -- Written so that no index fits but that of the time: of a young table the planner knows too little to choose it.
        WHERE t.wake_at <= %(now)s AND t.process || '' = ANY(%(processes)s)
            -- A look-up for each, not EXISTS: the planner may turn that into a hash of all that is due, in every batch.
            AND (SELECT 1 FROM processes.timers e WHERE e.ticket_id = t.ticket_id AND e.process = ANY(%(processes)s)
                AND e.wake_at <= %(now)s AND (e.due_at, e.process, e.key) < (t.due_at, t.process, t.key) LIMIT 1) IS NULL
        ORDER BY t.wake_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
    )
    DELETE FROM processes.timers t USING due d
    WHERE t.ticket_id = d.ticket_id AND t.process = d.process AND t.key = d.key
    RETURNING t.process, t.workspace_id, t.ticket_id, t.key, t.due_at, t.detail, t.cause, t.correlation,
        nullif(t.wake_at, t.due_at)
"""

_REMOVE = "DELETE FROM processes.timers WHERE ticket_id = %s AND process = %s AND key = %s AND due_at = %s"


def take(db: Cursor[Any], processes: Sequence[str], now: datetime, most: int) -> list[Timer]:
    """Timers whose time has come, the most overdue first, for the transaction under way; no two of one ticket."""
    asked = {"now": now, "processes": list(processes), "most": most}
    return sorted((Timer(*row) for row in db.execute(_TAKE, asked).fetchall()), key=lambda timer: timer.due_at)


def remove(db: Cursor[Any], timer: Timer) -> bool:
    """Take away that very timer; False where it was moved or has fired."""
    return db.execute(_REMOVE, [timer.ticket, timer.process, timer.key, timer.due_at]).rowcount == 1


@dataclass(slots=True)
class Changes:
    """What reactions come to for timers: of several wishes for one timer the last counts."""

    at: datetime
    _set: dict[tuple[str, UUID, str], list[Any]] = field(default_factory=dict)
    _cancelled: dict[tuple[str, UUID, str | None], None] = field(default_factory=dict)
    _hastened: dict[tuple[str, UUID], None] = field(default_factory=dict)

    def add(self, reaction: Reaction) -> None:
        """Take in what it wants, in order."""
        for output in reaction.outputs:
            if isinstance(output, SetTimer):
                self._set_one(reaction, output)
            elif isinstance(output, CancelTimer):
                self._cancel(reaction.process, output)
            elif isinstance(output, Hasten):
                self._hasten(reaction.process, reaction.workspace)

    def write(self, db: Cursor[Any]) -> None:
        """Three statements at most."""
        if self._cancelled:
            db.execute(_CANCEL, _columns(self._cancelled))
        if self._hastened:
            db.execute(_HASTEN, [self.at, *_columns(self._hastened), self.at])
        if self._set:
            db.execute(_SET, [pack(column) for pack, column in zip(_KINDS, _columns(self._set.values()), strict=True)])

    def _set_one(self, reaction: Reaction, wish: SetTimer) -> None:
        place = [reaction.process, wish.ticket, wish.key, reaction.workspace]
        wake_at = min(wish.due_at, self.at) if reaction.hurried else wish.due_at
        times = [wish.due_at, wake_at, to_json(dict(wish.detail)).decode() if wish.detail else "{}"]
        self._set[reaction.process, wish.ticket, wish.key] = [*place, *times, *_causes(reaction)]

    def _cancel(self, process: str, wish: CancelTimer) -> None:
        for known in [known for known in self._set if known[:2] == (process, wish.ticket)]:
            if wish.key in (None, known[2]):
                del self._set[known]
        self._cancelled[process, wish.ticket, wish.key] = None

    def _hasten(self, process: str, workspace: UUID) -> None:
        self._hastened[process, workspace] = None
        for row in self._set.values():
            if (row[0], row[3]) == (process, workspace):
                row[_WAKE] = min(row[_WAKE], self.at)


# What the columns of _SET are arrays of.
_KINDS = (Texts, Uuids, Texts, Uuids, Times, Times, Texts, Uuids, Uuids)
# Where a row has when it is looked at.
_WAKE = 5


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _causes(reaction: Reaction) -> tuple[UUID | None, UUID | None]:
    cause = reaction.cause
    if isinstance(cause, Timer):
        return cause.cause, cause.correlation
    return cause.metadata.event_id, cause.metadata.correlation_id
