"""Rules act by themselves: triggers at once, automations when their time comes. The recipes of docs/rules.md are here."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.errors import UnknownTeam
from domain.event import Actor
from domain.permissions import RoleName
from domain.requester import RegisterRequester
from domain.rules.rule import RuleDefinition
from domain.setup.calendars import SetCalendar, SetDefaultCalendar
from domain.setup.macros import SetCannedReply
from domain.setup.organisations import MergeOrganisation, UndoOrganisationMerge
from domain.setup.rules import OrderRules, RetireRule, SetRule
from domain.setup.staff import SetDuty, SetSkills
from domain.ticket.commands import (
    ChangePriority,
    MoveTicket,
    OpenTicket,
    ReplyToTicket,
    ResolveTicket,
    TagTicket,
    TellOpening,
)
from domain.ticket.events import TicketAssigned
from domain.ticket.reporting import TicketRuleRefused, TicketRulesCut
from domain.values import NOBODY, Assignee, AssignmentReason
from domain.workspace import AddCategory, AddPerson, AddTeam
from processors.automations import Automations
from processors.triggers import Triggers
from tests.processors.kit import Stage

TEAM = uuid4()


@pytest.fixture
def stage() -> Stage:
    """A desk with a technical team, and processes that act on rules."""
    stage = Stage(Triggers(), Automations())
    stage.do(AddTeam, team_id=TEAM, title="Technical")
    return stage


def rule(stage: Stage, key: str, **definition: Any) -> None:
    """Set up a rule; an automation where it has a timing."""
    kind = "automation" if "timing" in definition else "trigger"
    definition = {"title": key.title(), "kind": kind} | definition
    stage.do(SetRule, key=key, definition=RuleDefinition.model_validate(definition))


def leaf(field: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "op": op} | ({} if value is None else {"value": value})


def after(since: str, amount: int, unit: str = "hours", **more: Any) -> dict[str, Any]:
    return {"since": since, "after": {"amount": amount, "unit": unit}} | more


def customer(stage: Stage, **known: Any) -> UUID:
    zoe = uuid4()
    stage.do(RegisterRequester, requester_id=zoe, requester_name="Zoe", **known)
    return zoe


def asks(stage: Stage, who: UUID, number: str = "T-1") -> None:
    stage.do(ReplyToTicket, number=number, body="Any news?", by=Actor(kind="requester", id=str(who)))


def replies(stage: Stage, number: str = "T-1") -> list[str]:
    return [str(event.body) for event in stage.events(number) if event.NAME == "ticket.replied"]  # type: ignore[attr-defined]


URGENT_TAG = {
    "when": leaf("tags", "has_any", ["urgent"]),
    "then": [{"do": "set_priority", "priority": "urgent"}],
}


def test_recipe_an_urgent_tag_makes_it_urgent(stage: Stage) -> None:
    rule(stage, "urgent", **URGENT_TAG)
    stage.do(OpenTicket, number="T-1", title="打印机坏了")
    stage.do(TagTicket, number="T-1", add=frozenset({"urgent"}))
    assert stage.topics("T-1") == ["opened", "tagged", "prioritised"]
    tagged, prioritised = stage.log[-2:]
    envelope, known = prioritised.metadata, stage.desk.rule("urgent")
    assert (envelope.actor, envelope.channel) == (Actor(kind="rule", id=str(known.rule_id)), "trigger")
    assert (envelope.rule_id, envelope.rule_version) == (known.rule_id, 1)
    assert (envelope.causation_id, envelope.correlation_id) == (
        tagged.metadata.event_id,
        tagged.metadata.correlation_id,
    )


def test_a_chain_is_recorded_in_order_each_because_of_the_one_before(stage: Stage) -> None:
    rule(stage, "third", when=leaf("tags", "has_any", ["second"]), then=[{"do": "note", "body": "Third"}])
    rule(
        stage,
        "second",
        when=leaf("priority", "changed_to", "urgent"),
        then=[{"do": "add_tags", "tags": ["second"]}],
    )
    rule(stage, "urgent", **URGENT_TAG)
    stage.do(OpenTicket, number="T-1", title="x")
    stage.do(TagTicket, number="T-1", add=frozenset({"urgent"}))
    assert stage.topics("T-1") == ["opened", "tagged", "prioritised", "tagged", "noted"]
    tagged, *made = stage.log[-4:]
    causes = [each.metadata.causation_id for each in made]
    assert causes == [each.metadata.event_id for each in (tagged, *made[:-1])]


def test_recipe_nobody_answered_for_four_hours(stage: Stage) -> None:
    rule(
        stage,
        "unanswered",
        when=leaf("kind", "is_any_of", ["new", "open"]),
        then=[{"do": "note", "body": "{{ticket.number}} waits for an answer."}],
        timing=after("unanswered_since", 4, repeat={"every": {"amount": 4, "unit": "hours"}, "at_most": 1}),
    )
    zoe = customer(stage)
    stage.do(OpenTicket, number="T-1", title="x", requester_id=zoe)
    stage.advance(hours=3, minutes=59)
    assert stage.topics("T-1") == ["opened"]
    stage.advance(minutes=1)
    assert stage.topics("T-1") == ["opened", "noted"]
    assert (stage.log[-1].metadata.channel, stage.log[-1].metadata.actor.kind) == ("automation", "rule")
    stage.advance(days=9)
    assert stage.topics("T-1") == ["opened", "noted", "noted"]
    stage.do(ReplyToTicket, number="T-1", body="We are on it.")
    stage.advance(days=9)
    asks(stage, zoe)
    stage.advance(hours=4)
    assert stage.topics("T-1")[-3:] == ["replied", "replied", "noted"]


def test_recipe_vip(stage: Stage) -> None:
    rule(
        stage,
        "vip",
        when={"all": [leaf("event", "has_any", ["ticket.opened"]), leaf("requester.tier", "is", "vip")]},
        then=[{"do": "set_priority", "priority": "high"}, {"do": "add_tags", "tags": ["vip"]}],
    )
    for number, tier in (("T-1", "vip"), ("T-2", "basic")):
        stage.do(OpenTicket, number=number, title="x", requester_id=customer(stage, tier=tier))
    assert stage.topics("T-1") == ["opened", "prioritised", "tagged"]
    assert stage.topics("T-2") == ["opened"]


def test_recipe_closed_after_three_days_with_a_warning_before(stage: Stage) -> None:
    resolved = leaf("kind", "is", "resolved")
    warning = "{{requester.name}}, {{ticket.number}} will be closed tomorrow unless you write."
    rule(
        stage,
        "warn",
        when=resolved,
        then=[{"do": "reply", "body": warning}],
        timing=after("moved_at", 2, "days"),
    )
    rule(
        stage,
        "close",
        when=resolved,
        then=[{"do": "note", "body": "Closed: no answer for three days."}, {"do": "close"}],
        timing=after("moved_at", 3, "days"),
    )
    zoe = customer(stage)
    for number in ("T-1", "T-2"):
        stage.do(OpenTicket, number=number, title="x", requester_id=zoe)
        stage.do(ResolveTicket, number=number)
    stage.advance(days=2)
    assert replies(stage) == ["Zoe, T-1 will be closed tomorrow unless you write."]
    asks(stage, zoe, "T-2")
    stage.advance(days=1)
    assert stage.topics("T-1") == ["opened", "resolved", "replied", "noted", "closed"]
    assert stage.topics("T-2") == ["opened", "resolved", "replied", "replied", "reopened"]
    stage.advance(days=30)
    assert stage.topics("T-2")[-1] == "reopened"


def test_recipe_a_technical_category_gets_the_technical_team_and_a_first_answer(stage: Stage) -> None:
    stage.do(AddCategory, path=("Technical",))
    stage.do(SetCannedReply, key="first", title="First", body="Hello {{requester.name}}, {{ticket.team}} has it.")
    stage.do(SetCannedReply, key="first-zh", title="首次", body="您好 {{requester.name}}，{{ticket.team}}已收到。")
    rule(
        stage,
        "technical",
        when={"all": [leaf("event", "has_any", ["ticket.opened"]), leaf("category", "under", ["Technical"])]},
        then=[{"do": "assign", "to": {"team": str(TEAM)}}],
    )
    rule(
        stage,
        "answer",
        when=leaf("assignee_team", "changed_to", str(TEAM)),
        then=[{"do": "reply_with", "reply": "first", "by_language": {"zh": "first-zh"}}],
    )
    zoe = customer(stage)
    for number, title in (("T-1", "Broken"), ("T-2", "打印机坏了")):
        stage.do(OpenTicket, number=number, title=title, category=("Technical",), requester_id=zoe)
    assert stage.topics("T-1") == ["opened", "assigned", "replied"]
    assert (replies(stage), replies(stage, "T-2")) == (
        ["Hello Zoe, Technical has it."],
        ["您好 Zoe，Technical已收到。"],
    )


def agents(stage: Stage, *names: str, **about: Any) -> list[UUID]:
    """People of the technical team."""
    people = [uuid4() for _ in names]
    for who, name in zip(people, names, strict=True):
        stage.do(AddPerson, person_id=who, person_name=name, role=RoleName.AGENT, teams=(TEAM,))
        if about:
            stage.do(SetSkills, person_id=who, **about)
    return people


def test_recipe_an_urgent_tag_goes_to_a_senior_agent(stage: Stage) -> None:
    agents(stage, "New", skills={"printers": 1})
    (senior,) = agents(stage, "Senior", skills={"printers": 5})
    rule(stage, "urgent", **URGENT_TAG)
    wish = {"do": "assign_by", "how": "best_skill", "team": str(TEAM), "skill": "printers", "level": 4}
    rule(stage, "senior", when=leaf("priority", "changed_to", "urgent"), then=[wish])
    stage.do(OpenTicket, number="T-1", title="x")
    stage.do(TagTicket, number="T-1", add=frozenset({"urgent"}))
    assigned = stage.events("T-1")[-1]
    assert isinstance(assigned, TicketAssigned)
    assert assigned.assignee == Assignee(team=TEAM, person=senior)
    reason = AssignmentReason(how="best_skill", among=1, open=0, skill="printers", level=5)
    assert assigned.reason == reason


def test_rules_mean_an_organisation_with_those_that_were_merged_into_it(stage: Stage) -> None:
    acme, twin = uuid4(), uuid4()
    for named in (acme, twin):
        of_it = leaf("requester.organisation_id", "is", str(named))
        name = "acme" if named is acme else "twin"
        rule(stage, name, when=of_it, then=[{"do": "add_tags", "tags": [name]}])
        rule(
            stage,
            f"{name}-later",
            when=of_it,
            timing=after("opened_at", 1),
            then=[{"do": "add_tags", "tags": [f"{name} later"]}],
        )
    zoe = customer(stage, organisation_id=twin)
    stage.do(OpenTicket, number="T-1", title="x", requester_id=zoe)
    assert stage.ticket("T-1").row.tags == ["twin"]
    stage.do(MergeOrganisation, organisation_id=twin, into=acme)
    stage.do(OpenTicket, number="T-2", title="x", requester_id=zoe)
    assert sorted(stage.ticket("T-2").row.tags) == ["acme", "twin"]
    # What nobody touches is found too when its time comes.
    stage.advance(hours=2)
    assert sorted(stage.ticket("T-1").row.tags) == ["acme", "acme later", "twin", "twin later"]
    stage.do(UndoOrganisationMerge, organisation_id=twin)
    stage.do(OpenTicket, number="T-3", title="x", requester_id=zoe)
    stage.advance(hours=2)
    assert sorted(stage.ticket("T-3").row.tags) == ["twin", "twin later"]


def test_turns_are_fair_however_quickly_tickets_come(stage: Stage) -> None:
    team = agents(stage, "Ann", "Bob", "Cem")
    wish = {"do": "assign_by", "how": "round_robin", "team": str(TEAM)}
    rule(stage, "turns", when=leaf("event", "has_any", ["ticket.opened"]), then=[wish])
    for n in range(31):
        stage.do(OpenTicket, number=f"T-{n}", title="x")
    count = Counter(stage.ticket(f"T-{n}").ticket.assignee.person for n in range(31))
    assert sorted(count[each] for each in team) == [10, 10, 11]


def test_where_nobody_is_free_the_team_has_it_or_that_is_said(stage: Stage) -> None:
    (ann,) = agents(stage, "Ann")
    stage.do(SetDuty, person_id=ann, on_duty=False)
    for key, whom in (("team", {"team": str(TEAM)}), ("ann", {"people": [str(ann)]})):
        wish = {"do": "assign_by", "how": "least_loaded"} | whom
        rule(stage, key, when=leaf("tags", "has_any", [key]), then=[wish])
    stage.do(OpenTicket, number="T-1", title="x", tags=("team",))
    assert stage.ticket("T-1").ticket.assignee == Assignee(team=TEAM)
    stage.do(OpenTicket, number="T-2", title="x", tags=("ann",))
    refused = stage.events("T-2")[-1]
    assert isinstance(refused, TicketRuleRefused)
    assert refused.because == "nobody_free"


def test_a_rule_names_a_team_that_is_there(stage: Stage) -> None:
    wish = {"do": "assign_by", "how": "round_robin", "team": str(uuid4())}
    with pytest.raises(UnknownTeam):
        rule(stage, "turns", when=leaf("event", "has_any", ["ticket.opened"]), then=[wish])


def test_a_loop_stops_and_is_reported_on_the_ticket(stage: Stage) -> None:
    for key, was, becomes in (("up", "low", "high"), ("down", "high", "low")):
        rule(
            stage,
            key,
            when=leaf("priority", "changed_to", was),
            then=[{"do": "set_priority", "priority": becomes}],
        )
    stage.do(OpenTicket, number="T-1", title="x")
    stage.do(ChangePriority, number="T-1", priority="low")
    assert stage.topics("T-1") == ["opened", "prioritised", "prioritised", "prioritised", "rules_cut"]
    cut = stage.events("T-1")[-1]
    assert isinstance(cut, TicketRulesCut)
    assert (cut.because, cut.keys) == ("loop", ("up",))


def test_what_is_refused_is_said_on_the_ticket_once_an_occasion(stage: Stage) -> None:
    bad = {"when": leaf("kind", "is", "new"), "then": [{"do": "set_status", "status": "confirmed"}]}
    rule(stage, "bad", **bad | {"when": leaf("tags", "has_any", ["x"])})
    rule(stage, "late", **bad, timing=after("opened_at", 1))
    stage.do(OpenTicket, number="T-1", title="x", tags=("x",))
    stage.advance(days=3)
    refused = [event for event in stage.events("T-1") if isinstance(event, TicketRuleRefused)]
    assert [(event.key, event.because, event.action) for event in refused] == [
        ("bad", "illegal_move", 1),
        ("late", "illegal_move", 1),
    ]


def test_a_rule_set_up_later_finds_the_tickets_that_are_there(stage: Stage) -> None:
    stage.do(OpenTicket, number="T-1", title="x")
    stage.advance(hours=6)
    rule(stage, "old", when={"all": []}, then=[{"do": "add_tags", "tags": ["old"]}], timing=after("opened_at", 4))
    assert stage.topics("T-1") == ["opened", "tagged"]
    rule(stage, "older", when={"all": []}, then=[{"do": "add_tags", "tags": ["older"]}], timing=after("opened_at", 8))
    assert stage.topics("T-1") == ["opened", "tagged"]
    stage.do(RetireRule, key="older")
    stage.advance(days=1)
    assert stage.topics("T-1") == ["opened", "tagged"]
    rule(stage, "older", when={"all": []}, then=[{"do": "add_tags", "tags": ["older"]}], timing=after("opened_at", 9))
    assert stage.topics("T-1") == ["opened", "tagged", "tagged"]


def test_what_is_told_is_neither_answered_nor_waited_for(stage: Stage) -> None:
    rule(stage, "all", when={"all": []}, then=[{"do": "note", "body": "x"}])
    rule(stage, "late", when={"all": []}, then=[{"do": "note", "body": "x"}], timing=after("opened_at", 1))
    told = {"told_by": stage.person, "status": "new", "priority": "normal", "assignee": NOBODY, "title": "x"}
    stage.do(TellOpening, number="T-1", channel="import", **told)
    stage.advance(days=3)
    assert stage.topics("T-1") == ["opened"]


def test_triggers_look_at_what_automations_do(stage: Stage) -> None:
    rule(stage, "late", when={"all": []}, then=[{"do": "add_tags", "tags": ["late"]}], timing=after("opened_at", 1))
    rule(
        stage,
        "seen",
        when=leaf("tags", "has_any", ["late"]),
        then=[{"do": "set_priority", "priority": "high"}],
    )
    stage.do(OpenTicket, number="T-1", title="x")
    stage.advance(hours=1)
    assert stage.topics("T-1") == ["opened", "tagged", "prioritised"]


def test_a_status_follows_by_itself_and_the_order_counts(stage: Stage) -> None:
    for key, status in (("one", "pending"), ("two", "resolved")):
        rule(
            stage,
            key,
            when={"all": [leaf("event", "has_any", ["ticket.accepted"]), leaf("status", "is", "open")]},
            then=[{"do": "set_status", "status": status}, {"do": "stop"}],
        )
    stage.do(OrderRules, order=("two", "one"))
    stage.do(OpenTicket, number="T-1", title="x")
    stage.do(MoveTicket, number="T-1", status="open")
    assert stage.topics("T-1") == ["opened", "accepted", "resolved"]


def test_other_business_hours_move_what_is_still_to_come(stage: Stage) -> None:
    rule(
        stage,
        "wait",
        when={"all": []},
        then=[{"do": "note", "body": "Waits"}],
        timing=after("opened_at", 4) | {"hours": "business"},
    )
    stage.do(OpenTicket, number="T-1", title="x")
    assert stage.due("T-1") == {"look": stage.now + timedelta(hours=4)}
    week = [{"weekday": day, "starts": 600, "ends": 720} for day in range(7)]
    stage.do(SetCalendar, key="short", definition={"title": "Short", "week": week})
    stage.do(SetDefaultCalendar, calendar="short")
    assert stage.due("T-1") == {"look": stage.now.replace(hour=12) + timedelta(days=1)}
    stage.advance(days=2)
    assert stage.topics("T-1").count("noted") == 1
