"""How a ticket comes to its end: confirmed, rated, closed, by its requester or by the desk."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from domain.errors import NotAllowed
from domain.event import Actor
from domain.permissions import Permission
from domain.staff import Role
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket import settling as s
from domain.ticket.moving import IllegalMove, TicketFinished
from domain.values import StatusKind
from tests.domain.kit import ANN, DESK, given, id_of, opened, person, wish

ZOE = Actor(kind="requester", id=str(id_of("zoe")))
RATED = s.TicketRated(
    status="rated",
    kind=StatusKind.RATED,
    previous="confirmed",
    previous_kind=StatusKind.CONFIRMED,
    stars=4,
    comment="很快",
    message_id=id_of("command"),
)


def hers(status: str) -> e.TicketOpened:
    return opened(status=status, kind=status, requester_id=id_of("zoe"))


def step(event: type[e.StatusEvent], was: str, becomes: str) -> e.StatusEvent:
    return event(status=becomes, kind=becomes, previous=was, previous_kind=was)


@pytest.mark.parametrize("who", [ZOE, person("ann")])
def test_what_is_resolved_is_confirmed(who):
    confirmed = step(e.TicketConfirmed, "resolved", "confirmed")
    assert given(hers("resolved")).when(s.ConfirmTicket, by=who).then(confirmed).kind is StatusKind.CONFIRMED


@pytest.mark.parametrize("was", ["confirmed", "rated"])
def test_what_is_confirmed_is_not_confirmed_again(was):
    given(hers(was)).when(s.ConfirmTicket, by=ZOE).then_nothing()


@pytest.mark.parametrize("was", ["new", "open", "pending", "closed"])
def test_what_is_not_resolved_is_not_confirmed(was):
    given(hers(was)).when(s.ConfirmTicket, by=ZOE).then_refused(IllegalMove, current=was, wanted="confirmed")


def test_what_is_confirmed_is_rated_once():
    state = given(hers("confirmed")).when(s.RateTicket, by=ZOE, stars=4, comment="很快").then(RATED)
    assert (state.kind, state.rating, len(state.messages)) == (StatusKind.RATED, 4, 1)
    given(hers("confirmed"), RATED).when(s.RateTicket, by=ZOE, stars=5).then_refused(s.AlreadyRated)
    again = (step(e.TicketReopened, "rated", "open"), step(e.TicketConfirmed, "open", "confirmed"))
    given(hers("confirmed"), RATED, *again).when(s.RateTicket, by=ZOE, stars=5).then_refused(s.AlreadyRated)


@pytest.mark.parametrize("role", ["agent", "lead", "admin"])
def test_nobody_of_the_desk_rates_its_work(role):
    given(hers("confirmed")).when(s.RateTicket, by=person(role), stars=5).then_refused(NotAllowed)


@pytest.mark.parametrize("was", ["new", "open", "pending", "resolved", "closed"])
def test_what_is_not_confirmed_is_not_rated(was):
    given(hers(was)).when(s.RateTicket, by=ZOE, stars=1).then_refused(s.NotConfirmed)


@pytest.mark.parametrize("stars", [0, 6, -1, 4.5])
def test_a_rating_is_one_to_five_stars(stars):
    with pytest.raises(ValidationError):
        wish(s.RateTicket, stars=stars)


@pytest.mark.parametrize("was", ["new", "open", "pending"])
def test_a_requester_closes_what_is_still_worked_on(was):
    given(hers(was)).when(c.CloseTicket, by=ZOE).then(step(e.TicketClosed, was, "closed"))


@pytest.mark.parametrize("was", ["resolved", "confirmed", "rated"])
def test_a_requester_does_not_close_finished_work_and_the_desk_does(was):
    given(hers(was)).when(c.CloseTicket, by=ZOE).then_refused(TicketFinished)
    given(hers(was)).when(c.CloseTicket, by=person("ann")).then(step(e.TicketClosed, was, "closed"))


def test_closing_twice_changes_nothing():
    given(hers("closed")).when(c.CloseTicket, by=ZOE).then_nothing()


@pytest.mark.parametrize("wanted", ["closed", "confirmed", "rated"])
def test_a_move_is_no_way_round_the_permission_to_close_or_to_confirm(wanted):
    mover = Role("mover", "Mover", frozenset({Permission.TICKET_MOVE}))
    desk = replace(DESK, roles={"mover": mover}).with_person(replace(DESK.people[ANN], role="mover"))
    given(hers("resolved"), desk=desk).when(c.MoveTicket, by=person("ann"), status=wanted).then_refused(NotAllowed)
    reopened = step(e.TicketReopened, "resolved", "open")
    given(hers("resolved"), desk=desk).when(c.MoveTicket, by=person("ann"), status="open").then(reopened)
