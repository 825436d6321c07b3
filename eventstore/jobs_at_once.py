"""Jobs that whoever asks for them does at once: rows like those of a worker, seen, listed and undone like them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.errors import CommandIdReused
from domain.event import Actor
from domain.permissions import Permission
from eventstore import jobs
from eventstore.jobs import MOST_OPEN, Item, TooManyJobs
from eventstore.vault import Vault

# Far longer than it takes. An asker who is silent for so long has died, and a worker goes on.
LEASE = timedelta(seconds=30)

BEGIN = "SELECT jobs.begin(%s, %s, %s, %s, %s, %s, %s, %s)"
FINISH = "SELECT jobs.finish(%s, %s, %s, %s::text[], %s::text[], %s::text[], %s::jsonb[])"


async def begin(
    vault: Vault,
    job_id: UUID,
    workspace: UUID,
    kind: str,
    by: Actor,
    parameters: dict[str, Any],
    asker: UUID,
    within: frozenset[Permission] | None = None,
) -> bool:
    """Begin it; False where the same was asked for before. The id again with other words is CommandIdReused."""
    asked = (job_id, workspace, kind, jobs.asker(by, within), Jsonb(parameters), MOST_OPEN, asker, LEASE)
    verdict = await vault.call(BEGIN, *asked)
    if verdict == "full":
        raise TooManyJobs(most=MOST_OPEN)
    if verdict == "other":
        raise CommandIdReused()
    return bool(verdict == "new")


async def finish(vault: Vault, job_id: UUID, workspace: UUID, asker: UUID, items: Sequence[Item]) -> bool:
    """Record what came of each ticket. False where a worker has taken over: it records the same."""
    names, states = [item.item for item in items], [item.state for item in items]
    codes, details = [item.code for item in items], [Jsonb(item.detail or {}) for item in items]
    return bool(await vault.call(FINISH, job_id, workspace, asker, names, states, codes, details))
