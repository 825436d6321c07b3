"""Files in a folder of this machine (or one that it has mounted)."""

import asyncio
import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from uuid import UUID

import structlog

from eventstore.files.errors import FileDamaged, FileStorageFull, FileStoreUnavailable
from eventstore.files.store import Kept, Stored, is_name, place
from eventstore.settings import sync_folder

log = structlog.get_logger()

PIECE = 1 << 16
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class LocalFiles:
    """A FileStore in a folder, made when the first file comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unfinished = folder / "unfinished"

    async def put(self, workspace: UUID, stored: AsyncIterable[bytes]) -> Stored:
        """Write beside, sync, rename: a crash leaves the whole file or none under its name."""
        with disk_failures():
            draft = await asyncio.to_thread(self._draft)
            try:
                written = await spooled(stored, draft)
                await asyncio.to_thread(self._finish, draft, self._folder / place(workspace, written.sha256))
            finally:
                await asyncio.to_thread(_discard, draft)
        return written

    async def open(self, workspace: UUID, sha256: str) -> AsyncIterator[bytes]:
        """The bytes, in pieces; FileDamaged where there are none."""
        path = self._folder / place(workspace, sha256)
        with disk_failures(), await asyncio.to_thread(_opened, path) as file:
            while piece := await asyncio.to_thread(file.read, PIECE):
                yield piece

    async def exists(self, workspace: UUID, sha256: str) -> bool:
        """Whether they are there."""
        with disk_failures():
            return await asyncio.to_thread((self._folder / place(workspace, sha256)).exists)

    async def delete(self, workspace: UUID, sha256: str) -> None:
        """Take them away; nothing happens where they are not."""
        with disk_failures():
            await asyncio.to_thread((self._folder / place(workspace, sha256)).unlink, missing_ok=True)

    async def listing(self, workspace: UUID) -> AsyncIterator[Sequence[Kept]]:
        """What is kept, page by page, in no order."""
        with disk_failures():
            for shard in await asyncio.to_thread(_entries, self._folder / str(workspace)):
                yield await asyncio.to_thread(_kept, Path(shard))

    async def drop_unfinished(self, before: datetime) -> None:
        """Take away what interrupted puts before that time left behind."""
        with disk_failures():
            await asyncio.to_thread(_drop_older, self._unfinished, before)

    def _draft(self) -> IO[bytes]:
        _make(self._unfinished)
        return tempfile.NamedTemporaryFile(dir=self._unfinished, delete=False)

    def _finish(self, draft: IO[bytes], path: Path) -> None:
        draft.flush()
        os.fsync(draft.fileno())
        _make(path.parent)
        Path(draft.name).replace(path)
        sync_folder(path.parent)


async def spooled(stored: AsyncIterable[bytes], file: IO[bytes]) -> Stored:
    """Write the bytes to a file, none of them on the event loop; what they are called."""
    digest, size = hashlib.sha256(), 0
    async for piece in stored:
        digest.update(piece)
        size += len(piece)
        await asyncio.to_thread(file.write, piece)
    return Stored(digest.hexdigest(), size)


@contextmanager
def disk_failures() -> Iterator[None]:
    """Say what a failing disk means."""
    try:
        yield
    except OSError as error:
        log.warning("files.disk_failed", reason=error.strerror)
        raise (FileStorageFull if error.errno in _NO_ROOM else FileStoreUnavailable)() from None


def _make(folder: Path) -> None:
    if folder.exists():
        return
    _make(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def _discard(draft: IO[bytes]) -> None:
    # First: on a full disk closing fails as the last write did.
    Path(draft.name).unlink(missing_ok=True)
    draft.close()


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise FileDamaged() from None


def _entries(folder: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
        return [entry.path for entry in found]
    return []


def _kept(shard: Path) -> list[Kept]:
    found = ((Path(path).name, _since(path)) for path in _entries(shard))
    return [Kept(name, since) for name, since in found if since and is_name(name)]


def _drop_older(folder: Path, before: datetime) -> None:
    for path in _entries(folder):
        if (since := _since(path)) and since < before:
            Path(path).unlink(missing_ok=True)


def _since(path: str) -> datetime | None:
    # Gone in the meantime: another sweep, or the put that it belonged to.
    with contextlib.suppress(FileNotFoundError):
        return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC)
    return None
