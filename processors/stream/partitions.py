"""How far each partition of Kafka is: offsets kept beside what is fed from it, a build's tables or a process, and moved with it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from psycopg import Connection, Cursor

from processors.checkpoint import Overtaken
from projections.builds import Build

# The build is as far as the least of its partitions. Waiting queries and browsers wake when all of them are further.
_LEAST = """
    WITH least AS (SELECT min(position) AS position FROM ops.partitions WHERE build = %(build)s AND topic = %(topic)s),
    moved AS (
        UPDATE ops.builds b SET position = least.position, error = NULL, updated_at = now(),
            applied_time = (SELECT recorded_at FROM log.stored_events WHERE notification_id <= least.position
                ORDER BY notification_id DESC LIMIT 1)
        FROM least WHERE b.build = %(build)s AND b.position < least.position RETURNING b.name)
    SELECT pg_notify('read_models', name) FROM moved
"""


class Place(NamedTuple):
    """Where a partition goes on, and the position of the log that it is at."""

    next_offset: int
    position: int


Places = Mapping[int, Place]


class Kept:
    """The places of one reader of a topic, rows under its key in a table; `followed` is how far somebody has read the log for it."""

    def __init__(self, table: str, column: str, key: int | str, topic: str, followed: str) -> None:
        self.reader, self._of = key, [key, topic]
        where = f"{column} = %s AND topic = %s"
        # What somebody has followed in the log since is not taken in again.
        self._all = (
            f"SELECT partition, next_offset, greatest(position, ({followed})) FROM {table} p WHERE {where}".encode()  # noqa: S608 - our own names
        )
        # In one order, so that nobody waits for another in a ring.
        self._held = (
            f"SELECT partition, next_offset FROM {table} WHERE {where} AND partition = ANY(%s) "  # noqa: S608
            "ORDER BY partition FOR UPDATE"
        ).encode()
        self._move = (
            f"UPDATE {table} p SET next_offset = greatest(p.next_offset, m.next_offset), "  # noqa: S608
            "position = greatest(p.position, m.position) "
            "FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS m (partition, next_offset, position) "
            f"WHERE {where} AND p.partition = m.partition"
        ).encode()
        self._void = f"UPDATE {table} SET next_offset = -1 WHERE {where}".encode()  # noqa: S608
        self._forget = f"DELETE FROM {table} WHERE {column} = %s".encode()  # noqa: S608
        self._begin = (
            f"INSERT INTO {table} ({column}, topic, partition, next_offset, position) "  # noqa: S608
            "SELECT %s, %s, t.* FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS t (partition, next_offset, position)"
        ).encode()

    @classmethod
    def of_build(cls, build: Build, topic: str) -> Self:
        """Those of a read model's tables."""
        followed = "SELECT b.position FROM ops.builds b WHERE b.build = p.build"
        return cls("ops.partitions", "build", build.build, topic, followed)

    @classmethod
    def of_process(cls, process: str, topic: str) -> Self:
        """Those of a process."""
        followed = "SELECT t.notification_id FROM log.notification_tracking t WHERE t.application_name = p.process"
        return cls("processes.places", "process", process, topic, followed)

    def all(self, db: Connection[Any]) -> dict[int, Place]:
        """Of all partitions; empty where it was never fed from the topic."""
        return {number: Place(*place) for number, *place in db.execute(self._all, self._of)}

    def begin(self, db: Cursor[Any], places: Places) -> None:
        """These, and no others; whoever goes by others is overtaken."""
        db.execute(self._forget, [self.reader])
        db.execute(self._begin, [*self._of, *_columns(places)])

    def void(self, db: Connection[Any]) -> None:
        """Nobody goes on from there any more; up to where they are is still known."""
        db.execute(self._void, self._of)

    def hold(self, db: Cursor[Any], before: Places) -> None:
        """Until the transaction ends nobody else moves these; Overtaken where somebody has."""
        held = dict(db.execute(self._held, [*self._of, list(before)]).fetchall())
        if held != {number: place.next_offset for number, place in before.items()}:
            raise Overtaken(name=self.reader)

    def move(self, db: Cursor[Any], before: Places, after: Places) -> None:
        """Move partitions on from where the caller believes them to be; Overtaken where somebody else has moved them."""
        self.hold(db, {number: before[number] for number in after})
        db.execute(self._move, [*_columns(after), *self._of])


def _columns(places: Places) -> Sequence[Iterable[int]]:
    return [list(places), [each.next_offset for each in places.values()], [each.position for each in places.values()]]


def settle(db: Connection[Any], build: Build, topic: str) -> None:
    """The build is as far as the least of its partitions."""
    db.execute(_LEAST, {"build": build.build, "topic": topic})
