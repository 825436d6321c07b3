"""How far each partition of Kafka is in the tables of a build: offsets kept where the rows are, and moved with them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from psycopg import Connection, Cursor

from projections.builds import Build, BuildOvertaken

_ALL = "SELECT partition, next_offset, position FROM ops.partitions WHERE build = %s AND topic = %s"
# In one order, so that nobody waits for another in a ring.
_HELD = f"{_ALL} AND partition = ANY(%s) ORDER BY partition FOR UPDATE"
_MOVE = """
    UPDATE ops.partitions p SET next_offset = moved.next_offset, position = greatest(p.position, moved.position)
    FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS moved (partition, next_offset, position)
    WHERE p.build = %s AND p.topic = %s AND p.partition = moved.partition
"""
# Waiting queries and browsers wake when all partitions are further.
_LEAST = """
    WITH least AS (SELECT min(position) AS position FROM ops.partitions WHERE build = %(build)s AND topic = %(topic)s),
    moved AS (
        UPDATE ops.builds b SET position = least.position, error = NULL, updated_at = now(),
            applied_time = (SELECT recorded_at FROM log.stored_events WHERE notification_id <= least.position
                ORDER BY notification_id DESC LIMIT 1)
        FROM least WHERE b.build = %(build)s AND b.position < least.position RETURNING b.name)
    SELECT pg_notify('read_models', name) FROM moved
"""
_BEGIN = "INSERT INTO ops.partitions SELECT %s, %s, partition, next_offset, %s FROM unnest(%s::int[], %s::bigint[]) AS t (partition, next_offset)"


class Place(NamedTuple):
    """Where a partition goes on, and the position of the log that it is at."""

    next_offset: int
    position: int


Places = Mapping[int, Place]


def places(db: Connection[Any], build: Build, topic: str) -> dict[int, Place]:
    """Of all partitions; empty where the build was never fed from the topic."""
    return {number: Place(*place) for number, *place in db.execute(_ALL, [build.build, topic])}


def begin(db: Cursor[Any], build: Build, topic: str, offsets: Mapping[int, int], position: int) -> None:
    """All partitions are at that position of the log and go on at these offsets; whoever goes by others is overtaken."""
    db.execute("DELETE FROM ops.partitions WHERE build = %s AND topic = %s", [build.build, topic])
    db.execute(_BEGIN, [build.build, topic, position, list(offsets), list(offsets.values())])


def move(db: Cursor[Any], build: Build, topic: str, before: Places, after: Places) -> None:
    """Move partitions on from where the caller believes them to be; BuildOvertaken where somebody else has moved them."""
    held = {number: offset for number, offset, _ in db.execute(_HELD, [build.build, topic, list(after)])}
    if held != {number: before[number].next_offset for number in after}:
        raise BuildOvertaken(name=build.name)
    db.execute(_MOVE, [*_columns(after), build.build, topic])


def _columns(after: Places) -> Sequence[Iterable[int]]:
    return [list(after), [each.next_offset for each in after.values()], [each.position for each in after.values()]]


def settle(db: Connection[Any], build: Build, topic: str) -> None:
    """The build is as far as the least of its partitions."""
    db.execute(_LEAST, {"build": build.build, "topic": topic})
