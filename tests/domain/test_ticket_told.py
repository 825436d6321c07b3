"""History that another system tells."""

from typing import Any

import pytest

from domain.errors import InvalidInput, UnknownPerson, UnknownStatus, UnknownTeam
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.decisions import TicketNumberTaken
from domain.ticket.drafting import TicketDrafted
from domain.ticket.state import TicketErasedForEver, UnknownTicket
from domain.values import NOBODY, Assignee, Priority, StatusKind
from tests.domain.kit import ANN, BILLING, LEFT, NETWORK, Outcome, given, id_of, opened, person, wish

WAS = opened(source="import", assignee=Assignee(team=BILLING), fields={"room": "12"})


SAME = {
    "status": "new",
    "priority": "normal",
    "title": "打印机坏了",
    "assignee": WAS.assignee,
    "fields": {"room": "12"},
}


def begun(*before: e.TicketEvent, **differs: Any) -> Outcome:
    """The log of the other system says the ticket began like WAS, but for what differs."""
    return given(*before).when(c.TellOpening, channel="import", told_by=person("resolver"), **SAME | differs)


def told(*before: e.TicketEvent, **differs: Any) -> Outcome:
    """The log of the other system says the ticket is like WAS now, but for what differs."""
    return given(*before).when(c.TellUpdate, channel="import", told_by=person("resolver"), **SAME | differs)


def test_an_opening_is_told_once():
    begun().then(WAS)
    begun(WAS).then_refused(TicketNumberTaken, number="T-1")
    begun(WAS, e.TicketErasureRequested(reason="r")).then_refused(TicketNumberTaken)


def test_an_opening_is_not_told_over_a_draft_not_even_a_discarded_one():
    drafted = TicketDrafted(number="T-1", author=person("ann"), form={"title": "x"})
    begun(drafted).then_refused(TicketNumberTaken, number="T-1")
    begun(drafted, e.TicketErasureRequested(reason="draft discarded")).then_refused(TicketNumberTaken)


def test_a_field_without_a_value_is_no_field():
    begun(fields={"room": "12", "floor": None}).then(WAS)


def test_an_update_of_no_ticket_is_refused():
    told().then_refused(UnknownTicket, number="T-1")


def test_an_update_without_a_difference_still_happened():
    told(WAS).then(e.TicketUpdateTold())


def test_an_update_becomes_the_differences():
    zoe, to = id_of("zoe"), Assignee(team=NETWORK, person=ANN)
    told(
        WAS,
        priority="high",
        fields={"room": None, "floor": 1},
        title="Printer",
        category=("Hardware",),
        requester_id=zoe,
        assignee=to,
        status="pending",
    ).then(
        e.TicketPrioritised(priority=Priority.HIGH, previous=Priority.NORMAL),
        e.TicketFieldsSet(fields={"room": None, "floor": 1}, previous={"room": "12", "floor": None}),
        e.TicketRetitled(title="Printer", previous="打印机坏了"),
        e.TicketCategorised(category=("Hardware",), previous=()),
        e.TicketRequesterSet(requester_id=zoe, previous=None),
        e.TicketAssigned(assignee=to, previous=WAS.assignee),
        e.TicketMoved(status="pending", kind=StatusKind.PENDING, previous="new", previous_kind=StatusKind.NEW),
    )


def test_what_is_no_longer_told_is_taken_away():
    told(WAS, assignee=NOBODY).then(e.TicketAssigned(assignee=NOBODY, previous=WAS.assignee))


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("closed", "open", e.TicketReopened),
        ("resolved", "pending", e.TicketReopened),
        ("closed", "resolved", e.TicketResolved),
        ("new", "rated", e.TicketMoved),
        ("open", "new", e.TicketMoved),
    ],
)
def test_a_told_move_is_a_fact_even_where_our_rules_would_forbid_it(was, becomes, says):
    before = WAS.model_copy(update={"status": was, "kind": StatusKind(was)})
    told(before, status=becomes).then(says(status=becomes, kind=becomes, previous=was, previous_kind=was))


def test_a_closed_ticket_can_be_told_more_of():
    closed = WAS.model_copy(update={"status": "closed", "kind": StatusKind.CLOSED})
    told(closed, status="closed", priority="low").then(
        e.TicketPrioritised(priority=Priority.LOW, previous=Priority.NORMAL)
    )


def test_somebody_who_left_may_have_been_responsible():
    left = Assignee(person=LEFT)
    begun(assignee=left).then(WAS.model_copy(update={"assignee": left}))
    told(WAS, assignee=left).then(e.TicketAssigned(assignee=left, previous=WAS.assignee))


@pytest.mark.parametrize(
    ("differs", "refusal"),
    [
        ({"status": "limbo"}, UnknownStatus),
        ({"assignee": Assignee(team=ANN)}, UnknownTeam),
        ({"assignee": Assignee(person=NETWORK)}, UnknownPerson),
        ({"category": ("Software",)}, InvalidInput),
    ],
)
def test_what_the_workspace_does_not_have_cannot_be_told(differs, refusal):
    begun(**differs).then_refused(refusal)
    told(WAS, **differs).then_refused(refusal)


def test_nothing_is_told_of_a_deleted_ticket():
    told(WAS, e.TicketErasureRequested(reason="r")).then_refused(TicketErasedForEver, number="T-1")


def test_the_person_whom_the_other_system_names_is_the_author():
    command = wish(c.TellUpdate, told_by=person("resolver"), status="new", priority="low", assignee=NOBODY, title="x")
    assert command.author == person("resolver")


def entry(*before: e.TicketEvent, **tells: Any) -> Outcome:
    """The history of the other system has an entry more."""
    return given(*before).when(c.TellChange, channel="import", told_by=person("resolver"), **tells)


def test_an_entry_tells_only_what_it_names():
    entry(WAS).then()
    entry(WAS, status="new", add={"vip"}, remove={"spam"}).then(e.TicketTagged(tag="vip"))
    entry(WAS, status="closed", priority="low", assignee=NOBODY).then(
        e.TicketPrioritised(priority=Priority.LOW, previous=Priority.NORMAL),
        e.TicketAssigned(assignee=NOBODY, previous=WAS.assignee),
        e.TicketClosed(status="closed", kind=StatusKind.CLOSED, previous="new", previous_kind=StatusKind.NEW),
    )


def test_what_was_written_is_told_even_on_a_closed_ticket():
    closed = WAS.model_copy(update={"status": "closed", "kind": StatusKind.CLOSED})
    said = id_of("command")
    entry(closed, body="Thanks!").then(e.TicketReplied(message_id=said, body="Thanks!"))
    entry(closed, body="Noted", internal=True).then(e.TicketNoted(message_id=said, body="Noted"))


def test_an_entry_is_judged_by_what_the_desk_has():
    entry().then_refused(UnknownTicket, number="T-1")
    entry(WAS, status="limbo").then_refused(UnknownStatus)
    entry(WAS, e.TicketErasureRequested(reason="r"), body="x").then_refused(TicketErasedForEver)
