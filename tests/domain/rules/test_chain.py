"""Triggers on one happening: their order, what they see, and where it ends (D1, D9)."""

from domain.requester import Requester
from domain.rules.assigning import Roster
from domain.rules.chain import Said, chain, looks
from domain.ticket import events as e
from domain.ticket.marking import TicketPinned
from domain.values import Assignee, Priority, StatusKind
from tests.domain.kit import BILLING, BOB, opened
from tests.domain.rules.kit import (
    acts_of,
    done,
    happens,
    keys,
    leaf,
    none_yet,
    recorded,
    said,
    ticket,
    trigger,
    with_rules,
)

TAGGED_URGENT = e.TicketTagged(tag="urgent")
HIGH = {"do": "set_priority", "priority": "high"}
URGENT = {"do": "set_priority", "priority": "urgent"}
NOTE = {"do": "note", "body": "Seen"}


def tags(*names):
    return {"do": "add_tags", "tags": list(names)}


def test_a_trigger_acts_when_its_condition_comes_true():
    desk = with_rules(urgent=trigger(leaf("tags", "has_any", ["urgent"]), URGENT))
    assert done(ticket(desk).when(TAGGED_URGENT)) == [("urgent", [URGENT])]
    assert done(ticket(desk).when(e.TicketTagged(tag="calm"))) == []


def test_an_effect_that_changes_nothing_is_none_and_starts_nothing():
    desk = with_rules(
        urgent=trigger(leaf("tags", "has_any", ["urgent"]), URGENT),
        after=trigger(leaf("priority", "has_changed"), NOTE),
    )
    assert keys(ticket(desk, priority=Priority.URGENT).when(TAGGED_URGENT)) == []
    assert [look.said for look in said(ticket(desk, priority=Priority.URGENT).when(TAGGED_URGENT), "urgent")] == [
        Said.NOTHING
    ]


def test_later_triggers_see_what_earlier_ones_did_and_earlier_ones_what_came_of_it():
    late, early = trigger(leaf("priority", "is", "urgent"), tags("seen")), trigger(TAGGED_URGENT_WHEN, URGENT)
    assert keys(ticket(with_rules(early=early, late=late)).when(TAGGED_URGENT)) == ["early", "late"]
    chained = chain(ticket(with_rules(late=late, early=early)).when(TAGGED_URGENT), Roster())
    assert [(act.rule.key, act.cause) for act in chained.acts] == [("early", None), ("late", 0)]


TAGGED_URGENT_WHEN = leaf("tags", "has_any", ["urgent"])


def test_each_trigger_acts_at_most_once_in_a_chain():
    desk = with_rules(noisy=trigger({"all": []}, NOTE), other=trigger(happens("noted"), tags("noted")))
    happening = ticket(desk).when(TAGGED_URGENT)
    assert keys(happening) == ["noisy", "other"]
    assert Said.ONCE in [look.said for look in said(happening, "noisy")]


def test_two_triggers_that_undo_each_other_stop_and_are_reported():
    desk = with_rules(
        up=trigger(leaf("priority", "changed_to", "low"), HIGH),
        down=trigger(leaf("priority", "changed_to", "high"), {"do": "set_priority", "priority": "low"}),
    )
    lowered = e.TicketPrioritised(priority=Priority.LOW, previous=Priority.NORMAL)
    found = chain(ticket(desk).when(lowered), Roster())
    assert [act.rule.key for act in found.acts] == ["up", "down"]
    assert [rule.key for rule in found.loop] == ["up"]
    assert Said.CUT in [look.said for look in looks(ticket(desk).when(lowered))]


def long_chain(length):
    """Triggers of which each is called by the one before it, in the opposite order."""
    steps = {
        f"t{n:02}": trigger(leaf("tags", "has_any", [f"s{n}"]), tags(f"s{n + 1}")) for n in reversed(range(length))
    }
    return with_rules(**steps)


def test_a_chain_is_at_most_ten_deep_and_says_what_it_left_out():
    found = chain(ticket(long_chain(10)).when(e.TicketTagged(tag="s0")), Roster())
    assert (len(found.acts), found.too_deep) == (10, ())
    found = chain(ticket(long_chain(14)).when(e.TicketTagged(tag="s0")), Roster())
    assert [act.rule.key for act in found.acts] == [f"t{n:02}" for n in range(10)]
    assert [rule.key for rule in found.too_deep] == ["t10"]


def test_stop_lets_no_later_trigger_look():
    desk = with_rules(
        first=trigger(TAGGED_URGENT_WHEN, HIGH, {"do": "stop"}), second=trigger(TAGGED_URGENT_WHEN, tags("second"))
    )
    happening = ticket(desk).when(TAGGED_URGENT)
    assert keys(happening) == ["first"]
    assert [look.said for look in said(happening, "second")] == [Said.STOPPED]


def test_what_is_told_and_what_triggers_did_is_not_looked_at():
    desk = with_rules(noisy=trigger({"all": []}, NOTE))
    for channel in ("import", "trigger"):
        assert chain(ticket(desk).when(TAGGED_URGENT, channel=channel), Roster()).acts == ()
        assert looks(ticket(desk).when(TAGGED_URGENT, channel=channel)) == []
    assert keys(ticket(desk).when(TAGGED_URGENT, channel="automation")) == ["noisy"]


def test_a_refused_rule_says_so_and_lets_the_others_act():
    desk = with_rules(
        bad=trigger(TAGGED_URGENT_WHEN, NOTE, {"do": "set_status", "status": "rated"}),
        good=trigger(TAGGED_URGENT_WHEN, HIGH),
    )
    found = chain(ticket(desk).when(TAGGED_URGENT), Roster())
    assert acts_of(found) == [("good", [HIGH])]
    ((rule, refusal, cause),) = found.refused
    assert (rule.key, refusal.code, refusal.fields["action"], cause) == ("bad", "illegal_move", 2, None)


def test_an_opening_is_a_happening_without_a_before():
    desk = with_rules(
        new=trigger(happens("opened"), HIGH), changed=trigger(leaf("priority", "has_changed"), tags("changed"))
    )
    assert keys(none_yet(desk).when(opened())) == ["new", "changed"]
    assert chain(none_yet(desk).when(opened()), Roster()).acts[1].cause == 0


def test_rules_ask_for_what_was_before_and_for_who_did_it():
    desk = with_rules(
        reopened=trigger({"all": [leaf("before.kind", "is", "resolved"), leaf("kind", "is", "open")]}, HIGH),
        by_staff=trigger(leaf("actor", "is", "person"), tags("staff")),
        own=trigger(leaf("assignee_person", "is", {"me": True}), tags("own")),
        said=trigger(leaf("message", "contains_word", "refund"), tags("refund")),
        told=trigger(leaf("channel", "is", "email"), tags("email")),
    )
    done_before = e.TicketResolved(status="resolved", kind=StatusKind.RESOLVED, previous="new", previous_kind="new")
    again = e.TicketReopened(status="open", kind=StatusKind.OPEN, previous="resolved", previous_kind="resolved")
    assert keys(ticket(desk, done_before).when(again)) == ["reopened", "by-staff"]
    mine = ticket(desk, assignee=Assignee(person=BOB))
    assert keys(mine.when(TicketPinned())) == ["by-staff"]
    reply = e.TicketReplied(message_id=BOB, body="I want a REFUND.")
    zoe = recorded(reply).metadata.actor.model_copy(update={"kind": "requester"})
    assert keys(mine.when(reply, by=zoe, channel="email")) == ["said", "told"]
    bob = zoe.model_copy(update={"kind": "person", "id": str(BOB)})
    assert keys(mine.when(TicketPinned(), by=bob)) == ["by-staff", "own"]


def test_rules_know_the_requester_as_they_were_then():
    desk = with_rules(vip=trigger(leaf("requester.tier", "is", "vip"), URGENT))
    assert keys(ticket(desk, requester=Requester(tier="vip")).when(TAGGED_URGENT)) == ["vip"]
    assert keys(ticket(desk, requester=Requester(tier="basic")).when(TAGGED_URGENT)) == []


def test_an_assignment_is_seen_by_the_next_rule():
    desk = with_rules(
        give=trigger(TAGGED_URGENT_WHEN, {"do": "assign", "to": {"team": str(BILLING)}}),
        given=trigger(leaf("assignee_team", "changed_to", str(BILLING)), tags("billing")),
    )
    assert keys(ticket(desk).when(TAGGED_URGENT)) == ["give", "given"]
