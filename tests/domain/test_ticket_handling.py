"""How a ticket goes from hand to hand: looked at, accepted, claimed, transferred, returned, urged."""

from dataclasses import replace

import pytest

from domain.errors import InvalidInput, NotAllowed, UnknownPerson, UnknownRole, UnknownTeam
from domain.event import SYSTEM
from domain.setup.roles import RoleSet
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket import handling as h
from domain.ticket.moving import TicketFinished
from domain.ticket.state import TicketNotOpen, UnknownTicket
from domain.values import NOBODY, Assignee, Priority, StatusKind
from domain.workspace import PersonAdded, PersonDeactivated, RoleChanged
from tests.domain.kit import ANN, BILLING, BOB, DESK, LEFT, NETWORK, folded, given, id_of, opened, person

TO_ANN, TO_BOB, TO_BILLING = Assignee(person=ANN), Assignee(person=BOB), Assignee(team=BILLING)
LEAD = id_of("lead")
MESSAGE = id_of("command")
ACCEPTED = e.TicketAccepted(status="open", kind=StatusKind.OPEN, previous="new", previous_kind=StatusKind.NEW)
ZOE = person("zoe").model_copy(update={"kind": "requester"})


def transferred(to: Assignee, previous: Assignee) -> h.TicketTransferred:
    return h.TicketTransferred(assignee=to, previous=previous)


def test_the_first_look_of_an_agent_opens_a_ticket_and_no_later_one_does():
    given(opened()).when(h.LookAtTicket, by=person("ann")).then(ACCEPTED)
    given(opened(), ACCEPTED).when(h.LookAtTicket, by=person("bob")).then_nothing()
    given(opened(status="pending", kind="pending")).when(h.LookAtTicket, by=person("ann")).then_nothing()


@pytest.mark.parametrize("watcher", [person("auditor"), person("analyst"), person("control_room"), ZOE, SYSTEM])
def test_who_does_not_work_on_tickets_opens_none_by_looking(watcher):
    given(opened(requester_id=id_of("zoe"))).when(h.LookAtTicket, by=watcher).then_nothing()


def test_a_ticket_that_is_not_there_cannot_be_looked_at():
    given().when(h.LookAtTicket, by=person("ann")).then_refused(UnknownTicket)


def test_accepting_begins_the_work_once():
    given(opened()).when(h.AcceptTicket).then(ACCEPTED)
    given(opened(), ACCEPTED).when(h.AcceptTicket).then_nothing()
    given(opened(status="closed", kind="closed")).when(h.AcceptTicket).then_refused(TicketNotOpen)


@pytest.mark.parametrize("to", [Assignee(team=BILLING, people=(ANN,)), Assignee(team=BILLING, people=(ANN, ANN))])
def test_several_people_who_are_one_person_are_that_person(to):
    has = Assignee(team=BILLING, person=ANN)
    given(opened()).when(c.AssignTicket, to=to).then(e.TicketAssigned(assignee=has, previous=NOBODY))
    given().when(c.OpenTicket, title="打印机坏了", assignee=to).then(opened(assignee=has))


@pytest.mark.parametrize(
    ("given_to", "claimed"),
    [
        (TO_BILLING, Assignee(team=BILLING, person=ANN)),
        (Assignee(people=(ANN, BOB)), TO_ANN),
        (Assignee(team=NETWORK, people=(ANN, BOB)), TO_ANN),
        (Assignee(role="agent"), TO_ANN),
        (Assignee(team=BILLING, role="agent"), Assignee(team=BILLING, person=ANN)),
        (NOBODY, TO_ANN),
    ],
)
def test_one_of_those_it_was_given_to_claims_a_ticket(given_to, claimed):
    says = h.TicketClaimed(assignee=claimed, previous=given_to)
    assert given(opened(assignee=given_to)).when(h.ClaimTicket, by=person("ann")).then(says).assignee == claimed
    given(opened(assignee=given_to), says).when(h.ClaimTicket, by=person("ann")).then_nothing()


def test_claim_and_accept_is_one_step():
    says = h.TicketClaimed(assignee=Assignee(team=BILLING, person=ANN), previous=TO_BILLING)
    ticket = opened(assignee=TO_BILLING)
    given(ticket).when(h.ClaimTicket, by=person("ann"), accept=True).then(says, ACCEPTED)
    given(ticket, says).when(h.ClaimTicket, by=person("ann"), accept=True).then(ACCEPTED)


def test_who_comes_second_is_told_who_was_faster():
    both = Assignee(people=(ANN, BOB))
    claimed = h.TicketClaimed(assignee=TO_ANN, previous=both)
    outcome = given(opened(assignee=both), claimed).when(h.ClaimTicket, by=person("bob"))
    sentence = outcome.then_refused(h.AlreadyClaimed, by=ANN, number="T-1")
    assert sentence.startswith("Ann has ticket T-1 already.")


@pytest.mark.parametrize(
    "given_to",
    [TO_BILLING, Assignee(people=(ANN, LEAD)), Assignee(role="lead"), Assignee(team=BILLING, role="agent")],
)
def test_nobody_claims_what_was_given_to_others(given_to):
    sentence = given(opened(assignee=given_to)).when(h.ClaimTicket, by=person("bob")).then_refused(h.NotYours)
    assert "Ask whoever has it" in sentence


def test_a_claim_keeps_to_the_claimers_limit_where_it_is_known_how_much_they_have():
    ann = replace(DESK.people[ANN], load_limit=5)
    ticket = given(opened(), desk=DESK.with_person(ann))
    ticket.when(h.ClaimTicket, by=person("ann"), load=5).then_refused(h.LoadLimitReached, limit=5)
    ticket.when(h.ClaimTicket, by=person("ann"), load=4).then(h.TicketClaimed(assignee=TO_ANN, previous=NOBODY))
    given(opened()).when(h.ClaimTicket, by=person("ann"), load=500).then(
        h.TicketClaimed(assignee=TO_ANN, previous=NOBODY)
    )


def test_a_closed_ticket_cannot_be_claimed():
    given(opened(status="closed", kind="closed")).when(h.ClaimTicket, by=person("ann")).then_refused(TicketNotOpen)


@pytest.mark.parametrize("to", [TO_BOB, TO_BILLING, Assignee(role="lead"), Assignee(people=(BOB, LEAD))])
def test_a_ticket_is_transferred_to_whomever_with_a_note(to):
    says = h.TicketTransferred(assignee=to, previous=TO_ANN, note="knows it")
    state = given(opened(assignee=TO_ANN)).when(h.TransferTicket, to=to, note="knows it").then(says)
    assert (state.assignee, state.transfers, state.previous_assignees) == (to, 1, (TO_ANN,))
    given(opened(assignee=TO_ANN), says).when(h.TransferTicket, to=to).then_nothing()


@pytest.mark.parametrize(
    ("to", "refusal"),
    [
        (NOBODY, InvalidInput),
        (Assignee(person=LEFT), UnknownPerson),
        (Assignee(people=(BOB, LEFT)), UnknownPerson),
        (Assignee(team=BOB), UnknownTeam),
        (Assignee(role="wizard"), UnknownRole),
    ],
)
def test_a_ticket_is_transferred_only_to_those_who_are_here(to, refusal):
    given(opened()).when(h.TransferTicket, to=to).then_refused(refusal)


WATCHING = ("auditor", "analyst", "control_room")


@pytest.mark.parametrize("role", WATCHING)
@pytest.mark.parametrize("kind", [c.AssignTicket, h.TransferTicket])
def test_who_only_watches_is_given_no_ticket(kind, role):
    watcher = id_of(role)
    for to in (Assignee(person=watcher), Assignee(people=(ANN, watcher)), Assignee(role=role)):
        sentence = given(opened()).when(kind, to=to).then_refused(h.CannotWork, role=role)
        assert sentence.startswith(f"Nobody works on tickets in the role {role}. Choose somebody else")
    given().when(c.OpenTicket, title="x", assignee=Assignee(person=watcher)).then_refused(h.CannotWork, person=watcher)


def test_a_role_of_ones_own_works_on_tickets_if_it_may_do_anything_to_them():
    for allowed, refused in (("ticket.reply", False), ("ticket.note", True)):
        role = RoleSet(key="own", title="Own", permissions=("ticket.view", allowed))
        desk = folded(DESK, role, PersonAdded(person_id=id_of("cem"), person_name="Cem", role="own"))
        outcome = given(opened(), desk=desk).when(c.AssignTicket, to=Assignee(person=id_of("cem")))
        assert isinstance(outcome.refusal, h.CannotWork) is refused


def test_a_return_passes_over_who_only_watches_now():
    has = [Assignee(person=ANN), Assignee(person=BOB)]
    handed = e.TicketAssigned(assignee=has[1], previous=has[0])
    desk = folded(DESK, RoleChanged(person_id=ANN, role="auditor", previous="agent"))
    returning = given(opened(assignee=has[0]), handed, desk=desk).when(h.ReturnTicket, by=person("bob"), reason="?")
    returning.then_refused(h.NoPreviousHandler)


def test_a_transfer_needs_a_permission_of_its_own():
    given(opened()).when(h.TransferTicket, by=person("auditor"), to=TO_BOB).then_refused(
        NotAllowed, permission="ticket.transfer"
    )


def test_a_ticket_goes_back_to_who_had_it_and_then_further_back():
    lead = Assignee(person=LEAD)
    way = (opened(assignee=TO_ANN), transferred(TO_BOB, TO_ANN), transferred(lead, TO_BOB))
    to_bob = h.TicketReturned(assignee=TO_BOB, previous=lead, reason="not ours")
    to_ann = h.TicketReturned(assignee=TO_ANN, previous=TO_BOB, reason="nor ours")
    state = given(*way).when(h.ReturnTicket, by=person("lead"), reason="not ours").then(to_bob)
    assert (state.returns, state.previous_assignees) == (1, (TO_ANN,))
    state = given(*way, to_bob).when(h.ReturnTicket, by=person("bob"), reason="nor ours").then(to_ann)
    assert state.previous_assignees == ()
    given(*way, to_bob, to_ann).when(h.ReturnTicket, by=person("ann"), reason="x").then_refused(h.NoPreviousHandler)


def test_who_had_it_twice_is_gone_back_to_once():
    way = (opened(assignee=TO_ANN), transferred(TO_BOB, TO_ANN), transferred(TO_ANN, TO_BOB))
    back = h.TicketReturned(assignee=TO_BOB, previous=TO_ANN, reason="r")
    state = given(*way).when(h.ReturnTicket, by=person("ann"), reason="r").then(back)
    assert state.previous_assignees == (TO_ANN,)


def test_a_return_passes_over_who_left():
    gone = Assignee(person=LEFT)
    way = (opened(assignee=TO_ANN), transferred(gone, TO_ANN), transferred(TO_BOB, gone))
    given(*way).when(h.ReturnTicket, by=person("bob"), reason="r").then(
        h.TicketReturned(assignee=TO_ANN, previous=TO_BOB, reason="r")
    )


def test_what_only_a_team_had_goes_back_to_the_team():
    has = Assignee(team=BILLING, person=ANN)
    claimed = h.TicketClaimed(assignee=has, previous=TO_BILLING)
    back = h.TicketReturned(assignee=TO_BILLING, previous=has, reason="r")
    state = given(opened(assignee=TO_BILLING), claimed).when(h.ReturnTicket, by=person("ann"), reason="r").then(back)
    assert state.previous_assignees == ()


def test_the_team_of_somebody_who_left_gets_it_back():
    cyd = id_of("cyd")
    hired = PersonAdded(person_id=cyd, person_name="Cyd", role="agent", teams=(NETWORK,))
    desk = folded(DESK, hired, PersonDeactivated(person_id=cyd))
    way = (opened(assignee=Assignee(team=NETWORK, person=cyd)), transferred(TO_BOB, Assignee(team=NETWORK, person=cyd)))
    given(*way, desk=desk).when(h.ReturnTicket, by=person("bob"), reason="r").then(
        h.TicketReturned(assignee=Assignee(team=NETWORK), previous=TO_BOB, reason="r")
    )


def test_only_the_handler_or_who_is_in_charge_gives_a_ticket_back():
    way = (opened(assignee=TO_ANN), transferred(TO_BOB, TO_ANN))
    back = h.TicketReturned(assignee=TO_ANN, previous=TO_BOB, reason="r")
    given(*way).when(h.ReturnTicket, by=person("ann"), reason="r").then_refused(h.NotYours)
    for who in ("bob", "lead", "admin"):
        given(*way).when(h.ReturnTicket, by=person(who), reason="r").then(back)


@pytest.mark.parametrize(
    ("was", "becomes"), [("low", Priority.NORMAL), ("normal", Priority.HIGH), ("high", Priority.URGENT)]
)
def test_an_urge_is_counted_and_raises_the_priority_by_one(was, becomes):
    urged = h.TicketUrged(message_id=MESSAGE, body="Any news?", count=1, internal=True)
    raised = e.TicketPrioritised(priority=becomes, previous=Priority(was))
    state = given(opened(priority=was)).when(h.UrgeTicket, body="Any news?").then(urged, raised)
    assert (state.urges, state.priority) == (1, becomes)
    assert [message.message_id for message in state.messages] == [MESSAGE]


def test_what_is_urgent_stays_urgent_and_is_still_counted():
    first = h.TicketUrged(message_id=id_of("first"), body="?", count=1)
    given(opened(priority="urgent"), first).when(h.UrgeTicket, body="??").then(
        h.TicketUrged(message_id=MESSAGE, body="??", count=2, internal=True)
    )


@pytest.mark.parametrize("kind", ["resolved", "confirmed", "rated"])
def test_finished_work_is_not_urged(kind):
    given(opened(status=kind, kind=kind)).when(h.UrgeTicket, body="?").then_refused(TicketFinished)
