"""So long after something, and still so: when automations look at a ticket, and what they do (D2, D5)."""

from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import ValidationError

from domain.conditions import Context, parse
from domain.requester import Requester
from domain.rules.acting import Occasion
from domain.rules.assigning import Roster
from domain.rules.automating import Look, fired, may_hold, next_look, plans
from domain.rules.facts import Facts
from domain.rules.rule import RuleDefinition
from domain.setup.calendars import RetireCalendar, SetCalendar, SetDefaultCalendar
from domain.ticket import events as e
from domain.values import Assignee, StatusKind
from tests.domain.kit import ANN, BILLING, DESK, NOON, WORKSPACE
from tests.domain.rules.kit import leaf, recorded, situation, ticket, with_rules
from tests.domain.setups import desk_after

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RESOLVED = e.TicketResolved(status="resolved", kind=StatusKind.RESOLVED, previous="new", previous_kind=StatusKind.NEW)
NOTE = {"do": "note", "body": "Still here"}
ID = UUID(int=7)


def automation(since, hours, *then, when=None, repeat=None):
    timing = {"since": since, "after": {"amount": hours, "unit": "hours"}, "repeat": repeat}
    when = {"all": []} if when is None else when
    return RuleDefinition(title="An automation", kind="automation", when=when, then=then or (NOTE,), timing=timing)


def at(now, desk, when, requester=None):
    return Look(now, desk, requester, when)


def fire(look):
    occasion = Occasion(look.now, look.desk, look.requester, look.at, WORKSPACE, ID, ID, "automation", Roster())
    return fired(look, occasion)


def keys(firing):
    return [act.rule.key for act in firing.acts]


def ran(events, firing, when):
    """The events of the ticket with what the automations did in it, each by one note."""
    version = len(events)
    notes = [
        recorded(
            e.TicketNoted(message_id=ANN, body="x"),
            version + place,
            at=when,
            channel="automation",
            rule_id=act.rule.rule_id,
            rule_version=1,
        )
        for place, act in enumerate(firing.acts, 1)
    ]
    return (*events, *notes)


def test_it_acts_once_when_its_time_has_come_and_the_condition_still_holds():
    desk = with_rules(wait=automation("opened_at", 4, when=leaf("kind", "is", "new")))
    events = ticket(desk).events
    now = situation(events)
    assert next_look(at(now, desk, NOON)) == NOON + 4 * HOUR
    assert keys(fire(at(now, desk, NOON + 4 * HOUR - timedelta(seconds=1)))) == []
    firing = fire(at(now, desk, NOON + 4 * HOUR))
    assert (keys(firing), firing.look) == (["wait"], None)
    after = situation(ran(events, firing, NOON + 4 * HOUR))
    assert next_look(at(after, desk, NOON + 5 * HOUR)) is None
    assert keys(fire(at(after, desk, NOON + 9 * DAY))) == []


def test_what_no_longer_holds_is_not_looked_at():
    desk = with_rules(wait=automation("opened_at", 4, when=leaf("kind", "is", "new")))
    resolved = situation(ticket(desk, RESOLVED).events)
    assert next_look(at(resolved, desk, NOON)) is None
    assert keys(fire(at(resolved, desk, NOON + DAY))) == []


def test_another_moment_is_another_occasion():
    desk = with_rules(remind=automation("last_requester_reply_at", 4))
    zoe = recorded(RESOLVED).metadata.actor.model_copy(update={"kind": "requester"})
    reply = e.TicketReplied(message_id=ANN, body="?")
    first = (*ticket(desk).events, recorded(reply, 2, zoe, NOON + HOUR))
    assert next_look(at(situation(first), desk, NOON)) == NOON + 5 * HOUR
    firing = fire(at(situation(first), desk, NOON + 5 * HOUR))
    again = ran(first, firing, NOON + 5 * HOUR)
    assert next_look(at(situation(again), desk, NOON + 6 * HOUR)) is None
    again = (*again, recorded(reply, 4, zoe, NOON + 6 * HOUR))
    assert next_look(at(situation(again), desk, NOON + 6 * HOUR)) == NOON + 10 * HOUR


def test_it_repeats_as_often_as_was_said():
    repeat = {"every": {"amount": 1, "unit": "hours"}, "at_most": 2}
    desk = with_rules(remind=automation("opened_at", 4, repeat=repeat))
    events, times = ticket(desk).events, []
    look = next_look(at(situation(events), desk, NOON))
    while look is not None:
        times.append((look - NOON) / HOUR)
        events = ran(events, fire(at(situation(events), desk, look)), look)
        look = next_look(at(situation(events), desk, look))
    assert times == [4, 5, 6]


def test_what_it_moves_itself_is_no_new_occasion():
    desk = with_rules(park=automation("moved_at", 4, {"do": "set_status", "status": "pending"}))
    firing = fire(at(situation(ticket(desk).events), desk, NOON + 4 * HOUR))
    assert (keys(firing), firing.look) == (["park"], None)


def test_an_answer_by_a_rule_answers_nobody():
    desk = with_rules(late=automation("unanswered_since", 4))
    rule = recorded(RESOLVED).metadata.actor.model_copy(update={"kind": "rule", "id": str(ID)})
    reply = e.TicketReplied(message_id=ANN, body="We have it.")
    by_rule = (*ticket(desk).events, recorded(reply, 2, rule, NOON + HOUR))
    assert next_look(at(situation(by_rule), desk, NOON + HOUR)) == NOON + 4 * HOUR
    by_ann = (*ticket(desk).events, recorded(reply, 2, at=NOON + HOUR))
    assert next_look(at(situation(by_ann), desk, NOON + HOUR)) is None


def test_urgent_and_assigned_two_hours_ago():
    desk = with_rules(chase=automation("assigned_at", 2, when=leaf("priority", "is", "urgent")))
    given = e.TicketAssigned(assignee=Assignee(team=BILLING))
    events = (*ticket(desk, priority="urgent").events, recorded(given, 2, at=NOON + HOUR))
    assert next_look(at(situation(events), desk, NOON + HOUR)) == NOON + 3 * HOUR
    assert next_look(at(situation(ticket(desk, priority="urgent").events), desk, NOON)) is None


def test_a_refused_or_empty_effect_waits_for_something_else_to_happen():
    desk = with_rules(
        none=automation("opened_at", 1, {"do": "set_priority", "priority": "normal"}),
        bad=automation("opened_at", 1, {"do": "set_status", "status": "rated"}),
    )
    firing = fire(at(situation(ticket(desk).events), desk, NOON + HOUR))
    assert (keys(firing), [each.rule.key for each in firing.refused], firing.look) == ([], ["bad"], None)


def test_each_sees_what_earlier_ones_did():
    desk = with_rules(
        close=automation("opened_at", 1, {"do": "close"}),
        remind=automation("opened_at", 1, when=leaf("kind", "is", "new")),
    )
    assert keys(fire(at(situation(ticket(desk).events), desk, NOON + HOUR))) == ["close"]
    desk = with_rules(
        early=automation("opened_at", 1, when=leaf("tags", "has_any", ["vip"])),
        mark=automation("opened_at", 1, {"do": "add_tags", "tags": ["vip"]}),
        late=automation("opened_at", 1, when=leaf("tags", "has_any", ["vip"])),
    )
    firing = fire(at(situation(ticket(desk).events), desk, NOON + HOUR))
    assert keys(firing) == ["mark", "late"], "what an earlier one made so is found"
    assert firing.look == NOON + HOUR, "and what came before it has its turn"


def test_what_follows_the_clock_is_looked_at_when_it_turns():
    soon = leaf("due_at", "within_next", {"amount": 2, "unit": "hours"})
    desk = with_rules(soon=automation("opened_at", 1, when=soon))
    now = situation(ticket(desk, due_at=NOON + 10 * HOUR).events)
    look = next_look(at(now, desk, NOON + 2 * HOUR))
    assert timedelta() < look - (NOON + 8 * HOUR) < timedelta(seconds=1)
    assert keys(fire(at(now, desk, look))) == ["soon"]


def test_what_is_known_of_the_customer_may_come_to_be_otherwise():
    desk = with_rules(vip=automation("opened_at", 4, when=leaf("requester.tier", "is", "vip")))
    now = situation(ticket(desk).events)
    assert next_look(at(now, desk, NOON)) == NOON + 4 * HOUR
    assert keys(fire(at(now, desk, NOON + 4 * HOUR, Requester(tier="basic")))) == []
    assert keys(fire(at(now, desk, NOON + 4 * HOUR, Requester(tier="vip")))) == ["vip"]


def test_it_says_how_it_stands():
    desk = with_rules(wait=automation("resolved_at", 4), urgent=automation("opened_at", 1, when=URGENT))
    first, second = plans(at(situation(ticket(desk).events), desk, NOON))
    assert (first.since, first.due, first.reasons) == (None, None, ())
    assert (second.since, second.due, second.reasons[0].place) == (NOON, NOON + HOUR, "condition")


URGENT = leaf("priority", "is", "urgent")


def test_groups_may_come_true_if_their_leaves_may():
    now = Facts(situation(ticket(with_rules()).events), None)
    vip, low = leaf("requester.tier", "is", "vip"), leaf("priority", "is", "low")
    expected = {"all": (True, False, False), "any": (True, False, True), "none": (True, True, True)}
    for group, (only_vip, only_low, both) in expected.items():
        for parts, may in (([vip], only_vip), ([low], only_low), ([vip, low], both)):
            assert may_hold(parse({group: parts}), now, Context(NOON)) is may, (group, parts)


WEEK = [{"weekday": day, "starts": 9 * 60, "ends": 17 * 60} for day in range(7)]


def in_business_hours(desk, key="office"):
    """The desk with such a calendar for everybody."""
    calendar = {"title": "Office", "week": WEEK}
    desk = desk_after(desk, SetCalendar, key=key, definition=calendar)
    return desk_after(desk, SetDefaultCalendar, calendar=key)


def business(*then, calendar=None, repeat=None):
    timing = {"since": "opened_at", "after": {"amount": 6, "unit": "hours"}, "repeat": repeat}
    timing |= {"hours": "business", "calendar": calendar}
    return RuleDefinition(title="Business", kind="automation", when={"all": []}, then=then or (NOTE,), timing=timing)


def test_business_hours_are_counted_in_business_hours():
    again = {"every": {"amount": 4, "unit": "hours"}, "at_most": 1}
    desk = with_rules(in_business_hours(DESK), wait=business(repeat=again))
    events = ticket(desk).events
    # Five hours today, the sixth tomorrow from nine on.
    due = NOON.replace(hour=10) + DAY
    assert next_look(at(situation(events), desk, NOON)) == due
    assert keys(fire(at(situation(events), desk, due - HOUR))) == []
    firing = fire(at(situation(events), desk, due))
    assert keys(firing) == ["wait"]
    after = situation(ran(events, firing, due))
    assert next_look(at(after, desk, due)) == due + 4 * HOUR


def test_without_a_calendar_business_hours_are_all_hours():
    desk = with_rules(wait=business())
    assert next_look(at(situation(ticket(desk).events), desk, NOON)) == NOON + 6 * HOUR


def test_the_rules_calendar_goes_before_the_desks():
    desk = in_business_hours(DESK)
    nights = {"title": "Nights", "week": [{"weekday": day, "starts": 0, "ends": 24 * 60} for day in range(7)]}
    desk = desk_after(desk, SetCalendar, key="nights", definition=nights)
    desk = with_rules(desk, wait=business(calendar="nights"))
    assert next_look(at(situation(ticket(desk).events), desk, NOON)) == NOON + 6 * HOUR


def test_a_business_day_has_no_length():
    for wrong in ({"after": {"amount": 1, "unit": "days"}, "hours": "business"}, {"calendar": "office"}):
        timing = {"since": "opened_at", "after": {"amount": 1, "unit": "hours"}} | wrong
        with pytest.raises(ValidationError):
            RuleDefinition(title="x", kind="automation", when={"all": []}, then=(NOTE,), timing=timing)


def test_the_calendar_of_a_rule_is_there_and_stays():
    with pytest.raises(AssertionError, match="No calendar «moon»"):
        with_rules(wait=business(calendar="moon"))
    desk = desk_after(DESK, SetCalendar, key="office", definition={"title": "Office", "week": WEEK})
    desk = with_rules(desk, wait=business(calendar="office"))
    with pytest.raises(AssertionError, match="still used by the rule «Business»"):
        desk_after(desk, RetireCalendar, key="office")
