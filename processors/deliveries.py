"""Deliveries as rows: queued with what led to them, claimed by whoever sends them, and what became of each attempt."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.types.json import Jsonb

from domain.errors import Refusal
from eventstore.vault import Vault
from processors.deciding import Reaction
from processors.process import BeginAnew, Deliver

# After so many attempts a delivery is dead until somebody asks for it again: about two days.
ATTEMPTS = 16
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=6)
# How long whoever claimed a delivery has it; should they die, another sends it then.
LEASE = timedelta(minutes=10)
# How long it is kept what became of them.
KEPT = timedelta(days=30)

# What happens as a consequence of the same action before it is sent is told in the same message.
_QUEUE = """
    INSERT INTO processes.deliveries AS d
        (delivery_id, workspace_id, channel, recipient, ticket_id, subject_id, detail, gathered, due_at, asked_at)
    SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::jsonb[], %s::boolean[],
        %s::timestamptz[], %s::timestamptz[])
    ON CONFLICT (delivery_id) DO UPDATE SET detail = excluded.detail || jsonb_build_object(
        'first', least((d.detail->>'first')::bigint, (excluded.detail->>'first')::bigint),
        'last', greatest((d.detail->>'last')::bigint, (excluded.detail->>'last')::bigint),
        'kinds', (SELECT jsonb_agg(DISTINCT k) FROM jsonb_array_elements(d.detail->'kinds' || (excluded.detail->'kinds')) k))
    WHERE d.state = 'waiting'
"""
_CLAIM = """
    WITH due AS (
        SELECT delivery_id FROM processes.deliveries
        WHERE channel = %(channel)s AND state IN ('waiting', 'sending') AND due_at <= %(now)s
        ORDER BY due_at, recipient LIMIT %(most)s FOR UPDATE SKIP LOCKED),
    with_theirs AS (
        SELECT delivery_id FROM due UNION
        SELECT t.delivery_id FROM (SELECT DISTINCT workspace_id, recipient FROM processes.deliveries
            WHERE delivery_id IN (SELECT delivery_id FROM due) AND gathered) g
        CROSS JOIN LATERAL (SELECT delivery_id FROM processes.deliveries o
            WHERE o.channel = %(channel)s AND o.state IN ('waiting', 'sending') AND o.due_at <= %(now)s AND o.gathered
            AND o.recipient = g.recipient AND o.workspace_id = g.workspace_id
            ORDER BY due_at LIMIT %(gathered)s FOR UPDATE SKIP LOCKED) t)
    UPDATE processes.deliveries d SET state = 'sending', attempts = attempts + 1, due_at = %(now)s + %(lease)s
    FROM with_theirs c WHERE d.delivery_id = c.delivery_id
    RETURNING d.delivery_id, d.workspace_id, d.channel, d.recipient, d.ticket_id, d.detail, d.gathered, d.attempts, d.asked_at,
        d.subject_id
"""
_END = """
    WITH ended AS (SELECT * FROM unnest(%(ids)s::uuid[], %(attempts)s::int[], %(states)s::text[], %(outcomes)s::text[],
        %(again)s::timestamptz[], %(statuses)s::int[], %(took)s::int[], %(exchanges)s::bytea[])
        AS e (delivery_id, attempt, state, outcome, due_at, status, duration_ms, exchange)),
    moved AS (
        UPDATE processes.deliveries d SET state = e.state, outcome = e.outcome, due_at = coalesce(e.due_at, d.due_at),
            ended_at = CASE WHEN e.state <> 'waiting' THEN %(at)s::timestamptz END
        FROM ended e WHERE d.delivery_id = e.delivery_id AND d.attempts = e.attempt AND d.state = 'sending'
        RETURNING d.workspace_id, e.*)
    INSERT INTO processes.delivery_attempts (delivery_id, workspace_id, attempt, at, outcome, status, duration_ms, exchange)
    SELECT delivery_id, workspace_id, attempt, %(at)s, outcome, status, duration_ms, exchange FROM moved ON CONFLICT DO NOTHING
"""
_BEGIN_ANEW = "UPDATE processes.endpoints SET failing_since = NULL, failures = 0 WHERE recipient = ANY(%s)"
_SWEEP = "DELETE FROM processes.deliveries WHERE ended_at < %s AND (state <> 'dead' OR channel = 'webhook')"
_LIST = """
    SELECT delivery_id, channel, recipient, ticket_id, subject_id, state, due_at, attempts, outcome, asked_at, ended_at
    FROM processes.deliveries WHERE workspace_id = %(workspace)s AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(at)s::timestamptz IS NULL OR (asked_at, delivery_id) < (%(at)s, %(id)s))
    ORDER BY asked_at DESC, delivery_id DESC LIMIT %(limit)s
"""


class UnknownDelivery(Refusal):
    """No delivery of that id is there, or could be tried again."""

    code = "unknown_delivery"
    status = 404
    sentence = "No delivery {delivery} is there that could be sent again. List them at /api/v1/deliveries."


@dataclass(frozen=True, slots=True)
class Delivery:
    """One that somebody claimed: to be sent now, or ended."""

    delivery_id: UUID
    workspace_id: UUID
    channel: str
    recipient: str
    ticket_id: UUID | None
    detail: dict[str, Any]
    gathered: bool
    attempts: int
    asked_at: datetime
    subject_id: UUID | None = None

    @property
    def stream_id(self) -> UUID:
        """What it is about: the ticket, or the other subject."""
        found = self.ticket_id or self.subject_id
        assert found is not None  # noqa: S101 - the table has one of the two
        return found


class Ended(NamedTuple):
    """What an attempt came to; with `again` it is tried then. Of webhooks also the answer's status, how long it took, and what was said, closed."""

    delivery: Delivery
    state: str
    outcome: str
    again: datetime | None = None
    status: int | None = None
    duration_ms: int | None = None
    exchange: bytes | None = None


class Shown(NamedTuple):
    """A delivery as operators see it."""

    delivery_id: UUID
    channel: str
    recipient: str
    ticket_id: UUID | None
    subject_id: UUID | None
    state: str
    due_at: datetime
    attempts: int
    outcome: str | None
    asked_at: datetime
    ended_at: datetime | None


def queue(db: Cursor[Any], reactions: Iterable[Reaction], at: datetime) -> None:
    """Add what the reactions want delivered: each delivery once, however often it is wanted."""
    rows: dict[UUID, list[Any]] = {}
    for reaction in reactions:
        for wish in reaction.outputs:
            if isinstance(wish, Deliver):
                place = [wish.delivery_id, reaction.workspace, wish.channel, wish.recipient, wish.ticket, wish.subject]
                row = [*place, Jsonb(dict(wish.detail)), wish.gathered, wish.due_at, at]
                if wish.delivery_id in rows:
                    # No statement may meet a row twice.
                    _insert(db, rows)
                rows[wish.delivery_id] = row
    _insert(db, rows)


def begin_anew(db: Cursor[Any], reactions: Iterable[Reaction]) -> None:
    """Count failures from now on, of the endpoints of which the reactions want it."""
    wanted = [wish.recipient for each in reactions for wish in each.outputs if isinstance(wish, BeginAnew)]
    if wanted:
        db.execute(_BEGIN_ANEW, [wanted])


def _insert(db: Cursor[Any], rows: dict[UUID, list[Any]]) -> None:
    if rows:
        db.execute(_QUEUE, [list(column) for column in zip(*rows.values(), strict=True)])
        rows.clear()


def claim(db: Cursor[Any], channel: str, now: datetime, most: int, gathered: int) -> list[Delivery]:
    """Deliveries that are due, for as long as LEASE; with one that is gathered come its recipient's others."""
    asked = {"channel": channel, "now": now, "most": most, "gathered": gathered, "lease": LEASE}
    return sorted(
        (Delivery(*row) for row in db.execute(_CLAIM, asked)), key=lambda each: (each.asked_at, each.delivery_id)
    )


def end(db: Cursor[Any], ended: Sequence[Ended], at: datetime) -> None:
    """Record what attempts came to; one that another has claimed by now is theirs."""
    if ended:
        columns = {
            "ids": [each.delivery.delivery_id for each in ended],
            "attempts": [each.delivery.attempts for each in ended],
            "states": [each.state for each in ended],
            "outcomes": [each.outcome for each in ended],
            "again": [each.again for each in ended],
            "statuses": [each.status for each in ended],
            "took": [each.duration_ms for each in ended],
            "exchanges": [each.exchange for each in ended],
        }
        db.execute(_END, columns | {"at": at})


def failed(delivery: Delivery, outcome: str, at: datetime, *, for_good: bool = False) -> Ended:
    """To be tried again after a pause that doubles, give or take a half; dead after the last attempt, or where it is for good."""
    if for_good or delivery.attempts >= ATTEMPTS:
        return Ended(delivery, "dead", outcome)
    pause = min(FIRST_PAUSE * 2 ** (delivery.attempts - 1), LONGEST_PAUSE)
    return Ended(delivery, "waiting", outcome, at + pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret


def sweep(db: Cursor[Any], at: datetime) -> None:
    """Forget what ended long ago; a mail that is dead stays until somebody decides."""
    db.execute(_SWEEP, [at - KEPT])


def listed(
    db: Cursor[Any], workspace: UUID, state: str | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[Shown]:
    """The workspace's deliveries, newest first, below the given one."""
    at, id_ = before or (None, None)
    asked = {"workspace": workspace, "state": state, "at": at, "id": id_, "limit": limit}
    return [Shown(*row) for row in db.execute(_LIST, asked)]


def attempts(db: Cursor[Any], workspace: UUID, deliveries: Sequence[UUID]) -> dict[UUID, list[tuple[datetime, str]]]:
    """When each was tried and what came of it."""
    found: dict[UUID, list[tuple[datetime, str]]] = {each: [] for each in deliveries}
    query = (
        "SELECT delivery_id, at, outcome FROM processes.delivery_attempts "
        "WHERE workspace_id = %s AND delivery_id = ANY(%s) ORDER BY delivery_id, attempt"
    )
    for delivery, at, outcome in db.execute(query, [workspace, list(deliveries)]):
        found[delivery].append((at, outcome))
    return found


async def again(vault: Vault, workspace: UUID, delivery: UUID | None) -> int:
    """Try one again that is dead or waits, or with None all that are dead: how many those are."""
    count: int = await vault.call("SELECT processes.deliver_again(%s, %s)", workspace, delivery)
    if delivery is not None and not count:
        raise UnknownDelivery(delivery=delivery)
    return count
