"""Where an import's commands go: into the log, or, in a dry run, through the same decisions into memory."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from domain.aggregates import decide, evolve
from domain.catalogue import Catalogue
from domain.command import Command
from domain.event import Event
from eventstore.codec import SELECT_EVENTS, StoredRow, decode
from eventstore.desk import Desk

_RECORDED = "SELECT command_id FROM log.commands WHERE workspace_id = %s AND command_id = ANY(%s)"
_STREAMS = f"{SELECT_EVENTS} WHERE originator_id = ANY(%s) ORDER BY originator_id, originator_version"


class Recording:
    """Records into one workspace of the log."""

    def __init__(self, desk: Desk, workspace: UUID) -> None:
        self.desk, self.workspace = desk, workspace

    async def recorded(self, commands: Iterable[Command]) -> set[UUID]:
        """Those of the commands' ids that the log has answered already."""
        async with self.desk.streams.bound(self.workspace) as db:
            found = await db.execute(_RECORDED, [self.workspace, [command.command_id for command in commands]])
            return {command for (command,) in await found.fetchall()}

    async def execute(self, command: Command) -> int:
        """How many events it led to."""
        return (await self.desk.execute(command)).events

    async def catalogue(self) -> Catalogue:
        """What the workspace has set up."""
        return await self.desk.set_up(self.workspace)

    async def structure(self, streams: list[UUID]) -> dict[UUID, list[Event]]:
        """The events of the streams as the log has them, their content left closed."""
        async with self.desk.streams.bound(self.workspace) as db:
            rows = await (await db.execute(_STREAMS, [streams], binary=True)).fetchall()
        events: dict[UUID, list[Event]] = defaultdict(list)
        for row in rows:
            recorded = decode(StoredRow(*row), None)
            events[recorded.stream_id].append(recorded.event)
        return events


class Rehearsal(Recording):
    """Decides as the log would, and writes nothing."""

    def __init__(self, desk: Desk, workspace: UUID) -> None:
        super().__init__(desk, workspace)
        self._states: dict[UUID, Any] = {}
        self._events: dict[UUID, list[Event]] = defaultdict(list)

    async def execute(self, command: Command) -> int:
        """How many events it would lead to."""
        stream = command.stream_id
        if stream not in self._states:
            self._states[stream] = (await self.desk.state(self.workspace, command.AGGREGATE, stream)).state
        events = decide(command, self._states[stream], await self.catalogue())
        for event in events:
            self._states[stream] = evolve(self._states[stream], event)
        self._events[stream] += events
        return len(events)

    async def catalogue(self) -> Catalogue:
        """What the workspace would have set up."""
        return self._states.get(self.workspace) or await super().catalogue()

    async def structure(self, streams: list[UUID]) -> dict[UUID, list[Event]]:
        """The log's events and those that would follow; they are forgotten then, so that memory stays bounded."""
        events = await super().structure(streams)
        for stream in streams:
            self._states.pop(stream, None)
            events[stream] += self._events.pop(stream, [])
        return events
