"""Fills a log quickly with lives of tickets, their events interleaved as on a real desk, through the append itself."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import psycopg

from bench.desk import MASTER_KEY, Place
from bench.generator import Life, lives, texts
from domain.event import Event
from domain.ids import ticket_id
from domain.ticket import events as e
from domain.ticket.commands import NoteOnTicket
from domain.values import Assignee, Priority, StatusKind
from eventstore.append import Call, send
from eventstore.database import Role, conninfo
from eventstore.keyring import Keyring
from eventstore.stamp import stamp
from eventstore.streams import Loaded

# Tickets that are alive at the same time, and calls in one append.
ALIVE = 2_000
BATCH = 256
_MOVE = {"status": "pending", "kind": StatusKind.PENDING, "previous": "open", "previous_kind": StatusKind.OPEN}
_END = {"previous": "open", "previous_kind": StatusKind.OPEN}


async def fill(url: str, place: Place, events: int, seed: int = 1) -> int:
    """Append at least that many events and return how many there are."""
    address = conninfo(url, Role.WRITER, "ledgerdesk-bench")
    async with await psycopg.AsyncConnection.connect(address, autocommit=True, prepare_threshold=0) as db:
        stories = lives(seed, events, datetime.now(UTC))
        done = 0
        while done < events:
            for calls in _batches(_interleaved(place, list(islice(stories, ALIVE)), seed + done)):
                done += await _appended(db, calls)
        return done


async def record(url: str, calls: Iterator[Call]) -> None:
    """Append calls as they are; quickly where those of one stream are at least BATCH apart."""
    address = conninfo(url, Role.WRITER, "ledgerdesk-bench")
    async with await psycopg.AsyncConnection.connect(address, autocommit=True, prepare_threshold=0) as db:
        for batch in _batches(calls):
            await _appended(db, batch)


async def lengthen(url: str, place: Place, number: str, events: int) -> UUID:
    """One ticket with that many events; its stream."""
    story = Life(datetime.now(UTC), "A ticket that wandered for years", "...", ("replied", "noted", "moved", "tagged"))
    ticket = _Ticket(place, number, story)
    prose = [text for _, text in texts(seed=7, count=100)]
    address = conninfo(url, Role.WRITER, "ledgerdesk-bench")
    async with await psycopg.AsyncConnection.connect(address, autocommit=True, prepare_threshold=0) as db:
        await _appended(db, [ticket.call("opened", "")])
        for n in range(1, events):
            await _appended(db, [ticket.call(story.steps[n % 4], prose[n % 100])])
    return ticket.stream


def _batches(calls: Iterator[Call]) -> Iterator[list[Call]]:
    """None has two of one stream: the second would be a conflict, and all that follow it."""
    batch: dict[UUID, Call] = {}
    for call in calls:
        if len(batch) == BATCH or call.stream_id in batch:
            yield list(batch.values())
            batch = {}
        batch[call.stream_id] = call
    if batch:
        yield list(batch.values())


async def _appended(db: psycopg.AsyncConnection[Any], calls: Sequence[Call]) -> int:
    """How many events the log has more; all of them, or there is nothing to measure on."""
    refused = [answer.verdict for answer in await send(db, calls) if answer.verdict != "done"]
    if refused:
        raise ValueError(f"the log did not take {len(refused)} of {len(calls)} calls: {refused[0]}")
    return sum(len(call.events) for call in calls)


def _interleaved(place: Place, stories: list[Life], seed: int) -> Iterator[Call]:
    """First all openings, then each ticket's second event, and so on."""
    tickets = [_Ticket(place, f"B{seed}-{n}", story) for n, story in enumerate(stories)]
    prose = [text for _, text in texts(seed=seed, count=200)]
    for wave in range(max(len(story.steps) for story in stories) + 1):
        for ticket in tickets:
            if wave <= len(ticket.story.steps):
                what = "opened" if wave == 0 else ticket.story.steps[wave - 1]
                yield ticket.call(what, prose[(wave * 31 + len(ticket.number)) % 200])


class MadeUp:
    """A ticket that is being made up."""

    def __init__(self, place: Place, number: str, at: datetime) -> None:
        self.place, self.number, self.at = place, number, at
        self.stream = ticket_id(place.workspace, number)
        self.loaded = Loaded(None)
        self.keyring = Keyring(MASTER_KEY)

    def recorded(self, *events: Event) -> Call:
        """The append of the ticket's next events."""
        command = NoteOnTicket(
            number=self.number,
            body="-",
            workspace_id=self.place.workspace,
            by=self.place.agent,
            at=self.at,
            command_id=uuid4(),
        )
        call, keys = stamp(self.keyring, command, self.stream, self.loaded, events)
        self.loaded = Loaded(None, self.loaded.version + len(events), {**self.loaded.keys, **keys})
        return call


class _Ticket(MadeUp):
    """A ticket with a life to come."""

    def __init__(self, place: Place, number: str, story: Life) -> None:
        super().__init__(place, number, story.opened_at)
        self.story = story

    def call(self, what: str, text: str) -> Call:
        """The append of the next thing that happens to it."""
        return self.recorded(self._event(what, text))

    def _event(self, what: str, text: str) -> Event:
        match what:
            case "opened":
                return e.TicketOpened(
                    number=self.number,
                    title=self.story.title,
                    description=self.story.description,
                    status="new",
                    kind=StatusKind.NEW,
                )
            case "assigned":
                return e.TicketAssigned(assignee=Assignee(person=UUID(self.place.agent.id)))
            case "moved":
                return e.TicketMoved(**_MOVE)
            case "fields_set":
                return e.TicketFieldsSet(fields={"place": text[:30]}, previous={"place": None})
            case "prioritised":
                return e.TicketPrioritised(priority=Priority.HIGH, previous=Priority.NORMAL)
            case "replied":
                return e.TicketReplied(message_id=uuid4(), body=text)
            case "tagged":
                return e.TicketTagged(tag="printer")
            case "resolved":
                return e.TicketResolved(status="resolved", kind=StatusKind.RESOLVED, **_END)
            case "closed":
                return e.TicketClosed(status="closed", kind=StatusKind.CLOSED, **_END)
            case _:
                return e.TicketNoted(message_id=uuid4(), body=text)
