"""The contract of the event stream: it is what the code does, and no change of it breaks who reads."""

import copy
import json
from pathlib import Path

import jsonschema_rs
import pytest
from pydantic import TypeAdapter

from cli.schema import ASYNCAPI, text, write_contract, written
from domain.event import ERASED, EVENTS
from domain.stream.asyncapi import document, event_headers
from domain.stream.compatible import ContractBroken, broken
from domain.stream.present import PRESENT
from domain.stream.schemas import schemas
from domain.stream.telling import tell
from domain.streaming import USUALLY, Shown
from domain.ticket.row import COLUMNS, Row
from eventstore.codec import decode
from eventstore.keyring import ContentKey
from tests.domain.slas import row as a_row
from tests.domain.test_stream_telling import recorded
from tests.eventstore.golden import FOLDER as GOLDEN
from tests.eventstore.golden import KEY, row_of

FOLDER = Path(__file__).parents[2] / "docs" / "stream"
WRITTEN, NOW = written(FOLDER), schemas()
DOCUMENT = json.loads((FOLDER / f"{ASYNCAPI}.json").read_text())
OFFICIAL = json.loads((Path(__file__).parent / "asyncapi" / "3.0.0.json").read_text())
RENEW = "run `ledgerdesk schema --write docs/stream`"


def validator(schema):
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def test_no_reader_of_what_was_promised_is_broken():
    assert broken(WRITTEN, NOW) == []


def test_what_is_written_is_what_the_code_does():
    assert {name: WRITTEN.get(name) for name in NOW} == NOW, RENEW
    assert document({**WRITTEN, **NOW}) == DOCUMENT, RENEW
    assert {name for name, kind in EVENTS.items() if kind.__module__.startswith("domain.")} <= {
        name.rpartition(".v")[0] for name in WRITTEN
    }


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_event_ever_written_is_told_as_its_schema_says(path):
    golden = json.loads(path.read_text())
    row = row_of(golden)

    class Keys(dict):
        def get(self, _, default=None):
            return self["any"]

    for key in (ContentKey(KEY), ERASED):
        event = recorded(decode(row, Keys(any=key)).event)
        for shown in (None, USUALLY, tuple(Shown), ()):
            told = tell(event, shown)
            validator(WRITTEN[told.attributes["type"]]).validate(json.loads(told.data))
            validator(event_headers()).validate({name: value.decode() for name, value in told.headers()})


@pytest.mark.parametrize("shown", [{}, {"title": None, "fields": None}])
def test_what_a_ticket_is_now_may_have_all_columns_of_lists_or_lack_content(shown):
    row = TypeAdapter(Row).dump_python(a_row(**shown), mode="json")
    told = {name: row[name] for name in COLUMNS}
    validator(WRITTEN[PRESENT]).validate(told)
    assert told.keys() == WRITTEN[PRESENT]["properties"].keys()


@pytest.mark.parametrize("schema", NOW.values(), ids=NOW)
def test_a_schema_is_a_schema(schema):
    jsonschema_rs.meta.validate(schema)


def test_the_document_is_one_by_the_official_schema_of_asyncapi():
    official = jsonschema_rs.validator_for(OFFICIAL)
    official.validate(DOCUMENT)
    kafka = DOCUMENT["channels"]["events"]["bindings"]["kafka"]
    for wrong in (
        DOCUMENT | {"asyncapi": "3.x"},
        DOCUMENT | {"operations": {"events": {"action": "publish", "channel": {"$ref": "#/channels/events"}}}},
        DOCUMENT | {"channels": {"events": {"bindings": {"kafka": kafka | {"partitions": "twelve"}}}}},
    ):
        assert not official.is_valid(wrong)


def test_every_reference_of_the_document_leads_somewhere():
    messages = DOCUMENT["components"]["messages"]
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == {
        "ledgerdesk.events",
        "ledgerdesk.tickets",
    }
    for channel in DOCUMENT["channels"].values():
        for name, reference in channel["messages"].items():
            assert reference["$ref"] == f"#/components/messages/{name}"
            assert (FOLDER / messages[name]["payload"]["schema"]["$ref"]).exists()
    assert messages.keys() == WRITTEN.keys()
    assert {each["channel"]["$ref"].rpartition("/")[2] for each in DOCUMENT["operations"].values()} == set(
        DOCUMENT["channels"]
    )


EARLIER = {
    "type": "object",
    "properties": {
        "number": {"type": "string"},
        "priority": {"$ref": "#/$defs/Priority"},
        "team": {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "places": {"type": "object", "additionalProperties": {"type": "integer"}},
        "tree": {"$ref": "#/$defs/Tree"},
    },
    "required": ["number"],
    "$defs": {
        "Priority": {"type": "string", "enum": ["low", "high"]},
        "Tree": {
            "type": "object",
            "properties": {
                "leaf": {"type": "string"},
                "below": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]}},
            },
        },
    },
}


def changed(**parts):
    now = copy.deepcopy(EARLIER)
    for path, value in parts.items():
        *way, last = path.split("__")
        place = now
        for step in way:
            place = place[step]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return now


def differences(now):
    return broken({"ticket.x.v1": EARLIER}, {"ticket.x.v1": now})


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (changed(properties__number=None), "the field «number» is gone"),
        (changed(properties__number={"type": "integer"}), "the field «number» was string and is now integer"),
        (changed(**{"$defs__Priority__enum": ["low"]}), "the field «priority» may no longer be «high»"),
        (changed(required=["number", "tags"]), "the field «tags» is newly required"),
        (changed(properties__team={"type": "string", "format": "uuid"}), "the field «team» was null"),
        (changed(properties__tags__items={"type": "integer"}), "the field «tags[]» was string and is now integer"),
        (changed(properties__places__additionalProperties={"type": "string"}), "«places{}» was integer"),
        (changed(properties__number={"type": "string", "maxLength": 3}), "«number» is narrower: maxLength is now 3"),
        (
            changed(properties__number={"type": "string", "format": "uuid"}),
            "«number» is narrower: format is now «uuid»",
        ),
        (changed(properties__number={"enum": ["a"], "type": "string"}), "«number» may no longer be «any other value»"),
        (changed(**{"$defs__Tree__properties__leaf": None}), "the field «tree.leaf» is gone"),
        (
            changed(properties__number={"anyOf": [{"type": "string"}, {"type": "null"}]}),
            "the field «number» may now be null, which it never was",
        ),
        (changed(properties__places__additionalProperties={"type": "number"}), "«places{}» may now be number"),
        (changed(required=[]), "the field «number» may now be missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_would_break_a_reader_is_said(now, said):
    [found] = differences(now)
    assert found.startswith("ticket.x.v1: ")
    assert said in found


@pytest.mark.parametrize(
    "now",
    [
        EARLIER,
        changed(properties__more={"type": "string"}),
        changed(**{"$defs__Priority__enum": ["low", "high", "urgent"]}),
        changed(**{"$defs__Tree__properties__more": {"type": "string"}}),
    ],
)
def test_more_may_be_said(now):
    assert differences(now) == []


def test_an_event_goes_only_when_a_newer_version_of_it_is_there():
    assert broken({"ticket.x.v1": EARLIER}, {"ticket.x.v2": {}}) == []
    assert broken({"ticket.x.v1": EARLIER}, {}) == ["ticket.x.v1: the event is gone"]


def test_what_would_break_a_reader_is_not_written(tmp_path):
    write_contract(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.json" for name in (*NOW, ASYNCAPI)}
    promised = copy.deepcopy(NOW["ticket.replied.v1"])
    promised["properties"]["mood"] = {"type": "string"}
    path = tmp_path / "ticket.replied.v1.json"
    path.write_text(text(promised))
    with pytest.raises(ContractBroken, match="the field «mood» is gone"):
        write_contract(tmp_path)
    assert json.loads(path.read_text()) == promised


def test_the_schema_of_an_earlier_version_stays(tmp_path):
    (tmp_path / "ticket.opened.v1.json").write_text(text(EARLIER))
    write_contract(tmp_path)
    assert "ticket.opened.v1" in written(tmp_path)
    assert "ticket.opened.v1" in json.loads((tmp_path / "asyncapi.json").read_text())["components"]["messages"]
