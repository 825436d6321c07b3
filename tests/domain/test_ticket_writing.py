"""Opening a ticket and what is written on it: edits, tags, replies, notes, erasure."""

from datetime import UTC, datetime
from functools import reduce

import pytest
from pydantic import ValidationError

from domain.errors import InvalidInput, UnknownPerson, UnknownStatus, UnknownTeam
from domain.event import ERASED
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.decisions import ErasureNotRequested, TicketNumberTaken
from domain.ticket.state import TicketErasedForEver, TicketNotOpen, UnknownTicket
from domain.values import Assignee, Priority, StatusKind
from tests.domain.kit import ANN, BILLING, LEFT, given, id_of, opened, wish

CLOSED = opened(status="closed", kind=StatusKind.CLOSED)
ERASING = e.TicketErasureRequested(reason="asked by the customer")
MESSAGE = id_of("command")

# One command of each kind that works on an open ticket.
WORK = [
    (c.EditTicket, {"title": "Other"}),
    (c.ChangePriority, {"priority": Priority.HIGH}),
    (c.AssignTicket, {"to": Assignee(person=ANN)}),
    (c.TagTicket, {"add": {"vip"}}),
    (c.ReplyToTicket, {"body": "On it."}),
]
MOVES = [
    (c.MoveTicket, {"status": "open"}),
    (c.ResolveTicket, {}),
    (c.ReopenTicket, {}),
    (c.CloseTicket, {}),
]
NOTE = (c.NoteOnTicket, {"body": "Call back"})


def test_a_title_is_all_that_a_ticket_needs():
    (given().when(c.OpenTicket, title="  Printer on fire ").then(opened(title="Printer on fire")))


def test_a_ticket_opens_with_everything_that_was_given():
    due = datetime(2026, 12, 1, tzinfo=UTC)
    rest = {"type": "incident", "category": ("Hardware", "Printer"), "due_at": due, "requester_id": id_of("zoe")}
    more = {"description": "起火了", "priority": Priority.URGENT, "assignee": Assignee(team=BILLING, person=ANN)}
    (
        given()
        .when(c.OpenTicket, title="火", status="open", tags=("b", "a", "b"), fields={"room": "12"}, **rest, **more)
        .then(opened(title="火", status="open", kind="open", tags=("b", "a"), fields={"room": "12"}, **rest, **more))
    )


def test_a_field_opened_empty_is_no_field():
    given().when(c.OpenTicket, title="打印机坏了", fields={"room": None}).then(opened())


def test_a_number_is_never_used_again():
    given(opened()).when(c.OpenTicket, title="x").then_refused(TicketNumberTaken, number="T-1")
    given(opened(), ERASING, e.TicketErased()).when(c.OpenTicket, title="x").then_refused(TicketNumberTaken)


@pytest.mark.parametrize(
    ("asked", "refusal", "named"),
    [
        ({"status": "limbo"}, UnknownStatus, "new, open, pending"),
        ({"assignee": Assignee(team=ANN)}, UnknownTeam, "Billing, Network"),
        ({"assignee": Assignee(person=BILLING)}, UnknownPerson, "/api/v1/people"),
        ({"assignee": Assignee(person=LEFT)}, UnknownPerson, str(LEFT)),
        ({"category": ("Hardware", "Toaster")}, InvalidInput, "Hardware / Toaster"),
    ],
)
def test_what_the_workspace_does_not_know_is_refused_and_what_it_knows_is_named(asked, refusal, named):
    assert named in given().when(c.OpenTicket, title="x", **asked).then_refused(refusal)


@pytest.mark.parametrize(
    "asked",
    [
        {"title": "  "},
        {"title": "x" * 501},
        {"title": "bell \x07"},
        {"title": "half \ud800"},
        {"due_at": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"fields": {"Not A Key": 1}},
        {"fields": {"a": "nul \x00"}},
        {"fields": {"a": ["deep", {"b": "half \ud800"}]}},
        {"fields": {"a": {"nul \x00": 1}}},
        {"fields": {"a": float("nan")}},
        {"fields": {"a": 10**30}},
        {"fields": {"a": object()}},
        {"fields": {"a": reduce(lambda inner, _: [inner], range(20), "deep")}},
        {"at": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"tags": ("",)},
        {"tags": tuple(f"t{n}" for n in range(101))},
        {"number": "T 1"},
        {"unheard_of": 1},
    ],
)
def test_values_that_the_log_could_not_keep_are_no_command(asked):
    with pytest.raises(ValidationError):
        wish(c.OpenTicket, **{"title": "x"} | asked)


@pytest.mark.parametrize("text", ["two\nlines", "two\r\n  lines", "two\u2028lines"])
def test_a_title_is_one_line(text):
    assert wish(c.OpenTicket, title=text).title == "two lines"


def test_an_edit_says_what_was_and_what_is():
    state = (
        given(opened(description="old", type="incident", fields={"room": "12", "floor": 1}))
        .when(c.EditTicket, title="Neu", description="new", type="problem", fields={"room": "13", "floor": 1})
        .then(
            e.TicketRetitled(title="Neu", previous="打印机坏了"),
            e.TicketDescribed(description="new", previous="old"),
            e.TicketTyped(type="problem", previous="incident"),
            e.TicketFieldsSet(fields={"room": "13"}, previous={"room": "12"}),
        )
    )
    assert state.fields == {"room": "13", "floor": 1}


def test_an_edit_to_what_is_there_already_changes_nothing():
    ticket = opened(description="d", category=("Hardware",), fields={"room": "12"})
    given(ticket).when(c.EditTicket).then_nothing()
    (
        given(ticket)
        .when(
            c.EditTicket, title="打印机坏了", description="d", category=("Hardware",), fields={"room": "12", "x": None}
        )
        .then_nothing()
    )


def test_clear_takes_away():
    due = datetime(2026, 12, 1, tzinfo=UTC)
    state = (
        given(opened(description="d", category=("Hardware",), due_at=due, requester_id=id_of("zoe"), type="incident"))
        .when(c.EditTicket, clear={"type", "requester_id", "due_at", "description", "category"})
        .then(
            e.TicketCategorised(category=(), previous=("Hardware",)),
            e.TicketDescribed(description="", previous="d"),
            e.TicketDueSet(due_at=None, previous=due),
            e.TicketRequesterSet(requester_id=None, previous=id_of("zoe")),
            e.TicketTyped(type=None, previous="incident"),
        )
    )
    assert (state.type, state.category, state.due_at, state.requester_id, state.description) == (
        None,
        (),
        None,
        None,
        "",
    )


def test_a_title_cannot_be_cleared():
    sentence = given(opened()).when(c.EditTicket, clear={"title"}).then_refused(InvalidInput, field="clear")
    assert sentence == "clear: title cannot be taken away; these can: category, description, due_at, requester_id, type"


def test_a_thing_is_not_set_and_cleared_at_once():
    sentence = given(opened()).when(c.EditTicket, type="problem", clear={"type"}).then_refused(InvalidInput)
    assert sentence == "clear: type cannot be given and cleared at once"


def test_an_edit_is_refused_for_an_unknown_category():
    sentence = given(opened()).when(c.EditTicket, category=("Software",)).then_refused(InvalidInput, field="category")
    assert "/api/v1/categories" in sentence


def test_none_takes_a_field_away():
    state = (
        given(opened(fields={"room": "12", "floor": 1}))
        .when(c.EditTicket, fields={"room": None})
        .then(e.TicketFieldsSet(fields={"room": None}, previous={"room": "12"}))
    )
    assert state.fields == {"floor": 1}


@pytest.mark.parametrize(("was", "becomes"), [(1, True), (True, 1), (1, 1.0), ([1], [True]), (0, False)])
def test_a_value_of_another_type_is_another_value(was, becomes):
    outcome = given(opened(fields={"a": was})).when(c.EditTicket, fields={"a": becomes})
    assert len(outcome.events) == 1


def test_a_priority_changes_once():
    raised = e.TicketPrioritised(priority=Priority.URGENT, previous=Priority.NORMAL)
    assert given(opened()).when(c.ChangePriority, priority="urgent").then(raised).priority is Priority.URGENT
    given(opened(), raised).when(c.ChangePriority, priority="urgent").then_nothing()


def test_tags_go_on_and_come_off_in_one_step():
    state = (
        given(opened(tags=("old", "kept")))
        .when(c.TagTicket, add={*"badec", "kept"}, remove={"old", "never there"})
        .then(*(e.TicketTagged(tag=tag) for tag in "abcde"), e.TicketUntagged(tag="old"))
    )
    assert state.tags == {"kept", *"abcde"}


def test_taking_a_tag_off_outweighs_putting_it_on():
    given(opened(tags=("both",))).when(c.TagTicket, add={"both"}, remove={"both"}).then(e.TicketUntagged(tag="both"))
    given(opened()).when(c.TagTicket, add={"both"}, remove={"both"}).then_nothing()


def test_a_ticket_has_a_hundred_tags_at_most():
    full = opened(tags=tuple(f"t{n}" for n in range(100)))
    sentence = given(full).when(c.TagTicket, add={"one more"}).then_refused(InvalidInput, field="add")
    assert sentence == "add: a ticket has at most 100 tags, and this would make 101; take some off first"
    given(full).when(c.TagTicket, add={"one more"}, remove={"t0"}).then(
        e.TicketTagged(tag="one more"), e.TicketUntagged(tag="t0")
    )


@pytest.mark.parametrize(("kind", "said"), [(c.ReplyToTicket, e.TicketReplied), (c.NoteOnTicket, e.TicketNoted)])
def test_a_message_is_kept_under_the_id_of_its_command(kind, said):
    state = given(opened()).when(kind, body=" 您好\n\n").then(said(message_id=MESSAGE, body="您好"))
    assert state.replies + state.notes == 1


def test_a_closed_ticket_takes_notes_and_no_other_work():
    given(CLOSED).when(NOTE[0], **NOTE[1]).then(e.TicketNoted(message_id=MESSAGE, body="Call back"))
    for kind, asked in WORK:
        sentence = given(CLOSED).when(kind, **asked).then_refused(TicketNotOpen, number="T-1")
        assert "Reopen it first" in sentence


def test_a_resolved_ticket_still_takes_a_reply():
    resolved = opened(status="resolved", kind=StatusKind.RESOLVED)
    given(resolved).when(c.ReplyToTicket, body="Fine?").then(e.TicketReplied(message_id=MESSAGE, body="Fine?"))


@pytest.mark.parametrize(("kind", "asked"), [*WORK, *MOVES, NOTE])
def test_a_ticket_that_never_was_takes_nothing(kind, asked):
    given().when(kind, **asked).then_refused(UnknownTicket, number="T-1")


@pytest.mark.parametrize(("kind", "asked"), [*WORK, *MOVES, NOTE])
@pytest.mark.parametrize("progress", [(ERASING,), (ERASING, e.TicketErased())])
def test_a_deleted_ticket_takes_nothing(kind, asked, progress):
    given(opened(), *progress).when(kind, **asked).then_refused(TicketErasedForEver, number="T-1")


def test_deleting_is_asked_for_once_and_hides_the_content_at_once():
    state = given(opened()).when(c.EraseTicket, reason=ERASING.reason).then(ERASING)
    assert (state.title, state.description, state.fields) == (ERASED, ERASED, ERASED)
    given(opened(), ERASING).when(c.EraseTicket, reason="again").then_nothing()
    given().when(c.EraseTicket, reason="x").then_refused(UnknownTicket)


def test_a_closed_ticket_can_be_deleted():
    given(CLOSED).when(c.EraseTicket, reason=ERASING.reason).then(ERASING)


def test_deletion_is_confirmed_once_and_only_when_asked_for():
    assert given(opened(), ERASING).when(c.ConfirmTicketErasure).then(e.TicketErased()).erased
    given(opened(), ERASING, e.TicketErased()).when(c.ConfirmTicketErasure).then_nothing()
    sentence = given(opened()).when(c.ConfirmTicketErasure).then_refused(ErasureNotRequested)
    assert sentence == "Nobody has asked to delete ticket T-1. Ask for that first."
    given().when(c.ConfirmTicketErasure).then_refused(UnknownTicket)


def test_content_that_comes_after_the_key_is_gone_stays_erased():
    late = e.TicketFieldsSet(fields=ERASED, previous=ERASED)
    assert given(opened(), late).when(c.ChangePriority, priority="normal").then().fields is ERASED
