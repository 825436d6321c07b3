"""What triggers made of something, while the log has it later than what happened next: that is seen after it all the same.

It is read from the log and kept nowhere, so that a replay and whoever takes over see what was seen the first time.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from domain.copying import replace
from domain.event import Event, Recorded
from domain.happening import Happening
from domain.rules.chain import workable
from domain.rules.channels import TRIGGER
from eventstore.arrays import Longs, Uuids
from eventstore.codec import StoredRow
from eventstore.feed import decode_page
from eventstore.keyring import Keyring
from eventstore.loading import SELECT_FROM
from processors.deciding import Reaction
from processors.witness import Told


class _Made(NamedTuple):
    """An event of triggers; `since` is where the log has what they looked at, 0 where that was before all of it."""

    since: int
    recorded: Recorded[Event]


class UnderWay:
    """What a transaction finds in the log after the first of these happenings of each ticket, whole streams to their end."""

    def __init__(self, events: Iterable[Recorded[Event]]) -> None:
        known = {each.metadata.event_id: each for each in sorted(events, key=lambda each: each.position)}
        self._commands = {each.metadata.command_id for each in known.values()}
        self._made: dict[UUID, list[_Made]] = {}
        self._acted: set[UUID] = set()
        for each in known.values():
            if each.metadata.channel == TRIGGER:
                self._made.setdefault(each.stream_id, []).append(_Made(_since(each, known), each))

    def waits(self, told: Told) -> bool:
        """Whether it is to be seen after what this transaction has not recorded yet."""
        return isinstance(told, Happening) and told.events[0].stream_id in self._acted

    def in_sight_of(self, told: Told) -> Told:
        """The same with what is ahead of it."""
        if not isinstance(told, Happening) or not workable(told.after):
            return told
        first, made = told.events[0], self._made.get(told.events[0].stream_id, ())
        ahead = tuple(m.recorded for m in made if m.since < first.position and m.recorded.position > told.position)
        return replace(told, ahead=ahead) if ahead else told

    def add(self, reaction: Reaction) -> None:
        """What the reaction leads to is there once it is recorded, if it is not there already."""
        self._acted |= {stream for _, command, stream in reaction.wanted if command not in self._commands}


def _since(made: Recorded[Event], known: Mapping[UUID, Recorded[Event]]) -> int:
    looked_at: Recorded[Event] | None = made
    while looked_at is not None and looked_at.metadata.channel == TRIGGER:
        cause = looked_at.metadata.causation_id
        looked_at = known.get(cause) if cause else None
    return looked_at.position if looked_at else 0


def under_way(db: Cursor[Any], keyring: Keyring, told: Sequence[Told], opens: Container[str] | None) -> UnderWay:
    """As it is for these happenings, which are in order."""
    happened = [each for each in told if isinstance(each, Happening)]
    events = [recorded for each in happened for recorded in each.events]
    after = {each.events[0].stream_id: each.events[-1].version for each in reversed(happened)}
    if not after:
        return UnderWay(())
    known = {recorded.position for recorded in events}
    found = db.execute(SELECT_FROM, [Uuids(list(after)), Longs(list(after.values()))], binary=True)
    rows = [row for row in (StoredRow(*each) for each in found) if row.notification_id not in known]
    return UnderWay([*events, *decode_page(db, keyring, rows, opens)] if rows else events)
