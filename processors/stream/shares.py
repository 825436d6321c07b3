"""How far a process has come in the partitions that a member of its group has: moved with all that it led to."""

import time
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from eventstore.newest import REST
from processors.checkpoint import Overtaken
from processors.stream.batch import partition_of
from processors.stream.group import Group
from processors.stream.partitions import Kept, Place

EVER = 2**62


class Step(NamedTuple):
    """All that was read of a partition up to a position of the log, and where it is then."""

    position: int
    partition: int
    place: Place


class Shares:
    """The checkpoint of a member. Its position is of what was read together: partitions by themselves are further, or not as far."""

    # Others may be ahead at any time.
    shared_upto = EVER
    patience = 0.0

    def __init__(self, db: Cursor[Any], kept: Kept, group: Group) -> None:
        self._db, self._kept, self._group, self._due = db, kept, group, 0.0
        self._steps: list[Step] = []
        self._before: dict[int, Place] = {}
        self._after: dict[int, Place] = {}
        # How far the partitions of what was taken had been read.
        self.read: dict[int, Place] = {}
        self.reached = 0

    def take(self, steps: Iterable[Step]) -> int:
        """What was read together of several partitions; up to where it goes."""
        # In this order: of one that is given anew in between nothing can be kept, and one that is taken away is in neither.
        places, read = dict(self._group.places), dict(self._group.reached)
        self._before = {number: place for number, place in places.items() if number in read}
        self.read = {number: read[number] for number in self._before}
        self.reached = 0
        # Those that were taken away meanwhile are somebody else's.
        self._steps = sorted(each for each in steps if each.partition in self._before)
        return self._steps[-1].position if self._steps else 0

    def has(self, stream: UUID, position: int) -> bool:
        """What was taken in was not read again."""
        return False

    def mine(self, stream: UUID) -> bool:
        """Whether it is in a partition that we were given."""
        return self._partition(stream) in self._group.places

    def hold(self, stream: UUID) -> None:
        """Until the transaction ends nobody else goes on with its partition; Overtaken where it is somebody else's by now."""
        number = self._partition(stream)
        if (place := self._group.places.get(number)) is None:
            raise Overtaken(name=self._kept.reader)
        self._kept.hold(self._db, {number: place})

    def advance(self, position: int) -> None:
        """Move the partitions, in the transaction under way; Overtaken where somebody else has moved one."""
        places, reached = dict(self._group.places), dict(self._group.reached)
        ahead = {number: place for number, place in reached.items() if place != places.get(number)}
        self._before |= {number: places[number] for number in ahead if number in places}
        self._after = {number: ahead[number] for number in ahead if number in self._before} | self._upto(position)
        self._kept.move(self._db, self._before, self._after)

    def advanced(self, position: int) -> None:
        """That transaction has been committed."""
        self._group.moved(self._after)
        self._before |= self._after
        self.reached = max(position, self.reached)
        self._due = time.monotonic() + REST

    def passed(self, position: int) -> None:
        """Nothing came of what was read up to there."""
        self._group.passed(self._upto(position))
        self.reached = position
        if time.monotonic() >= self._due:
            self.keep()

    def keep(self) -> None:
        """Keep how far it has come."""
        if self._group.reached != self._group.places:
            self._steps = []
            with self._db.connection.transaction():
                self.advance(0)
            self.advanced(0)

    def _upto(self, position: int) -> dict[int, Place]:
        return {step.partition: step.place for step in self._steps if step.position <= position}

    def _partition(self, stream: UUID) -> int:
        return partition_of(str(stream).encode(), self._group.partitions())
