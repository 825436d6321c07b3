"""Messages as `domain.stream.telling` has them, made of stored bytes: as models they would take three times as long."""

import base64
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor
from pydantic_core import from_json, to_json

from domain.event import EVENTS, Erased, Event
from domain.setup.streaming import StreamSet
from domain.stream.present import PRESENT, PRESENT_CONTENT
from domain.stream.telling import TAKING_BACK, moment
from domain.streaming import KINDS, USUALLY, Shown
from eventstore.arrays import Uuids
from eventstore.codec import StoredRow, decode, identity, subject
from eventstore.keyring import ContentKey, Keyring, UnknownKey, read_keys
from processors.stream.batch import Message, header, message, varint

# The newest setting of each workspace; its stream is its own id.
_SETTINGS = """
    SELECT wanted.workspace, s.state FROM unnest(%s::uuid[]) AS wanted (workspace)
    CROSS JOIN LATERAL (SELECT state FROM log.stored_events
        WHERE originator_id = wanted.workspace AND topic = %s ORDER BY originator_version DESC LIMIT 1) s
"""
# What was taken back of those tickets, now or later.
_TAKEN_BACK = "SELECT state FROM log.stored_events WHERE originator_id = ANY(%s) AND topic = ANY(%s)"
_PARTS = ("message_id", "attachment_id")


def _attribute(name: str) -> bytes:
    return header(f"ce_{name}")


def _constant(name: str, value: bytes) -> bytes:
    return header(name) + varint(len(value)) + value


_HEAD = (_constant("ce_specversion", b"1.0"), _constant("content-type", b"application/json"))
_ID, _SOURCE, _TYPE, _SUBJECT, _TIME = map(_attribute, ("id", "source", "type", "subject", "time"))
_WORKSPACE, _POSITION, _VERSION, _RECORDED = map(_attribute, ("workspace", "position", "version", "recorded"))
_ACTOR, _CHANNEL, _CORRELATION = map(_attribute, ("actor", "channel", "correlationid"))
_CAUSATION, _BEHALF, _COMMAND = map(_attribute, ("causationid", "onbehalfof", "commandid"))
_RULE, _RULE_VERSION = map(_attribute, ("ruleid", "ruleversion"))
_ERASED, _REDACTED, _CLOSED = (_constant(f"ce_{name}", b"true") for name in ("erased", "redacted", "closed"))


class Page(NamedTuple):
    """A stretch of the log with what decides how much of it may be told."""

    rows: Sequence[StoredRow]
    keys: Mapping[UUID, ContentKey | Erased]
    shown: Mapping[UUID, frozenset[Shown]]
    taken_back: frozenset[str]

    def key(self, row: StoredRow) -> ContentKey | Erased | None:
        """The key of the row's content; None where it has none that anybody is told."""
        if not _is_told(row.topic):
            return None
        owner = subject(row)
        if owner is None or owner not in self.keys:
            raise UnknownKey(subject=owner)
        return self.keys[owner]


def looked_up(db: Cursor[Any], keyring: Keyring, rows: Sequence[StoredRow]) -> Page:
    """The keys, settings and redactions that hold now: what was closed since it happened stays closed, also in a replay."""
    shown = shown_now(db, {row.workspace_id for row in rows})
    keys = read_keys(
        db, keyring, {(row.workspace_id, owner) for row in rows if _is_told(row.topic) and (owner := subject(row))}
    )
    return Page(rows, keys, shown, _taken_back(db, {row.originator_id for row in rows if _has_parts(row.topic)}))


def told(page: Page) -> list[Message]:
    """The messages of the rows, in order."""
    return [_message(row, page) for row in page.rows]


def shown_now(db: Cursor[Any], workspaces: Iterable[UUID]) -> Mapping[UUID, frozenset[Shown]]:
    """What the stream may show of the tickets of these workspaces, as they have set it now."""
    found: defaultdict[UUID, frozenset[Shown]] = defaultdict(lambda: frozenset(USUALLY))
    for workspace, state in db.execute(_SETTINGS, [Uuids(list(workspaces)), StreamSet.NAME], binary=True):
        found[workspace] = frozenset(map(Shown, from_json(state)["data"]["shown"]))
    return found


def _taken_back(db: Cursor[Any], tickets: Iterable[UUID]) -> frozenset[str]:
    wanted = list(tickets)
    if not wanted:
        return frozenset()
    states = db.execute(_TAKEN_BACK, [wanted, list(TAKING_BACK)], binary=True).fetchall()
    return frozenset(
        data[part] for (state,) in states for data in [from_json(state)["data"]] for part in _PARTS if part in data
    )


@cache
def _is_told(topic: str) -> bool:
    """Whether it has content that is no secret."""
    kind = EVENTS.get(topic)
    return kind is not None and bool(kind.CONTENT - kind.SECRETS)


@cache
def _has_parts(topic: str) -> bool:
    kind = EVENTS.get(topic)
    return kind is not None and bool(kind.CONTENT) and any(part in kind.model_fields for part in _PARTS)


@cache
def _fields(topic: str, shown: frozenset[Shown]) -> frozenset[str]:
    """The fields of an event's content that may be told."""
    kind = EVENTS.get(topic)
    return frozenset(name for name in (kind.CONTENT if kind else ()) if KINDS.get((topic, name)) in shown)


def _message(row: StoredRow, page: Page) -> Message:
    raw = from_json(row.state)
    kind = EVENTS.get(row.topic)
    version = raw["class_version"]
    marks: list[bytes] = []
    if kind is None or version > kind.VERSION:
        # A newer release wrote it: what it has in clear is told as it is.
        data = raw["data"]
    elif kind.CONTENT or version < kind.VERSION:
        data, marks = _data(row, raw, kind, page)
        version = kind.VERSION
    else:
        data = raw["data"]
    key = str(row.originator_id).encode()
    return message(key, to_json(data), (*_headers(row, raw["metadata"], version, key), *marks))


def _data(row: StoredRow, raw: dict[str, Any], kind: type[Event], page: Page) -> tuple[dict[str, Any], list[bytes]]:
    """The event's data with nulls for content that is not told, and the headers that say why."""
    content, key = kind.CONTENT - kind.SECRETS, page.key(row)
    wanted = _fields(row.topic, page.shown[row.workspace_id])
    if raw["class_version"] < kind.VERSION:
        event = decode(row, page.keys if kind.CONTENT else None).event
        data = event.model_dump(mode="json", exclude=set(kind.CONTENT))
        opened = event.model_dump(mode="json", include=set(wanted))
    else:
        data = raw["data"]
        opened = _opened(row, raw, key) if wanted and isinstance(key, ContentKey) else {}
    redacted = bool(content and page.taken_back) and any(data.get(part) in page.taken_back for part in _PARTS)
    told = {name: opened.get(name) for name in wanted} if not redacted else {}
    why = (
        (_ERASED, isinstance(key, Erased)),
        (_REDACTED, redacted),
        (_CLOSED, not redacted and len(wanted) < len(content)),
    )
    return data | dict.fromkeys(content) | told, [mark for mark, true in why if true]


def _opened(row: StoredRow, raw: dict[str, Any], key: ContentKey) -> dict[str, Any]:
    bound_to = identity(row.workspace_id, row.originator_id, row.originator_version, row.topic, row.event_id)
    opened: dict[str, Any] = from_json(key.open(base64.b64decode(raw["content"]), bound_to))
    return opened


def _headers(row: StoredRow, metadata: dict[str, Any], version: int, subject_: bytes) -> list[bytes]:
    workspace = str(row.workspace_id)
    found = [
        *_HEAD,
        _value(_ID, str(row.event_id)),
        _value(_TYPE, f"{row.topic}.v{version}"),
        _value(_SOURCE, f"/workspaces/{workspace}"),
        _SUBJECT + varint(len(subject_)) + subject_,
        _value(_TIME, metadata["occurred_at"].replace("+00:00", "Z")),
        _value(_WORKSPACE, workspace),
        _value(_POSITION, str(row.notification_id)),
        _value(_VERSION, str(row.originator_version)),
        _value(_RECORDED, moment(row.recorded_at)),
        _value(_ACTOR, _who(metadata["actor"])),
        _value(_CHANNEL, metadata["channel"]),
        _value(_CORRELATION, metadata["correlation_id"]),
        _value(_COMMAND, metadata["command_id"]),
    ]
    if causation := metadata.get("causation_id"):
        found.append(_value(_CAUSATION, causation))
    if behalf := metadata.get("on_behalf_of"):
        found.append(_value(_BEHALF, _who(behalf)))
    if rule := metadata.get("rule_id"):
        found += (_value(_RULE, rule), _value(_RULE_VERSION, str(metadata.get("rule_version"))))
    return found


def _value(name: bytes, text: str) -> bytes:
    raw = text.encode()
    return name + varint(len(raw)) + raw


def _who(actor: dict[str, str]) -> str:
    return f"{actor['kind']}:{actor['id']}"


def present(row: dict[str, Any], shown: frozenset[Shown]) -> Message:
    """A ticket as it is now, for the compacted topic."""
    closed = {name for name, kind in PRESENT_CONTENT.items() if kind not in shown}
    ticket, workspace = str(row["ticket_id"]), str(row["workspace_id"])
    key = ticket.encode()
    headers = [
        *_HEAD,
        _value(_ID, f"{ticket}.{row['position']}"),
        _value(_TYPE, PRESENT),
        _value(_SOURCE, f"/workspaces/{workspace}"),
        _value(_SUBJECT, ticket),
        _value(_TIME, moment(row["updated_at"])),
        _value(_WORKSPACE, workspace),
        _value(_POSITION, str(row["position"])),
        _value(_VERSION, str(row["version"])),
    ]
    return message(key, to_json(row | dict.fromkeys(closed)), headers)


def gone(ticket: UUID) -> Message:
    """The tombstone of a ticket that was erased."""
    return message(str(ticket).encode(), None, ())
