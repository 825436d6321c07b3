"""Taking a bulk change back (A22): each ticket becomes what it was, unless somebody has changed it since."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict

from domain.errors import LedgerdeskError, Refusal
from domain.ids import ticket_id
from domain.permissions import Permission
from domain.ticket.undoing import UnknownCommand
from eventstore.desk import Receipt
from eventstore.jobs import Job, Step
from eventstore.undo import undoing
from processors.jobs.bulk import Bulk, items
from processors.jobs.bulk_assign import BulkAssign
from processors.jobs.kind import Here, JobKind, command_context

PAGE = 500
# What is said, shown or destroyed by these stays so.
LASTING = frozenset({"delete", "reply", "note", "remark", "urge"})
UNDOABLE = frozenset({Bulk.NAME, BulkAssign.NAME})


class BulkNotUndoable(Refusal):
    """It is no bulk change, goes on still, or did what lasts."""

    code = "bulk_not_undoable"
    sentence = "This cannot be undone: {reason}."


class UndoAsked(BaseModel):
    """Which bulk change to take back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bulk_id: UUID


class BulkUndo(JobKind):
    """Undoes the change of one page of tickets after another."""

    NAME = "bulk_undo"
    NEEDS = (Permission.TICKET_BULK,)

    async def steps(self, job: Job, here: Here) -> AsyncGenerator[Step]:
        """In the order in which the tickets were changed."""
        bulk = UndoAsked.model_validate(job.parameters).bulk_id
        if not job.checkpoint:
            yield Step({"after": 0}, total=await _total(job, here, bulk))
        after = int(job.checkpoint.get("after", 0))
        while found := await _changed(job, here, bulk, after):
            numbers = [number for _, number in found]
            after = found[-1][0]
            yield Step({"after": after}, items(numbers, await _undone(job, here, bulk, numbers)))


def must_be_undoable(job: dict[str, Any]) -> None:
    """Refuse what cannot be taken back at all."""
    if job["kind"] not in UNDOABLE:
        raise BulkNotUndoable(reason="it is no bulk change")
    if job["finished_at"] is None:
        raise BulkNotUndoable(reason="it goes on still; wait for its end, or cancel it first")
    if lasting := sorted(LASTING.intersection(action["do"] for action in job["parameters"].get("actions", ()))):
        raise BulkNotUndoable(reason=f"what {', '.join(lasting)} did to the tickets lasts")


_OF_BULK = "WHERE workspace_id = %s AND job_id = %s AND state = 'done' AND (detail ->> 'events')::int > 0"


async def _total(job: Job, here: Here, bulk: UUID) -> int:
    async with here.reading(job.workspace_id) as db:
        found = await db.execute(f"SELECT count(*) FROM jobs.items {_OF_BULK}".encode(), [job.workspace_id, bulk])  # noqa: S608
        row = await found.fetchone()
    return int(row[0]) if row else 0


async def _changed(job: Job, here: Here, bulk: UUID, after: int) -> Sequence[tuple[int, str]]:
    statement = f"SELECT place, item FROM jobs.items {_OF_BULK} AND place > %s ORDER BY place LIMIT {PAGE}"  # noqa: S608
    async with here.reading(job.workspace_id) as db:
        return await (await db.execute(statement.encode(), [job.workspace_id, bulk, after])).fetchall()


async def _undone(job: Job, here: Here, bulk: UUID, numbers: Sequence[str]) -> list[Receipt | LedgerdeskError]:
    """What came of undoing each; the histories are read set-wise."""
    workspace = job.workspace_id
    streams = {number: ticket_id(workspace, number) for number in numbers}
    histories = await here.desk.streams.events_of_many(workspace, list(streams.values()))
    commands, refusals = [], {}
    for number, stream in streams.items():
        context = command_context(job, number, here)
        try:
            commands.append(undoing(histories[stream], number, uuid5(bulk, number), context))
        except UnknownCommand as refusal:
            refusals[number] = refusal
    answers = await here.desk.execute_all(commands)
    told: dict[str, Receipt | LedgerdeskError] = {
        each.number: answer for each, answer in zip(commands, answers, strict=True)
    }
    return [(told | refusals)[number] for number in numbers]
