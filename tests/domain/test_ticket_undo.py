"""Undo: exactly what one command changed, or nothing."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import assume, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.actions import ActOnTicket
from domain.command import Command, evolve
from domain.errors import NotAllowed
from domain.event import ERASED, SYSTEM, Actor, Event
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket import handling, marking, settling
from domain.ticket import ties as t
from domain.ticket.confidential import SetConfidential, TicketConfidentialSet
from domain.ticket.state import Ticket, TicketErasedForEver, UnknownTicket
from domain.ticket.undoing import (
    UNDOABLE,
    ChangedSince,
    NotUndoable,
    TicketUndone,
    UndoCommand,
    restored_values,
)
from domain.values import Assignee, Priority, StatusKind
from tests.domain.kit import ANN, BILLING, BOB, DESK, NOON, decided, folded, id_of, opened, person, wish

HIGH = e.TicketPrioritised(priority=Priority.HIGH, previous=Priority.NORMAL)
TAGGED = e.TicketTagged(tag="vip")
OPEN = {"status": "open", "kind": StatusKind.OPEN, "previous": "new", "previous_kind": StatusKind.NEW}
RESOLVED = {"status": "resolved", "kind": StatusKind.RESOLVED, "previous": "open", "previous_kind": StatusKind.OPEN}


def undoing(before: list[Event], done: list[Event], since: list[Event], by: Actor = SYSTEM, **more: Any) -> Any:
    """Undo what was done, by whoever did it unless told otherwise."""
    state = folded(Ticket(), *before)
    around = {"before": state, "after": folded(state, *done), "done_by": by, "undoes": id_of("undone")}
    return decided(wish(UndoCommand, by, **around | more), folded(state, *done, *since), DESK)


def undone(was: dict[str, Any] | None = None, /, **restored: Any) -> TicketUndone:
    """Put back to these; `was` is what the fields were until then."""
    return TicketUndone(undoes=id_of("undone"), restored=restored, previous=was or {})


def test_what_a_command_changed_is_as_it_was():
    undoing([opened()], [HIGH, TAGGED], []).then(
        undone({"priority": "high", "tags": ["vip"]}, priority="normal", tags=[])
    )


def test_whatever_else_happened_since_stays():
    state = undoing([opened()], [HIGH], [TAGGED]).then(undone({"priority": "high"}, priority="normal"))
    assert state.tags == {"vip"}


def test_nothing_is_overwritten_that_somebody_changed_since():
    again = e.TicketPrioritised(priority=Priority.URGENT, previous=Priority.HIGH)
    sentence = undoing([opened()], [HIGH, TAGGED], [again]).then_refused(ChangedSince, changed="priority")
    assert "priority" in sentence


def test_what_was_changed_and_put_back_since_can_be_undone_no_more():
    back = e.TicketPrioritised(priority=Priority.NORMAL, previous=Priority.HIGH)
    undoing([opened()], [HIGH], [back]).then_refused(ChangedSince)
    undoing([opened()], [HIGH], [undone(priority="normal")]).then_refused(ChangedSince)


def test_an_undo_can_be_undone():
    undoing([opened(), HIGH], [undone(priority="normal")], []).then(undone({"priority": "normal"}, priority="high"))


def test_nothing_changed_nothing_to_undo():
    undoing([opened(), HIGH], [], []).then_nothing()


@pytest.mark.parametrize(
    ("done", "changed"),
    [
        ([opened()], "number"),
        ([e.TicketReplied(message_id=id_of("m"), body="Hello"), HIGH], "replies"),
        ([e.TicketNoted(message_id=id_of("m"), body="Hello")], "notes"),
        ([t.TicketLinked(relation="related", other="T-2")], "ties"),
        ([marking.TicketMarkedSpam(blocks=id_of("zoe"))], "blocks"),
        ([settling.TicketRated(stars=5, message_id=id_of("m"), **RESOLVED)], "rating"),
    ],
)
def test_what_was_said_or_concerns_two_tickets_stays(done, changed):
    before = [] if isinstance(done[0], e.TicketOpened) else [opened()]
    assert changed in undoing(before, done, []).then_refused(NotUndoable)


def test_spam_without_a_block_is_a_mark_like_any_other():
    clear = {"archived": False, "pinned": False, "spam": False, "blocks": None, "snoozed": False, "snoozed_until": None}
    state = undoing([opened()], [marking.TicketMarkedSpam()], []).then(
        undone({"marks": clear | {"spam": True}}, marks=clear)
    )
    assert state == folded(Ticket(), opened())


def test_one_undoes_what_one_did_oneself_a_lead_also_what_others_did():
    ann, bob = person("ann"), person("bob")
    undoing([opened()], [HIGH], [], by=ann).then(undone({"priority": "high"}, priority="normal"))
    undoing([opened()], [HIGH], [], by=bob, done_by=ann).then_refused(NotAllowed, permission="ticket.bulk")
    undoing([opened()], [HIGH], [], by=person("lead"), done_by=ann).then(
        undone({"priority": "high"}, priority="normal")
    )
    undoing([opened()], [HIGH], [], by=person("auditor")).then_refused(NotAllowed, permission="ticket.undo")


def test_what_is_gone_is_not_brought_back():
    gone = [e.TicketErasureRequested(reason="asked")]
    undoing([opened()], [HIGH], gone).then_refused(TicketErasedForEver)
    undoing([], [], []).then_refused(UnknownTicket)


def test_words_are_kept_apart_by_how_they_are_protected():
    done = [e.TicketRetitled(title="B", previous="打印机坏了"), TicketConfidentialSet(text="PIN"), HIGH]
    before = [opened(), TicketConfidentialSet(text="old PIN")]
    (event,) = undoing(before, done, []).events
    assert event.restored == {"priority": "normal"}
    assert event.content == {"title": "打印机坏了"}
    assert event.secret == {"confidential": "old PIN"}
    assert folded(Ticket(), *before, *done, event) == folded(Ticket(), *before)


def test_once_erased_the_words_that_were_put_back_are_passed_over():
    event = TicketUndone(undoes=id_of("undone"), restored={"priority": "low"}, content=ERASED, secret=ERASED)
    assert restored_values(event) == {"priority": Priority.LOW}


PEOPLE = st.sampled_from([ANN, BOB])
TEXTS = st.sampled_from(["打印机坏了", "Printer", "a\nb"])
VALUES = st.none() | st.booleans() | st.integers(0, 1) | st.floats(0, 1) | st.lists(st.booleans(), max_size=2)
ASSIGNEES = st.builds(Assignee, person=st.none() | PEOPLE) | st.just(Assignee(team=BILLING))
TIMES = st.integers(1, 99).map(lambda hours: NOON + timedelta(hours=hours))


def one_of(kind: type[Command], **asked: st.SearchStrategy[Any]) -> st.SearchStrategy[Command]:
    actors = st.sampled_from([SYSTEM, person("ann"), person("lead"), person("admin")])
    return st.fixed_dictionaries({"by": actors, **asked}).map(lambda chosen: wish(kind, **chosen))


WORK = st.one_of(
    one_of(c.EditTicket, title=TEXTS, description=TEXTS, fields=st.dictionaries(st.sampled_from("abc"), VALUES)),
    one_of(c.EditTicket, category=st.sampled_from([("Hardware",), ("Hardware", "Printer")]), due_at=TIMES),
    one_of(c.EditTicket, clear=st.sampled_from([{"category"}, {"due_at", "description"}])),
    one_of(c.ChangePriority, priority=st.sampled_from(Priority)),
    one_of(c.AssignTicket, to=ASSIGNEES),
    one_of(c.MoveTicket, status=st.sampled_from(["open", "waiting_vendor", "resolved", "rejected"])),
    one_of(c.ReopenTicket),
    one_of(c.TagTicket, add=st.frozensets(TEXTS), remove=st.frozensets(TEXTS)),
    one_of(SetConfidential, text=st.none() | TEXTS),
    one_of(handling.AcceptTicket),
    one_of(handling.ClaimTicket, accept=st.booleans()),
    one_of(handling.TransferTicket, to=ASSIGNEES),
    one_of(handling.ReturnTicket, reason=TEXTS),
    one_of(handling.UrgeTicket, body=TEXTS),
    one_of(marking.FollowTicket, person_id=PEOPLE),
    one_of(marking.SnoozeTicket, until=st.none() | TIMES),
    one_of(marking.WakeTicket),
    one_of(marking.PinTicket),
    one_of(marking.ArchiveTicket),
    one_of(marking.MarkSpam, block=st.booleans()),
    one_of(c.ReplyToTicket, body=TEXTS),
    one_of(
        ActOnTicket,
        actions=st.lists(
            st.sampled_from([{"do": "resolve"}, {"do": "pin"}, {"do": "set_field", "field": "a", "value": 1},
                             {"do": "assign", "to": {"person": str(BOB)}}, {"do": "archive"}]),
            min_size=1, max_size=4,
        ),
    ),
)  # fmt: skip
STARTS = st.sampled_from([opened(), opened(fields={"a": True}, tags=("Printer",), requester_id=id_of("zoe"))])


@settings(max_examples=200)
@for_all(STARTS, st.lists(WORK, max_size=6), WORK)
def test_whatever_was_done_undone_leaves_exactly_the_state_before(start, earlier, last):
    state = folded(Ticket(), start)
    for command in earlier:
        state = reduce(evolve, decided(command, state, DESK).events, state)
    done = decided(last, state, DESK).events
    after = reduce(evolve, done, state)
    assume(done)
    asked = wish(UndoCommand, undoes=id_of("undone"), before=state, after=after, done_by=SYSTEM)
    outcome = decided(asked, after, DESK)
    if isinstance(outcome.refusal, NotUndoable):
        lasting = {name for name in after.__dataclass_fields__ if getattr(state, name) != getattr(after, name)}
        assert lasting - UNDOABLE or state.marks.blocks != after.marks.blocks
        assert not outcome.events
        return
    stored = [type(event).model_validate_json(event.model_dump_json()) for event in outcome.events]
    back = reduce(evolve, stored, after)
    assert back == state
    # 1 and True are equal, yet not the same.
    assert repr(sorted(back.fields.items())) == repr(sorted(state.fields.items()))


def test_times_come_back_as_they_were():
    due = datetime(2026, 12, 1, 9, 30, 15, 123456, tzinfo=UTC)
    set_due = e.TicketDueSet(due_at=None, previous=due)
    state = undoing([opened(due_at=due)], [set_due], []).then(
        undone({"due_at": None}, due_at="2026-12-01T09:30:15.123456Z")
    )
    assert state.due_at == due
