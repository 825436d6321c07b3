"""Streams read by workers, set-wise and on one connection: as they are now, or as they were at a position of the log."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.aggregates import INITIAL, evolve
from domain.event import Erased
from eventstore import snapshots
from eventstore.arrays import Longs, Uuids
from eventstore.codec import SELECT_EVENTS, StoredRow, event_of, subject
from eventstore.keyring import SELECT_KEYS, ContentKey, Keyring, WrappedKey
from eventstore.streams import Loaded

# Each stream by its own key look-up: as a join the planner may read the whole log instead.
SELECT_FROM = f"""
    SELECT e.* FROM unnest(%s::uuid[], %s::bigint[]) AS wanted (stream, after)
    CROSS JOIN LATERAL ({SELECT_EVENTS} WHERE originator_id = wanted.stream AND originator_version > wanted.after
        ORDER BY originator_version) e
"""  # noqa: S608 - put together of our own texts
SELECT_BEFORE = f"""
    SELECT e.* FROM unnest(%s::uuid[]) AS wanted (stream)
    CROSS JOIN LATERAL ({SELECT_EVENTS} WHERE originator_id = wanted.stream AND notification_id < %s
        ORDER BY originator_version) e
"""  # noqa: S608 - put together of our own texts
SELECT_SNAPSHOTS = (
    "SELECT originator_id, version, state FROM log.snapshots WHERE originator_id = ANY(%s) AND format = %s"
)
# A stream is a handful of rows under its own key. Where the planner knows little of a young table, it would read more.
BY_KEY = "SELECT set_config(name, 'off', false) FROM unnest(ARRAY['enable_bitmapscan', 'enable_seqscan']) name"
EVER = 2**62

Keys = dict[UUID, ContentKey | Erased]


def rows_before(db: Cursor[Any], streams: Iterable[UUID], position: int = EVER) -> dict[UUID, list[StoredRow]]:
    """All rows of the streams below that position of the log."""
    found: dict[UUID, list[StoredRow]] = {stream: [] for stream in streams}
    if found:
        for row in db.execute(SELECT_BEFORE, [Uuids(list(found)), position], binary=True).fetchall():
            found[row[0]].append(StoredRow(*row))
    return found


def read_keys(db: Cursor[Any], keyring: Keyring, workspaces: Mapping[UUID, UUID], rows: Iterable[StoredRow]) -> Keys:
    """The keys of streams, given with their workspaces, and of what else the rows' content is about."""
    wanted = dict(workspaces)
    wanted |= {owner: row.workspace_id for row in rows if (owner := subject(row)) is not None}
    if not wanted:
        return {}
    found = db.execute(SELECT_KEYS, [Uuids(list(wanted.values())), Uuids(list(wanted))], binary=True).fetchall()
    return {row[1]: keyring.unwrap(WrappedKey(*row)) for row in found}


def load_many(
    db: Cursor[Any],
    keyring: Keyring,
    aggregate: str,
    workspaces: Mapping[UUID, UUID],
    known: Mapping[UUID, Loaded] | None = None,
) -> dict[UUID, Loaded]:
    """The states now of streams of one kind, given with their workspaces; of what is known only what is new is read."""
    if not workspaces:
        return {}
    unknown = {stream: of for stream, of in workspaces.items() if stream not in (known or {})}
    before = {**(known or {}), **_snapshots(db, keyring, aggregate, unknown)}
    initial = Loaded(INITIAL[aggregate])
    after = [before.get(stream, initial).version for stream in workspaces]
    rows: dict[UUID, list[StoredRow]] = {stream: [] for stream in workspaces}
    for row in db.execute(SELECT_FROM, [Uuids(list(workspaces)), Longs(after)], binary=True).fetchall():
        rows[row[0]].append(StoredRow(*row))
    keys = read_keys(db, keyring, unknown, (row for found in rows.values() for row in found))
    return {stream: _folded(before.get(stream, initial), stream, found, keys) for stream, found in rows.items()}


def _snapshots(
    db: Cursor[Any], keyring: Keyring, aggregate: str, workspaces: Mapping[UUID, UUID]
) -> dict[UUID, Loaded]:
    if aggregate not in snapshots.KEPT or not workspaces:
        return {}
    kept = db.execute(SELECT_SNAPSHOTS, [Uuids(list(workspaces)), snapshots.shape(aggregate)], binary=True).fetchall()
    keys = read_keys(db, keyring, {stream: workspaces[stream] for stream, *_ in kept}, ())
    return {
        stream: Loaded(state, version)
        for stream, version, closed in kept
        if (state := snapshots.opened(aggregate, stream, version, closed, keys.get(stream))) is not None
    }


def _folded(before: Loaded, stream: UUID, rows: Sequence[StoredRow], keys: Keys) -> Loaded:
    needed = {who: keys[who] for who in {stream, *filter(None, map(subject, rows))} if who in keys}
    state = reduce(evolve, (event_of(row, keys) for row in rows), before.state)
    return Loaded(state, rows[-1].originator_version if rows else before.version, {**before.keys, **needed})
