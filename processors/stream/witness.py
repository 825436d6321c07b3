"""Makes happenings of some partitions' events, each with the workspace and the requester as they were at its place in the log."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from domain.aggregates import INITIAL, evolve
from domain.backtest.story import AsOf
from domain.event import Event, Recorded, of_ticket
from domain.happening import Happening
from domain.stream.telling import name_of
from eventstore.arrays import Longs, Uuids
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.feed import decode_page, erased_in
from eventstore.keyring import Keyring
from eventstore.loading import SELECT_FROM
from processors.process import TicketProcess, listening
from processors.stream.reading import Named
from processors.witness import OTHERS, Beside, Recent, Seen, SetUp, Told, has_topic, known, requester_in

# States of one workspace or requester that are held; of more, those that are needed are read anew.
HELD = 200

_UPTO = f"""
    SELECT e.* FROM unnest(%s::uuid[], %s::bigint[]) AS wanted (stream, version)
    CROSS JOIN LATERAL ({SELECT_EVENTS} WHERE originator_id = wanted.stream AND originator_version < wanted.version
        ORDER BY originator_version) e
"""  # noqa: S608 - put together of our own texts


class _Past(NamedTuple):
    """The states of a stream from a position of the log on, up to a version."""

    since: int
    version: int
    states: AsOf[Any]
    held: int


class PartWitness:
    """For one process. Each ticket's events come in order; of those in between that it was not given it reads what they came to."""

    def __init__(self, keyring: Keyring, process: TicketProcess) -> None:
        self._keyring, self._process, self._listens = keyring, process, listening([process])
        self._opens = None if process.OPENS is None else process.OPENS | OTHERS
        # Each with its version. Who was given a partition again finds that tickets have gone on.
        self._tickets: Recent[UUID, tuple[int, Seen]] = Recent()
        self._pasts: dict[UUID, _Past] = {}

    def happenings(self, db: Cursor[Any], rows: Sequence[StoredRow]) -> list[Told]:
        """What the rows tell: whole commands on tickets and workspaces, in the order of the log."""
        if not rows:
            return []
        events = decode_page(db, self._keyring, rows, self._opens)
        first: dict[UUID, Recorded[Event]] = {}
        for each in events:
            first.setdefault(each.stream_id, each)
        workspaces = {each.metadata.workspace_id for each in events}
        tickets = {s: each.version for s, each in first.items() if of_ticket(name_of(each.event))}
        self._remember_tickets(db, tickets)
        asking = {self._tickets[each][1].ticket.requester_id for each in tickets}
        asking |= {requester_in(each.event) for each in events if each.stream_id in tickets}
        streams = dict.fromkeys((each for each in asking if each is not None), "requester")
        self._remember_pasts(db, streams | dict.fromkeys(workspaces, "workspace"), events[0].position)
        told = list(self._told(events))
        # Of requesters nobody would say here that they were erased.
        self._pasts = {stream: past for stream, past in self._pasts.items() if stream not in streams}
        for stream in erased_in(rows):
            self._tickets.pop(stream, None)
        self._tickets.trim()
        return told

    def listened(self, db: Cursor[Any], named: Iterable[Named]) -> list[int]:
        """Positions of those events, of neither tickets nor workspaces, that are listened to by what was set up then."""
        beside = [each for each in named if not each.of_ticket and not each.own]
        if self._listens is None or not beside:
            return []
        workspaces = dict.fromkeys((each.workspace for each in beside), "workspace")
        self._remember_pasts(db, workspaces, min(each.position for each in beside))
        return [
            each.position for each in beside if each.name in self._listens(self._as_of(each.workspace, each.position))
        ]

    def _remember_tickets(self, db: Cursor[Any], versions: Mapping[UUID, int]) -> None:
        """As they were before those versions."""
        known = {stream: self._tickets[stream][0] for stream in versions.keys() & self._tickets.keys()}
        wanted = {stream: version for stream, version in versions.items() if known.get(stream) != version - 1}
        for stream, history in self._read(db, _UPTO, wanted).items():
            self._tickets[stream] = (versions[stream] - 1, Seen().after(history))

    def _remember_pasts(self, db: Cursor[Any], streams: Mapping[UUID, str], before: int) -> None:
        """Bring to mind how they were since then; of what is known only what is new is read."""
        for stream in streams:
            past = self._pasts.get(stream)
            if past is not None and (past.since > before or past.held > HELD):
                del self._pasts[stream]
        versions = {stream: past.version if (past := self._pasts.get(stream)) else 0 for stream in streams}
        for stream, history in self._read(db, SELECT_FROM, versions).items():
            past = self._pasts.get(stream) or _begun(streams[stream], history, before)
            self._pasts[stream] = _followed(past, history)

    def _read(self, db: Cursor[Any], query: str, versions: Mapping[UUID, int]) -> Mapping[UUID, list[Recorded[Event]]]:
        found: dict[UUID, list[Recorded[Event]]] = {stream: [] for stream in versions}
        if versions:
            asked = [Uuids(list(versions)), Longs(list(versions.values()))]
            rows = [StoredRow(*row) for row in db.execute(query.encode(), asked, binary=True)]
            for recorded in decode_page(db, self._keyring, rows, self._opens):
                found[recorded.stream_id].append(recorded)
        return found

    def _told(self, events: Iterable[Recorded[Event]]) -> Iterator[Told]:
        for (stream, _), group in groupby(events, lambda each: (each.stream_id, each.metadata.command_id)):
            together = tuple(group)
            if stream == together[0].metadata.workspace_id:
                yield from (SetUp(each, self._as_of(stream, each.position + 1)) for each in together)
            elif not of_ticket(name_of(together[0].event)):
                known(self._process.NAME, together)
                yield from (Beside(each, self._as_of(each.metadata.workspace_id, each.position)) for each in together)
            elif (happening := self._happening(stream, together)) is not None:
                yield happening

    def _happening(self, ticket: UUID, together: tuple[Recorded[Event], ...]) -> Happening | None:
        before = self._tickets[ticket][1]
        after = before.after(together)
        self._tickets[ticket] = (together[-1].version, after)
        if not has_topic(self._process.TOPICS, together):
            return None
        known(self._process.NAME, together)
        first, who = together[0], after.ticket.requester_id
        desk = self._as_of(first.metadata.workspace_id, first.position)
        return before.became(together, after, desk, self._as_of(who, first.position) if who else None)

    def _as_of(self, stream: UUID, position: int) -> Any:
        return self._pasts[stream].states.before(position)


def _begun(aggregate: str, history: Sequence[Recorded[Event]], before: int) -> _Past:
    """As it was there."""
    earlier = [each for each in history if each.position < before]
    state = reduce(evolve, (each.event for each in earlier), INITIAL[aggregate])
    return _Past(before, len(earlier), AsOf(state), 1)


def _followed(past: _Past, history: Sequence[Recorded[Event]]) -> _Past:
    state = past.states.before(2**62)
    later = [each for each in history if each.version > past.version]
    for recorded in later:
        state = evolve(state, recorded.event)
        past.states.add(recorded, state)
    return past._replace(version=later[-1].version if later else past.version, held=past.held + len(later))
