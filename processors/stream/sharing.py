"""A worker's share of a process: partitions of Kafka, moved in the transaction of all that their events lead to."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection

from eventstore.codec import StoredRow
from eventstore.database import Role, conninfo
from eventstore.desk import Desk
from eventstore.feed import head
from processors.checkpoint import Whereabouts, kept_position
from processors.effects import EffectFollower
from processors.following import Follower
from processors.given import Given, Moved
from processors.lookout import Stretch
from processors.process import Process, TicketProcess
from processors.stream.group import Group, Message, alone, published
from processors.stream.partitions import Kept, Place, Places
from processors.stream.reading import Named, rest, stored
from processors.stream.settings import KafkaSettings
from processors.stream.shares import Shares, Step
from processors.stream.witness import PartWitness

Found = Mapping[int, Sequence[Message]]


class Sharer(Follower):
    """One process on a connection that shares its lease; it looks at what it is handed."""

    def __init__(self, process: TicketProcess, given: Given, db: Connection[Any], group: Group, kept: Kept) -> None:
        self._shares = Shares(db.cursor(), kept, group)
        super().__init__(process, given.keyring, db, given.clock, checkpoint=self._shares)
        self._group, self._newest = group, given.newest
        self._witness_of_parts = PartWitness(given.keyring, process)
        self._found: Found = {}

    def take(self, found: Found) -> bool:
        """Take in what is new in our partitions, and do what else there is to do; False where there is nothing."""
        self._found = found
        return self.step()

    def _seen(self) -> Stretch:
        found, self._found = self._found, {}
        further = rest(self._db, {number: messages[-1] for number, messages in found.items()})
        end = self._shares.take(_steps(found, further))
        named = _named(found, further, self._shares.reached_in())
        wanted = {each.stream for each in named if self._reacts_to(each)}
        positions = [each.position for each in named if each.workspace or each.stream in wanted]
        rows = stored(self._db, self._newest, positions)
        return Stretch(self._witness_of_parts.happenings(self._cursor, rows), end)

    def _reacts_to(self, each: Named) -> bool:
        topics = self._process.TOPICS
        return each.name.startswith("ticket.") and (topics is None or each.name in topics)


class EffectSharer(EffectFollower):
    """The same for effects elsewhere."""

    def __init__(
        self, process: Process, given: Given, db: Connection[Any], desk: Desk, group: Group, kept: Kept
    ) -> None:
        self._shares = Shares(db.cursor(), kept, group)
        super().__init__(process, given.keyring, db, desk, given.newest, checkpoint=self._shares)
        self._group, self._held = group, given.newest
        self._found: Found = {}

    async def take(self, found: Found) -> bool:
        """Take in what is new in our partitions, and what is to be tried again; False where there is nothing."""
        self._found = found
        return await self.step()

    def _seen(self) -> tuple[list[StoredRow], int]:
        found, self._found = self._found, {}
        end = self._shares.take(_steps(found, {}))
        named = _named(found, {}, self._shares.reached_in())
        return stored(self._db, self._held, [each.position for each in named if each.name in self._names]), end


def share(process: TicketProcess, given: Given, kafka: KafkaSettings, db: Connection[Any], moved: Moved) -> None:
    """Take part until stopped; Overtaken where it has to look again how far others are."""
    kept = Kept.of_process(process.NAME, kafka.events)
    with closing(Group(kafka, process.NAME)) as group:
        with _beginning(process.NAME, db, group, kept) as gap:
            if gap is not None:
                follower = Follower(process, given.keyring, db, given.clock)
                while follower.checkpoint.reached < gap.end and not given.stop.is_set():
                    follower.step()
                gap.fill(db, kept, follower.checkpoint, given.stop)
        sharer = Sharer(process, given, db, group, kept)
        for found in _found(process.NAME, given, kafka, db, group, kept):
            if sharer.take(found):
                moved()


async def share_effects(
    process: Process, given: Given, kafka: KafkaSettings, db: Connection[Any], desk: Desk, moved: Moved
) -> None:
    """The same for effects elsewhere."""
    kept = Kept.of_process(process.NAME, kafka.events)
    with closing(Group(kafka, process.NAME)) as group:
        with _beginning(process.NAME, db, group, kept) as gap:
            if gap is not None:
                follower = EffectFollower(process, given.keyring, db, desk)
                while follower.checkpoint.reached < gap.end and not given.stop.is_set():
                    await follower.step()
                gap.fill(db, kept, follower.checkpoint, given.stop)
        sharer = EffectSharer(process, given, db, desk, group, kept)
        for found in _found(process.NAME, given, kafka, db, group, kept):
            if await sharer.take(found):
                moved()


class _Gap(NamedTuple):
    """What was recorded up to `end` is read from the log; later events are in the partitions from these offsets on."""

    end: int
    offsets: Mapping[int, int]

    def fill(self, db: Connection[Any], kept: Kept, reached: Whereabouts, stop: threading.Event) -> None:
        """It was read."""
        reached.keep()
        if not stop.is_set():
            with db.transaction():
                places = {number: Place(offset, reached.reached) for number, offset in self.offsets.items()}
                kept.begin(db.cursor(), places)


@contextmanager
def _beginning(process: str, db: Connection[Any], group: Group, kept: Kept) -> Iterator[_Gap | None]:
    """While nobody else begins: a gap that is to be filled, where Kafka cannot go on where the process is."""
    with alone(db, process):
        if group.has(kept.all(db)):
            yield None
        else:
            # Who still shares it goes no further.
            kept.void(db)
            offsets = group.recent()
            yield _Gap(head(db.cursor()), offsets)


def _found(
    process: str, given: Given, kafka: KafkaSettings, db: Connection[Any], group: Group, kept: Kept
) -> Iterator[Found]:
    """What is new, again and again until stopped."""
    group.join(partial(places, given.url, process, kept))
    while not given.stop.is_set():
        told = published(db, kafka.events)
        yield group.poll()
        group.passed(group.quiet(db, given.newest, told))


def places(url: str, process: str, kept: Kept) -> Places:
    """Where partitions go on; what somebody has followed in the log since is not taken in again."""
    with closing(psycopg.connect(conninfo(url, Role.WORKER), autocommit=True)) as db:
        followed = kept_position(db.cursor(), process) or 0
        return {number: Place(at.next_offset, max(at.position, followed)) for number, at in kept.all(db).items()}


def _named(found: Found, further: Mapping[int, Sequence[Named]], reached: Places) -> list[Named]:
    """What was not taken in yet."""
    return [
        each
        for number, place in reached.items()
        if number in found
        for each in (*map(_name, found[number]), *further.get(number, ()))
        if each.position > place.position
    ]


def _name(message: Message) -> Named:
    key = message.key
    return Named(message.position, message.name, UUID(key), key.encode() == message.headers["ce_workspace"])


def _steps(found: Found, further: Mapping[int, Sequence[Named]]) -> Iterator[Step]:
    for number, messages in found.items():
        at = 0
        for each in messages[:-1]:
            at = max(at, each.position)
            yield Step(at, number, Place(each.offset + 1, at))
        last = max(at, messages[-1].position, *(each.position for each in further.get(number, ())))
        yield Step(last, number, Place(messages[-1].offset + 1, last))
