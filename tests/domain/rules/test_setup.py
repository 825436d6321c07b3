"""Setting rules up: versions, order, what is refused, and that nobody lets a rule do what they may not (B11)."""

import pytest
from pydantic import ValidationError

from domain.actions import ACTIONS
from domain.command import evolve
from domain.conditions import InvalidCondition
from domain.errors import InvalidInput, NotAllowed, UnknownPerson, UnknownStatus, UnknownTeam
from domain.permissions import Permission
from domain.rulebook import UnknownSetup
from domain.rules.rule import RuleDefinition
from domain.setup import macros
from domain.setup.policies import SetPolicy
from domain.setup.roles import RoleSet
from domain.setup.rules import InvalidRule, OrderRules, RetireRule, RuleRetired, RuleSet, RulesOrdered, SetRule
from domain.setup.statuses import RetireStatus
from domain.setup.teams import RetireTeam
from domain.setup.uses import StillInUse
from domain.sla.defaults import DEFAULT
from domain.workspace import RoleChanged
from tests.domain.kit import BILLING, BOB, DESK, decided, folded, given, id_of, person, wish
from tests.domain.rules.kit import leaf, trigger, with_rules

REASONS = {"why": "Urgent ones waited", "expected": "Half the wait"}
URGENT = trigger(
    leaf("tags", "has_any", ["urgent"]), {"do": "set_priority", "priority": "urgent"}, title="Urgent first"
)
AFTER = {"since": "moved_at", "after": {"amount": 3, "unit": "days"}}
ADMIN = person("admin")


def test_a_rule_is_set_changed_retired_and_set_again():
    desk = with_rules(urgent=URGENT)
    first = desk.rule("urgent")
    assert (first.version, first.title, first.retired) == (1, "Urgent first", False)
    wish_again = wish(SetRule, key="urgent", definition=URGENT)
    assert decided(wish_again, desk, desk).events == []
    changed = wish(SetRule, key="urgent", definition=URGENT.model_copy(update={"title": "Now"}), **REASONS)
    (event,) = decided(changed, desk, desk).events
    assert (event.rule.version, event.rule.rule_id, event.why) == (2, first.rule_id, "Urgent ones waited")
    desk = evolve(desk, event)
    assert desk.rule_of(first.rule_id, 1) == first
    assert desk.rule_of(first.rule_id) == event.rule
    outcome = decided(wish(RetireRule, key="urgent", **REASONS), desk, desk)
    assert outcome.events == [RuleRetired(key="urgent", **REASONS)]
    desk = folded(desk, *outcome.events)
    assert desk.rules_in_order("trigger") == []
    assert desk.rule_of(first.rule_id, 2).title == "Now"
    assert decided(wish(RetireRule, key="urgent"), desk, desk).events == []
    (event,) = decided(wish(SetRule, key="urgent", definition=URGENT), desk, desk).events
    assert (event.rule.version, event.rule.retired) == (3, False)


def test_rules_act_in_the_order_that_people_set():
    desk = with_rules(a=URGENT, b=URGENT, c=URGENT)
    assert [rule.key for rule in desk.rules_in_order("trigger")] == ["a", "b", "c"]
    outcome = decided(wish(OrderRules, order=("c", "a", "b"), **REASONS), desk, desk)
    assert outcome.events == [RulesOrdered(order=("c", "a", "b"), previous=("a", "b", "c"), **REASONS)]
    ordered = folded(desk, *outcome.events)
    assert [rule.key for rule in ordered.rules_in_order("trigger")] == ["c", "a", "b"]
    assert decided(wish(OrderRules, order=("c", "a", "b")), ordered, ordered).events == []
    for wrong in (("a", "b"), ("a", "b", "b"), ("a", "b", "c", "d")):
        assert isinstance(decided(wish(OrderRules, order=wrong), desk, desk).refusal, InvalidInput)


@pytest.mark.parametrize(
    ("effect", "refusal"),
    [
        ({"do": "explode"}, InvalidRule),
        ({"do": "note", "body": "{{ticket.secret}}"}, InvalidRule),
        ({"do": "note"}, InvalidRule),
        ({"do": "set_status", "status": "nowhere"}, UnknownStatus),
        ({"do": "assign", "to": {"team": str(BOB)}}, UnknownTeam),
        ({"do": "follow", "person_id": str(id_of("nobody"))}, UnknownPerson),
        ({"do": "follow"}, InvalidRule),
        ({"do": "run_macro", "macro": "none"}, macros.UnknownMacro),
        ({"do": "reply_with", "reply": "none"}, macros.UnknownCannedReply),
        ({"do": "set_due_in", "after": {"amount": 0, "unit": "days"}}, InvalidRule),
    ],
)
def test_a_rule_does_only_what_can_be_done(effect, refusal):
    given().when(SetRule, key="x", definition=trigger({"all": []}, effect)).then_refused(refusal)


@pytest.mark.parametrize(
    "when",
    [
        leaf("event", "has_any", ["ticket.exploded"]),
        leaf("status", "is", "nowhere"),
        leaf("before.status", "is_any_of", ["open", "nowhere"]),
        leaf("assignee_team", "is", str(BOB)),
    ],
)
def test_a_rule_waits_only_for_what_can_be(when):
    definition = trigger(when, {"do": "close"})
    given().when(SetRule, key="x", definition=definition).then_refused(InvalidRule, place="when")


def test_a_condition_on_before_asks_for_a_value_and_not_for_a_change():
    with pytest.raises((InvalidCondition, ValidationError)):
        trigger(leaf("before.status", "has_changed"), {"do": "close"})
    with pytest.raises((InvalidCondition, ValidationError)):
        trigger(leaf("before.requester.tier", "is", "vip"), {"do": "close"})


def test_an_automation_has_a_timing_and_keeps_its_kind():
    asked = {"title": "Close", "when": {"all": []}, "then": [{"do": "close"}]}
    for wrong in ({"kind": "automation"}, {"kind": "trigger", "timing": AFTER}):
        with pytest.raises(ValidationError):
            RuleDefinition(**asked, **wrong)
    desk = with_rules(close=RuleDefinition(**asked, kind="automation", timing=AFTER))
    asked_again = wish(SetRule, key="close", definition=RuleDefinition(**asked, kind="trigger"))
    assert isinstance(decided(asked_again, desk, desk).refusal, InvalidRule)


@pytest.mark.parametrize(
    "when",
    [
        leaf("event", "has_any", ["ticket.opened"]),
        leaf("priority", "has_changed"),
        leaf("before.status", "is", "open"),
        leaf("actor_id", "is_set"),
    ],
)
def test_to_an_automation_nothing_just_happened(when):
    definition = RuleDefinition(title="x", kind="automation", when=when, then=[{"do": "close"}], timing=AFTER)
    given().when(SetRule, key="x", definition=definition).then_refused(InvalidRule, place="when")


def test_only_who_may_edit_rules_sets_them_and_only_for_what_they_may_do_themselves():
    asked = {"key": "x", "definition": URGENT}
    for role in ("agent", "lead", "auditor", "analyst", "control_room"):
        given().when(SetRule, by=person(role), **asked).then_refused(NotAllowed, permission=Permission.RULE_EDIT)
    assert given().when(SetRule, by=ADMIN, **asked).events
    smith = ("rule.edit", "ticket.view", "workspace.view")
    for role in (
        RoleSet(key="smith", title="Rule smith", permissions=smith),
        RoleSet(key="smith", title="Of printers", permissions=(*smith, "ticket.edit"), types=("incident",)),
    ):
        desk = folded(DESK, role, RoleChanged(person_id=BOB, role="smith", previous="agent"))
        given(desk=desk).when(SetRule, by=person("bob"), **asked).then_refused(NotAllowed)
    everything = RoleSet(key="smith", title="Rule smith", permissions=(*smith, "ticket.edit"))
    desk = folded(DESK, everything, RoleChanged(person_id=BOB, role="smith", previous="agent"))
    assert given(desk=desk).when(SetRule, by=person("bob"), **asked).events


def test_what_is_unknown_is_refused():
    given().when(RetireRule, key="x").then_refused(UnknownSetup, what="rule")


@pytest.mark.parametrize(
    ("effect", "retire", "asked"),
    [
        ({"do": "run_macro", "macro": "hello"}, macros.RetireMacro, {"key": "hello"}),
        ({"do": "reply_with", "reply": "hello"}, macros.RetireCannedReply, {"key": "hello"}),
        ({"do": "set_status", "status": "waiting_vendor"}, RetireStatus, {"key": "waiting_vendor"}),
        ({"do": "run_macro", "macro": "hand-on"}, RetireTeam, {"team_id": BILLING}),
        ({"do": "assign", "to": {"team": str(BILLING)}}, RetireTeam, {"team_id": BILLING}),
        ({"do": "assign_by", "how": "round_robin", "team": str(BILLING)}, RetireTeam, {"team_id": BILLING}),
        ({"do": "escalate", "team": str(BILLING)}, RetireTeam, {"team_id": BILLING}),
        ({"do": "notify", "to": {"teams": [str(BILLING)]}, "text": "Look"}, RetireTeam, {"team_id": BILLING}),
    ],
)
def test_what_a_rule_needs_is_not_retired_before_it(effect, retire, asked):
    desk = folded(
        DESK,
        macros.MacroSet(key="hello", title="Hello", actions=({"do": "pin"},)),
        macros.MacroSet(key="hand-on", title="Hand on", actions=({"do": "assign", "to": {"team": str(BILLING)}},)),
        macros.CannedReplySet(key="hello", title="Hello", body="Hello"),
    )
    desk = with_rules(desk, needs=trigger({"all": []}, effect, title="Needs it"))
    refusal = decided(wish(retire, **asked), desk, desk).refusal
    assert isinstance(refusal, StillInUse)
    assert "the rule «Needs it»" in str(refusal)
    free = folded(desk, *decided(wish(RetireRule, key="needs"), desk, desk).events)
    assert decided(wish(retire, **asked), free, free).events


def test_the_event_carries_the_whole_rule():
    desk = with_rules(urgent=URGENT)
    again = RuleSet.model_validate_json(RuleSet(rule=desk.rule("urgent")).model_dump_json())
    assert again.rule == desk.rule("urgent")


def smiths(*permissions, **scope):
    """A desk where a rule runs the macro «hello», and where Bob edits rules and little else."""
    desk = folded(DESK, macros.MacroSet(key="hello", title="Hello", actions=({"do": "pin"},)))
    desk = with_rules(desk, runs=trigger({"all": []}, {"do": "run_macro", "macro": "hello"}))
    role = RoleSet(key="smith", title="Rule smith", permissions=("rule.edit", *permissions), **scope)
    return folded(desk, role, RoleChanged(person_id=BOB, role="smith", previous="agent"))


@pytest.mark.parametrize(
    ("desk", "then"),
    [
        (smiths("ticket.edit"), {"do": "delete", "reason": "x"}),
        (smiths("ticket.edit", "ticket.mark", types=("incident",)), {"do": "unpin"}),
        (smiths("ticket.claim"), {"do": "claim"}),
    ],
)
def test_by_the_macro_that_it_runs_nobody_lets_a_rule_do_more(desk, then):
    asked = {"title": "Hello", "actions": ACTIONS.validate_python([then])}
    changed = given(desk=desk).when(macros.SetMacro, by=person("bob"), key="hello", **asked)
    assert isinstance(changed.refusal, NotAllowed | InvalidInput)
    assert given(desk=desk).when(macros.SetMacro, by=person("bob"), key="other", **asked).events


def test_who_does_not_reach_every_ticket_promises_nothing_about_them():
    asked = {"key": "mine", "definition": DEFAULT}
    given(desk=smiths(types=("incident",))).when(SetPolicy, by=person("bob"), **asked).then_refused(NotAllowed)
    assert given(desk=smiths()).when(SetPolicy, by=person("bob"), **asked).events


@pytest.mark.parametrize("effect", [{"do": "claim"}, {"do": "set_category", "category": ["Nowhere"]}])
def test_what_no_rule_could_do_is_refused(effect):
    definition = trigger({"all": []}, effect)
    given().when(SetRule, key="x", definition=definition).then_refused(InvalidRule, place="then[0]")


ANSWERS = {"do": "reply_with", "reply": "hello", "by_language": {"zh": "nihao"}}


def replying(*keys, desk=DESK):
    """The desk with these canned replies."""
    return folded(desk, *(macros.CannedReplySet(key=key, title=key, body=key) for key in keys))


@pytest.mark.parametrize("missing", ["hello", "nihao"])
def test_a_rule_answers_with_canned_replies_that_are_in_use(missing):
    asked = {"key": "x", "definition": trigger({"all": []}, ANSWERS)}
    other = {"hello": "nihao", "nihao": "hello"}[missing]
    given(desk=replying(other)).when(SetRule, **asked).then_refused(macros.UnknownCannedReply, reply=missing)
    retired = folded(replying("hello", "nihao"), macros.CannedReplyRetired(key=missing))
    given(desk=retired).when(SetRule, **asked).then_refused(macros.UnknownCannedReply, reply=missing)
    assert given(desk=replying("hello", "nihao")).when(SetRule, **asked).events


def test_nobody_answers_by_a_rule_who_may_not_answer_themselves():
    asked = {"by": person("bob"), "key": "x", "definition": trigger({"all": []}, ANSWERS)}
    mute = replying("hello", "nihao", desk=smiths())
    given(desk=mute).when(SetRule, **asked).then_refused(NotAllowed, permission=Permission.TICKET_REPLY)
    assert given(desk=replying("hello", "nihao", desk=smiths("ticket.reply"))).when(SetRule, **asked).events


@pytest.mark.parametrize("key", ["hello", "nihao"])
@pytest.mark.parametrize("desk", [smiths(), smiths("ticket.reply", types=("incident",))])
def test_nobody_changes_what_a_rule_answers_who_may_not_answer_every_customer(desk, key):
    desk = with_rules(replying("hello", "nihao", "other", desk=desk), answers=trigger({"all": []}, ANSWERS))
    asked = {"by": person("bob"), "title": "New", "body": "New words"}
    given(desk=desk).when(macros.SetCannedReply, key=key, **asked).then_refused(NotAllowed)
    assert given(desk=desk).when(macros.SetCannedReply, key="other", **asked).events


@pytest.mark.parametrize("to", [{"person": str(id_of("auditor"))}, {"people": [str(BOB), str(id_of("auditor"))]}])
def test_a_rule_gives_tickets_to_nobody_who_only_watches(to):
    definition = trigger({"all": []}, {"do": "assign", "to": to})
    sentence = given().when(SetRule, key="x", definition=definition).then_refused(InvalidRule, place="then[0]")
    assert "the role auditor" in sentence
