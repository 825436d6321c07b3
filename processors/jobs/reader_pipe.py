"""The other end of `replaying_reader`: pages of tickets to a process that reads them, and what a rule would have done to them."""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from eventstore.jobs import Job
from processors.jobs.child import inherited
from processors.jobs.kind import Here

# What was found on a page of tickets, as one line.
LONGEST = 64 << 20


class Reader:
    """A process that reads tickets. Asked several times, it answers in that order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, words: Any) -> None:
        """A line for it."""
        assert self._process.stdin is not None  # noqa: S101 - it was started with one
        with suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.write(json.dumps(words).encode() + b"\n")
            await self._process.stdin.drain()

    async def answer(self) -> list[dict[str, Any]]:
        """What it found on the next page."""
        assert self._process.stdout is not None  # noqa: S101 - it was started with one
        line = await self._process.stdout.readline()
        if not line:
            # No refusal: whoever has the job next begins another reader.
            raise ChildProcessError("the reader of a backtest ended before it had answered")
        found: list[dict[str, Any]] = json.loads(line)
        return found


@asynccontextmanager
async def reading(job: Job, here: Here) -> AsyncIterator[Reader]:
    """A process for this job, ended afterwards. What it must know goes by its pipe alone."""
    command = [sys.executable, "-m", "processors.jobs.replaying_reader"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=inherited(), stdin=pipe, stdout=pipe, limit=LONGEST)
    reader = Reader(process)
    try:
        masters = [base64.b64encode(each).decode() for each in here.desk.keyring.masters]
        await reader.ask(
            {
                "address": here.readers.conninfo,
                "masters": masters,
                "workspace": str(job.workspace_id),
                "asked": job.parameters,
                "now": job.asked_at.isoformat(),
            }
        )
        yield reader
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
