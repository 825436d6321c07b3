"""Makes happenings of pages of the log: what each command did to its ticket, with all that it met as it was then."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from psycopg import Cursor

from domain.aggregates import INITIAL, evolve
from domain.catalogue import Catalogue
from domain.event import EVENTS, Event, Metadata, Recorded, UnknownEvent
from domain.happening import Happening, Origin, Situation
from domain.requester import Requester
from domain.rules.channels import TRIGGER
from domain.sla.course import Course, followed
from domain.stream.telling import name_of
from domain.ticket import events as e
from domain.ticket.folds import FOLDS, fold
from domain.ticket.row import Row
from domain.ticket.state import Ticket
from domain.ticket.undoing import TicketUndone
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.feed import command_of, decode_page, erased_in
from eventstore.keyring import Keyring
from eventstore.loading import rows_before
from eventstore.stories import folded
from processors.process import Listens, Memory, NewerEvent, Output, TicketProcess

# Tickets and requesters that a witness keeps in mind.
REMEMBERED = 2000
# Of so many commands on a ticket it is known, when triggers have come to them, what they go back to.
RECENT = 100

SELECT_COMMAND = (
    f"{SELECT_EVENTS} WHERE originator_id = %s AND notification_id >= %s ORDER BY originator_version LIMIT %s"
)
LONGEST = 10_000


NEW = Course()
# Events of anything but tickets.
OTHERS = frozenset(name for name in EVENTS if not name.startswith("ticket."))


class SetUp(NamedTuple):
    """A change of what a workspace has set up, with all that it has set up after it."""

    recorded: Recorded[Event]
    desk: Catalogue


class Beside(NamedTuple):
    """An event of neither a ticket nor the workspace that somebody listens to, with all that is set up then."""

    recorded: Recorded[Event]
    desk: Catalogue


Told = Happening | SetUp | Beside


@dataclass(frozen=True, slots=True)
class Seen:
    """A ticket's stream as far as it was seen; no row before the ticket was opened."""

    ticket: Ticket = INITIAL["ticket"]
    row: Row | None = None
    course: Course = NEW
    # What commands go back to, each by its first event, the newest first.
    begun: tuple[tuple[UUID, Origin], ...] = ()

    @property
    def situation(self) -> Situation | None:
        """What rules and promises see of it; None while it is a draft."""
        return None if self.row is None else Situation(self.ticket, self.row, self.course)

    def after(self, events: Iterable[Recorded[Event]]) -> "Seen":
        """Further events of the stream taken in."""
        ticket, course, begun = self.ticket, self.course, self.begun
        rows = {} if self.row is None else {self.row.ticket_id: copy(self.row)}
        command = None
        for recorded in events:
            if recorded.metadata.command_id != command:
                command, begun = recorded.metadata.command_id, _begun(begun, recorded.metadata)
            ticket = evolve(ticket, recorded.event)
            course = followed(course, recorded)
            if type(recorded.event) in FOLDS or isinstance(recorded.event, e.TicketOpened):
                fold(rows, recorded)
        return Seen(ticket, next(iter(rows.values()), None), course, begun)

    def became(
        self, events: tuple[Recorded[Event], ...], after: "Seen", desk: Catalogue, requester: Requester | None
    ) -> Happening | None:
        """What happened to it; None while it is a draft."""
        if (now := after.situation) is None:
            return None
        why = events[0].metadata
        origin = _origin(self.begun, why) if why.channel == TRIGGER else None
        return Happening(events, self.situation, now, desk, requester, origin)


def _begun(before: tuple[tuple[UUID, Origin], ...], why: Metadata) -> tuple[tuple[UUID, Origin], ...]:
    return ((why.event_id, _origin(before, why)), *before[: RECENT - 1])


def _origin(before: Iterable[tuple[UUID, Origin]], why: Metadata) -> Origin:
    """What triggers do goes back to what they looked at, step by step; all else begins with itself."""
    if why.channel == TRIGGER:
        found = (origin for event, origin in before if event == why.causation_id)
        return next(found, Origin(why.correlation_id, None))
    return Origin(why.command_id, why.doer.id if why.doer.kind == "person" else None)


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(OrderedDict[K, V]):
    """As many as a witness keeps in mind, the least recently used going first."""

    def trim(self) -> None:
        """Called between pages: within one, all that it is about must be there."""
        while len(self) > REMEMBERED:
            self.popitem(last=False)

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)


class Witness:
    """Follows the log for one process (None: for several, each of which looks for newer events by itself). Give it every row, page by page in order; a gap needs a new witness.

    Only happenings with one of `topics` are told (None: all). Content of tickets' events not in `opens` stays closed.
    """

    def __init__(
        self,
        keyring: Keyring,
        topics: frozenset[str] | None = None,
        opens: frozenset[str] | None = None,
        process: str | None = "witness",
        listens: Listens | None = None,
    ) -> None:
        self._keyring, self._topics, self._process, self._listens = keyring, topics, process, listens
        self._opens = None if opens is None else opens | OTHERS
        self._tickets: Recent[UUID, Seen] = Recent()
        self._requesters: Recent[UUID, Requester] = Recent()
        self._desks: dict[UUID, Catalogue] = {}

    def happenings(self, db: Cursor[Any], rows: Sequence[StoredRow]) -> list[Told]:
        """What the rows, whole commands, tell: happenings of opened tickets, changes of workspaces, and what is listened to beside."""
        wanted = {row.originator_id for row in rows if self._reacts_to(row)}
        for row in rows:
            if _aggregate(row) == "ticket" and row.originator_id not in wanted:
                self._tickets.pop(row.originator_id, None)
        beside = self._beside(db, rows)
        concern = [
            row
            for row in rows
            if row.originator_id in wanted
            or row.notification_id in beside
            or _aggregate(row) in ("workspace", "requester")
        ]
        events = decode_page(db, self._keyring, concern, self._opens)
        self._prepare(db, events, wanted, rows[0].notification_id)
        told = list(self._told(events, wanted))
        for stream in erased_in(rows):
            self._tickets.pop(stream, None)
            self._requesters.pop(stream, None)
        self._tickets.trim()
        self._requesters.trim()
        return told

    def again(self, db: Cursor[Any], stream: UUID, position: int) -> list[Told]:
        """What began at that position of the log, seen again as it was then."""
        found = [StoredRow(*row) for row in db.execute(SELECT_COMMAND, [stream, position, LONGEST], binary=True)]
        first = command_of(found[0])
        rows = list(takewhile(lambda row: command_of(row) == first, found))
        return Witness(self._keyring, self._topics, self._opens, self._process, self._listens).happenings(db, rows)

    def _reacts_to(self, row: StoredRow) -> bool:
        return _aggregate(row) == "ticket" and (self._topics is None or row.topic in self._topics)

    def _beside(self, db: Cursor[Any], rows: Sequence[StoredRow]) -> set[int]:
        """Positions of events that may be listened to; all where the page sets something up, for that may ask for them."""
        others = [row for row in rows if _aggregate(row) not in ("ticket", "workspace")]
        if self._listens is None or not others:
            return set()
        workspaces = {row.workspace_id for row in others}
        self._remember_desks(db, workspaces, rows[0].notification_id)
        wanted = {workspace: self._listens(self._desks[workspace]) for workspace in workspaces}
        changing = {row.workspace_id for row in rows if _aggregate(row) == "workspace"}
        return {
            row.notification_id
            for row in others
            if row.topic in wanted[row.workspace_id] or row.workspace_id in changing
        }

    def _prepare(self, db: Cursor[Any], events: Sequence[Recorded[Event]], wanted: set[UUID], before: int) -> None:
        """Bring to mind, as it was before the page, what the page is about."""
        for stream, history in self._histories(db, _missing(wanted, self._tickets), before).items():
            self._tickets[stream] = Seen().after(history)
        asking = {self._tickets[stream].ticket.requester_id for stream in wanted}
        asking |= {requester_in(each.event) for each in events if each.stream_id in wanted}
        self._remember_requesters(db, {who for who in asking if who is not None}, before)
        about = {each.metadata.workspace_id for each in events if self._needs_desk(each, wanted)}
        self._remember_desks(db, about, before)

    def _remember_desks(self, db: Cursor[Any], workspaces: set[UUID], before: int) -> None:
        for workspace, history in self._histories(db, _missing(workspaces, self._desks), before).items():
            self._desks[workspace] = folded("workspace", history)

    @staticmethod
    def _needs_desk(each: Recorded[Event], wanted: set[UUID]) -> bool:
        return each.stream_id in wanted or each.stream_id == each.metadata.workspace_id

    def _remember_requesters(self, db: Cursor[Any], wanted: set[UUID], before: int) -> None:
        for who, history in self._histories(db, _missing(wanted, self._requesters), before).items():
            self._requesters[who] = folded("requester", history)
        for who in wanted:
            self._requesters.move_to_end(who)

    def _histories(self, db: Cursor[Any], streams: Iterable[UUID], before: int) -> Mapping[UUID, list[Recorded[Event]]]:
        return histories(db, self._keyring, streams, before, self._opens)

    def _told(self, events: Sequence[Recorded[Event]], wanted: set[UUID]) -> Iterator[Told]:
        for (stream, _), group in groupby(events, lambda each: (each.stream_id, each.metadata.command_id)):
            together = tuple(group)
            if stream in wanted:
                yield from self._ticket(stream, together)
            elif stream == together[0].metadata.workspace_id:
                yield from self._workspace(stream, together)
            else:
                if stream in self._requesters:
                    self._requesters[stream] = folded("requester", together, self._requesters[stream])
                yield from self._listened(together)

    def _workspace(self, workspace: UUID, events: Iterable[Recorded[Event]]) -> Iterator[SetUp]:
        for recorded in events:
            self._desks[workspace] = folded("workspace", [recorded], self._desks[workspace])
            yield SetUp(recorded, self._desks[workspace])

    def _listened(self, events: Sequence[Recorded[Event]]) -> Iterator[Beside]:
        desk = self._desks.get(events[0].metadata.workspace_id)
        if self._listens is None or desk is None:
            return
        wanted = [each for each in events if name_of(each.event) in self._listens(desk)]
        if self._process is not None:
            known(self._process, wanted)
        yield from (Beside(each, desk) for each in wanted)

    def _ticket(self, stream: UUID, events: tuple[Recorded[Event], ...]) -> Iterator[Happening]:
        before = self._tickets[stream]
        self._tickets[stream] = after = before.after(events)
        if not has_topic(self._topics, events):
            return
        if self._process is not None:
            known(self._process, events)
        requester = self._requesters.get(after.ticket.requester_id) if after.ticket.requester_id else None
        desk = self._desks[events[0].metadata.workspace_id]
        if (happening := before.became(events, after, desk, requester)) is not None:
            yield happening


def _missing(wanted: Iterable[UUID], known: Mapping[UUID, Any]) -> list[UUID]:
    # Taking the keys of a mapping from a set goes through all of the mapping, for the smallest page.
    return [each for each in wanted if each not in known]


def has_topic(topics: frozenset[str] | None, events: Iterable[Recorded[Event]]) -> bool:
    """Whether one of the events has one of the topics (None: any)."""
    return topics is None or not topics.isdisjoint(name_of(each.event) for each in events)


def known(process: str, events: Iterable[Recorded[Event]]) -> None:
    """Raise NewerEvent where an event must be reacted to that only a newer release knows."""
    for recorded in events:
        if isinstance(recorded.event, UnknownEvent):
            raise NewerEvent(process=process, event=recorded.event.unknown_name)


def requester_in(event: Event) -> UUID | None:
    """The requester whom the event makes the ticket's, if it does."""
    if isinstance(event, TicketUndone):
        put_back = event.restored.get("requester_id")
        return UUID(str(put_back)) if put_back else None
    who: UUID | None = getattr(event, "requester_id", None)
    return who


def histories(
    db: Cursor[Any],
    keyring: Keyring,
    streams: Iterable[UUID],
    before: int,
    opens: frozenset[str] | None = None,
) -> Mapping[UUID, list[Recorded[Event]]]:
    """The events of each stream below that position of the log, read set-wise."""
    found = rows_before(db, streams, before)
    every = decode_page(db, keyring, [row for rows in found.values() for row in rows], opens)
    told: dict[UUID, list[Recorded[Event]]] = {stream: [] for stream in found}
    for recorded in every:
        told[recorded.stream_id].append(recorded)
    return told


def reaction(process: TicketProcess, told: Told, memory: Memory) -> Iterable[Output]:
    """What the process makes of it."""
    if isinstance(told, Happening):
        return process.react(told, memory)
    return process.set_up(*told) if isinstance(told, SetUp) else process.beside(*told)


def last_of(told: Told) -> int:
    """Where in the log it ended."""
    return told.position if isinstance(told, Happening) else told.recorded.position


def _aggregate(row: StoredRow) -> str:
    return "workspace" if row.originator_id == row.workspace_id else row.topic.partition(".")[0]
