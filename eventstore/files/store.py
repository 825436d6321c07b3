"""Where stored bytes are kept: what every store can do."""

import re
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from eventstore.files.errors import FileDamaged

_SHA256 = re.compile("[0-9a-f]{64}")


class Stored(NamedTuple):
    """What was put: the name that the bytes have from now on, and how many they are."""

    sha256: str
    size: int


class Kept(NamedTuple):
    """A file in a listing; `since` is when it was last put."""

    sha256: str
    since: datetime


class FileStore(Protocol):
    """Keeps encrypted bytes by workspace and SHA-256. FileStoreUnavailable and FileStorageFull are each call's failures."""

    async def put(self, workspace: UUID, stored: AsyncIterable[bytes]) -> Stored:
        """Keep the bytes; they are durable and whole before it returns, and not there at all before."""

    def open(self, workspace: UUID, sha256: str) -> AsyncIterator[bytes]:
        """The bytes, in pieces; FileDamaged where there are none."""

    async def exists(self, workspace: UUID, sha256: str) -> bool:
        """Whether they are there."""

    async def delete(self, workspace: UUID, sha256: str) -> None:
        """Take them away; nothing happens where they are not."""

    def listing(self, workspace: UUID) -> AsyncIterator[Sequence[Kept]]:
        """What is kept, page by page, in no order."""

    async def drop_unfinished(self, before: datetime) -> None:
        """Take away what interrupted puts before that time left behind."""


def place(workspace: UUID, sha256: str) -> str:
    """The path of a file in its store; only a hash can be a name."""
    if not is_name(sha256):
        raise FileDamaged()
    return f"{workspace}/{sha256[:2]}/{sha256}"


def is_name(text: str) -> bool:
    """Whether a file of ours can be called so."""
    return _SHA256.fullmatch(text) is not None
