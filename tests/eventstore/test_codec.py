"""What was written loads for ever, as what it meant."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from domain.event import ERASED, EVENTS, Content, Event, UnknownEvent
from domain.ticket.events import TicketReplied
from eventstore.codec import decode, encode, event_of, subject
from eventstore.keyring import ContentDamaged, ContentKey, UnknownKey
from eventstore.upcasters import UPCASTERS, upcasts
from tests.eventstore.golden import FOLDER, KEY, METADATA, STREAM, envelope, path_of, readable, row_of, shape
from tests.eventstore.samples import SAMPLES

GOLDEN = sorted(FOLDER.glob("*.json"))
KINDS = sorted(EVENTS.values(), key=lambda kind: kind.NAME)


def read(path: Path) -> dict[str, Any]:
    golden: dict[str, Any] = json.loads(path.read_text())
    return golden


def keys_of(golden: dict[str, Any], key: Any = None) -> dict[Any, Any]:
    owner = subject(row_of(golden))
    return {owner: key or ContentKey(bytes.fromhex(golden["key"]))}


def as_told(now: Any, then: Any) -> Any:
    """What is read now, without the fields that nobody had thought of then."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {name: as_told(value, then[name]) for name, value in now.items() if name in then}
    return now


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_file_loads_as_what_it_meant(path: Path) -> None:
    golden = read(path)
    row = row_of(golden)
    assert hashlib.sha256(row.state).hexdigest() == golden["sha256"]
    recorded = decode(row, keys_of(golden))
    assert type(recorded.event) is EVENTS[golden["name"]]
    assert _as_then(readable(recorded.event), golden["reads_as"]) == golden["reads_as"]
    assert envelope(recorded.metadata) == golden["metadata"]
    assert event_of(row, keys_of(golden)) == recorded.event


# What a later version says of an older event without adding anything: all time counted, before business time could.
_NOTHING_NEW = (None, [], "calendar")


def _as_then(now: Any, then: Any) -> Any:
    """What is read now without what later versions added and an older event has nothing to say of."""
    if not isinstance(now, dict) or not isinstance(then, dict):
        return now
    return {
        name: _as_then(value, then.get(name))
        for name, value in now.items()
        if name in then or value not in _NOTHING_NEW
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.NAME)
def test_every_version_of_every_event_has_its_golden_file(kind: type[Event]) -> None:
    for version in range(1, kind.VERSION + 1):
        assert path_of(kind, version).exists(), "add a sample and run `python -m tests.eventstore.golden`"
    assert all((kind.NAME, old) in UPCASTERS for old in range(1, kind.VERSION))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.NAME)
def test_an_event_that_changes_its_shape_gets_a_new_version(kind: type[Event]) -> None:
    golden = read(path_of(kind, kind.VERSION))
    assert shape(kind) == golden["shape"], f"{kind.NAME}: raise version=, register an upcaster, add the golden file"


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: event.NAME)
def test_content_cannot_be_read_in_the_stored_bytes(event: Event) -> None:
    state = json.loads(encode(event, METADATA, STREAM, 1, ContentKey(KEY)))
    assert not event.CONTENT & state["data"].keys()
    assert ("content" in state) == bool(event.CONTENT)


REPLY = TicketReplied(message_id=uuid4(), body="秘密")


def stored(event: Event = REPLY, version: int = 7) -> Any:
    golden = {"state": "", "name": event.NAME, "stream_version": version}
    state = encode(event, METADATA, STREAM, version, ContentKey(KEY))
    return row_of(golden)._replace(state=state)


@pytest.mark.parametrize(
    "moved",
    [
        {"originator_id": uuid4()},
        {"originator_version": 8},
        {"workspace_id": uuid4()},
        {"event_id": uuid4()},
        {"topic": "ticket.noted"},
    ],
    ids=lambda moved: next(iter(moved)),
)
def test_content_that_was_moved_does_not_open(moved: dict[str, Any]) -> None:
    row = stored()._replace(**moved)
    with pytest.raises(ContentDamaged):
        decode(row, {row.originator_id: ContentKey(KEY)})


def test_content_that_was_changed_does_not_open() -> None:
    row = stored()
    raw = json.loads(row.state)
    sealed = bytearray(base64.b64decode(raw["content"]))
    sealed[-1] ^= 1
    raw["content"] = base64.b64encode(sealed).decode()
    with pytest.raises(ContentDamaged) as refused:
        decode(row._replace(state=json.dumps(raw).encode()), {STREAM: ContentKey(KEY)})
    assert "秘密" not in str(refused.value)


def test_a_destroyed_key_is_a_value_and_an_unknown_one_an_error() -> None:
    event = decode(stored(), {STREAM: ERASED}).event
    assert isinstance(event, TicketReplied)
    assert event.body is ERASED
    with pytest.raises(UnknownKey):
        decode(stored(), {})


def test_what_a_newer_release_wrote_passes() -> None:
    newer = stored()._replace(state=stored().state.replace(b'"class_version":1', b'"class_version":9'))
    other = stored()._replace(topic="ticket.teleported")
    for row in (newer, other):
        event = decode(row, {STREAM: ContentKey(KEY)}).event
        assert isinstance(event, UnknownEvent)
        assert event.unknown_name == row.topic
    assert subject(other) is None


@pytest.fixture
def parcel() -> Iterator[type[Event]]:
    """An event that was renamed and split over three versions."""

    class ParcelSent(Event, name="parcel.sent", version=3):
        addressee: Content[str]
        weight_g: int
        insured: bool

    @upcasts("parcel.sent", 1)
    def _(old: dict[str, Any]) -> dict[str, Any]:
        return {"addressee": old.pop("recipient"), **old}

    @upcasts("parcel.sent", 2)
    def _(old: dict[str, Any]) -> dict[str, Any]:
        return {**old, "weight_g": old["weight_g"] * 1000, "insured": False}

    yield ParcelSent
    del EVENTS["parcel.sent"], UPCASTERS["parcel.sent", 1], UPCASTERS["parcel.sent", 2]


def old_parcel(kind: type[Event]) -> Any:
    """A row as version 1 wrote it."""

    class OldParcel(Event):
        recipient: Content[str]
        weight_g: int

    OldParcel.NAME, OldParcel.VERSION, OldParcel.CONTENT = kind.NAME, 1, frozenset({"recipient"})
    return stored(OldParcel(recipient="Li", weight_g=2))


def test_an_old_version_is_brought_up_step_by_step(parcel: type[Event]) -> None:
    event = decode(old_parcel(parcel), {STREAM: ContentKey(KEY)}).event
    assert event == parcel(addressee="Li", weight_g=2000, insured=False)


def test_an_old_version_is_brought_up_when_its_content_is_gone(parcel: type[Event]) -> None:
    event = decode(old_parcel(parcel), {STREAM: ERASED}).event
    assert event == parcel(addressee=ERASED, weight_g=2000, insured=False)
