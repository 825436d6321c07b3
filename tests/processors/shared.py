"""Partitions without Kafka: messages as the publisher would write them, handed to members of a group as a test wants."""

import threading
from collections.abc import Iterable
from typing import Any

import psycopg

from eventstore.codec import StoredRow
from eventstore.desk import Clock, Desk
from eventstore.feed import command_of, read_page
from eventstore.keyring import Keyring
from eventstore.newest import Newest
from processors.given import Given
from processors.process import Process, TicketProcess
from processors.stream.batch import partition_of
from processors.stream.group import Group, Message, looked_up
from processors.stream.partitions import Kept, Place
from processors.stream.sharing import EffectSharer, Sharer
from tests.desks import MASTER

TOPIC = "desk.events"
COUNT = 4
Told = dict[int, list[Message]]


class Handed(Group):
    """A member that has what it was given; nothing is taken away from it."""

    def __init__(self) -> None:
        self.places, self.reached, self._looked = {}, {}, 0.0

    def partitions(self) -> int:
        """As many as the tests have."""
        return COUNT

    def give(self, given: dict[int, Place]) -> None:
        """These are its own."""
        self.places, self.reached, self._looked = dict(given), dict(given), 0.0


def partition(stream: Any) -> int:
    """Where the stream's messages are."""
    return partition_of(str(stream).encode(), COUNT)


def published(db: psycopg.Connection[Any]) -> Told:
    """Every event of the log, in its partition."""
    told: Told = {number: [] for number in range(COUNT)}
    for row in read_page(db.cursor(), 0, 100_000):
        part = told[partition(row.originator_id)]
        part.append(_message(row, len(part)))
    return told


def _message(row: StoredRow, offset: int) -> Message:
    headers = {
        "ce_version": str(row.originator_version).encode(),
        "ce_commandid": command_of(row).encode(),
        "ce_workspace": str(row.workspace_id).encode(),
    }
    return Message(offset, row.notification_id, row.topic, str(row.originator_id), headers)


class Part:
    """What a member has of a topic."""

    def __init__(self, url: str, process: str) -> None:
        self._url = url
        self.group, self._kept = Handed(), Kept.of_process(process, TOPIC)

    def given(self, parts: Iterable[int]) -> None:
        """Kafka gave it these, and it looks where they are."""
        known = looked_up(self._url, self._kept)
        self.group.give({number: known[number] for number in parts})

    def _new(self, told: Told, most: int) -> Told:
        found = {n: told[n][at.next_offset :][:most] for n, at in self.group.reached.items() if n in told}
        return {n: messages for n, messages in found.items() if messages}


class Member(Part):
    """One that shares a process, on a connection of its own."""

    def __init__(self, url: str, db: psycopg.Connection[Any], process: TicketProcess, clock: Clock) -> None:
        super().__init__(url, process.NAME)
        self.sharer = Sharer(process, _given(url, clock), db, self.group, self._kept)

    def take(self, told: Told, most: int = 1000) -> bool:
        """Take in what is new of its partitions, so many messages of each."""
        return self.sharer.take(self._new(told, most))


class EffectMember(Part):
    """The same for effects elsewhere."""

    def __init__(self, url: str, db: psycopg.Connection[Any], process: Process, desk: Desk) -> None:
        super().__init__(url, process.NAME)
        self._sharer = EffectSharer(process, _given(url, desk.clock), db, desk, self.group, self._kept)

    async def take(self, told: Told) -> bool:
        """Take in what is new of its partitions."""
        return await self._sharer.take(self._new(told, 1000))


def _given(url: str, clock: Clock) -> Given:
    return Given(url, Keyring(MASTER), threading.Event(), clock, Newest(2**61))


def begin(db: psycopg.Connection[Any], process: Process | TicketProcess) -> None:
    """Members go on from the beginning of the topic, where nobody has taken in anything."""
    with db.transaction():
        Kept.of_process(process.NAME, TOPIC).begin(db.cursor(), dict.fromkeys(range(COUNT), Place(0, 0)))
