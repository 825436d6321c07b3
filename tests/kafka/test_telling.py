"""What is published of an event is what every other way tells of it, for every version ever written."""

import json
from collections import defaultdict

import pytest
from kafka.record.memory_records import MemoryRecords

from domain.event import ERASED, EVENTS
from domain.stream.telling import tell
from domain.streaming import USUALLY, Shown
from eventstore.codec import decode, subject
from eventstore.keyring import ContentKey, UnknownKey
from processors.stream.producer import _batch
from processors.stream.telling import Page, told
from tests.eventstore.golden import FOLDER, KEY, STREAM, row_of

GOLDEN = sorted(FOLDER.glob("*.json"), key=lambda path: path.name)


def sent(messages):
    batch = _batch(messages)
    batch.set_producer_state(1, 0, 0, True)
    batch.close()
    return [record for found in MemoryRecords(batch.records()._buffer) for record in found]


@pytest.mark.parametrize("shown", [(), USUALLY, tuple(Shown)], ids=["nothing", "usually", "everything"])
@pytest.mark.parametrize("key", [ContentKey(KEY), ERASED], ids=["kept", "erased"])
def test_it_says_what_the_contract_says(shown, key):
    for path in GOLDEN:
        row = row_of(json.loads(path.read_text()))
        keys = defaultdict(lambda: key) | {subject(row): key, STREAM: key}
        page = Page([row], keys, {row.workspace_id: frozenset(shown)}, frozenset())
        wanted = tell(decode(row, keys), shown)
        (record,) = sent(told(page))
        assert json.loads(record.value) == json.loads(wanted.data), path.name
        assert dict(record.headers) == dict(wanted.headers()), path.name
        assert record.key == str(STREAM).encode()


def test_a_message_that_was_taken_back_is_told_without_its_text():
    rows = [row_of(json.loads(path.read_text())) for path in GOLDEN if path.name.startswith("ticket.replied.")]
    keys = {STREAM: ContentKey(KEY)}
    for row in rows:
        event = decode(row, keys)
        page = Page([row], keys, {row.workspace_id: frozenset(Shown)}, frozenset({str(event.event.message_id)}))
        wanted = tell(event, taken_back=[event.event.message_id])
        (record,) = sent(told(page))
        assert (json.loads(record.value), dict(record.headers)) == (json.loads(wanted.data), dict(wanted.headers()))


def test_an_event_of_a_newer_release_is_told_as_it_is(monkeypatch):
    (path,) = [path for path in GOLDEN if path.name.startswith("ticket.tagged.")]
    row = row_of(json.loads(path.read_text()))
    monkeypatch.delitem(EVENTS, row.topic)
    (record,) = sent(told(Page([row], {}, {}, frozenset())))
    assert dict(record.headers)["ce_type"] == b"ticket.tagged.v1"
    assert json.loads(record.value) == json.loads(row.state)["data"]


def test_content_whose_key_never_was_stops_the_stream():
    (path,) = [path for path in GOLDEN if path.name.startswith("ticket.replied.")]
    row = row_of(json.loads(path.read_text()))
    with pytest.raises(UnknownKey):
        told(Page([row], {}, {row.workspace_id: frozenset()}, frozenset()))
