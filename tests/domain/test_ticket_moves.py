"""Who is responsible for a ticket, and which status may follow which."""

import pytest

from domain.errors import UnknownPerson, UnknownStatus, UnknownTeam
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.moving import IllegalMove
from domain.values import NOBODY, Assignee, StatusKind
from tests.domain.kit import ANN, BILLING, BOB, LEFT, NETWORK, given, opened


def at(status: str, kind: StatusKind | None = None) -> e.TicketOpened:
    """A ticket that stands in the status."""
    return opened(status=status, kind=kind or status)


def step(event: type[e.StatusEvent], was: str, becomes: str) -> e.StatusEvent:
    """A move between two of the default statuses."""
    return event(status=becomes, kind=becomes, previous=was, previous_kind=was)


@pytest.mark.parametrize(
    "to", [Assignee(person=BOB), Assignee(team=NETWORK), Assignee(team=BILLING, person=ANN), NOBODY]
)
def test_a_ticket_goes_to_a_person_a_team_both_or_nobody(to):
    before = Assignee(team=BILLING)
    assigned = e.TicketAssigned(assignee=to, previous=before)
    state = given(opened(assignee=before)).when(c.AssignTicket, to=to).then(assigned)
    assert state.assignee == to
    assert state.previous_assignees == (before,)
    given(opened(assignee=before), assigned).when(c.AssignTicket, to=to).then_nothing()


def test_nobody_is_who_a_ticket_has_at_first():
    given(opened()).when(c.AssignTicket, to=NOBODY).then_nothing()


@pytest.mark.parametrize(
    ("to", "refusal"),
    [
        (Assignee(team=ANN), UnknownTeam),
        (Assignee(person=NETWORK), UnknownPerson),
        (Assignee(person=LEFT), UnknownPerson),
        (Assignee(team=BILLING, person=LEFT), UnknownPerson),
    ],
)
def test_a_ticket_goes_only_to_those_who_are_here(to, refusal):
    given(opened()).when(c.AssignTicket, to=to).then_refused(refusal)


def test_earlier_handlers_are_remembered_up_to_a_bound():
    there = e.TicketAssigned(assignee=Assignee(person=ANN))
    back = e.TicketAssigned(assignee=Assignee(person=BOB), previous=Assignee(person=ANN))
    state = given(opened(), *[there, back] * 60).when(c.AssignTicket, to=Assignee(person=BOB)).then()
    assert len(state.previous_assignees) == 50
    assert state.previous_assignees[-1] == Assignee(person=ANN)


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("new", "open", e.TicketAccepted),
        ("new", "pending", e.TicketMoved),
        ("open", "pending", e.TicketMoved),
        ("pending", "open", e.TicketMoved),
        ("open", "resolved", e.TicketResolved),
        ("new", "closed", e.TicketClosed),
        ("resolved", "confirmed", e.TicketConfirmed),
        ("confirmed", "rated", e.TicketMoved),
        ("rated", "closed", e.TicketClosed),
        ("resolved", "pending", e.TicketReopened),
        ("rated", "open", e.TicketReopened),
        ("closed", "open", e.TicketReopened),
    ],
)
def test_a_move_says_what_it_means(was, becomes, says):
    state = given(at(was)).when(c.MoveTicket, status=becomes).then(step(says, was, becomes))
    assert (state.status, state.kind) == (becomes, StatusKind(becomes))
    assert state.reopenings == (says is e.TicketReopened)


@pytest.mark.parametrize("status", ["new", "open", "resolved", "closed"])
def test_a_move_to_where_it_stands_changes_nothing(status):
    given(at(status)).when(c.MoveTicket, status=status).then_nothing()


@pytest.mark.parametrize(
    ("was", "wanted", "legal"),
    [
        ("new", "confirmed", "open, pending, resolved, closed, waiting_vendor, solved_by_phone, rejected"),
        ("open", "new", "pending, resolved, closed, waiting_vendor, solved_by_phone, rejected"),
        ("resolved", "rated", "open, pending, confirmed, closed, waiting_vendor, rejected"),
        ("confirmed", "resolved", "open, rated, closed, rejected"),
        ("rated", "confirmed", "open, closed, rejected"),
        ("closed", "resolved", "open"),
    ],
)
def test_an_illegal_move_is_refused_and_the_legal_ones_are_named(was, wanted, legal):
    sentence = given(at(was)).when(c.MoveTicket, status=wanted).then_refused(IllegalMove, legal=legal)
    assert sentence == f"From «{was}» a ticket cannot go to «{wanted}». It can go to: {legal}."


def test_a_move_to_no_status_is_refused_and_all_are_named():
    sentence = given(at("open")).when(c.MoveTicket, status="limbo").then_refused(UnknownStatus, status="limbo")
    assert sentence.endswith("Use one of: " + "new, open, pending, resolved, confirmed, rated, closed, "
                             "waiting_vendor, solved_by_phone, rejected.")  # fmt: skip


def test_a_status_of_the_workspaces_own_is_one_of_its_kind():
    (
        given(at("pending"))
        .when(c.MoveTicket, status="waiting_vendor")
        .then(
            e.TicketMoved(
                status="waiting_vendor", kind=StatusKind.PENDING, previous="pending", previous_kind=StatusKind.PENDING
            )
        )
    )


@pytest.mark.parametrize(
    ("command", "was", "says", "becomes"),
    [
        (c.ResolveTicket, "open", e.TicketResolved, "resolved"),
        (c.CloseTicket, "resolved", e.TicketClosed, "closed"),
        (c.ReopenTicket, "closed", e.TicketReopened, "open"),
        (c.ReopenTicket, "resolved", e.TicketReopened, "open"),
    ],
)
def test_resolve_close_and_reopen_go_to_the_first_status_of_their_kind(command, was, says, becomes):
    given(at(was)).when(command).then(step(says, was, becomes))


@pytest.mark.parametrize(
    ("command", "stands"),
    [
        (c.ResolveTicket, at("resolved")),
        (c.ResolveTicket, at("solved_by_phone", StatusKind.RESOLVED)),
        (c.CloseTicket, at("closed")),
        (c.CloseTicket, at("rejected", StatusKind.CLOSED)),
        (c.ReopenTicket, at("new")),
        (c.ReopenTicket, at("waiting_vendor", StatusKind.PENDING)),
    ],
)
def test_what_is_done_already_is_not_done_again(command, stands):
    given(stands).when(command).then_nothing()


@pytest.mark.parametrize("was", ["confirmed", "rated", "closed"])
def test_what_the_customer_confirmed_is_not_resolved_again(was):
    given(at(was)).when(c.ResolveTicket).then_refused(IllegalMove, current=was, wanted="resolved")


def test_reopenings_are_counted():
    closed, reopened = step(e.TicketClosed, "open", "closed"), step(e.TicketReopened, "closed", "open")
    state = given(at("open"), closed, reopened, closed).when(c.ReopenTicket).then(reopened)
    assert state.reopenings == 2
