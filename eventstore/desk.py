"""One action: load, decide, stamp, append. The only way into the log for everything that Ledgerdesk does itself."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from pydantic_core import to_json

from domain.aggregates import INITIAL, decide, evolve
from domain.catalogue import Catalogue
from domain.command import CONTEXT_FIELDS, Command
from domain.errors import CommandIdReused, Refusal, VersionConflict
from domain.event import Event, Metadata
from domain.ticket.commands import OpenTicket
from eventstore import codec, snapshots
from eventstore.append import Answer, Appender, Call, NewEvent
from eventstore.identifiers import uuid7
from eventstore.keyring import ContentKey, Keyring, WrappedKey
from eventstore.numbers import Numbers
from eventstore.streams import Loaded, Streams
from eventstore.vault import Vault

# Streams whose folded state a process remembers.
REMEMBERED = 4096
# How long a decision may rely on what a workspace had set up, unless that makes it refuse.
CATALOGUE_SECONDS = 1.0
# A stream that changes this often under one command is being fought over; the caller should know.
ATTEMPTS = 20

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a command was answered: the stream's version and the log's position afterwards."""

    stream_id: UUID
    version: int
    position: int
    events: int
    repeated: bool = False


@dataclass(slots=True)
class _Remembered:
    loaded: Loaded
    at: float
    fresh: bool


class Desk:
    """Executes commands. Open it with `async with`; safe for any number of tasks of one event loop."""

    def __init__(self, url: str, keyring: Keyring, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self.clock = clock
        self.keyring = keyring
        self.streams = Streams(url, keyring)
        self.vault = Vault(url)
        self.numbers = Numbers(self.vault)
        self._appender = Appender(url)
        self._cache: OrderedDict[UUID, _Remembered] = OrderedDict()
        self._open = AsyncExitStack()
        self._background: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for part in (self.streams, self.vault, self._appender):
            await self._open.enter_async_context(part)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._open.aclose()

    async def execute(self, command: Command) -> Receipt:
        """Decide and record. Raises the Refusal of the decision; a repeated command id gets its first receipt."""
        if isinstance(command, OpenTicket) and not command.number:
            return await self._open_numbered(command)
        return await self._execute(command)

    async def catalogue(self, workspace: UUID) -> Catalogue:
        """What the workspace has set up, at most a second old."""
        known = self._cache.get(workspace)
        if known is None or self._now() - known.at > CATALOGUE_SECONDS:
            known = await self._refresh(workspace, "workspace", workspace)
        state: Catalogue = known.loaded.state
        return state

    async def state(self, workspace: UUID, aggregate: str, stream: UUID) -> Loaded:
        """A stream's state as it is now."""
        return (await self._refresh(workspace, aggregate, stream)).loaded

    async def _open_numbered(self, command: OpenTicket) -> Receipt:
        # An imported ticket may hold the number that comes next: the log's key says so, and the one after is tried.
        for _ in range(ATTEMPTS):
            numbered = command.model_copy(update={"number": await self.numbers.next(command.workspace_id)})
            try:
                return await self._execute(numbered, new=True)
            except _NumberTaken:
                continue
        return await self._execute(numbered)

    async def _execute(self, command: Command, *, new: bool = False) -> Receipt:
        for _ in range(ATTEMPTS):
            known = self._new(command) if new else await self._known(command)
            answer = await self._attempt(command, known, new=new)
            if answer is not None:
                return self._receipt(command, answer)
        raise VersionConflict(seen=known.loaded.version, actual="a newer version")

    async def _attempt(self, command: Command, known: _Remembered, *, new: bool) -> Answer | None:
        """The log's answer, or None where the state has to be read again."""
        loaded = known.loaded
        try:
            events = await self._decided(command, loaded)
        except Refusal:
            if not known.fresh:
                await self._refresh(command.workspace_id, command.AGGREGATE, command.stream_id)
                await self._refresh(command.workspace_id, "workspace", command.workspace_id)
                return None
            # A repeat is answered as the first time, even where the state would now refuse it.
            if (answer := await self.streams.first_answer(command.workspace_id, command.command_id)) is None:
                raise
            return answer
        call, keys = self._stamped(command, loaded, events)
        answer = await self._appender.append(call)
        if answer.verdict == "conflict":
            if new:
                raise _NumberTaken
            known.fresh = False
            self._cache.pop(command.stream_id, None)
            return None
        if answer.verdict == "done":
            self._fold(command, loaded, events, keys, answer)
        return answer

    async def _decided(self, command: Command, loaded: Loaded) -> list[Event]:
        if command.expected_version is not None and command.expected_version != loaded.version:
            raise VersionConflict(seen=command.expected_version, actual=loaded.version)
        desk = loaded.state if command.AGGREGATE == "workspace" else await self.catalogue(command.workspace_id)
        return decide(command, loaded.state, desk)

    def _stamped(self, command: Command, loaded: Loaded, events: list[Event]) -> tuple[Call, dict[UUID, ContentKey]]:
        keys: dict[UUID, ContentKey] = {}
        wrapped: list[WrappedKey] = []
        stored: list[NewEvent] = []
        stream = command.stream_id
        for version, event in enumerate(events, loaded.version + 1):
            owner = event.subject(stream)
            if event.CREATES_SUBJECT:
                keys[owner], row = self.keyring.new_key(command.workspace_id, owner)
                wrapped.append(row)
            metadata = stamped(command, uuid7())
            key = keys.get(owner) or loaded.keys.get(owner)
            state = codec.encode(event, metadata, stream, version, key if isinstance(key, ContentKey) else None)
            stored.append(NewEvent(event.NAME, metadata.event_id, state))
        fingerprint = self.keyring.fingerprint(asked(command))
        call = Call(command.workspace_id, command.command_id, fingerprint, stream, loaded.version, stored, wrapped)
        return call, keys

    def _receipt(self, command: Command, answer: Answer) -> Receipt:
        repeated = answer.verdict == "repeat"
        if repeated and not self.keyring.same(answer.fingerprint, asked(command)):
            raise CommandIdReused()
        return Receipt(answer.stream_id, answer.version, answer.position, answer.events, repeated)

    def _new(self, command: Command) -> _Remembered:
        return _Remembered(Loaded(INITIAL[command.AGGREGATE]), self._now(), fresh=True)

    async def _known(self, command: Command) -> _Remembered:
        known = self._cache.get(command.stream_id)
        return known or await self._refresh(command.workspace_id, command.AGGREGATE, command.stream_id)

    async def _refresh(self, workspace: UUID, aggregate: str, stream: UUID) -> _Remembered:
        known = self._cache.get(stream)
        loaded = await self.streams.load(workspace, aggregate, stream, known.loaded if known else None)
        newer = self._cache.get(stream)
        if newer is not None and newer.loaded.version > loaded.version:
            loaded = newer.loaded
        return self._remember(stream, loaded, fresh=True)

    def _fold(
        self, command: Command, loaded: Loaded, events: list[Event], keys: dict[UUID, ContentKey], answer: Answer
    ) -> None:
        state = loaded.state
        for event in events:
            state = evolve(state, event)
        after = replace(loaded, state=state, version=answer.version, keys={**loaded.keys, **keys})
        if snapshots.due(command.AGGREGATE, after.version, after.snapshot_at):
            after = replace(after, snapshot_at=after.version)
            self._later(self._keep_snapshot(command, after))
        known = self._cache.get(command.stream_id)
        if known is None or known.loaded.version < after.version:
            self._remember(command.stream_id, after, fresh=False)

    async def _keep_snapshot(self, command: Command, loaded: Loaded) -> None:
        key = loaded.keys.get(command.stream_id)
        if isinstance(key, ContentKey):
            kept = snapshots.closed(command.AGGREGATE, command.stream_id, loaded.version, loaded.state, key)
            shape = snapshots.shape(command.AGGREGATE)
            await self.vault.put_snapshot(command.workspace_id, command.stream_id, loaded.version, shape, kept)

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _remember(self, stream: UUID, loaded: Loaded, *, fresh: bool) -> _Remembered:
        known = _Remembered(loaded, self._now(), fresh)
        self._cache[stream] = known
        self._cache.move_to_end(stream)
        if len(self._cache) > REMEMBERED:
            self._cache.popitem(last=False)
        return known

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


class _NumberTaken(Exception):
    """The log has a ticket of that number already."""


def stamped(command: Command, event_id: UUID) -> Metadata:
    """The envelope of one of the command's events."""
    return Metadata(
        event_id=event_id,
        workspace_id=command.workspace_id,
        occurred_at=command.at,
        actor=command.author,
        channel=command.channel,
        correlation_id=command.correlation_id or command.command_id,
        command_id=command.command_id,
        causation_id=command.causation_id,
        on_behalf_of=command.on_behalf_of,
        rule_id=command.rule_id,
        rule_version=command.rule_version,
    )


# Who repeats a command, when, and which number a new ticket got, is not what was asked for.
_NOT_ASKED = set(CONTEXT_FIELDS)


def asked(command: Command) -> bytes:
    """What a command asks for, as bytes that a repeat has too."""
    left_out = _NOT_ASKED | {"number"} if isinstance(command, OpenTicket) else _NOT_ASKED
    return to_json(
        [type(command).__name__, command.__pydantic_serializer__.to_python(command, mode="json", exclude=left_out)]
    )
