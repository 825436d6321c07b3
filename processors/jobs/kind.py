"""What a kind of job is: steps, each of which may be repeated without harm."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID, uuid5

from psycopg import AsyncConnection
from psycopg.errors import InvalidSchemaName, UndefinedTable
from psycopg_pool import AsyncConnectionPool

from domain.catalogue import Catalogue
from domain.errors import LedgerdeskError, NotAllowed
from domain.permissions import Permission
from domain.staff import Grant
from eventstore.desk import Desk
from eventstore.jobs import Job, Jobs, Step
from eventstore.reading import BoundAsync


class NotBuiltYet(LedgerdeskError):
    """No worker has built the read models that the job asks."""

    code = "read_model_missing"
    status = 503
    sentence = "The lists that this is made from have not been built yet. Ask again in a minute."


@dataclass(frozen=True, slots=True)
class Here:
    """What a job reaches: the desk, its own rows, and read models as a reader of its workspace."""

    desk: Desk
    jobs: Jobs
    readers: AsyncConnectionPool

    @asynccontextmanager
    async def reading(self, workspace: UUID) -> AsyncIterator[AsyncConnection[Any]]:
        """A transaction that sees one workspace at one moment. A database that is away becomes DatabaseUnavailable."""
        try:
            async with BoundAsync(self.readers, workspace) as db, db.transaction():
                await db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                yield db
        except (UndefinedTable, InvalidSchemaName):
            raise NotBuiltYet() from None


class JobKind(ABC):
    """One kind of work. One of NEEDS is asked for when the job is asked for and before each of its turns."""

    NAME: ClassVar[str]
    NEEDS: ClassVar[tuple[Permission, ...]]
    # Whether a turn may end between two steps to let others have theirs; else it runs to its end, and once more from
    # its beginning where its owner died.
    TAKES_TURNS: ClassVar[bool] = True

    @abstractmethod
    def steps(self, job: Job, here: Here) -> AsyncGenerator[Step]:
        """Go on from `job.checkpoint`, {} at first, to the end. From the last step's checkpoint on there is nothing to do.

        A step is recorded with its checkpoint after it was done: its owner may die between the two, so everything that
        it does must come to the same when done again. Its commands have the ids of `command_id`.
        """


def command_id(job: Job, item: str) -> UUID:
    """The id of the command that a job does for an item; the same after every crash."""
    return uuid5(job.job_id, item)


def command_context(job: Job, item: str, here: Here) -> dict[str, Any]:
    """The common part of such a command: by whoever asked, now."""
    return {
        "workspace_id": job.workspace_id,
        "by": job.actor,
        "within": job.within,
        "at": here.desk.clock(),
        "command_id": command_id(job, item),
        "channel": "job",
        "correlation_id": job.job_id,
    }


async def granted(job: Job, here: Here, *needed: Permission) -> tuple[Catalogue, Grant]:
    """What the workspace has set up, and what whoever asked may do now; NotAllowed where they have none of these any more."""
    desk = await here.desk.catalogue(job.workspace_id)
    if job.actor.kind == "system":
        # It acts for operators, who are not asked.
        return desk, Grant("system", frozenset(Permission))
    grant = desk.grant(job.actor)
    if grant.permissions.isdisjoint(needed):
        raise NotAllowed(permission=needed[0], role=grant.role)
    return desk, grant
