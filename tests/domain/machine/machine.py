"""Our desk and the model side by side, and what every step of theirs is held to."""

from collections.abc import Callable, Collection, Coroutine
from copy import deepcopy
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol
from uuid import UUID, uuid5

from domain.errors import LedgerdeskError, Refusal
from domain.event import SYSTEM, Event, Recorded
from domain.ids import ticket_id
from domain.ticket import ties as t
from domain.ticket.commands import ConfirmTicketErasure
from domain.ticket.counterparts import CHANNEL, other_number
from domain.ticket.state import Ticket as State
from eventstore import counterparts, erasure
from eventstore.desk import Receipt
from eventstore.undo import undo
from processors.counterparts import Counterparts
from tests.domain.kit import NOON
from tests.domain.machine import ties, world
from tests.domain.machine.model import Done, No, Who, attempt
from tests.domain.machine.views import agree
from tests.domain.machine.wishes import wish

Doing = Callable[[Any], Coroutine[Any, Any, Any]]
# These leave a trace without changing the ticket, or may change it and change it back.
SILENT = {"show", "hide", "act"}
TIES: dict[str, type[t.TicketCommand]] = {
    "merge": t.MergeTicket,
    "undo_merge": t.UndoMerge,
    "split": t.SplitTicket,
    "undo_split": t.UndoSplit,
    "link": t.LinkTicket,
    "unlink": t.UnlinkTicket,
}
NEW = "?"
NOTHING = Done("", world.RITA, {}, {})


class Killed(BaseException):
    """Whoever carried a command out died in between."""


class Dying:
    """A desk whose process ends before the other ticket hears of anything."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk, name)

    async def execute(self, command: Any) -> Receipt:
        """Only what is no other half, or was done before."""
        known = await self._desk.streams.first_answer(command.workspace_id, command.command_id)
        if command.channel == CHANNEL and known is None:
            raise Killed
        receipt: Receipt = await self._desk.execute(command)
        return receipt


class Office(Protocol):
    """A desk, or several over one log."""

    def run(self, doing: Doing) -> Any:
        """Have one of them do it."""

    def state(self, stream: UUID) -> Any:
        """A stream's state as it is kept."""

    def events(self, stream: UUID) -> list[Recorded[Event]]:
        """All that happened to it."""

    def position(self) -> int:
        """The log's end."""


class Game:
    """Every command is tried on both; they have to agree on whether it happens, why not, and what is then."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.model = world.model()
        self.now: datetime = NOON
        self.commands: list[UUID] = []
        self.numbers: list[str] = []
        for command in world.set_up():
            office.run(lambda desk, each=command: desk.execute(each))

    def context(self, who: Who) -> dict[str, Any]:
        """Who, when, and under which new id."""
        self.now += timedelta(minutes=1)
        self.model.now = self.now
        command = uuid5(world.WORKSPACE, f"command {len(self.commands)}")
        self.commands.append(command)
        return {"workspace_id": world.WORKSPACE, "by": world.actor(who), "at": self.now, "command_id": command}

    def act(self, name: str, who: Who, number: str, **asked: Any) -> None:
        """One command on one ticket."""
        context = self.context(who)
        kind, fields = wish(name, asked)
        command = kind(number=number, **context, **fields)
        services = {"erase": erasure.erase, "discard": erasure.erase, "redact": counterparts.redact}
        step = services.get(name, counterparts.both)
        wanted = partial(attempt, self.model, name, who, number, context["command_id"], **asked)
        self.compare(name, wanted, lambda desk: step(desk, command))
        self._finish_erasure(number, context)
        self.check(number)

    def _finish_erasure(self, number: str, context: dict[str, Any]) -> None:
        """As the process does where one action among several asked for it."""
        state: State = self.state(number)
        if state.erasing and not state.erased:
            asked = {**context, "by": SYSTEM, "command_id": uuid5(context["command_id"], "confirmed")}
            confirmation = ConfirmTicketErasure(number=number, **asked)
            self.office.run(lambda desk: erasure.finish(desk, confirmation))

    def begin(self, name: str, who: Who, **asked: Any) -> None:
        """A ticket, or a draft of one, that gets its number."""
        context = self.context(who)
        kind, fields = wish(name, asked)
        command = kind(**context, **fields)
        own = {"requester_id": who.id} if name == "open" and who.kind == "requester" else {}
        wanted = partial(attempt, self.model, name, who, NEW, context["command_id"], **asked | own)
        receipt = self.compare(name, wanted, lambda desk: desk.execute(command))
        if receipt is not None:
            self._number(receipt.number, self.model.done[context["command_id"]])

    def save(self, who: Who, number: str, **form: Any) -> None:
        """What a draft says from now on."""
        context = self.context(who)
        kind, fields = wish("draft", form)
        command = kind(number=number, **context, **fields)
        wanted = partial(attempt, self.model, "draft", who, number, context["command_id"], number=number, **form)
        self.compare("draft", wanted, lambda desk: desk.execute(command))
        self.check(number)

    def undo(self, who: Who, number: str, undoes: UUID) -> None:
        """Of any command that was ever given, on any ticket."""
        context = self.context(who)
        unknown = {"unknown_command"} if self._never(number, undoes) else set()
        if unknown and not self.model.done.get(undoes, NOTHING).changed:
            # What changed nothing left nothing to undo, or an event that says so.
            self.model.done.pop(undoes, None)
        wanted = partial(attempt, self.model, "undo", who, number, context["command_id"], undoes=undoes)
        self.compare("undo", wanted, lambda desk: undo(desk, number, undoes, context), unknown)
        self.check(number)

    def _never(self, number: str, command: UUID) -> bool:
        events = self.office.events(ticket_id(world.WORKSPACE, number))
        return all(recorded.metadata.command_id != command for recorded in events)

    def tie(self, name: str, who: Who, number: str, *, cut: bool = False, **asked: Any) -> None:
        """One command that two tickets hear of; `cut` kills whoever carries it out in between, and a process ends it."""
        context = self.context(who)
        command = TIES[name](number=number, **context, **asked)
        wanted = partial(self._tied, name, who, number, context["command_id"], **asked)
        step = getattr(counterparts, name)
        done = self.compare(name, wanted, lambda desk: step(Dying(desk) if cut else desk, command))
        if name == "split" and done:
            self._split(number, context["command_id"], asked["message_id"])
        for each in self.numbers:
            self.check(each)

    def _split(self, number: str, command: UUID, message: UUID) -> None:
        events = self.office.events(ticket_id(world.WORKSPACE, number))
        new = next(other_number(each.event) for each in events if each.metadata.command_id == command)
        done = self.model.done[command]
        for ticket in (self.model.tickets[number], done.after):
            ticket["splits"][message] = new
        self._number(str(new), done)

    def _tied(self, name: str, who: Who, number: str, command: UUID, **asked: Any) -> None:
        before, copy = self.model.tickets, deepcopy(self.model.tickets)
        more = {"new": NEW} if name == "split" else {}
        self.model.tickets = copy
        try:
            getattr(ties, name)(self.model, who, number, **asked, **more)
        except No:
            self.model.tickets = before
            raise
        if copy != before:
            self.model.done[command] = Done(number, who, before[number], deepcopy(copy[number]))

    def _number(self, number: str, done: Done) -> None:
        """The number that the desk gave, where the model had none."""
        made = self.model.tickets.pop(NEW)
        for each in (made, done.after):
            if each.get("number") == NEW:
                each["number"] = number
        if done.number == NEW:
            done.number = number
        self.model.tickets[number] = made
        self.numbers.append(number)
        self.check(number)

    def compare(self, name: str, wanted: Callable[[], None], doing: Doing, also: Collection[str] = ()) -> Any:
        """What came of it, or None where it is refused, as it should be, with nothing left behind."""
        known, position = set(self.model.done), self.office.position()
        try:
            wanted()
            reasons = None
        except No as no:
            reasons = no.reasons | set(also)
        receipt, refusal = self._tried(doing)
        if refusal is not None:
            assert reasons is not None, f"{name} was refused: {refusal.code}: {refusal}"
            assert isinstance(refusal, Refusal)
            assert refusal.code in reasons, f"{name} was refused for {refusal.code}, not for {reasons}"
            assert str(refusal)
            assert self.office.position() == position, f"{name} was refused and left something behind"
            return None
        assert reasons is None, f"{name} was not refused, in spite of {reasons}"
        changed = any(done.changed for command, done in self.model.done.items() if command not in known)
        if not changed and name not in SILENT:
            assert self.office.position() == position, f"{name} changes nothing and left an event"
        return receipt

    def _tried(self, doing: Doing) -> tuple[Any, LedgerdeskError | None]:
        try:
            return self.office.run(doing), None
        except Killed:
            self.interrupted()
            return Killed, None
        except LedgerdeskError as refusal:
            return None, refusal

    def interrupted(self) -> None:
        """A process ends it before anybody else does anything: the model knows no halves."""
        self.catch_up()

    def state(self, number: str) -> Any:
        """The ticket as our desk has it."""
        return self.office.state(ticket_id(world.WORKSPACE, number))

    def check(self, number: str) -> None:
        """Our ticket, its history and its rows say what the model says."""
        stream = ticket_id(world.WORKSPACE, number)
        agree(self.office.state(stream), self.office.events(stream), self.model.ticket(number))

    def catch_up(self) -> None:
        """What the process does that finishes what was cut off, in the order of the log."""
        streams = [ticket_id(world.WORKSPACE, number) for number in self.numbers]
        events = [recorded for stream in streams for recorded in self.office.events(stream)]
        for recorded in sorted(events, key=lambda each: each.position):
            self._finish(recorded, self.office.state(recorded.stream_id))

    def _finish(self, recorded: Recorded[Event], state: Any) -> None:
        process = Counterparts()
        commands = process.react(recorded, state) if isinstance(recorded.event, process.EVENTS) else []
        for second in commands:
            self.office.run(lambda desk, each=second: process.perform(desk, each))

    def replay(self) -> None:
        """A process that finishes what was interrupted finds nothing to do."""
        position = self.office.position()
        self.catch_up()
        assert self.office.position() == position
        blocked = {who.id for who in (world.RITA, world.SAM) if self.office.state(who.id).blocked}
        assert blocked == self.model.blocked
