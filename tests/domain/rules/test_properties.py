"""Whatever the conditions and the happenings: the index misses nothing, and an explanation says what was decided."""

from functools import partial

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from domain.conditions import evaluate, parse, refused_by
from domain.requester import Requester
from domain.rules.automating import Look, may_hold
from domain.rules.facts import context_of, facts_of
from domain.rules.index import Automations, Triggers, needed
from domain.rules.rule import Rule, rule_id
from domain.ticket import events as e
from domain.ticket.marking import TicketPinned
from domain.values import Assignee, Priority
from tests.domain.kit import ANN, BILLING, BOB, NETWORK, WORKSPACE, opened, person
from tests.domain.rules.kit import none_yet, ticket
from tests.domain.rules.kit import with_rules as desk_with

TAGS = ("urgent", "vip", "refund")
PEOPLE = (ANN, BOB)
TEAMS = (BILLING, NETWORK)
OPTIONS = {
    "priority": list(Priority),
    "kind": ["new", "open"],
    "status": ["new", "open"],
    "actor": ["person", "requester"],
    "channel": ["api", "email"],
    "requester.tier": ["vip", "basic"],
    "event": ["ticket.tagged", "ticket.prioritised", "ticket.opened", "ticket.replied"],
    "tags": TAGS,
    "before.tags": TAGS,
    "before.priority": list(Priority),
    "assignee_person": [str(each) for each in PEOPLE],
    "actor_id": [str(each) for each in PEOPLE],
    "assignee_team": [str(each) for each in TEAMS],
    "fields.site": ["office", "plant"],
}
OPS = {
    "event": ["has_any", "has_all", "has_none", "has_not_all"],
    "tags": ["has_any", "has_all", "has_none", "has_not_all", "has_changed", "is_set"],
    "before.tags": ["has_any", "has_none"],
}
SINGLE = ["is", "is_not", "is_any_of", "is_none_of", "is_set", "is_not_set"]
CHANGES = ["has_changed", "changed_to", "changed_from"]


def leaf_on(name):
    ops = OPS.get(name) or SINGLE + ([] if name.startswith("before.") else CHANGES)
    return st.sampled_from(ops).flatmap(partial(leaf_asking, name))


def leaf_asking(name, op):
    if op in ("is_set", "is_not_set", "has_changed"):
        return st.just({"field": name, "op": op})
    one = st.sampled_from(list(OPTIONS[name])).map(str)
    single = op in ("is", "is_not", "changed_to", "changed_from")
    value = one if single else st.lists(one, min_size=1, max_size=2)
    return value.map(lambda given: {"field": name, "op": op, "value": given})


conditions = st.recursive(
    st.sampled_from(list(OPTIONS)).flatmap(leaf_on),
    lambda inner: st.lists(inner, max_size=3).flatmap(
        lambda parts: st.sampled_from(["all", "any", "none"]).map(lambda group: {group: parts})
    ),
    max_leaves=8,
)
events = st.sampled_from([
    e.TicketTagged(tag="urgent"),
    e.TicketTagged(tag="vip"),
    e.TicketUntagged(tag="refund"),
    e.TicketPrioritised(priority=Priority.URGENT, previous=Priority.NORMAL),
    e.TicketAssigned(assignee=Assignee(team=BILLING, person=ANN)),
    e.TicketReplied(message_id=ANN, body="hello"),
    e.TicketFieldsSet(fields={"site": "office"}, previous={"site": None}),
    TicketPinned(),
])  # fmt: skip


@st.composite
def happenings(draw):
    desk = desk_with()
    requester = draw(st.none() | st.builds(Requester, tier=st.sampled_from(["vip", "basic", None])))
    by, channel = person(draw(st.sampled_from(["ann", "bob"]))), draw(st.sampled_from(["api", "email"]))
    values = {"tags": draw(st.sampled_from([(), ("refund",), ("vip", "refund")])), "priority": draw(PRIORITIES)}
    if draw(st.booleans()):
        return none_yet(desk, requester).when(opened(**values), by=by, channel=channel)
    one = ticket(desk, requester=requester, assignee=Assignee(team=NETWORK), **values)
    return one.when(*draw(st.lists(events, min_size=1, max_size=3)), by=by, channel=channel)


PRIORITIES = st.sampled_from(list(Priority))


def rule(place, condition):
    then = ({"do": "note", "body": "x"},)
    key = f"r{place}"
    return Rule(
        key=key,
        rule_id=rule_id(WORKSPACE, key),
        version=1,
        title=key,
        kind="trigger",
        when=parse(condition),
        then=then,
    )


@settings(max_examples=300)
@for_all(st.lists(conditions, max_size=6), happenings())
def test_the_index_finds_every_trigger_that_acts_in_order(some, happening):
    triggers = Triggers([rule(place, condition) for place, condition in enumerate(some)])
    facts, context = facts_of(happening), context_of(happening)
    by_force = [each.place for each in triggers.all if each.holds(facts, context, facts.before)]
    candidates = [each.place for each in triggers.candidates(facts)]
    assert candidates == sorted(candidates)
    assert set(by_force) <= set(candidates)


@settings(max_examples=300)
@for_all(st.lists(conditions, max_size=6), happenings())
def test_the_index_finds_every_automation_whose_turn_may_come(some, happening):
    look = Look(happening.after, happening.desk, happening.requester, happening.at)
    automations = Automations(tuple(rule(place, condition) for place, condition in enumerate(some)))
    by_force = [place for place, condition in enumerate(some) if may_hold(parse(condition), look.facts, look.context)]
    candidates = [place for place, _ in automations.candidates(look.facts)]
    assert candidates == sorted(candidates)
    assert set(by_force) <= set(candidates)
    assert [place for place, _ in automations.candidates(look.facts, beyond=2)] == [p for p in candidates if p > 2]


def test_an_automation_waits_for_what_may_be_known_of_the_customer_but_not_for_another_tag():
    asked = [
        {"field": "tags", "op": "has_any", "value": ["vip"]},
        {"field": "requester.tier", "op": "is", "value": "vip"},
        {"field": "status", "op": "is", "value": "open"},
        {
            "any": [
                {"field": "requester.tier", "op": "is", "value": "vip"},
                {"field": "status", "op": "is", "value": "x"},
            ]
        },
        {"field": "status", "op": "is", "value": "new"},
    ]
    automations = Automations(tuple(rule(place, condition) for place, condition in enumerate(asked)))
    happening = none_yet(desk_with(), None).when(opened())
    facts = Look(happening.after, happening.desk, None, happening.at).facts
    assert [place for place, _ in automations.candidates(facts)] == [1, 3, 4]


def test_the_index_leaves_out_what_cannot_act():
    asked = [
        {"field": "event", "op": "has_any", "value": ["ticket.replied"]},
        {"field": "priority", "op": "has_changed"},
        {"field": "tags", "op": "has_all", "value": ["vip", "urgent"]},
        {
            "any": [
                {"field": "tags", "op": "has_any", "value": ["vip"]},
                {"field": "status", "op": "is", "value": "open"},
            ]
        },
        {"field": "title", "op": "contains", "value": "x"},
    ]
    triggers = Triggers([rule(place, condition) for place, condition in enumerate(asked)])
    happening = ticket(desk_with()).when(e.TicketTagged(tag="other"))
    assert [each.place for each in triggers.candidates(facts_of(happening))] == [4]
    assert list(needed(parse(asked[3]))) == [frozenset({("tags", "vip"), ("status", "open")})]


@settings(max_examples=300)
@for_all(conditions, happenings())
def test_an_explanation_agrees_with_the_answer_and_names_what_decided(data, happening):
    condition, facts, context = parse(data), facts_of(happening), context_of(happening)
    holds = evaluate(condition, facts, context, facts.before)
    reasons = refused_by(condition, facts, context, facts.before)
    assert (reasons == ()) is holds
    for reason in reasons:
        if reason.leaf is not None:
            assert evaluate(reason.leaf, facts, context, facts.before) is reason.held
            assert at(data, reason.place) == parse(at_raw(data, reason.place)) == reason.leaf


def at_raw(data, place):
    for step in place.split(".") if place != "condition" else []:
        name, _, index = step.partition("[")
        data = data[name][int(index.rstrip("]"))]
    return data


def at(data, place):
    return parse(at_raw(data, place))
