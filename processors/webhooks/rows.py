"""The rows of webhooks' deliveries: whose turn it is, what attempts came to, how endpoints are, and sending again."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from eventstore.keyring import ContentKey, Keyring, Keys, read_keys
from eventstore.vault import Vault
from processors.deliveries import Delivery, Ended, UnknownDelivery

# Whoever claimed a delivery has it for so long; should they die, another sends it then. Longer than any attempt takes.
LEASE = timedelta(minutes=2)
# Requests under way at once, to one endpoint, and to one that failed last.
MOST, EACH, FAILING = 64, 4, 1

_CLAIM = """
    WITH RECURSIVE recipients AS (
        (SELECT recipient FROM processes.deliveries WHERE channel = 'webhook' AND state IN ('waiting', 'sending')
            ORDER BY recipient LIMIT 1)
        UNION ALL
        SELECT (SELECT d.recipient FROM processes.deliveries d WHERE d.channel = 'webhook'
            AND d.state IN ('waiting', 'sending') AND d.recipient > r.recipient ORDER BY d.recipient LIMIT 1)
        FROM recipients r WHERE r.recipient IS NOT NULL),
    turns AS (
        SELECT r.recipient, CASE WHEN e.failing_since IS NULL THEN %(each)s ELSE %(failing)s END - coalesce(b.busy, 0) AS room
        FROM recipients r LEFT JOIN processes.endpoints e USING (recipient)
        LEFT JOIN unnest(%(recipients)s::text[], %(busy)s::int[]) AS b (recipient, busy) USING (recipient)
        WHERE r.recipient IS NOT NULL ORDER BY random()),
    due AS (
        SELECT t.delivery_id FROM turns CROSS JOIN LATERAL (
            SELECT o.delivery_id FROM processes.deliveries o WHERE o.channel = 'webhook' AND o.recipient = turns.recipient
            AND o.state IN ('waiting', 'sending') AND o.due_at <= %(now)s
            ORDER BY o.due_at LIMIT greatest(turns.room, 0) FOR UPDATE SKIP LOCKED) t
        LIMIT %(most)s)
    UPDATE processes.deliveries d SET state = 'sending', attempts = attempts + 1, due_at = %(now)s + %(lease)s
    FROM due WHERE d.delivery_id = due.delivery_id
    RETURNING d.delivery_id, d.workspace_id, d.channel, d.recipient, d.ticket_id, d.detail, d.gathered, d.attempts,
        coalesce(d.begun_at, d.asked_at), d.subject_id
"""
_TRIED = """
    INSERT INTO processes.endpoints AS e (recipient, workspace_id, failing_since, failures, tried_at, outcome)
    SELECT recipient, workspace_id, CASE WHEN taken THEN NULL ELSE %(at)s::timestamptz END, CASE WHEN taken THEN 0 ELSE failures END,
        %(at)s, outcome
    FROM unnest(%(recipients)s::text[], %(workspaces)s::uuid[], %(taken)s::boolean[], %(failures)s::int[], %(outcomes)s::text[])
        AS t (recipient, workspace_id, taken, failures, outcome) ORDER BY recipient
    ON CONFLICT (recipient) DO UPDATE SET tried_at = excluded.tried_at, outcome = excluded.outcome,
        failing_since = CASE WHEN excluded.failing_since IS NULL THEN NULL ELSE coalesce(e.failing_since, excluded.failing_since) END,
        failures = CASE WHEN excluded.failing_since IS NULL THEN 0 ELSE e.failures + excluded.failures END
    RETURNING recipient, failing_since
"""
_LOG = """
    SELECT delivery_id, channel, recipient, ticket_id, subject_id, state, due_at, attempts, outcome, asked_at, ended_at
    FROM processes.deliveries WHERE workspace_id = %(workspace)s AND channel = 'webhook' AND recipient = %(recipient)s
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(at)s::timestamptz IS NULL OR (asked_at, delivery_id) < (%(at)s, %(id)s))
    ORDER BY asked_at DESC, delivery_id DESC LIMIT %(limit)s
"""
_ATTEMPTS = """
    SELECT a.delivery_id, coalesce(d.ticket_id, d.subject_id), a.attempt, a.at, a.outcome, a.status, a.duration_ms, a.exchange
    FROM processes.delivery_attempts a JOIN processes.deliveries d USING (delivery_id)
    WHERE a.workspace_id = %s AND a.delivery_id = ANY(%s) ORDER BY a.delivery_id, a.attempt
"""


class Attempt(NamedTuple):
    """An attempt as operators see it; `exchange` as JSON, None once what it tells of is erased."""

    attempt: int
    at: datetime
    outcome: str
    status: int | None
    duration_ms: int | None
    exchange: bytes | None


class Health(NamedTuple):
    """How an endpoint is."""

    failing_since: datetime | None
    failures: int
    tried_at: datetime
    outcome: str


def claim(db: Cursor[Any], busy: Counter[str], now: datetime, most: int) -> list[Delivery]:
    """Deliveries that are due, some of each endpoint: a slow or a broken one has few at a time, and holds up no other."""
    asked = {"each": EACH, "failing": FAILING, "now": now, "most": most, "lease": LEASE}
    asked |= {"recipients": list(busy), "busy": list(busy.values())}
    return [Delivery(*row) for row in db.execute(_CLAIM, asked)]


def tried(db: Cursor[Any], sent: Sequence[Ended], at: datetime) -> dict[str, datetime]:
    """Record how the endpoints are to which these were sent; since when each that took nothing now has been failing."""
    # One that took anything at all is well.
    well = {each.delivery.recipient for each in sent if _taken(each)}
    newest = {each.delivery.recipient: each for each in sent if _taken(each) or each.delivery.recipient not in well}
    failures = Counter(each.delivery.recipient for each in sent)
    columns = {
        "recipients": list(newest),
        "workspaces": [each.delivery.workspace_id for each in newest.values()],
        "taken": [_taken(each) for each in newest.values()],
        "failures": [failures[name] for name in newest],
        "outcomes": [each.outcome for each in newest.values()],
    }
    found = db.execute(_TRIED, columns | {"at": at})
    return {name: since for name, since in found if since is not None}


def _taken(ended: Ended) -> bool:
    return ended.state == "sent"


def health(db: Cursor[Any], workspace: UUID) -> dict[str, Health]:
    """How the endpoints of a workspace are, by recipient; of those that were never tried nothing is known."""
    query = (
        "SELECT recipient, failing_since, failures, tried_at, outcome FROM processes.endpoints WHERE workspace_id = %s"
    )
    return {row[0]: Health(*row[1:]) for row in db.execute(query, [workspace])}


def figures(db: Cursor[Any]) -> tuple[int, int]:
    """Of the whole installation: how many deliveries wait, and how many endpoints for which one does took nothing the last time."""
    row = db.execute("SELECT pending, failing FROM processes.webhook_figures()").fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def log(
    db: Cursor[Any],
    workspace: UUID,
    recipient: str,
    state: str | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """A webhook's deliveries, newest first, below the given one."""
    at, id_ = before or (None, None)
    asked = {"workspace": workspace, "recipient": recipient, "state": state, "at": at, "id": id_, "limit": limit}
    found = db.execute(_LOG, asked)
    names = [column.name for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found]


def is_of(db: Cursor[Any], workspace: UUID, recipient: str, delivery: UUID) -> bool:
    """Whether the delivery is one of that webhook's."""
    query = "SELECT 1 FROM processes.deliveries WHERE workspace_id = %s AND recipient = %s AND delivery_id = %s"
    return db.execute(query, [workspace, recipient, delivery]).fetchone() is not None


def attempts(
    db: Cursor[Any], keyring: Keyring, workspace: UUID, deliveries: Sequence[UUID]
) -> dict[UUID, list[Attempt]]:
    """Every attempt of each; what was said in it is open as long as the key of what it is about is there."""
    found: dict[UUID, list[Attempt]] = {each: [] for each in deliveries}
    rows = db.execute(_ATTEMPTS, [workspace, list(deliveries)]).fetchall()
    keys = read_keys(db, keyring, {(workspace, of) for row in rows for of in (row[1], workspace)})
    for delivery, about, attempt, at, outcome, status, took, exchange in rows:
        key = sealing(keys, about, workspace)
        plain = None
        if exchange is not None and key is not None:
            plain = key.open(exchange, identity(delivery, attempt))
        found[delivery].append(Attempt(attempt, at, outcome, status, took, plain))
    return found


def sealing(keys: Keys, about: UUID, workspace: UUID) -> ContentKey | None:
    """Under which key it is kept what was said: that of what it is about, None once destroyed; of what never had one, the workspace's."""
    key = keys.get(about, keys.get(workspace))
    return key if isinstance(key, ContentKey) else None


def identity(delivery: UUID, attempt: int) -> bytes:
    """What binds the record of an exchange to its attempt."""
    return f"exchange|{delivery}|{attempt}".encode()


async def redeliver(
    vault: Vault, workspace: UUID, recipient: str, since: datetime, *, only_failed: bool = False
) -> int:
    """Send everything again that was asked for since then, or what the endpoint has not taken of it: how many."""
    asked = "SELECT processes.redeliver(%s, %s, NULL, %s, %s)"
    count: int = await vault.call(asked, workspace, recipient, since, only_failed)
    return count


async def redeliver_one(vault: Vault, workspace: UUID, recipient: str, delivery: UUID) -> None:
    """Send one again, whatever became of it; UnknownDelivery where the webhook has none of that id."""
    if not await vault.call("SELECT processes.redeliver(%s, %s, %s, NULL, false)", workspace, recipient, delivery):
        raise UnknownDelivery(delivery=delivery)
