"""The other end of `sheets`: rows to and from the process that writes or reads the file."""

import asyncio
import errno
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Any

from pydantic_core import to_json

from domain.errors import LedgerdeskError
from processors.jobs.sheet_readers import LONGEST_ROW, UnusableFile

# A row as JSON may be several times as long as its characters.
LONGEST_LINE = LONGEST_ROW * 12
# Where programs and temporary files are; not where the database is, nor the key.
INHERITED = ("PATH", "PYTHONPATH", "TMPDIR", "LANG")


class NoRoomForFiles(LedgerdeskError):
    """The temporary folder of the worker is full."""

    code = "no_room_for_files"
    status = 503
    sentence = "The worker's temporary folder has no room left, so no file was made. Try again once the operator has made room."


class SheetFailed(LedgerdeskError):
    """The process that writes a file ended without one."""

    code = "sheet_failed"
    sentence = "The file could not be made: its writer ended with status {status}."


class Sheet:
    """A file that is being written."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def add(self, rows: Iterable[Any]) -> None:
        """Rows more; waits where they come faster than they can be written."""
        pipe = self._process.stdin
        if pipe is None:
            return
        with suppress(BrokenPipeError, ConnectionResetError):
            pipe.writelines(to_json(row) + b"\n" for row in rows)
            await pipe.drain()

    async def finish(self) -> None:
        """Return when the file is whole, or raise why it is not."""
        await self.add([None])
        if self._process.stdin is not None:
            self._process.stdin.close()
        status = await self._process.wait()
        if status == errno.ENOSPC:
            raise NoRoomForFiles()
        if status:
            raise SheetFailed(status=status)


@asynccontextmanager
async def writing(form: str, path: Path, columns: list[tuple[str, str]]) -> AsyncIterator[Sheet]:
    """A file to add rows to; it is not whole until `finish`."""
    async with _sheets("write", form, str(path), stdin=asyncio.subprocess.PIPE) as process:
        sheet = Sheet(process)
        await sheet.add([columns])
        yield sheet


async def reading(form: str, file: IO[bytes], encoding: str, needed: Collection[str] = ()) -> AsyncGenerator[Any]:
    """How many rows there are (or None), then each row as [number, cells]; UnusableFile where it is no table with these columns."""
    async with _sheets("read", form, encoding, stdin=file.fileno(), stdout=asyncio.subprocess.PIPE) as process:
        out = process.stdout or asyncio.StreamReader()
        while line := await out.readline():
            said = json.loads(line)
            match said:
                case None:
                    return
                case {"error": reason}:
                    raise UnusableFile(reason=reason)
                case {"total": total}:
                    yield total
                case {"columns": columns}:
                    if missing := [name for name in needed if name not in columns]:
                        raise UnusableFile(reason=f"it has no column {', '.join(missing[:5])}")
                case _:
                    yield said
    raise UnusableFile(reason="reading it takes more memory or time than an import is given")


@asynccontextmanager
async def _sheets(
    *arguments: str, stdin: int = asyncio.subprocess.DEVNULL, stdout: int | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    command = [sys.executable, "-m", "processors.jobs.sheets", *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, env=inherited(), limit=LONGEST_LINE, stdin=stdin, stdout=stdout
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def inherited() -> dict[str, str]:
    """All of our environment that a process for a job has."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


@asynccontextmanager
async def folder() -> AsyncIterator[Path]:
    """A folder that nobody else may look into, gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="ledgerdesk-job-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
