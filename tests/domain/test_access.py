"""Whom a ticket is shown to: the same answer for one ticket in memory and for lists as a condition."""

from hypothesis import example, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.access import may_claim, reach, reaches
from domain.conditions import Context, evaluate
from domain.event import SYSTEM, Actor
from domain.setup.roles import RoleSet
from domain.ticket.state import Ticket
from domain.values import NOBODY, Assignee
from domain.workspace import RoleChanged, TeamsChanged
from tests.domain.kit import ANN, BILLING, BOB, DESK, NETWORK, NOON, folded, id_of, person

ZOE, TWIN = id_of("zoe"), id_of("twin")
TYPES, PATHS = st.sampled_from(["incident", "question"]), st.sampled_from([("H",), ("H", "P"), ("S",)])
PEOPLE, TEAMS, ROLES = (
    st.sampled_from([ANN, BOB]),
    st.sampled_from([BILLING, NETWORK]),
    st.sampled_from(["agent", "own"]),
)
ASSIGNEES = st.one_of(
    st.just(NOBODY),
    st.builds(Assignee, team=st.none() | TEAMS, person=st.none() | PEOPLE),
    st.builds(Assignee, team=st.none() | TEAMS, people=st.sets(PEOPLE).map(tuple)),
    st.builds(Assignee, team=st.none() | TEAMS, role=st.none() | ROLES),
)
TICKETS = st.builds(
    Ticket,
    opened=st.just(True),
    type=st.none() | TYPES,
    category=st.just(()) | PATHS,
    requester_id=st.none() | st.sampled_from([ZOE, TWIN]),
    assignee=ASSIGNEES,
    followers=st.frozensets(PEOPLE),
    mentioned=st.frozensets(PEOPLE),
)
OWN_ROLES = st.builds(
    RoleSet,
    key=st.just("own"),
    title=st.just("Own"),
    permissions=st.just(("ticket.view",)),
    types=st.sets(TYPES, max_size=2).map(tuple),
    categories=st.sets(PATHS, max_size=2).map(tuple),
)
ACTORS = st.sampled_from([person("ann"), person("bob"), person("admin"), Actor(kind="requester", id=str(ZOE))])


def facts(ticket):
    """The columns of the list that reach is asked of."""
    to = ticket.assignee
    return {
        "type": ticket.type,
        "category": ticket.category,
        "requester_id": ticket.requester_id,
        "assignee_person": to.person,
        "assignee_team": to.team,
        "assignee_role": to.role,
        "candidates": to.people,
        "involved": ticket.involved,
    }


def desk_with(role, teams):
    moved = RoleChanged(person_id=ANN, role="own", previous="agent")
    return folded(DESK, role, moved, TeamsChanged(person_id=ANN, teams=tuple(teams), previous=(BILLING,)))


@settings(max_examples=500)
@for_all(ticket=TICKETS, role=OWN_ROLES, teams=st.sets(TEAMS), actor=ACTORS)
@example(
    ticket=Ticket(opened=True, assignee=Assignee(team=BILLING, role="own")),
    role=RoleSet(key="own", title="Own", permissions=("ticket.view",), types=("question",)),
    teams={BILLING},
    actor=person("ann"),
)
def test_a_list_shows_exactly_the_tickets_that_can_be_reached(ticket, role, teams, actor):
    desk = desk_with(role, teams)
    condition = reach(desk, actor)
    shown = condition is None or evaluate(condition, facts(ticket), Context(now=NOON))
    assert shown is reaches(actor, desk.grant(actor), ticket, desk)


def test_the_system_reaches_everything():
    assert reach(DESK, SYSTEM) is None


def test_a_customer_reaches_the_tickets_of_the_records_merged_into_theirs():
    condition = reach(DESK, Actor(kind="requester", id=str(ZOE)), frozenset({TWIN}))
    shown = [evaluate(condition, {"requester_id": who}, Context(now=NOON)) for who in (ZOE, TWIN, ANN, None)]
    assert shown == [True, True, False, False]


def test_a_team_and_a_role_are_the_bearers_within_the_team():
    def claims(**to):
        return [may_claim(who, Ticket(assignee=Assignee(**to)), DESK) for who in (ANN, BOB)]

    assert claims(team=BILLING) == [True, False]
    assert claims(role="agent") == [True, True]
    assert claims(team=BILLING, role="agent") == [True, False]
    assert claims(team=BILLING, role="lead") == [False, False]
    assert claims(people=(BOB,)) == [False, True]
    assert claims(team=BILLING, people=(BOB,)) == [False, True]
    assert claims() == claims(person=ANN) == [False, False]
