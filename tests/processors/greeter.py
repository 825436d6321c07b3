"""A process for tests of the runner that does all that a process can: commands on two tickets, timers, a memory."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from domain.catalogue import Catalogue
from domain.happening import Happening
from domain.requester import Requester
from domain.ticket.commands import ChangePriority, NoteOnTicket, TagTicket
from domain.values import Priority
from eventstore.database import Role, conninfo
from eventstore.keyring import Keyring
from eventstore.loading import BY_KEY
from processors.firing import Poller
from processors.following import Follower
from processors.present import Present
from processors.process import Do, Memory, Output, SetTimer, TicketProcess, Timer, because_of
from tests.desks import MASTER

HOUR = timedelta(hours=1)
# When all that it waits for has come.
LATER = datetime(2100, 1, 1, tzinfo=UTC)


class Greeter(TicketProcess):
    """Counts new tickets on the first one, tags each, and comes back to it twice. A ticket titled "bad" is too much for it."""

    NAME = "greeter"
    TOPICS = frozenset({"ticket.opened", "ticket.noted"})
    REMEMBERS = True

    def react(self, happening: Happening, memory: Memory) -> Iterable[Output]:
        """Nothing that it did itself interests it."""
        if happening.metadata.channel == "process":
            return
        if happening.after.row.title == "bad" or happening.after.row.notes > 1:
            raise ZeroDivisionError
        if happening.before is not None:
            return
        memory["opened"] = memory.get("opened", 0) + 1
        first = memory.setdefault("first", happening.after.ticket.number)
        context, ticket = because_of(happening), happening.after.row.ticket_id
        yield Do(TagTicket(number=happening.after.ticket.number, add={"seen"}, **context))
        yield Do(NoteOnTicket(number=first, body=f"Number {memory['opened']}", **context), after=0)
        yield SetTimer(ticket, "first", happening.at + HOUR, {"round": 1})

    def fire(
        self,
        timer: Timer,
        now: Present,
        desk: Catalogue,
        requester: Requester | None,
        at: datetime,
        memory: Memory,
    ) -> Iterable[Output]:
        """High, then urgent."""
        memory["fired"] = memory.get("fired", 0) + 1
        first = timer.key == "first"
        priority = Priority.HIGH if first else Priority.URGENT
        yield Do(ChangePriority(number=now.ticket.number, priority=priority, **because_of(timer)))
        if first:
            yield SetTimer(timer.ticket, "second", timer.due_at + HOUR)


class Died(psycopg.OperationalError):
    """As psycopg says of a connection that is gone."""


class Mortal(psycopg.Cursor[Any]):
    """Says what the connection does, so that somebody may end it at any statement."""

    def execute(self, query: Any, *given: Any, **options: Any) -> Any:
        moment = getattr(self.connection, "moment", lambda: None)
        moment()
        answer = super().execute(query, *given, **options)
        moment()
        return answer


def connected(url: str) -> psycopg.Connection[Any]:
    """A worker's connection whose statements can be interrupted."""
    db = psycopg.connect(conninfo(url, Role.WORKER), autocommit=True, cursor_factory=Mortal)
    db.execute(BY_KEY)
    return db


def follower(db: psycopg.Connection[Any], process: TicketProcess | None = None) -> Follower:
    """Follows the log on the connection."""
    return Follower(process or Greeter(), Keyring(MASTER), db, lambda: LATER)


def poller(db: psycopg.Connection[Any], process: TicketProcess | None = None) -> Poller:
    """Fires timers on the connection; all that is set is due."""
    return Poller([process or Greeter()], Keyring(MASTER), db, lambda: LATER)


def work_through(db: psycopg.Connection[Any], process: TicketProcess | None = None) -> None:
    """Until all is quiet."""
    following, firing = follower(db, process), poller(db, process)
    while following.step() or firing.step():
        pass


def done(database: psycopg.Connection[Any], workspace: UUID, channel: str = "process") -> list[tuple[Any, ...]]:
    """What processes have written: which event on which stream, by which command, because of which."""
    found = database.execute(
        "SELECT originator_id, topic, command_id, convert_from(state, 'UTF8')::jsonb->'metadata' "
        "FROM log.stored_events WHERE workspace_id = %s ORDER BY notification_id",
        [workspace],
    ).fetchall()
    return [(stream, topic, command) for stream, topic, command, metadata in found if metadata["channel"] == channel]


def rows(database: psycopg.Connection[Any], table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    """What a table of the processes has, in order."""
    query = sql.SQL("SELECT {} FROM processes.{} ORDER BY 1, 2").format(
        sql.SQL(columns),  # type: ignore[arg-type]
        sql.Identifier(table),
    )
    return database.execute(query).fetchall()
