"""Everybody whom it concerns is told of an action once, in their inbox and by mail where they want that."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.actions import ActOnTicket, Notify
from domain.event import SYSTEM, Actor
from domain.inbox.notification import NotificationSent
from domain.inbox.preferences import Channel, Digest, Kind, Preferences, Quiet
from domain.permissions import RoleName
from domain.receivers import Receivers
from domain.requester import RegisterRequester
from domain.rules.channels import TRIGGER
from domain.rules.rule import RuleDefinition
from domain.setup.notifications import SetNotifications
from domain.setup.policies import SetPolicy
from domain.setup.rules import SetRule
from domain.sla.policy import PolicyDefinition, Target
from domain.ticket.commands import AssignTicket, ChangePriority, NoteOnTicket, OpenTicket, TagTicket, TellChange
from domain.ticket.marking import FollowTicket
from domain.values import Assignee, Priority
from domain.workspace import AddPerson
from processors.automations import Automations
from processors.notifications import Notifications
from processors.sla_clock import SlaClock
from processors.triggers import Triggers
from tests.processors.kit import Stage

BOB, CEM, ZOE = uuid4(), uuid4(), uuid4()
RULE = Actor(kind="rule", id=str(uuid4()))
WISH = "followed"


@pytest.fixture
def stage() -> Stage:
    """Ann opened a ticket that Bob and Cem follow."""
    stage = Stage(Notifications())
    for person, name in ((BOB, "Bob"), (CEM, "Cem")):
        stage.do(AddPerson, person_id=person, person_name=name, role=RoleName.AGENT, by=SYSTEM)
    stage.do(RegisterRequester, requester_id=ZOE, requester_name="Zoe", email="zoe@example.com")
    stage.do(OpenTicket, number="T-1", title="x", requester_id=ZOE, followers=(BOB, CEM))
    stage.log.clear()
    stage.deliveries.clear()
    return stage


def some_rule(stage: Stage) -> None:
    """A trigger of the desk; what it makes of things is told as its actions."""
    when = {"field": "priority", "op": "is", "value": "urgent"}
    then = [{"do": "pin"}]
    stage.do(
        SetRule,
        key="r",
        definition=RuleDefinition.model_validate({"title": "r", "kind": "trigger", "when": when, "then": then}),
    )


def sent(stage: Stage) -> list[NotificationSent]:
    return [each.event for each in stage.log if isinstance(each.event, NotificationSent)]


def told(stage: Stage) -> Iterator[dict[UUID, tuple[Kind, ...]]]:
    for event in sent(stage):
        yield {each.person_id: each.kinds for each in event.told}


def wishing(stage: Stage, person: UUID, **wishes: Any) -> None:
    stage.do(SetNotifications, person_id=person, preferences=Preferences(**wishes), by=SYSTEM)


def test_one_action_is_one_notification_of_all_its_events(stage):
    said = {"body": "x", "mentions": (BOB,), "number": "T-1"}
    stage.do(NoteOnTicket, **said)
    (event,) = sent(stage)
    assert (event.number, event.first, event.last, event.doer) == ("T-1", 4, 5, stage.person)
    assert list(told(stage)) == [{BOB: (Kind.MENTIONED, Kind.FOLLOWED), CEM: (Kind.FOLLOWED,)}]


def test_what_rules_make_of_an_action_belongs_to_it(stage):
    action = uuid4()
    chained = {"by": RULE, "channel": TRIGGER, "correlation_id": action, "number": "T-1"}
    stage.do(ChangePriority, number="T-1", priority=Priority.HIGH, command_id=action)
    stage.do(TagTicket, add={"vip"}, **chained)
    stage.do(AssignTicket, to=Assignee(person=BOB), **chained)
    first, second = told(stage)
    assert first == {BOB: (Kind.FOLLOWED,), CEM: (Kind.FOLLOWED,)}
    assert second == {BOB: (Kind.ASSIGNED, Kind.FOLLOWED)}
    assert len({each.stream_id for each in stage.log if isinstance(each.event, NotificationSent)}) == 1


def test_what_rules_make_of_ones_own_action_is_no_news(stage):
    some_rule(stage)
    bob = Actor(kind="person", id=str(BOB))
    stage.do(ChangePriority, number="T-1", priority=Priority.HIGH, by=bob)
    because = next(each for each in stage.log if each.event.NAME == "ticket.prioritised").metadata.event_id
    stage.do(TagTicket, number="T-1", add={"vip"}, by=RULE, channel=TRIGGER, causation_id=because)
    assert list(told(stage)) == [{CEM: (Kind.FOLLOWED,)}]


NOTIFY_BOB = [{"do": "notify", "to": {"people": [str(BOB)]}, "text": "Look"}]
OPENED, LATE = ({"field": "event", "op": "has_any", "value": [f"ticket.{name}"]} for name in ("opened", "sla_breached"))
STALE = {"field": "tags", "op": "has_any", "value": ["stale"]}


def busy() -> Stage:
    """A desk where Bob is told of a new ticket, and of a late and of a stale one; he follows what he opens."""
    stage = Stage(Triggers(), Automations(), SlaClock(), Notifications())
    stage.do(AddPerson, person_id=BOB, person_name="Bob", role=RoleName.AGENT, by=SYSTEM)
    after = {"since": "opened_at", "after": {"amount": 4, "unit": "hours"}}
    for key, when, then, timing in (
        ("new", OPENED, NOTIFY_BOB, None),
        ("late", LATE, NOTIFY_BOB, None),
        ("mark", {"all": []}, [{"do": "add_tags", "tags": ["stale"]}], after),
        ("stale", STALE, [*NOTIFY_BOB, {"do": "pin"}], None),
    ):
        rule = {"title": key, "kind": "automation" if timing else "trigger", "when": when, "then": then}
        stage.do(SetRule, key=key, definition=RuleDefinition.model_validate(rule | {"timing": timing}))
    promise = PolicyDefinition(title="Promise", targets=(Target(measure="accept", normal=30),))
    stage.do(SetPolicy, key="promise", definition=promise)
    return stage


def test_what_rules_make_of_time_going_by_does_not_belong_to_what_happened_before():
    stage = busy()
    stage.do(OpenTicket, number="T-1", title="x")
    assert list(told(stage)) == [{BOB: (Kind.RULE,)}]
    stage.advance(minutes=30)
    assert [*told(stage)][1:] == [{BOB: (Kind.RULE,)}], "it is late"
    stage.advance(hours=4)
    assert [*told(stage)][2:] == [{BOB: (Kind.RULE,)}], "and stale"
    assert len({each.stream_id for each in stage.log if isinstance(each.event, NotificationSent)}) == 3


def test_what_rules_make_of_time_going_by_is_news_to_who_acted_last():
    stage = busy()
    stage.do(OpenTicket, number="T-1", title="x", followers=(BOB,), by=Actor(kind="person", id=str(BOB)))
    stage.advance(hours=4)
    assert [*told(stage)][-1] == {BOB: (Kind.RULE, Kind.FOLLOWED)}


def test_mails_are_for_those_who_want_them_and_have_no_content(stage):
    stage.do(NoteOnTicket, number="T-1", body="secret", mentions=(BOB,))
    (mail,) = stage.deliveries
    assert (mail.channel, mail.recipient, mail.due_at, mail.gathered) == ("mail", f"person:{BOB}", stage.now, False)
    assert (mail.detail["first"], mail.detail["last"], mail.detail["kinds"]) == (4, 5, ["mentioned", "followed"])
    assert "secret" not in str(mail)


def test_mails_wait_for_the_end_of_quiet_hours_or_for_the_digest(stage):
    # It is nine in the morning.
    wishing(stage, BOB, channels={WISH: (Channel.MAIL,)}, quiet=Quiet(starts=8 * 60, ends=12 * 60))
    wishing(stage, CEM, channels={WISH: (Channel.MAIL,)}, digest=Digest(every="hour"))
    stage.do(TagTicket, number="T-1", add={"vip"})
    by = {mail.recipient: mail for mail in stage.deliveries}
    assert by[f"person:{BOB}"].due_at == stage.now + timedelta(hours=3)
    assert (by[f"person:{CEM}"].due_at, by[f"person:{CEM}"].gathered) == (stage.now + timedelta(hours=1), True)


def test_who_wants_no_word_of_it_gets_none(stage):
    for person in (BOB, CEM):
        wishing(stage, person, channels={WISH: ()})
    stage.do(TagTicket, number="T-1", add={"vip"})
    assert (sent(stage), stage.deliveries) == ([], [])


def test_a_notice_reaches_the_customer_by_mail(stage):
    notice = Notify(do="notify", to=Receivers(roles=("handler",)), requester=True, text="Soon.")
    stage.do(ActOnTicket, number="T-1", actions=(notice, notice))
    assert [mail.recipient for mail in stage.deliveries] == [f"requester:{ZOE}"] * 2
    assert len({mail.delivery_id for mail in stage.deliveries}) == 2


def test_what_another_system_tells_is_told_to_nobody(stage):
    tell = {"told_by": SYSTEM, "channel": "import", "body": "x", "by": SYSTEM}
    stage.do(TellChange, number="T-1", **tell)
    assert (sent(stage), stage.deliveries) == ([], [])


def test_following_for_oneself_is_no_news(stage):
    stage.do(FollowTicket, number="T-1", person_id=UUID(stage.person.id))
    assert sent(stage) == []
