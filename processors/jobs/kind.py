"""What a kind of job is: steps, each of which may be repeated without harm."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID, uuid5

from psycopg_pool import AsyncConnectionPool

from domain.catalogue import Catalogue
from domain.errors import NotAllowed
from domain.permissions import Permission
from domain.staff import Grant
from eventstore.desk import Desk
from eventstore.jobs import Job, Jobs, Step


@dataclass(frozen=True, slots=True)
class Here:
    """What a job reaches: the desk, its own rows, and read models under row-level security."""

    desk: Desk
    jobs: Jobs
    readers: AsyncConnectionPool


class JobKind(ABC):
    """One kind of work. NEEDS is asked for when the job is asked for and before each of its turns."""

    NAME: ClassVar[str]
    NEEDS: ClassVar[Permission]
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
        "at": here.desk.clock(),
        "command_id": command_id(job, item),
        "channel": "job",
        "correlation_id": job.job_id,
    }


async def granted(job: Job, here: Here, needed: Permission) -> tuple[Catalogue, Grant]:
    """What the workspace has set up, and what whoever asked may do now; NotAllowed where they lost the permission."""
    desk = await here.desk.catalogue(job.workspace_id)
    grant = desk.grant(job.actor)
    if needed not in grant.permissions:
        raise NotAllowed(permission=needed, role=grant.role)
    return desk, grant
