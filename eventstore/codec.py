"""Events to bytes and back: a stable name, a version with upcasters, content under its subject's key.

The bytes are UTF-8 JSON that the eventsourcing library's own transcoder reads:
{"class_version": 1, "metadata": {...}, "data": {...}, "content": "base64 of nonce and ciphertext"}.
"""

import base64
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, NotRequired
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

# pydantic takes the standard library's only from Python 3.12 on.
from typing_extensions import TypedDict

from domain.errors import NewerRelease
from domain.event import ERASED, EVENTS, Actor, Erased, Event, Metadata, Recorded, UnknownEvent
from eventstore.keyring import ContentKey, UnknownKey
from eventstore.upcasters import UPCASTERS


class StoredRow(NamedTuple):
    """A row of the log as SELECT_EVENTS reads it."""

    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes
    notification_id: int
    workspace_id: UUID
    event_id: UUID
    recorded_at: datetime


class _Metadata(TypedDict):
    """What the envelope has beside the columns of its row."""

    occurred_at: str
    actor: dict[str, str]
    channel: str
    correlation_id: UUID
    command_id: UUID
    causation_id: NotRequired[UUID | None]
    on_behalf_of: NotRequired[dict[str, str] | None]
    rule_id: NotRequired[UUID | None]
    rule_version: NotRequired[int | None]


class _Stored(TypedDict):
    class_version: int
    metadata: _Metadata
    data: dict[str, Any]
    content: NotRequired[str]


# Reads the bytes straight into typed values: every reader of the log waits for this.
_stored = TypeAdapter(_Stored).validator.validate_json

SELECT_EVENTS = (
    "SELECT originator_id, originator_version, topic, state, notification_id, workspace_id, event_id, recorded_at "
    "FROM log.stored_events"
)


def encode(event: Event, metadata: Metadata, stream: UUID, version: int, key: ContentKey | None) -> bytes:
    """The bytes to store. Events with content need their subject's key."""
    parts = [
        b'{"class_version":%d,"metadata":' % event.VERSION,
        to_json(_metadata_out(metadata)),
        b',"data":',
        event.__pydantic_serializer__.to_json(event, exclude=set(event.CONTENT)),
    ]
    if event.CONTENT:
        if key is None:
            raise UnknownKey(subject=event.subject(stream))
        plain = event.__pydantic_serializer__.to_json(event, include=set(event.CONTENT))
        sealed = key.seal(plain, identity(metadata.workspace_id, stream, version, event.NAME, metadata.event_id))
        parts += [b',"content":"', base64.b64encode(sealed), b'"']
    parts.append(b"}")
    return b"".join(parts)


def decode(row: StoredRow, keys: Mapping[UUID, ContentKey | Erased] | None) -> Recorded[Event]:
    """The event of a row. Content of a destroyed key is ERASED; a key that never was raises UnknownKey.

    With None for keys, for readers that need no content, it stays closed and reads as ERASED too.
    """
    raw = _stored(row.state)
    return Recorded(
        position=row.notification_id,
        stream_id=row.originator_id,
        version=row.originator_version,
        recorded_at=row.recorded_at,
        metadata=_metadata_in(raw["metadata"], row),
        event=_event(raw, row, keys),
    )


def event_of(row: StoredRow, keys: Mapping[UUID, ContentKey | Erased] | None) -> Event:
    """The event alone, for whoever folds: its envelope is not read."""
    return _event(from_json(row.state), row, keys)


def identity(workspace: UUID, stream: UUID, version: int, name: str, event_id: UUID) -> bytes:
    """What ciphertext is bound to: fixed lengths first, so that no two events share it."""
    return b"%b%b%b%b%b" % (workspace.bytes, stream.bytes, event_id.bytes, version.to_bytes(8, "big"), name.encode())


def subject(row: StoredRow) -> UUID | None:
    """Whose key a row's content needs, without opening it; None where it has no content or is unknown."""
    kind = EVENTS.get(row.topic)
    if kind is None or not kind.CONTENT:
        return None
    if kind.subject is Event.subject:
        return row.originator_id
    data = from_json(row.state)["data"]
    return kind.model_construct(**{name: _as_uuid(value) for name, value in data.items()}).subject(row.originator_id)


def _as_uuid(value: Any) -> Any:
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        return value


def _event(raw: _Stored, row: StoredRow, keys: Mapping[UUID, ContentKey | Erased] | None) -> Event:
    kind, version, data = EVENTS.get(row.topic), raw["class_version"], raw["data"]
    if kind is None or version > kind.VERSION:
        return UnknownEvent(unknown_name=row.topic, unknown_version=version, data=data)
    content = raw.get("content")
    opened = _content(content, kind, row, keys) if content is not None else {}
    if isinstance(opened, Erased):
        known = _upcast(row.topic, version, kind, _ErasedFields(data)) if version < kind.VERSION else data
        complete = known | _erased_content(kind)
    else:
        complete = _upcast(row.topic, version, kind, data | opened)
    try:
        event: Event = kind.__pydantic_validator__.validate_python(complete)
    except ValidationError:
        # All that was ever written loads: this says more than our release knows. Its text may quote what somebody wrote.
        raise NewerRelease(event=row.topic) from None
    return event


def _upcast(name: str, version: int, kind: type[Event], data: dict[str, Any]) -> dict[str, Any]:
    for old in range(version, kind.VERSION):
        data = type(data)(UPCASTERS[name, old](data))
    return data


class _ErasedFields(dict[str, Any]):
    """Fields without the content: an upcaster that asks for content gets ERASED."""

    def __missing__(self, _: str) -> Erased:
        return ERASED

    def pop(self, name: str, *_: Any) -> Any:
        return super().pop(name, ERASED)


@lru_cache
def _erased_content(kind: type[Event]) -> dict[str, Any]:
    return dict.fromkeys(kind.CONTENT, ERASED)


def _content(
    content: str, kind: type[Event], row: StoredRow, keys: Mapping[UUID, ContentKey | Erased] | None
) -> dict[str, Any] | Erased:
    if keys is None:
        return ERASED
    owner = row.originator_id if kind.subject is Event.subject else subject(row)
    key = keys.get(owner) if owner else None
    if key is None:
        raise UnknownKey(subject=owner)
    if isinstance(key, Erased):
        return ERASED
    bound_to = identity(row.workspace_id, row.originator_id, row.originator_version, row.topic, row.event_id)
    opened: dict[str, Any] = from_json(key.open(base64.b64decode(content), bound_to))
    return opened


def _metadata_out(metadata: Metadata) -> dict[str, Any]:
    out: dict[str, Any] = {
        "event_id": metadata.event_id,
        "workspace_id": metadata.workspace_id,
        "occurred_at": metadata.occurred_at,
        "actor": metadata.actor,
        "channel": metadata.channel,
        "correlation_id": metadata.correlation_id,
        "command_id": metadata.command_id,
    }
    for name in ("causation_id", "on_behalf_of", "rule_id", "rule_version"):
        value = getattr(metadata, name)
        if value is not None:
            out[name] = value
    return out


def _metadata_in(raw: _Metadata, row: StoredRow) -> Metadata:
    behalf = raw.get("on_behalf_of")
    return Metadata(
        event_id=row.event_id,
        workspace_id=row.workspace_id,
        occurred_at=datetime.fromisoformat(raw["occurred_at"]),
        actor=_actor(raw["actor"]["kind"], raw["actor"]["id"]),
        channel=raw["channel"],
        correlation_id=raw["correlation_id"],
        command_id=raw["command_id"],
        causation_id=raw.get("causation_id"),
        on_behalf_of=_actor(behalf["kind"], behalf["id"]) if behalf else None,
        rule_id=raw.get("rule_id"),
        rule_version=raw.get("rule_version"),
    )


@lru_cache(maxsize=4096)
def _actor(kind: str, id: str) -> Actor:  # noqa: A002 - the field's name
    # The few who work on a desk do most of what happens there.
    return Actor(kind=kind, id=id)
