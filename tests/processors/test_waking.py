"""What sleeps until a time wakes when it comes (A24)."""

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.ticket.commands import CloseTicket, OpenTicket, ReplyToTicket
from domain.ticket.marking import SnoozeTicket, WakeTicket
from domain.ticket.undoing import UndoCommand
from eventstore.undo import undoing
from processors.waking import Waking
from tests.processors.kit import Stage

HOUR = timedelta(hours=1)


@pytest.fixture
def stage() -> Stage:
    """A desk with a ticket that sleeps for four hours."""
    stage = Stage(Waking())
    stage.do(OpenTicket, number="T-1", title="打印机坏了")
    stage.do(SnoozeTicket, number="T-1", until=stage.now + 4 * HOUR)
    return stage


def test_it_wakes_when_its_time_comes_and_not_before(stage: Stage) -> None:
    stage.advance(hours=3, minutes=59)
    assert stage.ticket("T-1").ticket.marks.snoozed
    stage.advance(minutes=1)
    assert stage.topics("T-1") == ["opened", "snoozed", "woken"]
    woken = stage.log[-1]
    assert (woken.metadata.actor.kind, woken.metadata.channel) == ("system", "process")
    assert woken.metadata.causation_id == stage.log[-2].metadata.event_id
    assert not stage.ticket("T-1").row.snoozed


def test_snoozed_anew_it_wakes_at_the_new_time(stage: Stage) -> None:
    stage.do(SnoozeTicket, number="T-1", until=stage.now + 6 * HOUR)
    stage.advance(hours=5)
    assert "woken" not in stage.topics("T-1")
    stage.advance(hours=1)
    assert stage.topics("T-1")[-1] == "woken"


def test_without_a_time_nothing_is_due(stage: Stage) -> None:
    stage.do(SnoozeTicket, number="T-1", until=None)
    assert stage.due("T-1") == {}


def test_woken_by_hand_it_wakes_no_second_time(stage: Stage) -> None:
    stage.do(WakeTicket, number="T-1")
    stage.advance(days=365)
    assert stage.topics("T-1") == ["opened", "snoozed", "woken"]


def test_a_closed_ticket_wakes_too(stage: Stage) -> None:
    stage.do(ReplyToTicket, number="T-1", body="Done.")
    stage.do(CloseTicket, number="T-1")
    stage.advance(hours=4)
    assert stage.topics("T-1")[-1] == "woken"


def test_a_desk_that_slept_wakes_late_ones_once_in_order(stage: Stage) -> None:
    for number, hours in (("T-3", 3), ("T-2", 2)):
        stage.do(OpenTicket, number=number, title="x")
        stage.do(SnoozeTicket, number=number, until=stage.now + hours * HOUR)
    began = len(stage.log)
    stage.sleep(days=400)
    numbers = {stage.ticket(n).row.ticket_id: n for n in ("T-1", "T-2", "T-3")}
    assert [numbers[each.stream_id] for each in stage.log[began:]] == ["T-2", "T-3", "T-1"]
    stage.sleep(days=1)
    assert len(stage.log) == began + 3


def test_a_snooze_that_is_undone_leaves_nothing_due(stage: Stage) -> None:
    history = [each for each in stage.log if each.stream_id == stage.ticket("T-1").row.ticket_id]
    context = {"workspace_id": stage.workspace, "by": stage.person, "at": stage.now, "command_id": uuid4()}
    undo = undoing(history, "T-1", history[-1].metadata.command_id, context)
    stage.do(UndoCommand, **dict(undo))
    assert stage.topics("T-1")[-1] == "undone"
    assert stage.due("T-1") == {}
