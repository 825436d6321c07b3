"""Stream ids that follow from what people call things, so that no look-up table can disagree with the log."""

from functools import lru_cache
from hashlib import sha1
from typing import Any
from uuid import UUID, SafeUUID

_WORKSPACES = UUID("6f1d1b5e-3a55-5d0e-9c57-2b9f6f0c4a11")

_VERSION_5 = 5 << 76 | 0b10 << 62
_ELSE = ~(0xF << 76 | 0b11 << 62)
_put: Any = UUID.__dict__["int"].__set__
_put_safe: Any = UUID.__dict__["is_safe"].__set__


def uuid_of(value: int) -> UUID:
    """The UUID of 128 bits that are known to be one: what its class asks of its arguments costs twice as much."""
    id_ = object.__new__(UUID)
    _put(id_, value)
    _put_safe(id_, SafeUUID.unknown)
    return id_


def uuid5(namespace: UUID, name: str) -> UUID:
    """As the standard library's, in less than half the time: every command, ticket and reaction has one."""
    digest = sha1(namespace.bytes + name.encode(), usedforsecurity=False).digest()
    return uuid_of(int.from_bytes(digest[:16]) & _ELSE | _VERSION_5)


def workspace_id(slug: str) -> UUID:
    """The stream of a workspace; its short name is unique in an installation."""
    return uuid5(_WORKSPACES, slug)


@lru_cache(maxsize=4096)
def ticket_id(workspace: UUID, number: str) -> UUID:
    """The stream of a ticket; the log's key on (stream, version 1) makes its number unique for ever (A3)."""
    return uuid5(workspace, f"ticket:{number}")


def person_id(workspace: UUID, handle: str) -> UUID:
    """The id of a person who comes from another system under a handle."""
    return uuid5(workspace, f"person:{handle}")


def team_id(workspace: UUID, name: str) -> UUID:
    """The id of a team that comes from another system under a name."""
    return uuid5(workspace, f"team:{name}")


def requester_id(workspace: UUID, handle: str) -> UUID:
    """The id of a requester who comes from another system under a handle."""
    return uuid5(workspace, f"requester:{handle}")
