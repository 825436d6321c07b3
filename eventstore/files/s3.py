"""Files in a bucket of Amazon S3 or whatever speaks its language."""

import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store

from eventstore.files.errors import FileDamaged, FileStoreUnavailable
from eventstore.files.local import disk_failures, spooled
from eventstore.files.store import Kept, Stored, is_name, place

log = structlog.get_logger()

PIECE = 1 << 20
PAGE = 1000


class S3Files:
    """A FileStore in a bucket. Address, region and credentials come from the AWS_* variables, as every S3 tool reads them."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self._bucket = S3Store(
            bucket,
            prefix=prefix or None,
            client_options={"allow_http": True, "connect_timeout": "3s", "timeout": "60s"},
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=15)},
        )

    async def put(self, workspace: UUID, stored: AsyncIterable[bytes]) -> Stored:
        """Wait on this machine's disk until all is there: its name follows from the bytes, and an object cannot be renamed."""
        with disk_failures(), tempfile.TemporaryFile() as spool:
            written = await spooled(stored, spool)
            spool.seek(0)
            with _failures():
                # One part of 5 MiB at a time, so that many uploads at once do not fill the memory.
                await self._bucket.put_async(place(workspace, written.sha256), spool, max_concurrency=1)
        return written

    async def open(self, workspace: UUID, sha256: str) -> AsyncIterator[bytes]:
        """The bytes, in pieces; FileDamaged where there are none."""
        path = place(workspace, sha256)
        # A request for each piece: a slow reader would outlive the time limit of one for all.
        with _failures():
            first = await self._bucket.get_async(path, options={"range": (0, PIECE)})
            yield bytes(await first.bytes_async())
            for start in range(PIECE, first.meta["size"], PIECE):
                yield bytes(await self._bucket.get_range_async(path, start=start, length=PIECE))

    async def exists(self, workspace: UUID, sha256: str) -> bool:
        """Whether they are there."""
        path = place(workspace, sha256)
        try:
            with _failures():
                await self._bucket.head_async(path)
        except FileDamaged:
            return False
        return True

    async def delete(self, workspace: UUID, sha256: str) -> None:
        """Take them away; nothing happens where they are not."""
        with _failures():
            await self._bucket.delete_async(place(workspace, sha256))

    async def listing(self, workspace: UUID) -> AsyncIterator[Sequence[Kept]]:
        """What is kept, page by page, in no order."""
        with _failures():
            async for page in self._bucket.list(f"{workspace}/", chunk_size=PAGE):
                found = ((each["path"].rpartition("/")[2], each["last_modified"]) for each in page)
                yield [Kept(name, since) for name, since in found if is_name(name)]

    async def drop_unfinished(self, before: datetime) -> None:
        """Nothing: what an interrupted put leaves is the bucket's to expire, by its rule for unfinished multipart uploads."""


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            log.warning("files.store_away", reason="no such bucket")
            raise FileStoreUnavailable() from None
        raise FileDamaged() from None
    except BaseError as error:
        log.warning("files.store_away", reason=type(error).__name__)
        raise FileStoreUnavailable() from None
