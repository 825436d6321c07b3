"""One action: load, decide, stamp, append. The only way into the log for everything that Ledgerdesk does itself."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self
from uuid import UUID
from weakref import WeakValueDictionary

import structlog

from domain.aggregates import decide
from domain.catalogue import Catalogue
from domain.command import Command, Decision
from domain.errors import CommandIdReused, LedgerdeskError, Refusal, VersionConflict
from domain.ids import ticket_id
from domain.ticket.commands import OpenTicket
from domain.ticket.state import Ticket
from eventstore import snapshots
from eventstore.append import Answer, Appender
from eventstore.database import DatabaseUnavailable
from eventstore.keyring import ContentKey, Keyring
from eventstore.memory import Memory
from eventstore.numbers import Numbers
from eventstore.stamp import asked, stamp
from eventstore.streams import Loaded, Streams
from eventstore.vault import Vault

log = structlog.get_logger()

# How long what a workspace had set up is relied on where nothing of it is read meanwhile, unless that makes a decision refuse.
CATALOGUE_SECONDS = 1.0
# A stream that changes this often under one command is being fought over; the caller should know.
ATTEMPTS = 20
# Streams that are read at once where there are many commands.
PAGE = 500

# Commands that are decided before others have their turn.
SLICE = 25

Clock = Callable[[], datetime]
_Wanted = tuple[UUID, Command]


class TooBusy(LedgerdeskError):
    """Others changed the stream every time that the command was about to be recorded."""

    code = "too_busy"
    status = 503
    sentence = "Too many others are changing this at the same time; nothing was recorded. Try again."


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a command was answered: the stream's version and the log's position afterwards, a new ticket's number."""

    stream_id: UUID
    version: int
    position: int
    events: int
    repeated: bool = False
    number: str | None = None


class Desk:
    """Executes commands. Open it with `async with`; safe for any number of tasks of one event loop."""

    def __init__(self, url: str, keyring: Keyring, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self.clock = clock
        self.keyring = keyring
        self.streams = Streams(url, keyring)
        self.vault = Vault(url)
        self.numbers = Numbers(self.vault)
        self._appender = Appender(url, coming=self.streams.under_way)
        self._memory = Memory(self.streams)
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        self._open = AsyncExitStack()
        self._background: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for part in (self.streams, self.vault, self._appender):
            await self._open.enter_async_context(part)
        self._open.callback(self._memory.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._open.aclose()

    async def execute(self, command: Command) -> Receipt:
        """Decide and record. Raises the Refusal of the decision; a repeated command id gets its first receipt."""
        if isinstance(command, OpenTicket) and not command.number:
            return await self._open_numbered(command)
        stream = command.stream_id
        # Another process may have changed it since we did; to be told so by the log would cost more than to look.
        before = await self._memory.read(command.workspace_id, command.AGGREGATE, stream)
        answer = await self._attempt(command, stream, before, fresh=False)
        return self._receipt(command, answer or await self._in_turn(command, stream))

    async def execute_all(self, commands: Sequence[Command]) -> list[Receipt | LedgerdeskError]:
        """Execute commands on different streams of one workspace, read set-wise. What is refused is answered, not raised."""
        wanted = [(command.stream_id, command) for command in commands]
        pages = [wanted[start : start + PAGE] for start in range(0, len(wanted), PAGE)]
        answers: list[Receipt | LedgerdeskError] = []
        loading = asyncio.create_task(self._loaded(pages[0])) if pages else None
        for place, page in enumerate(pages, 1):
            assert loading is not None  # noqa: S101 - there is a page
            loaded = await loading
            # The database reads the next page while this one is decided and recorded.
            loading = asyncio.create_task(self._loaded(pages[place])) if place < len(pages) else None
            answers += await self._page(page, loaded)
        return answers

    async def _loaded(self, page: Sequence[_Wanted]) -> dict[UUID, Loaded]:
        first = page[0][1]
        return await self.streams.load_many(first.workspace_id, first.AGGREGATE, [stream for stream, _ in page])

    async def _page(self, page: Sequence[_Wanted], loaded: dict[UUID, Loaded]) -> list[Receipt | LedgerdeskError]:
        """Decide all of them and let the log answer; those that it would not take are decided again, one by one."""
        begun: list[asyncio.Future[Answer] | None] = []
        for place, (stream, command) in enumerate(page):
            if place % SLICE == 0:
                # Others of this process go on, and the log takes what is decided already.
                await asyncio.sleep(0)
                desk = await self.catalogue(command.workspace_id)
            begun.append(self._begun(command, stream, loaded[stream], desk))
        # All of them, before the first that failed is raised.
        await asyncio.gather(*filter(None, begun), return_exceptions=True)
        answering = (
            self._answered(command, stream, future.result() if future else None)
            for (stream, command), future in zip(page, begun, strict=True)
        )
        return [await each for each in answering]

    def _begun(self, command: Command, stream: UUID, before: Loaded, desk: Catalogue) -> asyncio.Future[Answer] | None:
        try:
            events = _decided(command, before, desk)
        except Refusal:
            return None
        if snapshots.due(command.AGGREGATE, before.version, before.version + len(events)):
            # One in many: it goes the way of single commands, which keeps the snapshot.
            return None
        # Remembering what was decided would cost as much as deciding it.
        self._memory.forget(command.workspace_id, stream)
        call, _ = stamp(self.keyring, command, stream, before, events)
        return self._appender.submit(call)

    async def _answered(self, command: Command, stream: UUID, answer: Answer | None) -> Receipt | LedgerdeskError:
        try:
            if answer is None or answer.verdict == "conflict":
                answer = await self._in_turn(command, stream)
            return self._receipt(command, answer)
        except (Refusal, TooBusy) as refusal:
            return refusal

    async def _in_turn(self, command: Command, stream: UUID) -> Answer:
        # Those of one process who want the same stream go one after the other; else all but one would fail each time.
        async with self._turns.setdefault(stream, asyncio.Lock()):
            for _ in range(ATTEMPTS):
                before = await self._memory.read(command.workspace_id, command.AGGREGATE, stream)
                answer = await self._attempt(command, stream, before, fresh=True)
                if answer is not None:
                    return answer
        raise TooBusy()

    async def catalogue(self, workspace: UUID) -> Catalogue:
        """What the workspace has set up, at most a second old; no older than the newest read of any of its streams here."""
        loaded = await self._memory.recall(workspace, "workspace", workspace, within=CATALOGUE_SECONDS)
        state: Catalogue = loaded.state
        return state

    async def set_up(self, workspace: UUID) -> Catalogue:
        """What the workspace has set up, as the log has it now."""
        found: Catalogue = (await self.state(workspace, "workspace", workspace)).state
        return found

    async def state(self, workspace: UUID, aggregate: str, stream: UUID) -> Loaded:
        """A stream's state as the log has it now."""
        return await self._memory.read(workspace, aggregate, stream)

    async def recalled(self, workspace: UUID, aggregate: str, stream: UUID) -> Loaded:
        """A stream's state as remembered here, at most a second old: for facts that no append will check."""
        return await self._memory.recall(workspace, aggregate, stream, within=CATALOGUE_SECONDS)

    async def _open_numbered(self, command: OpenTicket) -> Receipt:
        # Imported tickets may hold the numbers that come next: the log's key says so, and each time twice as many are
        # passed over, for there may be hundreds of thousands.
        for attempt in range(ATTEMPTS):
            number = await self.numbers.next(command.workspace_id)
            stream, before = ticket_id(command.workspace_id, number), Loaded(Ticket(number=number))
            answer = await self._attempt(command, stream, before, fresh=False)
            answer = answer or await self._attempt(command, stream, before, fresh=True)
            if answer is not None:
                receipt = self._receipt(command, answer, number)
                return await self._first_numbered(command, receipt) if receipt.repeated else receipt
            await self.numbers.pass_over(command.workspace_id, 2**attempt)
        raise TooBusy()

    async def _first_numbered(self, command: OpenTicket, receipt: Receipt) -> Receipt:
        ticket = await self.recalled(command.workspace_id, "ticket", receipt.stream_id)
        return replace(receipt, number=ticket.state.number)

    async def _attempt(self, command: Command, stream: UUID, before: Loaded, *, fresh: bool) -> Answer | None:
        """The log's answer, or None where the state has to be read again."""
        try:
            events = await self._decided(command, before, fresh=fresh)
        except Refusal:
            # A success is checked by the log, a refusal is not: it must not rest on what we merely remember.
            if not fresh:
                return None
            # A repeat is answered as the first time, even where the state would now refuse it.
            if (first := await self.streams.first_answer(command.workspace_id, command.command_id)) is None:
                raise
            return first
        call, keys = stamp(self.keyring, command, stream, before, events)
        answer = await self._appender.append(call)
        if answer.verdict == "conflict":
            return None
        # A new ticket is not remembered: who works on it next is as likely in another process.
        if answer.verdict == "done" and before.version:
            self._remember(command, stream, before, events, keys)
        return answer

    async def _decided(self, command: Command, before: Loaded, *, fresh: bool) -> Decision:
        if command.AGGREGATE == "workspace":
            return _decided(command, before, before.state)
        workspace, within = command.workspace_id, 0.0 if fresh else CATALOGUE_SECONDS
        desk = await self._memory.recall(workspace, "workspace", workspace, within=within)
        return _decided(command, before, desk.state)

    def _receipt(self, command: Command, answer: Answer, number: str | None = None) -> Receipt:
        repeated = answer.verdict == "repeat"
        if repeated and not self.keyring.same(answer.fingerprint, asked(command)):
            raise CommandIdReused()
        return Receipt(answer.stream_id, answer.version, answer.position, answer.events, repeated, number)

    def _remember(
        self, command: Command, stream: UUID, before: Loaded, events: Decision, keys: dict[UUID, ContentKey]
    ) -> None:
        after = self._memory.go_on(command.workspace_id, stream, before, events, keys)
        if snapshots.due(command.AGGREGATE, before.version, before.version + len(events)):
            task = asyncio.create_task(self._keep_snapshot(command, stream, after()))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    async def _keep_snapshot(self, command: Command, stream: UUID, loaded: Loaded) -> None:
        key = loaded.keys.get(stream)
        if isinstance(key, ContentKey):
            kept = snapshots.closed(command.AGGREGATE, stream, loaded.version, loaded.state, key)
            shape = snapshots.shape(command.AGGREGATE)
            try:
                await self.vault.put_snapshot(command.workspace_id, stream, loaded.version, shape, kept)
            except DatabaseUnavailable:
                log.warning("snapshot.missed", version=loaded.version)


def _decided(command: Command, before: Loaded, desk: Catalogue) -> Decision:
    if command.expected_version is not None and command.expected_version != before.version:
        raise VersionConflict(seen=command.expected_version, actual=before.version)
    return decide(command, before.state, desk)
