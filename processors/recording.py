"""Records all that reactions led to in the transaction under way: timers, lines, deliveries, memories, and last the log."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor
from pydantic_core import from_json, to_json

from domain.catalogue import Catalogue
from domain.command import Command
from domain.errors import LedgerdeskError
from eventstore.append import append
from eventstore.arrays import Texts, Uuids
from eventstore.keyring import Keyring
from eventstore.loading import load_many
from eventstore.streams import Loaded
from processors import deliveries, due, standings
from processors.deciding import Answered, Deciding, Reaction, Wanted
from processors.process import Memory

# Calls of one append: its arrays stay small, and others have their turn soon.
MOST_CALLS = 500

_ANSWERED = """
    SELECT k.command_id, (SELECT e.event_id FROM log.stored_events e WHERE k.events > 0
        AND e.originator_id = k.originator_id AND e.originator_version = k.version - k.events + 1)
    FROM unnest(%s::uuid[], %s::uuid[]) AS w (workspace, command)
    JOIN log.commands k ON k.workspace_id = w.workspace AND k.command_id = w.command
"""
# Two statements: one does not see the rows that others made while it waited for them.
_BEGIN_TO_REMEMBER = (
    "INSERT INTO processes.memories (process, workspace_id, state) "
    "SELECT %s, w, '{}' FROM unnest(%s::uuid[]) w ORDER BY w ON CONFLICT DO NOTHING"
)
_REMEMBERED = (
    "SELECT workspace_id, state::text FROM processes.memories WHERE process = %s AND workspace_id = ANY(%s) "
    "ORDER BY workspace_id FOR UPDATE"
)
_REMEMBER = (
    "UPDATE processes.memories m SET state = n.state FROM unnest(%s::uuid[], %s::text[]::jsonb[]) AS n (workspace, state) "
    "WHERE m.process = %s AND m.workspace_id = n.workspace AND m.state <> n.state"
)


_ALONE = "SELECT pg_advisory_xact_lock(7305804, hashtext(%s))"


class Conflict(LedgerdeskError):
    """Somebody wrote to a stream between our reading it and our turn, or it was answered once: all is decided again."""

    code = "conflict_while_reacting"
    sentence = "Others wrote to the same stream meanwhile. It is tried again."


class Recorder:
    """Writes for one connection's owner. It remembers what workspaces have set up, and reads only what is new of it."""

    def __init__(self, db: Cursor[Any], keyring: Keyring) -> None:
        self._db, self._keyring = db, keyring
        self._desks: dict[UUID, Loaded] = {}
        # Only a replay meets what was answered: the log says so when it is appended to, and from then on we ask first.
        self._repeats = False

    def record(
        self,
        at: datetime,
        reactions: Sequence[Reaction],
        known: Mapping[UUID, Loaded] | None = None,
        desks: Mapping[UUID, Catalogue] | None = None,
    ) -> None:
        """Decide and write. `known` and `desks` are as this transaction has read them. Raises Conflict; then roll back."""
        deciding = self._decided(at, reactions, dict(known or {}), desks)
        changes = due.Changes(at)
        for reaction in reactions:
            changes.add(reaction)
        changes.write(self._db)
        # After the timers: whoever has a ticket's timer has its lines too.
        standings.keep(self._db, reactions)
        deliveries.queue(self._db, reactions, at)
        deliveries.begin_anew(self._db, reactions)
        # The log's turn is held from the first append to the commit: nothing comes after it.
        for calls in deciding.rounds:
            for start in range(0, len(calls), MOST_CALLS):
                verdicts = {answer.verdict for answer in append(self._db, calls[start : start + MOST_CALLS])}
                self._repeats |= "repeat" in verdicts
                if verdicts != {"done"}:
                    raise Conflict()

    def desks(self, workspaces: Iterable[UUID]) -> dict[UUID, Catalogue]:
        """What the workspaces have set up now."""
        wanted = {workspace: workspace for workspace in workspaces}
        self._desks |= load_many(self._db, self._keyring, "workspace", wanted, self._desks)
        return {workspace: self._desks[workspace].state for workspace in wanted}

    def _decided(
        self,
        at: datetime,
        reactions: Sequence[Reaction],
        states: dict[UUID, Loaded],
        desks: Mapping[UUID, Catalogue] | None,
    ) -> Deciding:
        wanted = [each for reaction in reactions for each in reaction.wanted]
        answered = self._answered(wanted)
        todo = [(each.do.command, each.stream) for each in wanted if each.command_id not in answered]
        self._load(todo, states)
        desks = desks or self.desks({command.workspace_id for command, _ in todo})

        def load(command: Command, stream: UUID) -> Loaded:
            if (known := states.get(stream)) is None:
                # One that only a refusal led to.
                self._load([(command, stream)], states)
                known = states[stream]
            return known

        deciding = Deciding(self._keyring, at, load, desks.__getitem__, answered)
        for reaction in reactions:
            deciding.add(reaction)
        return deciding

    def _answered(self, wanted: Sequence[Wanted]) -> Answered:
        if not wanted or not self._repeats:
            return {}
        workspaces, ids = [each.do.command.workspace_id for each in wanted], [each.command_id for each in wanted]
        answered = dict(self._db.execute(_ANSWERED, [Uuids(workspaces), Uuids(ids)], binary=True).fetchall())
        self._repeats = bool(answered)
        return answered

    def _load(self, commands: Iterable[tuple[Command, UUID]], states: dict[UUID, Loaded]) -> None:
        missing: dict[str, dict[UUID, UUID]] = {}
        for command, stream in commands:
            if stream not in states:
                missing.setdefault(command.AGGREGATE, {})[stream] = command.workspace_id
        for aggregate, workspaces in missing.items():
            states |= load_many(self._db, self._keyring, aggregate, workspaces)


def alone(db: Cursor[Any], process: str) -> None:
    """Wait until nobody else acts for a process that remembers. Before rows are locked: else two might wait for each other."""
    db.execute(_ALONE, [process])


def remembered(db: Cursor[Any], process: str, workspaces: Iterable[UUID]) -> dict[UUID, Memory]:
    """What the process remembers of the workspaces; nobody else changes it until the transaction ends."""
    wanted = set(workspaces)
    found = _remembered(db, process, wanted)
    if missing := wanted - found.keys():
        db.execute(_BEGIN_TO_REMEMBER, [process, Uuids(list(missing))])
        found = _remembered(db, process, wanted)
    return found


def _remembered(db: Cursor[Any], process: str, workspaces: Iterable[UUID]) -> dict[UUID, Memory]:
    rows = db.execute(_REMEMBERED, [process, Uuids(list(workspaces))])
    return {workspace: from_json(state) for workspace, state in rows}


def remember(db: Cursor[Any], process: str, memories: Mapping[UUID, Memory]) -> None:
    """Keep it."""
    if memories:
        states = Texts([to_json(state).decode() for state in memories.values()])
        db.execute(_REMEMBER, [Uuids(list(memories)), states, process])
