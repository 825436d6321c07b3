"""A worker's share of a process: partitions of Kafka, moved in the transaction of all that their events lead to."""

import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from eventstore.codec import StoredRow
from eventstore.desk import Desk
from eventstore.feed import erases, head
from processors.checkpoint import Whereabouts
from processors.effects import EffectFollower
from processors.following import Follower
from processors.given import Given, Moved
from processors.lookout import Stretch
from processors.process import Process, TicketProcess
from processors.stream.group import Group, Message, alone, looked_up, published
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
        self._newest = given.newest
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
        named = _named(found, further, self._shares.read)
        wanted = {each.stream for each in named if self._reacts_to(each)}
        positions = [each.position for each in named if each.own or each.stream in wanted]
        positions += self._witness_of_parts.listened(self._cursor, named)
        rows = stored(self._db, self._newest, positions)
        return Stretch(self._witness_of_parts.happenings(self._cursor, rows), end)

    def _reacts_to(self, each: Named) -> bool:
        topics = self._process.TOPICS
        # What is erased is told to the witness, who is to forget it.
        return each.of_ticket and (topics is None or each.name in topics or erases(each.name))


class EffectSharer(EffectFollower):
    """The same for effects elsewhere."""

    def __init__(
        self, process: Process, given: Given, db: Connection[Any], desk: Desk, group: Group, kept: Kept
    ) -> None:
        self._shares = Shares(db.cursor(), kept, group)
        super().__init__(process, given.keyring, db, desk, given.newest, checkpoint=self._shares)
        self._held = given.newest
        self._found: Found = {}

    def take(self, found: Found) -> Awaitable[bool]:
        """Take in what is new in our partitions, and what is to be tried again; False where there is nothing."""
        self._found = found
        return self.step()

    def _seen(self) -> tuple[list[StoredRow], int]:
        found, self._found = self._found, {}
        end = self._shares.take(_steps(found, {}))
        named = _named(found, {}, self._shares.read)
        return stored(self._db, self._held, [each.position for each in named if each.name in self._names]), end


class Followers(NamedTuple):
    """Those who follow for a process: the whole log, and its share of partitions."""

    whole: Callable[[], Follower | EffectFollower]
    shared: Callable[[Group, Kept], Sharer | EffectSharer]


def of_tickets(process: TicketProcess, given: Given, db: Connection[Any]) -> Followers:
    """Of one whose reactions are recorded together."""
    whole = partial(Follower, process, given.keyring, db, given.clock)
    return Followers(whole, partial(Sharer, process, given, db))


def of_effects(process: Process, given: Given, db: Connection[Any], desk: Desk) -> Followers:
    """Of one that has effects elsewhere."""
    whole = partial(EffectFollower, process, given.keyring, db, desk)
    return Followers(whole, partial(EffectSharer, process, given, db, desk))


async def share(
    name: str, followers: Followers, given: Given, kafka: KafkaSettings, db: Connection[Any], moved: Moved
) -> None:
    """Take part until stopped; Overtaken where it has to look again how far others are."""
    kept = Kept.of_process(name, kafka.events)
    with closing(Group(kafka, name)) as group:
        with _beginning(name, given, db, group, kept) as gap:
            if gap is not None:
                follower = followers.whole()
                while follower.checkpoint.reached < gap.end and not given.stop.is_set():
                    await _done(follower.step())
                gap.fill(db, kept, follower.checkpoint, given.stop)
        sharer = followers.shared(group, kept)
        group.join(partial(looked_up, given.url, kept))
        while not given.stop.is_set():
            told = published(db, kafka.events)
            if await _done(sharer.take(group.poll())):
                moved()
            group.passed(group.quiet(db, given.newest, told))


async def _done(step: bool | Awaitable[bool]) -> bool:
    return step if isinstance(step, bool) else await step


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
def _beginning(name: str, given: Given, db: Connection[Any], group: Group, kept: Kept) -> Iterator[_Gap | None]:
    """While nobody else begins: a gap that is to be filled, where Kafka cannot go on where the process is."""
    with alone(db, name, given.stop) as mine:
        if not mine or group.has(kept.all(db)):
            yield None
        else:
            # Who still shares it goes no further.
            kept.void(db)
            offsets = group.recent()
            yield _Gap(head(db.cursor()), offsets)


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
    workspace = UUID(message.headers["ce_workspace"].decode())
    return Named(message.position, message.name, UUID(message.key), workspace)


def _steps(found: Found, further: Mapping[int, Sequence[Named]]) -> Iterator[Step]:
    for number, messages in found.items():
        at = 0
        for each in messages[:-1]:
            at = max(at, each.position)
            yield Step(at, number, Place(each.offset + 1, at))
        last = max(at, messages[-1].position, *(each.position for each in further.get(number, ())))
        yield Step(last, number, Place(messages[-1].offset + 1, last))
