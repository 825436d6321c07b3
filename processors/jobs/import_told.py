"""Rows that tell a ticket's past: it is opened where it is new, and each entry of its history is recorded once (C6)."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from domain.aggregates import decide, evolve
from domain.catalogue import Catalogue
from domain.command import Command
from domain.errors import Refusal
from domain.ticket import Ticket
from domain.ticket.commands import OpenTicket, TellChange
from domain.ticket.events import TicketOpened
from eventstore.desk import Desk
from processors.jobs.import_mapping import Translated, Wrong

_BEGUN = "SELECT command_id, originator_id FROM log.commands WHERE workspace_id = %s AND command_id = ANY(%s)"


@dataclass
class Told:
    """A row. `key` is the id of the command that opens its ticket; where `opening` is None, `unfit` says why it cannot."""

    row: int
    read: Translated
    key: UUID
    opening: OpenTicket | None
    unfit: Sequence[Wrong]
    entries: Sequence[TellChange]


@dataclass
class Came:
    """What came of a row: the ticket's number, and whether anything of it was new or wrong."""

    number: str | None = None
    new: bool = False
    refusal: Refusal | None = None
    wrong: Sequence[Wrong] = ()


@dataclass
class Recording:
    """Records into the log. `known` are the commands that an earlier import was answered, `again`: this one died once."""

    desk: Desk
    workspace: UUID
    known: set[UUID]
    again: bool

    async def begun(self, keys: list[UUID]) -> dict[UUID, Ticket]:
        """The tickets that are here already, by the id of the command that opened them."""
        async with self.desk.streams.bound(self.workspace) as db:
            found = await (await db.execute(_BEGUN, [self.workspace, keys])).fetchall()
        streams = dict(found)
        loaded = await self.desk.streams.load_many(self.workspace, "ticket", list(set(streams.values())))
        return {key: loaded[stream].state for key, stream in streams.items()}

    async def open(self, told: Told, opening: OpenTicket) -> str:
        """The new ticket's number."""
        receipt = await self.desk.execute(opening)
        return receipt.number or opening.number

    async def tell(self, told: Told, entry: TellChange) -> bool:
        """Record an entry; whether it is new."""
        receipt = await self.desk.execute(entry)
        return self.ours(entry.command_id) if receipt.repeated else True

    def ours(self, command: UUID) -> bool:
        """Whether what is recorded already was recorded by this very import."""
        return self.again and command not in self.known


@dataclass
class Rehearsal(Recording):
    """Decides as the log would, and writes nothing. `seen` are the tickets that earlier pages would have begun."""

    catalogue: Catalogue
    seen: dict[UUID, str]
    states: dict[UUID, Ticket] = field(default_factory=dict)

    async def begun(self, keys: list[UUID]) -> dict[UUID, Ticket]:
        """Those, and the ones that this import would have opened by now, of which only the number is remembered."""
        opened = {key: _some_ticket(self.seen[key], self.catalogue) for key in keys if key in self.seen}
        self.states = opened | await super().begun(keys)
        return self.states

    async def open(self, told: Told, opening: OpenTicket) -> str:
        """The number that it asks for, if any."""
        before = Ticket(number="0")
        if opening.number:
            before = (await self.desk.state(self.workspace, "ticket", opening.stream_id)).state
        self._decide(told.key, opening, before)
        self.seen[told.key] = opening.number
        return opening.number

    async def tell(self, told: Told, entry: TellChange) -> bool:
        """Whether it would be new."""
        if entry.command_id in self.known:
            return False
        self._decide(told.key, entry, self.states[told.key])
        return True

    def _decide(self, key: UUID, command: Command, state: Ticket) -> None:
        for event in decide(command, state, self.catalogue):
            state = evolve(state, event)
        self.states[key] = state


def _some_ticket(number: str, desk: Catalogue) -> Ticket:
    status = next(iter(desk.statuses.values()))
    opened: Ticket = evolve(Ticket(), TicketOpened(number=number, title="-", status=status.key, kind=status.kind))
    return opened


async def tell(rows: Sequence[Told], log: Recording, barred: Callable[[Told], Refusal | None]) -> dict[int, Came]:
    """What came of each row: those of one ticket one after the other, tickets side by side."""
    groups: dict[UUID, list[Told]] = defaultdict(list)
    for row in rows:
        groups[row.key].append(row)
    begun = await log.begun(list(groups))
    stories = (_ticket(group, begun.get(key), log, barred) for key, group in groups.items())
    return {row: came for story in await asyncio.gather(*stories) for row, came in story.items()}


async def _ticket(
    rows: Sequence[Told], here: Ticket | None, log: Recording, barred: Callable[[Told], Refusal | None]
) -> dict[int, Came]:
    number, came = here.number if here else None, {}
    for row in rows:
        came[row.row] = one = Came(number, new=here is not None and log.ours(row.key))
        try:
            await _row(row, one, log, barred)
        except Refusal as refusal:
            one.refusal = refusal
        number = one.number
    return came


async def _row(row: Told, came: Came, log: Recording, barred: Callable[[Told], Refusal | None]) -> None:
    if came.number is None:
        if row.opening is None:
            came.wrong = row.unfit
            return
        if refusal := barred(row):
            raise refusal
        came.number, came.new = await log.open(row, row.opening), True
    for entry in row.entries:
        came.new |= await log.tell(row, entry.model_copy(update={"number": came.number or entry.number}))
