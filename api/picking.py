"""Whom the system gives a ticket where a step says that it picks (B5): the least loaded who is there and below their limit."""

from uuid import UUID, uuid5

import anyio.to_thread
import psycopg

from api.auth import Caller
from domain.catalogue import Catalogue
from domain.ticket.flowing import Filing, eligible
from domain.workflows import Node
from projections import agent_load


async def picked(me: Caller, node: Node | None, about: Filing, context: UUID) -> UUID | None:
    """The person for the step; None where agents claim it, or nobody is free."""
    if node is None or node.claim != "system":
        return None
    people = eligible(node, about, me.services.desk.clock(), me.desk)
    busy = await anyio.to_thread.run_sync(loads, me, people)
    free = [person for person in people if _below_limit(me.desk, person, busy.get(person, 0))]
    # Of those with as little to do, not always the same one.
    return min(free, key=lambda person: (busy.get(person, 0), uuid5(context, str(person))), default=None)


async def picked_at_first(me: Caller, type_: str | None, category: tuple[str, ...], context: UUID) -> UUID | None:
    """The person for the first step of a ticket that is opened with that type and category."""
    _, pinned = me.desk.pinned_for(type_, category)
    workflow = me.desk.workflow_of(pinned)
    start = workflow.node(workflow.start) if workflow else None
    return await picked(me, start, Filing(type_, category), context)


def _below_limit(desk: Catalogue, person: UUID, load: int) -> bool:
    limit = desk.people[person].load_limit
    return limit is None or load < limit


def loads(me: Caller, people: list[UUID]) -> dict[UUID, int]:
    """How many open tickets each of them has; for a thread."""
    try:
        with me.services.reading(me.workspace_id) as db:
            return agent_load.counts(db, me.workspace_id, people)
    except psycopg.errors.UndefinedTable:
        return {}  # the list is being built: they count as equally busy
