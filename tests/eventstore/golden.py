"""Golden files: the bytes of every version of every event type ever written, which must load for ever.

A new event or version: add its sample, run `python -m tests.eventstore.golden`, commit the new file. Files that are
there are never written again; only before a first release may one be deleted to be made anew.
"""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

import domain.aggregates  # noqa: F401 - registers every event
from domain.conditions import Condition
from domain.event import SYSTEM, Actor, Event, Metadata
from eventstore.codec import StoredRow, encode
from eventstore.keyring import ContentKey
from tests.eventstore.samples import ID, OTHER, SAMPLES

FOLDER = Path(__file__).parents[1] / "golden"
KEY = bytes(range(32))
STREAM = UUID("018f0000-0000-7000-8000-0000000000aa")
WORKSPACE = UUID("018f0000-0000-7000-8000-0000000000bb")
WHEN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

# A language of its own, in which only ever more can be said: what is new in it is no new shape of the events that speak it.
_LANGUAGE = frozenset(TypeAdapter[Any](Condition).json_schema()["$defs"])

METADATA = Metadata(
    event_id=ID,
    workspace_id=WORKSPACE,
    occurred_at=WHEN,
    actor=Actor(kind="person", id=str(OTHER)),
    channel="api",
    correlation_id=OTHER,
    command_id=OTHER,
    causation_id=OTHER,
    on_behalf_of=SYSTEM,
    rule_id=OTHER,
    rule_version=3,
)


def path_of(kind: type[Event], version: int) -> Path:
    """Where a version's golden file lies."""
    return FOLDER / f"{kind.NAME}.v{version}.json"


def shape(kind: type[Event]) -> str:
    """Fingerprint of the fields and their types; what is only said about them does not count."""
    return hashlib.sha256(json.dumps(_bare(kind.model_json_schema()), sort_keys=True).encode()).hexdigest()[:16]


def readable(event: Event) -> dict[str, Any]:
    """The event's fields as JSON has them."""
    fields: dict[str, Any] = json.loads(event.model_dump_json())
    return fields


def row_of(golden: dict[str, Any]) -> StoredRow:
    """The row of the log that a golden file keeps."""
    state = golden["state"].encode()
    return StoredRow(STREAM, golden["stream_version"], golden["name"], state, 1, WORKSPACE, ID, WHEN)


def envelope(metadata: Metadata) -> dict[str, Any]:
    """The metadata as JSON has it."""
    return {name: to_jsonable_python(getattr(metadata, name)) for name in Metadata.__annotations__}


def _bare(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: _bare(value)
            for key, value in schema.items()
            if (key not in ("title", "description") or isinstance(value, dict)) and key not in _LANGUAGE
        }
    return [_bare(item) for item in schema] if isinstance(schema, list) else schema


def _golden(event: Event) -> dict[str, Any]:
    state = encode(event, METADATA, STREAM, 7, ContentKey(KEY))
    return {
        "name": event.NAME,
        "version": event.VERSION,
        "shape": shape(type(event)),
        "stream_version": 7,
        "key": KEY.hex(),
        "sha256": hashlib.sha256(state).hexdigest(),
        "state": state.decode(),
        "metadata": envelope(METADATA),
        "reads_as": readable(event),
    }


if __name__ == "__main__":
    for sample in SAMPLES:
        path = path_of(type(sample), sample.VERSION)
        if not path.exists():
            path.write_text(json.dumps(_golden(sample), indent=1, ensure_ascii=False, sort_keys=True) + "\n")
            print(path.name)
