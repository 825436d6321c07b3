"""A real desk's log under the default promises (E1): lived event by event, imported whole, and replayed, it comes to the same."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from cli.imports.mapping import Mapping, States
from cli.imports.recording import Recording
from cli.imports.run import Import, Report
from cli.imports.source import Row, Source
from cli.imports.spool import Spool, spool
from cli.imports.translate import Told, Translator
from domain.command import Command
from domain.event import SYSTEM
from domain.happening import Happening
from domain.ids import workspace_id
from domain.setup.policies import SetPolicy
from domain.sla.defaults import DEFAULT
from domain.ticket.promising import TicketBreached
from domain.workspace import CreateWorkspace
from eventstore.codec import SELECT_EVENTS, StoredRow
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from processors.firing import Poller
from processors.following import Follower
from processors.replaying import Foreseen, Replay, in_time, lived
from processors.sla_clock import SlaClock
from processors.witness import Witness
from tests.desks import MASTER
from tests.imports.conftest import real_log as real_log
from tests.processors.greeter import connected

LIVED, IMPORTED = "lived", "imported"
INCIDENTS = 600
# Of a ticket what was late: measure, since when it was waited for, when it was due.
Late = dict[str, set[tuple[str, datetime, datetime]]]
KEYRING = Keyring(MASTER)


class Time:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2016, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Life:
    """Work in two workspaces, with the clock of promises beside it."""

    def __init__(self, desk: Desk, db: psycopg.Connection[Any], time: Time) -> None:
        self.desk, self.db, self.time = desk, db, time
        self.follower = Follower(SlaClock(), KEYRING, db, time)
        self.poller = Poller([SlaClock()], KEYRING, db, time)

    async def do(self, kind: type[Command], within: str, **asked: Any) -> None:
        """Set something up."""
        context = {"workspace_id": workspace_id(within), "by": SYSTEM, "at": self.time.now, "command_id": uuid4()}
        await self.desk.execute(kind(**context, **asked))

    async def promise(self, slug: str) -> None:
        """A desk with the default policy."""
        await self.do(CreateWorkspace, slug, slug=slug, title=slug)
        await self.do(SetPolicy, slug, key="default", definition=DEFAULT)

    async def live(self, slug: str, kept: Spool) -> None:
        """All of the log's events in the order in which they happened, the clock going with them."""
        recording = Recording(self.desk, workspace_id(slug))
        catalogue = await recording.catalogue()
        states = States(Mapping(), dict(catalogue.statuses), lambda _: None)
        translator = Translator(recording.workspace, Mapping(), states, catalogue.teams.values())
        for command in (translator.catalogue(kept, self.time.now), *translator.requesters(kept, self.time.now)):
            await self.desk.execute(command)
        told = [_with_times(translator.commands(incident)) for incident in kept.incidents()]
        for at, command in sorted(chain.from_iterable(told), key=itemgetter(0)):
            self.pass_until(at)
            await self.desk.execute(command.model_copy(update={"channel": "api"}))
            self.follow()
        self.pass_until(self.time.now + timedelta(days=3000))

    def pass_until(self, at: datetime) -> None:
        """Each timer fires at its moment."""
        while (due := self._due()) is not None and due <= at:
            self.time.now = max(self.time.now, due)
            self.poller.step()
        self.time.now = at

    def _due(self) -> datetime | None:
        row = self.db.execute("SELECT min(wake_at) FROM processes.timers WHERE wake_at < '9999-01-01'").fetchone()
        return row[0] if row else None

    def follow(self) -> None:
        """React to all that happened."""
        while self.follower.step():
            pass


def _with_times(told: Iterable[Told]) -> list[tuple[datetime, Command]]:
    """A ticket's updates stay in their order: the log has one whose clock was behind."""
    commands = [each.command for each in told]
    return list(zip(accumulate((command.at for command in commands), max), commands, strict=True))


def happenings(db: psycopg.Connection[Any], slug: str) -> list[Happening]:
    """What happened in a workspace, by the time at which it did."""
    rows = db.execute(
        f"{SELECT_EVENTS} WHERE workspace_id = %s ORDER BY notification_id", [workspace_id(slug)], binary=True
    )
    told = Witness(KEYRING).happenings(db.cursor(), [StoredRow(*row) for row in rows])
    return in_time(each for each in told if isinstance(each, Happening))


def recorded(told: Iterable[Happening]) -> Late:
    """What the log says was late."""
    late: Late = {}
    for each in told:
        for one in each.events:
            if isinstance(one.event, TicketBreached):
                _add(late, each.after.row.number, one.event)
    return late


def foreseen(events: Iterable[Foreseen]) -> Late:
    """What a replay says was late."""
    late: Late = {}
    for each in events:
        if isinstance(each.event, TicketBreached):
            _add(late, each.number, each.event)
    return late


def _add(late: Late, number: str, event: TicketBreached) -> None:
    late.setdefault(number, set()).add((event.measure, event.since, event.due_at))


def replayed(told: Iterable[Happening]) -> Iterator[Foreseen]:
    """All that the clock of promises would have recorded."""
    replay = Replay(SlaClock())
    for happening in told:
        yield from replay.happened(happening)
    yield from replay.until(datetime(2025, 1, 1, tzinfo=UTC))


async def _work(url: str, path: Path, db: psycopg.Connection[Any]) -> None:
    time = Time()
    async with Desk(url, KEYRING, time) as desk:
        life = Life(desk, db, time)
        with spool() as kept:
            with path.open("rb") as file:
                kept.fill(row for row in Source(path, Mapping().columns).rows(file) if isinstance(row, Row))
            await life.promise(LIVED)
            await life.live(LIVED, kept)
            await life.promise(IMPORTED)
            await Import(Recording(desk, workspace_id(IMPORTED)), Mapping(), kept, Report()).run(
                IMPORTED, lambda _: None
            )
            life.follow()


@pytest.mark.timeout(900)
def test_a_real_log_comes_to_the_same_lived_imported_and_replayed(database_url: str, real_log: Path) -> None:
    with connected(database_url) as db:
        asyncio.run(_work(database_url, real_log, db))
        live, imported = happenings(db, LIVED), happenings(db, IMPORTED)
    assert len({each.after.row.number for each in live}) == INCIDENTS
    late = recorded(live)
    assert late == recorded(imported)
    assert late == foreseen(replayed(live))
    assert late == foreseen(replayed(imported))
    assert late == foreseen(replayed(map(lived, imported)))
    found = Counter(measure for breaches in late.values() for measure, *_ in breaches)
    assert (len(late), found) == (494, {"first_response": 437, "accept": 426, "resolution": 145})
