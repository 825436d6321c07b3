"""Escalation, whom it reaches, and what is recorded of promises (E3, E4)."""

from datetime import timedelta

import pytest

from domain.catalogue import RetiredTeam
from domain.errors import NotAllowed, UnknownPerson
from domain.permissions import RoleName
from domain.receivers import Receivers
from domain.receiving import people_of
from domain.setup.teams import TeamLeadsSet, TeamRetired
from domain.ticket import promising as p
from domain.ticket.escalating import EscalateTicket, TicketEscalated
from domain.ticket.events import TicketAssigned
from domain.ticket.moving import TicketFinished
from domain.values import Assignee, Pinned, StatusKind
from domain.workspace import TeamsChanged
from tests.domain.kit import ANN, BILLING, BOB, DESK, LEFT, NETWORK, NOON, folded, given, id_of, opened, person

LEAD = Receivers(roles=("lead",))
POLICY = Pinned(key="default", version=1)
LATE = p.Breach(measure="accept", since=NOON, due_at=NOON + timedelta(minutes=5))
UP = p.Step(step="default/late", level=1, to=LEAD, team=NETWORK, reason="late")
SOON = p.Reminding(step="default/soon", count=1, measure="accept", since=NOON, due_at=NOON, to=LEAD)


def test_each_escalation_is_a_level_more():
    state = (
        given(opened()).when(EscalateTicket, to=LEAD, reason="急").then(TicketEscalated(level=1, to=LEAD, reason="急"))
    )
    assert state.level == 1
    given(opened(), TicketEscalated(level=1)).when(EscalateTicket).then(TicketEscalated(level=2))


def test_up_to_a_level_that_it_has_nothing_happens():
    given(opened(), TicketEscalated(level=2)).when(EscalateTicket, level=2, to=LEAD).then_nothing()


def test_the_team_that_is_called_gets_it():
    (
        given(opened())
        .when(EscalateTicket, team=NETWORK)
        .then(TicketEscalated(level=1, team=NETWORK), TicketAssigned(assignee=Assignee(team=NETWORK)))
    )
    given(opened(assignee=Assignee(team=NETWORK))).when(EscalateTicket, team=NETWORK).then(
        TicketEscalated(level=1, team=NETWORK)
    )


def test_what_is_over_is_not_escalated():
    given(opened(status="resolved", kind=StatusKind.RESOLVED)).when(EscalateTicket).then_refused(TicketFinished)


def test_who_is_called_must_be_here():
    given(opened()).when(EscalateTicket, to=Receivers(people=(LEFT,))).then_refused(UnknownPerson)
    retired = folded(DESK, TeamRetired(team_id=NETWORK))
    given(opened(), desk=retired).when(EscalateTicket, to=Receivers(teams=(NETWORK,))).then_refused(RetiredTeam)


def test_an_auditor_escalates_nothing():
    given(opened()).when(EscalateTicket, by=person("auditor")).then_refused(NotAllowed)


@pytest.mark.parametrize(
    ("receivers", "assignee", "reached"),
    [
        (Receivers(roles=("handler",)), Assignee(person=ANN), {ANN}),
        (Receivers(roles=("handler",)), Assignee(team=BILLING), {ANN, BOB}),
        (Receivers(roles=("team",)), Assignee(person=BOB, team=BILLING), {ANN, BOB}),
        (Receivers(roles=("lead",)), Assignee(team=BILLING), {BOB}),
        (Receivers(roles=("lead",)), Assignee(team=NETWORK), {id_of(RoleName.LEAD)}),
        (Receivers(roles=("control_room",)), Assignee(), {id_of(RoleName.CONTROL_ROOM)}),
        (Receivers(people=(ANN, LEFT), teams=(NETWORK,)), Assignee(), {ANN}),
    ],
)
def test_receivers_are_people_by_what_they_are_to_the_ticket(receivers, assignee, reached):
    desk = folded(
        DESK,
        TeamsChanged(person_id=BOB, teams=(BILLING,), previous=()),
        TeamLeadsSet(team_id=BILLING, leads=(BOB,), previous=()),
    )
    assert people_of(receivers, assignee, (), desk) == reached


def _kept(*happened, **asked):
    return given(opened(), *happened).when(p.KeepPromises, promise=p.Promise(policy=POLICY), **asked)


def test_what_was_recorded_once_is_not_recorded_again():
    state = _kept(breaches=(LATE,), reminders=(SOON,), steps=(UP,)).then(
        p.TicketPromised(policy=POLICY),
        p.TicketBreached(policy=POLICY, **dict(LATE)),
        p.TicketReminded(policy=POLICY, **dict(SOON)),
        TicketEscalated(**dict(UP)),
        TicketAssigned(assignee=Assignee(team=NETWORK)),
    )
    recorded = [
        p.TicketPromised(policy=POLICY),
        p.TicketBreached(policy=POLICY, **dict(LATE)),
        p.TicketReminded(policy=POLICY, **dict(SOON)),
        TicketEscalated(**dict(UP)),
    ]
    _kept(*recorded, breaches=(LATE,), reminders=(SOON,), steps=(UP,)).then_nothing()
    assert state.level == 1


def test_of_what_is_over_only_the_lateness_is_recorded():
    over = opened(status="closed", kind=StatusKind.CLOSED)
    (
        given(over)
        .when(p.KeepPromises, promise=p.Promise(policy=POLICY), breaches=(LATE,), reminders=(SOON,), steps=(UP,))
        .then(p.TicketPromised(policy=POLICY), p.TicketBreached(policy=POLICY, **dict(LATE)))
    )
