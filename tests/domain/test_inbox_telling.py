"""Who is told of what happens to a ticket, and why."""

from uuid import UUID, uuid4

import pytest

from domain.aggregates import INITIAL
from domain.command import evolve
from domain.event import SYSTEM, Actor, Event, Metadata, Recorded
from domain.happening import TOLD, Happening, Situation
from domain.inbox.preferences import Channel, Kind, Preferences
from domain.inbox.telling import told
from domain.permissions import Permission
from domain.receivers import Receivers
from domain.setup.notifications import NotificationsSet
from domain.setup.roles import RoleSet
from domain.sla.course import Course, followed
from domain.ticket import events as e
from domain.ticket import flowing, handling, ties
from domain.ticket.escalating import TicketEscalated
from domain.ticket.folds import listed
from domain.ticket.marking import TicketFollowed
from domain.ticket.messages import TicketMentioned
from domain.ticket.promising import TicketBreached, TicketReminded
from domain.ticket.telling import TicketNoticeGiven
from domain.values import Assignee, Pinned, Priority
from domain.workspace import PersonDeactivated, RoleChanged
from tests.domain.kit import ANN, BILLING, BOB, DESK, NOON, WORKSPACE, folded, id_of, opened, person

LEAD, ADMIN, ZOE = id_of("lead"), id_of("admin"), id_of("zoe")
CUSTOMER = Actor(kind="requester", id=str(ZOE))
RULE = Actor(kind="rule", id=str(id_of("rule")))
ASKED = {"approval_id": id_of("approval"), "mode": "all", "asked_by": person("bob")}
MOVED = {"status": "pending", "kind": "pending", "previous": "new", "previous_kind": "new"}
LATE = {"measure": "accept", "since": NOON, "due_at": NOON, "policy": Pinned(key="default", version=1)}
NEWS = e.TicketPrioritised(priority=Priority.HIGH, previous=Priority.NORMAL)
NOTED = e.TicketNoted(message_id=uuid4(), body="x")


def recorded(events: list[Event], after: int, by: Actor, **envelope: object) -> tuple[Recorded[Event], ...]:
    about = Metadata(uuid4(), WORKSPACE, NOON, by, "api", uuid4(), uuid4())._replace(**envelope)
    return tuple(Recorded(n, id_of("T-1"), n, NOON, about, event) for n, event in enumerate(events, after + 1))


def situation(events: tuple[Recorded[Event], ...]) -> Situation:
    ticket, course = INITIAL["ticket"], Course()
    for each in events:
        ticket, course = evolve(ticket, each.event), followed(course, each)
    return Situation(ticket, listed(events), course)


def happening(*events: Event, by=SYSTEM, before=(opened(),), desk=DESK, **envelope: object) -> Happening:
    """The events at once, on a ticket to which those before had happened."""
    earlier = recorded(list(before), 0, SYSTEM)
    now = recorded(list(events), len(before), by, **envelope)
    return Happening(now, situation(earlier) if earlier else None, situation((*earlier, *now)), desk)


def why(*events: Event, **given: object) -> dict[UUID, tuple[Kind, ...]]:
    return {each.person_id: each.kinds for each in told(happening(*events, **given))}


def of(*people: UUID) -> tuple[Event, ...]:
    return (opened(), *(TicketFollowed(person_id=each) for each in people))


def had_by(*, followers: tuple[UUID, ...] = (), **assignee: object) -> tuple[Event, ...]:
    return (opened(assignee=Assignee(**assignee)), *(TicketFollowed(person_id=each) for each in followers))


def test_followers_are_told_of_every_change_but_not_of_their_own():
    assert why(NEWS, before=of(ANN, BOB), by=person("ann")) == {BOB: (Kind.FOLLOWED,)}


def test_many_reasons_are_one_notification():
    said = [NOTED, TicketMentioned(message_id=uuid4(), person_id=ANN)]
    assigned = e.TicketAssigned(assignee=Assignee(person=ANN))
    reasons = (Kind.MENTIONED, Kind.ASSIGNED, Kind.FOLLOWED)
    assert why(*said, assigned, before=of(ANN), by=person("bob")) == {ANN: reasons}


def test_who_is_made_a_follower_hears_of_it_and_others_do_not():
    made = TicketFollowed(person_id=ANN)
    assert why(made, before=of(BOB), by=person("lead")) == {ANN: (Kind.FOLLOWED,)}
    assert why(made, before=of(BOB), by=person("ann")) == {}


@pytest.mark.parametrize("event", [NOTED, e.TicketErasureRequested(reason="x"), e.TicketTagged(tag="x")])
def test_followers_hear_of_it(event):
    assert why(event, before=of(ANN)) == {ANN: (Kind.FOLLOWED,)}


@pytest.mark.parametrize("event", [e.TicketUpdateTold(), TicketBreached(**LATE), e.TicketErased()])
def test_followers_do_not_hear_of_what_changes_nothing(event):
    assert why(event, before=of(ANN)) == {}


def test_a_new_ticket_is_told_to_who_has_it_or_may_take_it():
    assert why(opened(assignee=Assignee(person=BOB)), before=()) == {BOB: (Kind.ASSIGNED,)}
    assert why(opened(assignee=Assignee(team=BILLING)), before=()) == {ANN: (Kind.NEW_TICKET,)}
    assert why(opened(), before=()) == {}


def test_who_claims_it_is_told_nothing():
    claimed = handling.TicketClaimed(assignee=Assignee(team=BILLING, person=ANN), previous=Assignee(team=BILLING))
    assert why(claimed, before=had_by(team=BILLING), by=person("ann")) == {}


def test_who_has_it_hears_that_others_move_it_and_that_the_customer_wrote():
    assert why(e.TicketMoved(**MOVED), before=had_by(person=ANN), by=person("bob")) == {ANN: (Kind.STATUS_CHANGED,)}
    replied = e.TicketReplied(message_id=uuid4(), body="x")
    assert why(replied, before=had_by(team=BILLING), by=CUSTOMER) == {ANN: (Kind.CUSTOMER_REPLIED,)}
    assert why(replied, before=had_by(team=BILLING), by=person("bob")) == {}


def test_urging_reaches_who_has_it():
    urged = handling.TicketUrged(message_id=uuid4(), body="x", count=1)
    assert why(urged, before=had_by(person=ANN), by=CUSTOMER) == {ANN: (Kind.URGED,)}


def test_reminders_breaches_escalations_and_notices_reach_whom_they_name():
    both = [TicketBreached(**LATE), TicketReminded(**LATE, step="at", count=1, to=Receivers(roles=("handler",)))]
    assert why(*both, before=had_by(person=ANN)) == {ANN: (Kind.OVERDUE, Kind.REMINDER)}
    to_lead = Receivers(roles=("lead",))
    assert why(TicketEscalated(level=1, to=to_lead)) == {LEAD: (Kind.ESCALATED,)}
    assert why(TicketNoticeGiven(to=to_lead, text="x")) == {LEAD: (Kind.RULE,)}


def test_approvers_are_asked_and_who_asked_gets_the_answer():
    asked = flowing.ApprovalRequested(approvers=(ANN,), **ASKED)
    assert why(asked, by=person("bob")) == {ANN: (Kind.APPROVAL,)}
    given = flowing.ApprovalGiven(approval_id=id_of("approval"), person_id=ANN, granted=True)
    assert why(given, before=(opened(), asked), by=person("ann")) == {BOB: (Kind.APPROVAL,)}


def test_nobody_is_told_what_another_system_told():
    assert why(NEWS, before=of(ANN), channel=TOLD) == {}


def test_the_other_half_of_what_somebody_did_is_not_news_to_them():
    on_behalf = {"by": SYSTEM, "on_behalf_of": person("ann")}
    assert why(NEWS, before=of(ANN, BOB), **on_behalf) == {BOB: (Kind.FOLLOWED,)}


def test_what_a_rule_makes_of_what_somebody_did_may_be_meant_for_them():
    assert [each.person_id for each in told(happening(NEWS, before=of(ANN, BOB), by=RULE), str(ANN))] == [BOB]
    assigned = happening(NEWS, e.TicketAssigned(assignee=Assignee(person=ANN)), before=of(ANN), by=RULE)
    assert [each.kinds for each in told(assigned, str(ANN))] == [(Kind.ASSIGNED,)]


def test_who_came_with_a_merged_ticket_hears_of_the_merge_there():
    absorbed = ties.TicketAbsorbed(absorbed="T-2", followers=(ANN,))
    assert why(absorbed, before=of(BOB)) == {BOB: (Kind.FOLLOWED,)}


def test_who_left_or_may_no_longer_see_the_ticket_is_told_nothing():
    left = folded(DESK, PersonDeactivated(person_id=ANN))
    assert why(NEWS, before=of(ANN, BOB), desk=left) == {BOB: (Kind.FOLLOWED,)}


def test_a_notice_to_somebody_who_may_not_see_the_ticket_goes_nowhere():
    role = RoleSet(key="bikes", title="Bikes", permissions=(Permission.TICKET_VIEW,), types=("bike",))
    desk = folded(DESK, role, RoleChanged(person_id=BOB, role="bikes", previous="agent"))
    notice = TicketNoticeGiven(to=Receivers(people=(ANN, BOB)), text="x")
    assert why(notice, desk=desk) == {ANN: (Kind.RULE,)}
    # Who takes part keeps access (A13).
    assert why(notice, desk=desk, before=of(BOB))[BOB] == (Kind.RULE,)


def test_people_are_told_by_the_channels_that_they_want_or_not_at_all():
    def wanting(**channels: tuple[Channel, ...]):
        wishes = Preferences(channels={Kind(name): ways for name, ways in channels.items()})
        return folded(DESK, NotificationsSet(person_id=ANN, preferences=wishes, previous=Preferences()))

    assert told(happening(NEWS, before=of(ANN), desk=wanting(followed=()))) == ()
    (one,) = told(happening(NEWS, before=of(ANN), desk=wanting(followed=(Channel.MAIL,))))
    assert one.channels == (Channel.MAIL,)
