"""A log in memory that the services of the real desk run over, so that what spans two tickets is tried in microseconds."""

from collections import defaultdict
from collections.abc import Coroutine
from copy import deepcopy
from datetime import datetime
from functools import reduce
from typing import Any, TypeVar
from uuid import UUID, uuid5

from domain.aggregates import INITIAL, decide, evolve
from domain.catalogue import Catalogue
from domain.command import Command
from domain.errors import VersionConflict
from domain.event import ERASED, Event, Metadata, Recorded
from domain.ids import ticket_id
from domain.ticket.commands import OpenTicket
from domain.ticket.state import Ticket
from eventstore.append import Answer
from eventstore.desk import Receipt
from eventstore.streams import Loaded
from tests.domain.kit import NOON

T = TypeVar("T")


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("something in memory waited")


class MemoryDesk:
    """What services use of `eventstore.desk.Desk`, with the checks that only here can look at everything."""

    def __init__(self, workspace: UUID) -> None:
        self.workspace = workspace
        self.log: list[Recorded[Event]] = []
        self.by_stream: dict[UUID, list[Recorded[Event]]] = defaultdict(list)
        self.states: dict[UUID, Any] = {}
        self.answers: dict[UUID, Answer] = {}
        self.destroyed: set[UUID] = set()
        self.last = 0
        self.streams = self.vault = self.numbers = self

    def clock(self) -> datetime:
        """When erasures are confirmed: the machine says of everything else when it is."""
        return NOON

    async def next(self, _: UUID) -> str:
        """The next number."""
        self.last += 1
        return str(self.last)

    async def catalogue(self, workspace: UUID) -> Catalogue:
        """What is set up."""
        found: Catalogue = self.states.get(workspace, INITIAL["workspace"])
        return found

    async def state(self, _: UUID, aggregate: str, stream: UUID) -> Loaded:
        """As it is now."""
        return Loaded(self.states.get(stream, INITIAL[aggregate]), len(self.by_stream[stream]))

    async def events(self, _: UUID, stream: UUID, after: int = 0) -> list[Recorded[Event]]:
        """The stream's, without what was erased."""
        return [self._readable(recorded) for recorded in self.by_stream[stream][after:]]

    def _readable(self, recorded: Recorded[Event]) -> Recorded[Event]:
        if recorded.stream_id not in self.destroyed or not recorded.event.CONTENT:
            return recorded
        erased = dict.fromkeys(recorded.event.CONTENT, ERASED)
        return recorded._replace(event=recorded.event.model_copy(update=erased))

    async def first_answer(self, _: UUID, command: UUID) -> Answer | None:
        """What a command was answered."""
        return self.answers.get(command)

    async def destroy_key(self, _: UUID, stream: UUID) -> None:
        """The content is gone."""
        self.destroyed.add(stream)

    async def forget_exports(self, _: UUID, __: UUID) -> None:
        """Nothing is exported here."""

    async def execute(self, command: Command) -> Receipt:
        """Decide and record, in place of a database."""
        if command.command_id in self.answers:
            return self._receipt(self.answers[command.command_id], repeated=True)
        stream, before = command.stream_id, INITIAL[command.AGGREGATE]
        if isinstance(command, OpenTicket) and not command.number:
            number = await self.next(self.workspace)
            stream, before = ticket_id(self.workspace, number), Ticket(number=number)
        before = self.states.get(stream, before)
        events = self._decided(command, stream, before)
        for event in events:
            self._record(command, stream, event)
        self.states[stream] = reduce(evolve, events, before)
        answer = Answer("done", stream, len(self.by_stream[stream]), len(events), len(self.log), b"")
        self.answers[command.command_id] = answer
        return self._receipt(answer, repeated=False)

    def _decided(self, command: Command, stream: UUID, before: Any) -> list[Event]:
        if command.expected_version not in (None, len(self.by_stream[stream])):
            raise VersionConflict(seen=command.expected_version, actual=len(self.by_stream[stream]))
        desk = self.states.get(self.workspace, INITIAL["workspace"])
        given = deepcopy((command, before))
        try:
            return decide(command, before, desk)
        finally:
            assert given == (command, before), f"{type(command).__name__} changed its input"

    def _record(self, command: Command, stream: UUID, event: Event) -> None:
        written = event.model_dump_json()
        assert type(event).model_validate_json(written) == event, f"{event.NAME} does not come back from JSON"
        position, version = len(self.log) + 1, len(self.by_stream[stream]) + 1
        about = Metadata(
            event_id=uuid5(stream, str(version)),
            workspace_id=command.workspace_id,
            occurred_at=command.at,
            actor=command.author,
            channel=command.channel,
            correlation_id=command.correlation_id or command.command_id,
            command_id=command.command_id,
            causation_id=command.causation_id,
            on_behalf_of=command.on_behalf_of,
        )
        recorded = Recorded(position, stream, version, command.at, about, event)
        self.log.append(recorded)
        self.by_stream[stream].append(recorded)

    def _receipt(self, answer: Answer, *, repeated: bool) -> Receipt:
        state = self.states.get(answer.stream_id)
        number = state.number if isinstance(state, Ticket) else None
        return Receipt(answer.stream_id, answer.version, answer.position, answer.events, repeated, number)
