"""What rules do comes down to actions with texts for the ticket at hand."""

import pytest

from domain.errors import Refusal
from domain.requester import Requester
from domain.rules.assigning import Roster
from domain.rules.effects import Armed
from domain.rules.languages import language_of
from domain.setup.macros import CannedReplyRetired, CannedReplySet, MacroSet
from domain.values import Assignee
from tests.domain.kit import ANN, BILLING, NOON, folded
from tests.domain.rules.kit import situation, ticket
from tests.domain.setups import READY

TAG = {"do": "add_tags", "tags": ["{{ticket.fields.site}}", "x"]}
DESK = folded(
    READY,
    CannedReplySet(key="welcome", title="Welcome", body="Hello {{requester.name}}, we have {{ticket.number}}."),
    CannedReplySet(key="welcome-zh", title="欢迎", body="您好，{{requester.name}}"),
    MacroSet(key="tidy", title="Tidy", actions=({"do": "note", "body": "By {{agent.name}}"}, {"do": "pin"})),
)
ZOE = Requester(registered=True, requester_name="Zoe")


def actions(*then, desk=DESK, requester=ZOE, **values):
    given = ticket(desk, **{"title": "Broken", "assignee": Assignee(team=BILLING, person=ANN)} | values)
    made = Armed(then).actions(situation(given.events), desk, requester, NOON, Roster())
    return [action.model_dump(mode="json", exclude_defaults=True) for action in made]


def test_texts_are_told_of_the_ticket():
    body = "{{ticket.title}} {{ticket.fields.site}} {{ticket.team}} {{ticket.assignee}} {{ticket.fields.none}}|"
    fields = {"site": "office"}
    assert actions({"do": "note", "body": body}, fields=fields) == [
        {"do": "note", "body": "Broken Office Billing Ann |"}
    ]


def test_what_a_customer_wrote_is_not_read_as_a_template():
    assert actions({"do": "note", "body": "{{ticket.title}}"}, title="{{requester.name}}") == [
        {"do": "note", "body": "{{requester.name}}"}
    ]


def test_macros_and_canned_replies_come_down_to_their_actions():
    assert actions({"do": "run_macro", "macro": "tidy"}) == [{"do": "note", "body": "By Ann"}, {"do": "pin"}]
    reply = {"do": "reply_with", "reply": "welcome", "by_language": {"zh": "welcome-zh"}}
    assert actions(reply) == [{"do": "reply", "body": "Hello Zoe, we have T-1."}]
    assert actions(reply, title="打印机坏了") == [{"do": "reply", "body": "您好，Zoe"}]
    assert actions(reply, fields={"language": "zh-Hans"}) == [{"do": "reply", "body": "您好，Zoe"}]


def test_times_are_from_when_it_happened():
    due = actions({"do": "set_due_in", "after": {"amount": 2, "unit": "days"}})
    assert due == [{"do": "set_due", "due_at": "2026-11-24T12:00:00Z"}]
    nap = actions({"do": "snooze_for", "span": {"amount": 1, "unit": "hours"}})
    assert nap == [{"do": "snooze", "until": "2026-11-22T13:00:00Z"}]


def test_what_cannot_be_done_any_more_is_refused():
    gone = folded(DESK, CannedReplyRetired(key="welcome"))
    with pytest.raises(Refusal, match="No canned reply"):
        actions({"do": "reply_with", "reply": "welcome"}, desk=gone)
    with pytest.raises(Refusal, match="comes out empty"):
        actions({"do": "note", "body": "{{ticket.fields.none}}"})


def test_a_field_for_the_desks_eyes_is_never_filled_in():
    field = DESK.fields["seats"].model_copy(update={"internal": True})
    inner = DESK.__class__(**{**vars(DESK), "fields": {**DESK.fields, "seats": field}})
    assert actions({"do": "note", "body": "{{ticket.fields.seats}}|"}, desk=inner, fields={"seats": 4}) == [
        {"do": "note", "body": "|"}
    ]


@pytest.mark.parametrize(
    ("words", "language"),
    [
        ("Hello", "en"), ("打印机 broken", "zh"), ("プリンター", "ja"), ("日本のプリンタ", "ja"), ("안녕", "ko"), ("Привет", "ru"), ("", "en")
    ],
)  # fmt: skip
def test_letters_tell_the_language_where_nothing_else_does(words, language):
    assert language_of({}, words) == language
    assert language_of({"language": "fr"}, words) == "fr"
