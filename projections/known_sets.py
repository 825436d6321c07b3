"""Sets of places as a process remembers them: what did not change since it was read last does not come over again.

Whoever moves tickets in or out of a value's set writes the value's kept count in the same transaction. So the version of
that row, the transaction that wrote it, is the version of the set: one that is the remembered one, in the snapshot of the
statement that says so, makes the remembered set the one of that snapshot.
"""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Cursor

from eventstore.reading import remembered
from projections import place_sets
from projections.place_sets import Places

# Of all remembered sets of a process together, in bytes.
MOST = 16 * 2**20
_LEAST = 1_000


class Asked(NamedTuple):
    """A value, by its name and as its set is kept."""

    facet: str
    value: str
    hashed: int


class _Known(NamedTuple):
    version: int
    places: Places
    size: int


class Memory:
    """The sets that were asked for last, as many as there is room for."""

    def __init__(self, most: int = MOST) -> None:
        self._most, self._size, self._lock = most, 0, Lock()
        self._known = OrderedDict[tuple[UUID, int], _Known]()

    def get(self, key: tuple[UUID, int]) -> _Known | None:
        """A set, as it was read last."""
        with self._lock:
            if known := self._known.get(key):
                self._known.move_to_end(key)
            return known

    def put(self, key: tuple[UUID, int], known: _Known) -> None:
        """Know the set, and forget others if need be."""
        with self._lock:
            before = self._known.pop(key, None)
            self._known[key] = known
            self._size += known.size - (before.size if before else 0)
            while self._size > self._most:
                self._size -= self._known.popitem(last=False)[1].size


# Of a set whose version is known no chunk is looked at: none is of NULL. How many are asked for is kept from the planner,
# who would else plan each time, which takes longer than to read what is remembered.
_READ: LiteralString = """
    SELECT asked.hashed, kept.row_version, chunks.chunk, chunks.places
    FROM unnest((SELECT %s::text[]), (SELECT %s::text[]), (SELECT %s::bigint[]), (SELECT %s::bigint[]))
        AS asked (facet, value, hashed, known)
    LEFT JOIN ops.facet_counts AS kept
        ON kept.workspace_id = %s AND kept.facet = asked.facet AND kept.value = asked.value
    LEFT JOIN ops.facet_places AS chunks ON chunks.workspace_id = %s
        AND chunks.facet = CASE WHEN kept.row_version = asked.known THEN NULL ELSE asked.hashed END"""


class Read(NamedTuple):
    """Sets by the hashes of their values, and whether their table has versions: an older build's has none."""

    sets: dict[int, Places]
    versioned: bool


def read(db: Cursor[Any], workspace: UUID, asked: Iterable[Asked]) -> Read:
    """The sets of these values."""
    wanted = [list(column) for column in zip(*asked, strict=True)]
    if not wanted:
        return Read({}, versioned=False)
    memory = remembered(db.connection, Memory)
    known = {hashed: memory.get((workspace, hashed)) for hashed in wanted[-1]}
    versions = [each and each.version for each in known.values()]
    with db.connection.cursor(binary=True) as cursor:
        rows = cursor.execute(_READ, [*wanted, versions, workspace, workspace]).fetchall()
    chunks: dict[tuple[int, int | None], list[tuple[int, bytes]]] = {}
    for hashed, version, number, kept in rows:
        of_set = chunks.setdefault((hashed, version), [])
        if number is not None:
            of_set.append((number, kept))
    found = dict[int, Places]()
    for (hashed, version), of_set in chunks.items():
        before = known[hashed]
        if before is not None and before.version == version:
            found[hashed] = before.places
            continue
        found[hashed] = places = place_sets.joined(of_set)
        if version is not None:
            memory.put((workspace, hashed), _Known(version, places, _LEAST + len(places.serialize())))
    return Read(found, any(version is not None for _, version in chunks))
