"""The clock of promises: late ones recorded, people reminded, ladders climbed, each once (E1-E4, E7)."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from domain.calendars.hours import NEVER
from domain.event import SYSTEM, Actor
from domain.receivers import Receivers
from domain.requester import ChangeRequester, RegisterRequester
from domain.setup.calendars import SetCalendar, SetDefaultCalendar
from domain.setup.organisations import MergeOrganisation
from domain.setup.policies import RetirePolicy, SetPolicy
from domain.sla.defaults import DEFAULT
from domain.sla.policy import LadderStep, PolicyDefinition, Reminder, Target
from domain.ticket.commands import (
    ChangePriority,
    CloseTicket,
    MoveTicket,
    OpenTicket,
    ReplyToTicket,
    TagTicket,
    TellOpening,
    TellUpdate,
)
from domain.ticket.escalating import TicketEscalated
from domain.ticket.handling import AcceptTicket, UrgeTicket
from domain.ticket.promising import TicketBreached, TicketPromised, TicketReminded
from domain.values import NOBODY, Assignee, Pinned
from processors.sla_clock import SlaClock
from tests.processors.kit import BEGAN, Stage

HANDLER, LEAD = Receivers(roles=("handler",)), Receivers(roles=("lead",))
ACCEPT = Target(measure="accept", urgent=5, high=15, normal=30)
RESOLVE = Target(measure="resolution", urgent=60, high=120, normal=240)
TEAM = UUID(int=7)


def stage_with(*targets, **given):
    """A desk that promises this."""
    stage = Stage(SlaClock())
    promise(stage, *targets, **given)
    return stage


def promise(stage, *targets, key="usual", **given):
    definition = PolicyDefinition(**{"title": "Usual", "targets": targets or (ACCEPT,)} | given)
    stage.do(SetPolicy, key=key, definition=definition)


def open_ticket(stage, **given):
    stage.do(OpenTicket, number="T-1", title="打印机坏了", **given)


def had(stage, kind):
    return [event for event in stage.events("T-1") if isinstance(event, kind)]


def test_a_late_ticket_says_so_at_the_moment_at_which_it_is_late():
    stage = stage_with()
    open_ticket(stage)
    assert had(stage, TicketPromised) == [TicketPromised(policy=Pinned(key="usual", version=1))]
    stage.advance(minutes=29)
    assert not had(stage, TicketBreached)
    stage.advance(minutes=1)
    (late,) = had(stage, TicketBreached)
    assert (late.measure, late.since, late.due_at) == ("accept", BEGAN, BEGAN + timedelta(minutes=30))
    envelope = stage.log[-1].metadata
    assert (envelope.occurred_at, envelope.rule_version) == (late.due_at, 1)
    assert envelope.rule_id == stage.desk.policies["usual"][-1].policy_id
    stage.advance(days=30)
    assert len(had(stage, TicketBreached)) == 1


def test_what_is_done_in_time_is_not_late_and_what_is_done_late_was():
    stage = stage_with()
    open_ticket(stage)
    stage.advance(minutes=29)
    stage.do(AcceptTicket, number="T-1")
    stage.advance(days=1)
    assert not had(stage, TicketBreached)

    late = stage_with()
    open_ticket(late)
    # The timers are behind: somebody is faster.
    late.now += timedelta(minutes=30)
    late.do(AcceptTicket, number="T-1")
    assert [event.measure for event in had(late, TicketBreached)] == ["accept"]


def test_what_was_late_before_it_became_less_urgent_stays_late():
    stage = stage_with()
    open_ticket(stage, priority="urgent")
    stage.now += timedelta(minutes=10)
    stage.do(ChangePriority, number="T-1", priority="normal")
    assert [event.due_at for event in had(stage, TicketBreached)] == [BEGAN + timedelta(minutes=5)]


def test_more_urgent_it_may_be_late_at_once():
    stage = stage_with()
    open_ticket(stage)
    stage.advance(minutes=10)
    stage.do(ChangePriority, number="T-1", priority="urgent")
    assert [event.due_at for event in had(stage, TicketBreached)] == [BEGAN + timedelta(minutes=5)]


def test_pending_the_clock_stands_still():
    stage = stage_with(RESOLVE)
    open_ticket(stage)
    stage.advance(minutes=100)
    stage.do(MoveTicket, number="T-1", status="pending")
    assert stage.due("T-1") == {"promises": NEVER}
    stage.advance(days=3)
    stage.do(MoveTicket, number="T-1", status="open")
    stage.advance(minutes=139)
    assert not had(stage, TicketBreached)
    stage.advance(minutes=1)
    assert had(stage, TicketBreached)


def test_another_promise_is_counted_from_the_beginning():
    stage = stage_with()
    open_ticket(stage)
    stage.advance(minutes=20)
    promise(stage, Target(measure="accept", normal=10))
    assert [event.policy.version for event in had(stage, TicketPromised)] == [1, 2]
    assert [event.due_at for event in had(stage, TicketBreached)] == [BEGAN + timedelta(minutes=10)]


def test_a_paused_ticket_too_hears_of_another_promise():
    stage = stage_with(RESOLVE)
    open_ticket(stage)
    stage.do(MoveTicket, number="T-1", status="pending")
    stage.advance(minutes=20)
    promise(stage, RESOLVE, pauses=())
    assert stage.due("T-1") == {"promises": BEGAN + timedelta(minutes=240)}


def test_without_a_policy_nothing_is_promised_any_more():
    stage = stage_with()
    open_ticket(stage)
    stage.do(RetirePolicy, key="usual")
    assert had(stage, TicketPromised)[-1] == TicketPromised(policy=None, previous=Pinned(key="usual", version=1))
    stage.advance(days=9)
    assert not had(stage, TicketBreached)


def test_other_hours_are_counted_from_the_beginning():
    stage = stage_with(RESOLVE, hours="business")
    open_ticket(stage)
    week = [{"weekday": day, "starts": 600, "ends": 660} for day in range(7)]
    stage.do(SetCalendar, key="short", definition={"title": "Short", "week": week})
    stage.do(SetDefaultCalendar, calendar="short")
    assert had(stage, TicketPromised)[-1].calendar == Pinned(key="short", version=1)
    assert stage.due("T-1") == {"promises": BEGAN.replace(hour=11) + timedelta(days=3)}


@pytest.mark.parametrize("vip_first", [True, False])
def test_the_first_policy_whose_condition_holds_is_taken_whichever_was_set_up_first(vip_first):
    stage, vip = Stage(SlaClock()), {"field": "tags", "op": "has_any", "value": ["vip"]}
    special = {"key": "vip", "position": 1, "when": vip}
    for given in (special, {}) if vip_first else ({}, special):
        promise(stage, **given)
    open_ticket(stage)
    stage.do(TagTicket, number="T-1", add={"vip"})
    assert [event.policy.key for event in had(stage, TicketPromised)] == ["usual", "vip"]


def test_nothing_is_promised_about_spam_and_finished_work_has_no_timer():
    stage = stage_with()
    open_ticket(stage)
    stage.do(CloseTicket, number="T-1")
    assert stage.due("T-1") == {}


VIPS = {"field": "requester.tier", "op": "is_any_of", "value": ["vip"]}
REMINDERS = (
    Reminder(key="vip", when=VIPS, minutes=-10, every=15, at_most=3, to=HANDLER, later=LEAD),
    Reminder(key="usual", when={"none": [VIPS]}, to=HANDLER),
)


def reminded(stage):
    return [(event.count, event.to) for event in had(stage, TicketReminded)]


def with_requester(stage, tier):
    zoe = uuid4()
    stage.do(RegisterRequester, requester_id=zoe, requester_name="Zoe")
    stage.do(ChangeRequester, requester_id=zoe, tier=tier)
    open_ticket(stage, requester_id=zoe)


def test_of_an_ordinary_customer_people_are_reminded_once():
    stage = stage_with(reminders=REMINDERS)
    with_requester(stage, "silver")
    stage.advance(minutes=29)
    assert reminded(stage) == []
    stage.advance(days=2)
    assert reminded(stage) == [(1, HANDLER)]


def test_of_a_vip_earlier_and_again_with_the_lead_from_the_second_time():
    stage = stage_with(reminders=REMINDERS)
    with_requester(stage, "vip")
    stage.advance(minutes=20)
    assert reminded(stage) == [(1, HANDLER)]
    stage.advance(minutes=14)
    assert len(reminded(stage)) == 1
    stage.advance(days=2)
    assert reminded(stage) == [(1, HANDLER), (2, HANDLER + LEAD), (3, HANDLER + LEAD)]


def test_promises_mean_an_organisation_with_those_that_were_merged_into_it():
    acme, twin = uuid4(), uuid4()
    of_acme = {"field": "requester.organisation_id", "op": "is", "value": str(acme)}
    reminders = (Reminder(key="acme", when=of_acme, minutes=-10, to=HANDLER),)
    for merged in (False, True):
        stage = stage_with(reminders=reminders, when=of_acme)
        stage.do(RegisterRequester, requester_id=(zoe := uuid4()), requester_name="Zoe", organisation_id=twin)
        if merged:
            stage.do(MergeOrganisation, organisation_id=twin, into=acme)
        open_ticket(stage, requester_id=zoe)
        stage.advance(minutes=21)
        assert reminded(stage) == [(1, HANDLER)] * merged


def test_who_answers_is_reminded_no_more():
    stage = stage_with(reminders=REMINDERS)
    with_requester(stage, "vip")
    stage.advance(minutes=21)
    stage.do(AcceptTicket, number="T-1")
    stage.advance(days=2)
    assert len(reminded(stage)) == 1


def test_after_a_long_sleep_people_are_reminded_once():
    stage = stage_with(reminders=REMINDERS)
    with_requester(stage, "vip")
    stage.sleep(days=2)
    assert reminded(stage) == [(3, HANDLER + LEAD)]


LADDER = (
    LadderStep(key="late", level=1, after=0, to=LEAD),
    LadderStep(key="very-late", level=2, after=60, to=Receivers(roles=("control_room",)), reason="An hour late"),
    LadderStep(key="urged", level=3, urges=2, to=LEAD),
    LadderStep(key="costly", level=4, when={"field": "fields.cost", "op": "gt", "value": 1000}, to=LEAD),
)


def steps(stage):
    return [event.step for event in had(stage, TicketEscalated)]


def test_a_ladder_is_climbed_step_by_step_each_once():
    stage = stage_with(ladder=LADDER)
    open_ticket(stage)
    stage.advance(minutes=30)
    assert steps(stage) == ["usual/late"]
    stage.advance(minutes=59)
    assert stage.ticket("T-1").ticket.level == 1
    stage.advance(days=30)
    assert steps(stage) == ["usual/late", "usual/very-late"]
    assert stage.ticket("T-1").row.level == 2


def test_urges_and_fields_are_steps_too():
    stage = stage_with(ladder=LADDER)
    zoe = Actor(kind="requester", id=str(uuid4()))
    stage.do(RegisterRequester, requester_id=UUID(zoe.id), requester_name="Zoe")
    open_ticket(stage, requester_id=UUID(zoe.id), priority="low", fields={"cost": 2000})
    assert steps(stage) == ["usual/costly"]
    for _ in range(3):
        stage.do(UrgeTicket, number="T-1", body="快点", by=zoe)
    assert steps(stage) == ["usual/costly", "usual/urged"]


def test_what_is_quiet_for_hours_in_a_status_is_reminded_then_escalated():
    quiet = Target(measure="update", normal=120, statuses=("pending",), pauses=())
    stage = stage_with(
        quiet,
        reminders=(Reminder(key="quiet", measures=("update",), to=HANDLER),),
        ladder=(LadderStep(key="quiet", level=1, measures=("update",), after=60, to=LEAD),),
    )
    open_ticket(stage)
    stage.advance(days=1)
    assert not had(stage, TicketReminded), "not in another status"
    stage.do(MoveTicket, number="T-1", status="pending")
    stage.advance(minutes=119)
    stage.do(ReplyToTicket, number="T-1", body="Any news?")
    stage.advance(minutes=120)
    assert (len(had(stage, TicketReminded)), steps(stage)) == (1, [])
    stage.advance(minutes=60)
    assert steps(stage) == ["usual/quiet"]
    stage.advance(days=30)
    assert (len(had(stage, TicketReminded)), len(steps(stage))) == (1, 1)


def test_the_default_promises_what_it_says():
    stage = Stage(SlaClock())
    stage.do(SetPolicy, key="default", definition=DEFAULT)
    open_ticket(stage, priority="urgent", assignee=Assignee())
    stage.advance(minutes=5)
    assert [event.measure for event in had(stage, TicketBreached)] == ["accept"]
    assert (len(reminded(stage)), steps(stage)) == (1, ["default/late"])


def tell(stage, kind, status, at):
    facts = {"title": "x", "status": status, "priority": "urgent", "fields": {}, "category": (), "requester_id": None}
    envelope = {"by": SYSTEM, "told_by": stage.person, "channel": "import", "at": at}
    stage.do(kind, number="T-1", assignee=NOBODY, **facts, **envelope)


def test_what_another_system_tells_was_late_but_nobody_hears_of_it():
    stage = stage_with(reminders=REMINDERS, ladder=LADDER)
    began = stage.now - timedelta(days=900)
    tell(stage, TellOpening, "new", began)
    assert not had(stage, TicketBreached), "its next update may be on its way"
    tell(stage, TellUpdate, "open", began + timedelta(minutes=6))
    assert [event.due_at for event in had(stage, TicketBreached)] == [began + timedelta(minutes=5)]
    stage.advance(days=30)
    assert not had(stage, TicketReminded)
    assert steps(stage) == []


def test_what_is_told_and_goes_no_further_is_late_in_the_end_and_still_nobody_hears_of_it():
    stage = stage_with(reminders=REMINDERS, ladder=LADDER)
    tell(stage, TellOpening, "new", stage.now - timedelta(days=900))
    stage.advance(minutes=61)
    assert [event.measure for event in had(stage, TicketBreached)] == ["accept"]
    promise(stage, reminders=REMINDERS, ladder=LADDER, title="Anew")
    stage.advance(days=30)
    assert not had(stage, TicketReminded)
    assert steps(stage) == []


def test_nobody_is_reminded_while_it_is_somebody_elses_turn():
    stage = stage_with(RESOLVE, reminders=(Reminder(key="soon", minutes=-30, to=HANDLER),), ladder=LADDER[:1])
    open_ticket(stage)
    stage.now += timedelta(minutes=215)
    stage.do(MoveTicket, number="T-1", status="pending")
    promise(stage, Target(measure="resolution", normal=100), reminders=REMINDERS, ladder=LADDER)
    stage.advance(days=30)
    assert had(stage, TicketBreached)
    assert not had(stage, TicketReminded)
    assert steps(stage) == []


def test_how_it_stands_is_kept_as_lines():
    stage = stage_with(RESOLVE, Target(measure="next_response", normal=60))
    open_ticket(stage)
    line = stage.lines["T-1"]["resolution"]
    assert (line.state, line.policy, line.target_seconds) == ("running", Pinned(key="usual", version=1), 240 * 60)
    assert (line.since, line.due_at, line.met_at, line.breached_at) == (BEGAN, BEGAN + timedelta(hours=4), None, None)
    stage.do(MoveTicket, number="T-1", status="pending")
    assert (stage.lines["T-1"]["resolution"].state, stage.lines["T-1"]["resolution"].due_at) == ("paused", None)
    stage.do(MoveTicket, number="T-1", status="open")
    stage.advance(minutes=240)
    line = stage.lines["T-1"]["resolution"]
    assert (line.state, line.breached_at, line.occasions, line.breaches) == ("late", stage.now, 1, 1)
    stage.do(CloseTicket, number="T-1")
    line = stage.lines["T-1"]["resolution"]
    assert (line.state, line.met_at) == ("broken", stage.now)


def test_of_what_is_waited_for_again_and_again_the_newest_has_the_line():
    stage = stage_with(Target(measure="follow_up", normal=60))
    open_ticket(stage)
    assert stage.lines["T-1"] == {}
    for _ in range(2):
        stage.do(ReplyToTicket, number="T-1", body="Soon")
        stage.advance(minutes=60)
    stage.do(ReplyToTicket, number="T-1", body="Soon")
    line = stage.lines["T-1"]["follow_up"]
    assert (line.state, line.since, line.occasions, line.breaches) == ("running", stage.now, 3, 2)


def test_another_promise_is_in_the_lines_and_none_leaves_none():
    stage = stage_with()
    open_ticket(stage)
    promise(stage, RESOLVE)
    assert {name: line.policy.version for name, line in stage.lines["T-1"].items()} == {"resolution": 2}
    stage.do(RetirePolicy, key="usual")
    assert stage.lines["T-1"] == {}
