"""Several actions decided as one."""

from uuid import uuid5

import pytest
from pydantic import ValidationError

from domain.actions import ACTIONS, ActOnTicket
from domain.errors import NotAllowed, UnknownPerson
from domain.ticket import events as e
from domain.ticket.state import TicketNotOpen
from domain.values import Assignee, Priority, StatusKind
from tests.domain.kit import ANN, BOB, given, id_of, opened, person

PLACE = [uuid5(id_of("command"), str(place)) for place in range(3)]


def test_actions_are_decided_in_order_as_one():
    (
        given(opened())
        .when(
            ActOnTicket,
            by=person("lead"),
            actions=[
                {"do": "set_priority", "priority": "high"},
                {"do": "add_tags", "tags": ["vip"]},
                {"do": "assign", "to": {"person": str(ANN)}},
            ],
        )
        .then(
            e.TicketPrioritised(priority=Priority.HIGH, previous=Priority.NORMAL),
            e.TicketTagged(tag="vip"),
            e.TicketAssigned(assignee=Assignee(person=ANN)),
        )
    )


def test_an_action_finds_the_ticket_as_those_before_it_left_it():
    state = (
        given(opened(status="closed", kind=StatusKind.CLOSED))
        .when(ActOnTicket, actions=[{"do": "reopen"}, {"do": "add_tags", "tags": ["vip"]}, {"do": "close"}])
        .then(
            e.TicketReopened(status="open", kind="open", previous="closed", previous_kind="closed"),
            e.TicketTagged(tag="vip"),
            e.TicketClosed(status="closed", kind="closed", previous="open", previous_kind="open"),
        )
    )
    assert (state.kind, state.tags) == (StatusKind.CLOSED, {"vip"})


def test_two_messages_of_one_command_are_two():
    (
        given(opened(status="open", kind=StatusKind.OPEN))
        .when(ActOnTicket, actions=[{"do": "reply", "body": "Done."}, {"do": "note", "body": "At last"}])
        .then(
            e.TicketReplied(message_id=PLACE[0], body="Done."),
            e.TicketNoted(message_id=PLACE[1], body="At last"),
        )
    )


def test_a_refusal_names_the_action_and_nothing_happens():
    asked = [{"do": "set_priority", "priority": "high"}, {"do": "close"}, {"do": "add_tags", "tags": ["vip"]}]
    sentence = given(opened()).when(ActOnTicket, actions=asked).then_refused(TicketNotOpen, action=3, do="add_tags")
    assert sentence.startswith("Action 3 (add_tags): Ticket T-1 is closed")


def test_each_action_needs_its_own_permission():
    asked = [{"do": "add_tags", "tags": ["vip"]}, {"do": "archive"}]
    done = given(opened(status="closed", kind=StatusKind.CLOSED))
    done.when(ActOnTicket, by=person("agent"), actions=asked[1:]).then_refused(
        NotAllowed, permission="ticket.archive", action=1
    )
    given(opened()).when(ActOnTicket, by=person("auditor"), actions=asked[:1]).then_refused(
        NotAllowed, permission="ticket.edit"
    )


def test_whoever_hands_a_ticket_on_may_go_on_in_the_same_breath():
    asked = [{"do": "transfer", "to": {"person": str(BOB)}}, {"do": "add_tags", "tags": ["vip"]}]
    outcome = given(opened()).when(ActOnTicket, by=person("agent"), actions=asked)
    assert [type(event).NAME for event in outcome.events] == ["ticket.transferred", "ticket.tagged"]


def test_somebody_follows_themselves_unless_another_is_named():
    outcome = given(opened()).when(ActOnTicket, by=person("ann"), actions=[{"do": "follow"}])
    assert [event.person_id for event in outcome.events] == [ANN]
    outcome = given(opened()).when(ActOnTicket, by=person("ann"), actions=[{"do": "follow", "person_id": str(BOB)}])
    assert [event.person_id for event in outcome.events] == [BOB]


def test_nobody_unknown_gets_a_ticket_by_an_action():
    asked = [{"do": "assign", "to": {"person": str(id_of("nobody"))}}]
    given(opened()).when(ActOnTicket, actions=asked).then_refused(UnknownPerson, do="assign")


@pytest.mark.parametrize(
    ("asked", "changed"),
    [
        ({"do": "set_type", "type": None}, [e.TicketTyped(type=None, previous="incident")]),
        ({"do": "set_category", "category": []}, [e.TicketCategorised(category=(), previous=("Hardware",))]),
        ({"do": "set_due", "due_at": None}, []),
        ({"do": "set_field", "field": "room", "value": None}, [e.TicketFieldsSet(fields={"room": None}, previous={"room": 1})]),
        ({"do": "set_field", "field": "room", "value": 1}, []),
        ({"do": "remove_tags", "tags": ["vip"]}, [e.TicketUntagged(tag="vip")]),
    ],
    ids=str,
)  # fmt: skip
def test_an_action_takes_a_value_away(asked, changed):
    was = opened(type="incident", category=("Hardware",), fields={"room": 1}, tags=("vip",))
    given(was).when(ActOnTicket, actions=[asked]).then(*changed)


@pytest.mark.parametrize(
    "wrong",
    [[], [{"do": "explode"}], [{"do": "close", "why": "x"}], [{"do": "set_priority"}], [{"do": "close"}] * 51],
)
def test_what_is_no_action_is_refused_before_it_is_decided(wrong):
    with pytest.raises(ValidationError):
        ACTIONS.validate_python(wrong)


def test_actions_come_back_from_json_as_they_were():
    every = [
        {"do": "set_status", "status": "open"},
        {"do": "snooze", "until": "2026-12-01T09:00:00Z"},
        {"do": "transfer", "to": {"role": "lead"}, "note": "please"},
        {"do": "delete", "reason": "test"},
    ]
    actions = ACTIONS.validate_python(every)
    assert ACTIONS.validate_json(ACTIONS.dump_json(actions)) == actions
