"""Snapshots of long streams: the folded state, encrypted under the stream's key, thrown away when its shape changes."""

import hashlib
from functools import cache
from typing import Any
from uuid import UUID

import structlog
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from domain.aggregates import INITIAL
from domain.event import Erased
from eventstore.keyring import ContentDamaged, ContentKey

log = structlog.get_logger()

# Every how many events; loading that many afresh stays far below what a person notices.
EVERY = 200
# Workspaces hold content of many subjects, so that one key could not protect their snapshot.
KEPT = frozenset({"ticket", "requester"})


@cache
def _adapter(aggregate: str) -> TypeAdapter[Any]:
    return TypeAdapter(type(INITIAL[aggregate]))


@cache
def shape(aggregate: str) -> str:
    """Fingerprint of the state's fields and types."""
    return hashlib.sha256(to_json(_adapter(aggregate).json_schema())).hexdigest()[:16]


def due(aggregate: str, before: int, after: int) -> bool:
    """Whether the stream has just grown past a multiple of EVERY."""
    return aggregate in KEPT and before // EVERY != after // EVERY


def closed(aggregate: str, stream: UUID, version: int, state: Any, key: ContentKey) -> bytes:
    """The bytes to keep."""
    return key.seal(_adapter(aggregate).dump_json(state), _identity(aggregate, stream, version))


def opened(aggregate: str, stream: UUID, version: int, kept: bytes, key: ContentKey | Erased | None) -> Any | None:
    """The state, or None where the key is gone or the snapshot is damaged: then the events are folded instead."""
    if key is None or isinstance(key, Erased):
        return None
    try:
        return _adapter(aggregate).validate_json(key.open(kept, _identity(aggregate, stream, version)))
    except (ContentDamaged, ValidationError):
        log.warning("snapshot.unusable", aggregate=aggregate, stream=str(stream))
        return None


def _identity(aggregate: str, stream: UUID, version: int) -> bytes:
    return f"snapshot|{aggregate}|{stream}|{version}".encode()
