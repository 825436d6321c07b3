"""What other services are told of an event."""

import json
from uuid import UUID, uuid4

import pytest

from domain.event import ERASED, EVENTS, Recorded, UnknownEvent
from domain.requester import RequesterRegistered
from domain.stream.telling import attributes, name_of, tell
from domain.streaming import KINDS, USUALLY, Shown
from domain.ticket.confidential import TicketConfidentialSet
from domain.ticket.events import TicketOpened, TicketReplied
from tests.eventstore.golden import METADATA, STREAM, WHEN
from tests.eventstore.samples import SAMPLES

MESSAGE = UUID(int=7)
REPLY = TicketReplied(message_id=MESSAGE, body="My PIN is 4711.")
OPENED = next(sample for sample in SAMPLES if isinstance(sample, TicketOpened))


def recorded(event):
    return Recorded(position=12, stream_id=STREAM, version=7, recorded_at=WHEN, metadata=METADATA, event=event)


def data(told):
    return json.loads(told.data)


def test_the_attributes_are_those_of_a_cloudevent():
    found = attributes(recorded(OPENED))
    assert found.keys() >= {"specversion", "id", "source", "type", "subject", "time", "datacontenttype"}
    assert (found["type"], found["subject"], found["time"]) == ("ticket.opened.v2", str(STREAM), "2026-11-22T09:00:00Z")
    assert (found["position"], found["version"], found["onbehalfof"]) == (12, 7, "system:ledgerdesk")
    assert all(name.isalnum() and name.islower() and len(name) <= 20 for name in found)
    assert all(isinstance(value, str | int) for value in found.values())


def test_what_has_no_value_is_left_out():
    bare = METADATA._replace(causation_id=None, on_behalf_of=None, rule_id=None, rule_version=None)
    found = attributes(recorded(REPLY)._replace(metadata=bare))
    assert not found.keys() & {"causationid", "onbehalfof", "ruleid", "ruleversion"}
    assert found["actor"].startswith("person:")


def test_binary_and_structured_mode_say_the_same():
    told = tell(recorded(REPLY), taken_back=[MESSAGE])
    whole, headers = json.loads(told.structured()), dict(told.headers())
    assert whole.pop("data") == data(told)
    assert whole == told.attributes
    assert headers.pop("content-type") == b"application/json"
    assert headers.pop("ce_redacted") == b"true"
    assert {name.removeprefix("ce_"): value.decode() for name, value in headers.items()} == {
        name: str(value) for name, value in whole.items() if name not in ("datacontenttype", "redacted")
    }


def test_a_workspace_decides_which_content_is_told():
    everything, usually, nothing = (tell(recorded(OPENED), shown) for shown in (None, USUALLY, ()))
    assert [data(everything)[name] for name in ("title", "fields")] == [OPENED.title, OPENED.fields]
    assert [data(usually)[name] for name in ("title", "fields")] == [OPENED.title, None]
    assert [data(nothing)[name] for name in ("title", "description", "fields")] == [None] * 3
    assert data(nothing)["number"] == OPENED.number
    assert ["closed" in told.attributes for told in (everything, usually, nothing)] == [False, True, True]


def test_who_a_customer_is_no_setting_tells():
    event = RequesterRegistered(requester_name="Ruth", email="ruth@example.com")
    told = tell(recorded(event), tuple(Shown))
    assert data(told)["requester_name"] is None
    assert b"ruth" not in told.data.lower()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.NAME)
def test_secrets_are_told_to_nobody(sample):
    told = data(tell(recorded(sample)))
    assert told.keys() == type(sample).model_fields.keys() - sample.SECRETS


def test_a_secret_does_not_make_an_event_a_closed_or_erased_one():
    told = tell(recorded(TicketConfidentialSet(text="4711")), USUALLY)
    assert not told.attributes.keys() & {"closed", "erased"}


def test_what_was_erased_or_taken_back_is_null():
    erased = tell(recorded(TicketReplied(message_id=MESSAGE, body=ERASED)))
    taken_back = tell(recorded(REPLY), taken_back=[uuid4(), MESSAGE])
    other = tell(recorded(REPLY), taken_back=[uuid4()])
    assert [data(told)["body"] for told in (erased, taken_back, other)] == [None, None, REPLY.body]
    assert [told.attributes.keys() & {"erased", "redacted", "closed"} for told in (erased, taken_back, other)] == [
        {"erased"},
        {"redacted"},
        set(),
    ]


def test_an_event_of_a_newer_release_goes_through():
    event = UnknownEvent(unknown_name="ticket.teleported", unknown_version=2, data={"to": "Mars"})
    told = tell(recorded(event), USUALLY)
    assert (told.attributes["type"], name_of(event), data(told)) == (
        "ticket.teleported.v2",
        "ticket.teleported",
        {"to": "Mars"},
    )


def test_every_kind_of_content_that_may_be_told_is_one_that_there_is():
    for name, field in KINDS:
        assert field in EVENTS[name].CONTENT - EVENTS[name].SECRETS, (name, field)


def test_no_personal_content_is_ever_among_it():
    assert {name.partition(".")[0] for name, _ in KINDS} == {"ticket"}
