"""Files that jobs take and make, in the database: every worker and every API process sees them, wherever it runs."""

import hashlib
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from domain.errors import Refusal
from eventstore.jobs import Job, Jobs
from eventstore.vault import Vault

CHUNK = 1 << 18
# Room for a million rows of text; an import is one file.
LARGEST_UPLOAD = 256 << 20


class UnknownFile(Refusal):
    """No such file, or one that somebody else sent, or one that is not whole."""

    code = "unknown_file"
    status = 404
    sentence = "No file {file} of yours here. Files are removed after a week: send it again."


class FileTooLarge(Refusal):
    """The file is larger than an import takes."""

    code = "file_too_large"
    status = 413
    sentence = (
        "The file is larger than {most} bytes. Split it: importing the parts one after the other comes to the same."
    )


class StoredFile(NamedTuple):
    """A whole file."""

    file_id: UUID
    media_type: str
    name: str
    size: int
    sha256: str


_SELECT = """
    SELECT file_id, media_type, name, size, sha256 FROM jobs.files
    WHERE workspace_id = %s AND file_id = %s AND size IS NOT NULL AND owner = coalesce(%s, owner)
"""
_ADD_CHUNK = "INSERT INTO jobs.chunks (file_id, place, workspace_id, data) VALUES (%s, %s, %s, %s)"
_SELECT_CHUNK = "SELECT data FROM jobs.chunks WHERE workspace_id = %s AND file_id = %s AND place = %s"


async def take(vault: Vault, file_id: UUID, workspace: UUID, owner: str, name: str, body: AsyncIterator[bytes]) -> int:
    """Keep what is sent, and answer its size; nothing is left of it where the sender or the database gives up."""
    await vault.call("SELECT jobs.begin_file(%s, %s, %s, %s, %s)", file_id, workspace, owner, "", name)
    try:
        digest, size, place = hashlib.sha256(), 0, 0
        async for chunk in _even(body):
            size += len(chunk)
            if size > LARGEST_UPLOAD:
                raise FileTooLarge(most=LARGEST_UPLOAD)
            digest.update(chunk)
            await vault.call("SELECT jobs.add_chunk(%s, %s, %s, %s)", file_id, workspace, place, chunk)
            place += 1
        completed = (file_id, workspace, size, digest.hexdigest())
        await vault.call("SELECT jobs.complete_file(%s, %s, %s, %s)", *completed)
    except BaseException:
        await vault.call("SELECT jobs.drop_file(%s, %s)", file_id, workspace)
        raise
    return size


async def _even(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in chunks of one size, however they come."""
    waiting = bytearray()
    async for part in body:
        waiting += part
        while len(waiting) >= CHUNK:
            yield bytes(waiting[:CHUNK])
            del waiting[:CHUNK]
    if waiting:
        yield bytes(waiting)


def stored(db: Cursor[Any], workspace: UUID, file_id: UUID, owner: str | None = None) -> StoredFile:
    """The whole file of that id (and of that owner), or UnknownFile."""
    row = db.execute(_SELECT, [workspace, file_id, owner]).fetchone()
    if row is None:
        raise UnknownFile(file=file_id)
    return StoredFile(*row)


def chunk(db: Cursor[Any], workspace: UUID, file_id: UUID, place: int) -> bytes | None:
    """One chunk of a file; None after its last."""
    row = db.execute(_SELECT_CHUNK, [workspace, file_id, place], binary=True).fetchone()
    return bytes(row[0]) if row else None


async def fetch(jobs: Jobs, workspace: UUID, file_id: UUID, to: Path) -> None:
    """Write a whole file to disk, with a chunk of it in memory."""
    async with jobs.transaction() as db:
        if await (await db.execute(_SELECT, [workspace, file_id, None])).fetchone() is None:
            raise UnknownFile(file=file_id)
    with to.open("wb") as file:
        for place in count():
            async with jobs.transaction() as db:
                row = await (await db.execute(_SELECT_CHUNK, [workspace, file_id, place], binary=True)).fetchone()
            if row is None:
                return
            file.write(row[0])


async def keep(jobs: Jobs, job: Job, path: Path, media_type: str, name: str) -> int:
    """Make a file on disk the job's own, and answer its size. An earlier owner's attempt is replaced."""
    digest, size = hashlib.sha256(), 0
    made = [job.job_id, job.workspace_id, job.asked_by["id"], media_type, name]
    async with jobs.transaction() as db:
        await db.execute(
            "DELETE FROM jobs.files WHERE workspace_id = %s AND file_id = %s", [job.workspace_id, job.job_id]
        )
        await db.execute(
            "INSERT INTO jobs.files (file_id, workspace_id, owner, media_type, name) VALUES (%s, %s, %s, %s, %s)", made
        )
        with path.open("rb") as file:
            for place, data in enumerate(iter(lambda: file.read(CHUNK), b"")):
                digest.update(data)
                size += len(data)
                await db.execute(_ADD_CHUNK, [job.job_id, place, job.workspace_id, data], binary=True)
        whole = [size, digest.hexdigest(), job.workspace_id, job.job_id]
        await db.execute("UPDATE jobs.files SET size = %s, sha256 = %s WHERE workspace_id = %s AND file_id = %s", whole)
    return size


async def forget(jobs: Jobs, workspace: UUID, file_id: UUID) -> None:
    """Remove a file that is needed no more."""
    async with jobs.transaction() as db:
        await db.execute("DELETE FROM jobs.files WHERE workspace_id = %s AND file_id = %s", [workspace, file_id])
