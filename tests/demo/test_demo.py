"""The demo desk: believable, made once, and completed when its first start was killed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from cli import demo
from cli.demo import plan
from domain.event import SYSTEM
from domain.ticket import commands as c
from eventstore.keyring import Keyring
from eventstore.settings import Settings
from eventstore.stories import stream
from tests.commandline import MASTER_KEY, environment

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@pytest.fixture
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in environment(database_url, tmp_path).items():
        monkeypatch.setenv(name, value)
    return Settings.load()


def test_it_is_made_once_and_keeps_its_sign_ins(settings: Settings, database: psycopg.Connection[tuple[int]]) -> None:
    lines = demo.seed(settings)
    made = _events(database)
    assert made > 5 * plan.TICKETS
    assert demo.seed(settings) == lines
    assert _events(database) == made
    assert (settings.data / "demo.json").stat().st_mode & 0o777 == 0o600


def test_a_start_that_was_killed_is_completed_by_the_next(
    settings: Settings, database: psycopg.Connection[tuple[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = plan.tickets

    def cut_short(now: datetime) -> Iterator[list[c.TicketCommand]]:
        for place, life in enumerate(whole(now)):
            if place == 2 * demo.AT_ONCE:
                raise KeyboardInterrupt
            yield life

    monkeypatch.setattr(plan, "tickets", cut_short)
    with pytest.raises(KeyboardInterrupt):
        demo.seed(settings)
    assert 0 < _opened(database) < plan.TICKETS
    monkeypatch.setattr(plan, "tickets", whole)
    demo.seed(settings)
    assert _opened(database) == plan.TICKETS
    last = list(whole(_began(database) + plan.SET_UP_BEFORE))[-1][0]
    assert _at(database, last.stream_id) == last.at, "all times follow from the first start"


def test_its_week_is_past_and_in_both_languages() -> None:
    lives = list(plan.tickets(NOW))
    opened = [life[0] for life in lives]
    assert all(step.at <= NOW for life in lives for step in life)
    assert all(isinstance(first, c.OpenTicket) and first.at >= NOW - plan.SET_UP_BEFORE for first in opened)
    chinese = sum(any("\u4e00" <= letter <= "\u9fff" for letter in first.title) for first in opened)  # type: ignore[attr-defined]
    assert 50 < chinese < 150
    assert any(step.by != SYSTEM for life in lives for step in life)
    assert lives == list(plan.tickets(NOW))


def _began(database: psycopg.Connection[tuple[int]]) -> datetime:
    return _at(database, plan.WORKSPACE)


def _at(database: psycopg.Connection[tuple[int]], stream_id: UUID) -> datetime:
    with database.cursor() as cursor:
        return stream(cursor, Keyring(MASTER_KEY), stream_id)[0].metadata.occurred_at


def _events(database: psycopg.Connection[tuple[int]]) -> int:
    return _one(database, "SELECT count(*) FROM log.stored_events")


def _opened(database: psycopg.Connection[tuple[int]]) -> int:
    return _one(database, "SELECT count(*) FROM log.stored_events WHERE topic = 'ticket.opened'")


def _one(database: psycopg.Connection[tuple[int]], query: str) -> int:
    row = database.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
