"""The working life that the state machine plays, over the real log: two processes' desks by turns, read models at the end."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from domain.event import Event, Recorded
from domain.ids import ticket_id
from domain.ticket.folds import listed
from eventstore.database import Role, connect
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from eventstore.reading import bind
from projections import ticket_pages, ticket_timeline
from projections.ticket_list import TicketList
from projections.ticket_timeline import TicketTimeline
from tests.desks import MASTER
from tests.domain.machine import attempts, world
from tests.domain.machine.machine import Doing, Game
from tests.domain.machine.people import INTERNAL, SECRET, People
from tests.projections.tables import built

assert attempts
STEPS = 120


class TwoDesks:
    """Two processes over one log: by turns, so that what one remembers is what the other has changed since."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        self.runner = runner
        self.desks = [Desk(url, Keyring(MASTER)) for _ in range(2)]
        self.turn = 0
        self.watch = psycopg.connect(url, autocommit=True)
        for desk in self.desks:
            runner.run(desk.__aenter__())

    def close(self) -> None:
        """Both."""
        for desk in self.desks:
            self.runner.run(desk.__aexit__(None, None, None))
        self.watch.close()

    def run(self, doing: Doing) -> Any:
        """By the one whose turn it is."""
        self.turn += 1
        return self.runner.run(doing(self.desks[self.turn % 2]))

    def state(self, stream: UUID) -> Any:
        """As the log has it."""
        aggregate = "requester" if stream in (world.RITA.id, world.SAM.id) else "ticket"
        return self.runner.run(self.desks[0].streams.load(world.WORKSPACE, aggregate, stream)).state

    def events(self, stream: UUID) -> list[Recorded[Event]]:
        """As the log has them."""
        return self.runner.run(self.desks[1].streams.events(world.WORKSPACE, stream))

    def position(self) -> int:
        """The last event's."""
        row = self.watch.execute("SELECT coalesce(max(notification_id), 0) FROM log.stored_events").fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def game(database_url: str) -> Iterator[Game]:
    """An open desk on a real log."""
    with asyncio.Runner() as runner, closing(TwoDesks(database_url, runner)) as office:
        yield Game(office)


@pytest.mark.parametrize("seed", [4, 17])
def test_the_log_keeps_what_the_model_says(game: Game, database_url: str, seed: int) -> None:
    people, dice = People(game), Random(seed)
    people.begin()
    for _ in range(STEPS):
        people.play(dice.randrange(2**48))
    game.replay()
    built(database_url, TicketList(), TicketTimeline())
    with connect(database_url, Role.READER) as db:
        bind(db.cursor(), world.WORKSPACE)
        for number in game.numbers:
            _lists(db.cursor(), game, number)
            _shows(db.cursor(), game, number)


def _lists(db: Any, game: Game, number: str) -> None:
    """The list's row is that of the ticket's events; there is none of drafts and of what was deleted."""
    stream, ticket = ticket_id(world.WORKSPACE, number), game.model.ticket(number)
    row = ticket_pages.one(db, stream)
    assert (row is not None) == (ticket["opened"] and not ticket["erased"])
    if row is not None:
        folded = listed(game.office.events(stream))
        assert {name: row[name] for name in ("number", "status", "title", "followers", "tags", "shelf")} == {
            name: getattr(folded, name) for name in ("number", "status", "title", "followers", "tags", "shelf")
        }


def _shows(db: Any, game: Game, number: str) -> None:
    """Requesters read every public message that stands, and nothing that is the desk's alone."""
    ticket = game.model.ticket(number)
    entries = ticket_timeline.entries(db, ticket_id(world.WORKSPACE, number), limit=1000, public_only=True)
    assert INTERNAL not in repr([(entry["body"], entry["changes"]) for entry in entries])
    assert SECRET not in repr(entries)
    shown = {entry["message_id"] for entry in entries if entry["message_id"] and not entry["redacted"]}
    public = {message for message, said in ticket["messages"].items() if not said["internal"] and not said["redacted"]}
    assert shown == (set() if ticket["erased"] else public)
    files = {file["attachment_id"] for entry in entries for file in entry["attachments"]}
    assert files == {str(file) for file, about in ticket["files"].items() if not about["internal"]}
