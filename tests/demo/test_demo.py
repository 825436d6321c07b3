"""The demo desk: believable, made once, and completed when its first start was killed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from cli import demo
from cli.demo import plan, scenes
from domain.event import SYSTEM
from domain.ticket import commands as c
from domain.values import Attachment
from eventstore.keyring import Keyring
from eventstore.settings import Settings
from eventstore.stories import stream
from tests.commandline import MASTER_KEY, environment

LOG = Attachment(attachment_id=uuid4(), name="db01.log", media_type="text/plain", size=1, sha256="0" * 64, key="k")
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
    assert _opened(database) == plan.TICKETS + scenes.TICKETS + 1, "and the one that was split off"
    last = list(whole(_began(database) + plan.SET_UP_BEFORE))[-1][0]
    assert _at(database, last.stream_id) == last.at, "all times follow from the first start"


SITUATIONS = (
    "ticket.claimed",
    "ticket.transferred",
    "ticket.returned",
    "ticket.urged",
    "ticket.snoozed",
    "ticket.pinned",
    "ticket.marked_spam",
    "ticket.archived",
    "ticket.merged_into",
    "ticket.absorbed",
    "ticket.split_off",
    "ticket.split_from",
    "ticket.linked",
    "ticket.rated",
    "ticket.attached",
    "ticket.mentioned",
    "ticket.confidential_set",
    "ticket.drafted",
    "ticket.step_submitted",
    "ticket.approval_requested",
    "ticket.approval_given",
    "workspace.role_set",
    "workspace.field_set",
    "workspace.template_set",
    "workspace.workflow_set",
    "workspace.macro_set",
    "workspace.canned_reply_set",
    "organisation.added",
    "view.saved",
)


def test_it_shows_every_situation(settings: Settings, database: psycopg.Connection[tuple[int]]) -> None:
    lines = demo.seed(settings)
    for role in ("(agent)", "(lead)", "(admin)", "(requester)", "(network_desk)"):
        assert role in lines[0]
    assert max(_numbers(database)) == plan.FIRST_NUMBER + plan.TICKETS + scenes.TICKETS + scenes.UNNUMBERED - 1 == 1200
    topics = {topic for (topic,) in database.execute("SELECT DISTINCT topic FROM log.stored_events")}
    assert [name for name in SITUATIONS if name not in topics] == []


def test_the_scenes_keep_to_their_numbers_and_to_the_past() -> None:
    told = [step for steps in scenes.Scenes(NOW, LOG).all() for step in steps]
    numbers = {step.number for step in told if isinstance(step, c.OpenTicket) and step.number}
    assert numbers <= {str(scenes.FIRST + place) for place in range(scenes.TICKETS)}
    assert all(step.at <= NOW for step in told)
    assert len({step.command_id for step in told}) == len(told)


def test_its_week_is_past_and_in_both_languages() -> None:
    lives = list(plan.tickets(NOW))
    opened = [life[0] for life in lives]
    assert all(step.at <= NOW for life in lives for step in life)
    assert all(isinstance(first, c.OpenTicket) and first.at >= NOW - plan.SET_UP_BEFORE for first in opened)
    chinese = sum(any("\u4e00" <= letter <= "\u9fff" for letter in first.title) for first in opened)  # type: ignore[attr-defined]
    assert 50 < chinese < 150
    assert any(step.by != SYSTEM for life in lives for step in life)
    assert lives == list(plan.tickets(NOW))


def _numbers(database: psycopg.Connection[tuple[int]]) -> list[int]:
    found = database.execute("SELECT next FROM log.ticket_numbers")
    return [number - 1 for (number,) in found]


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
