"""What the log has of events that messages name: all of their content, which Kafka has not."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from domain.event import of_ticket
from eventstore.arrays import Longs, Uuids
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.newest import Newest
from processors.stream.group import Message

_EVENTS = SELECT_EVENTS + " WHERE notification_id = ANY(%s) ORDER BY notification_id"
# Each stream by its own key look-up.
_REST = """
    SELECT w.stream, e.notification_id, e.topic, e.workspace_id
    FROM unnest(%s::uuid[], %s::bigint[], %s::uuid[]) AS w (stream, version, command)
    CROSS JOIN LATERAL (SELECT notification_id, topic, workspace_id FROM log.stored_events
        WHERE originator_id = w.stream AND originator_version > w.version AND command_id = w.command) e
    ORDER BY e.notification_id
"""


class Named(NamedTuple):
    """An event as far as a message, or the row of it, says what it is."""

    position: int
    name: str
    stream: UUID
    workspace: UUID

    @property
    def own(self) -> bool:
        """Whether it is the workspace's own."""
        return self.stream == self.workspace

    @property
    def of_ticket(self) -> bool:
        """Whether it is a ticket's."""
        return of_ticket(self.name)


def stored(db: Connection[Any], newest: Newest, positions: Sequence[int]) -> list[StoredRow]:
    """The rows at those positions, in order."""
    if not positions:
        return []
    wanted = sorted(positions)
    if (held := newest.at(wanted)) is not None:
        return held
    return [StoredRow(*row) for row in db.execute(_EVENTS, [wanted], binary=True)]


def rest(db: Connection[Any], last: Mapping[int, Message]) -> dict[int, list[Named]]:
    """Of each partition what belongs to the same command as its last message, and was not told yet."""
    streams = {UUID(each.key): number for number, each in last.items()}
    if not streams:
        return {}
    versions = [int(each.headers["ce_version"]) for each in last.values()]
    commands = [UUID(each.headers["ce_commandid"].decode()) for each in last.values()]
    found: dict[int, list[Named]] = {number: [] for number in last}
    for stream, position, name, workspace in db.execute(
        _REST, [Uuids(list(streams)), Longs(versions), Uuids(commands)]
    ):
        found[streams[stream]].append(Named(position, name, stream, workspace))
    return found
