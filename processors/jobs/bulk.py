"""Bulk changes (C3): the same actions on many tickets, each decided by itself, each done once whoever dies meanwhile."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any
from uuid import UUID, uuid5

from pydantic import Field

from domain.actions import Actions, ActOnTicket
from domain.errors import LedgerdeskError
from domain.permissions import Permission
from eventstore.desk import Desk, Receipt
from eventstore.jobs import Item, Job, Step
from processors.jobs import selection
from processors.jobs.kind import Here, JobKind, command_context, granted
from processors.jobs.selection import BEGINNING, Selection

# Tickets of a step: each step is recorded, and done again where its owner died before that.
PAGE = 2_000


class BulkAsked(Selection):
    """Which tickets, and what to do to each of them: all of it or nothing."""

    actions: Actions = Field(
        examples=[[{"do": "add_tags", "tags": ["vip"]}, {"do": "set_priority", "priority": "high"}]]
    )


class Bulk(JobKind):
    """Does it to one page of tickets after another."""

    NAME = "bulk"
    NEEDS = (Permission.TICKET_BULK,)

    async def steps(self, job: Job, here: Here) -> AsyncGenerator[Step]:
        """By the time at which tickets were opened, for the change may move them in every other order."""
        asked = BulkAsked.model_validate(job.parameters)
        context = command_context(job, "", here)
        if asked.numbers is not None:
            if "over" not in job.checkpoint:
                yield Step(
                    {"over": True}, await done(here.desk, context, asked, asked.numbers), total=len(asked.numbers)
                )
            return
        if not job.checkpoint:
            yield Step({"after": BEGINNING}, total=await _total(here, job, asked))
        after, numbers = job.checkpoint.get("after", BEGINNING), job.checkpoint.get("page")
        while True:
            if numbers is None:
                desk, _ = await granted(job, here, *self.NEEDS)
                found = await selection.page(here, job, selection.of_job(asked, job, desk), after, PAGE)
                if not found:
                    return
                after, numbers = found[-1].place, [each.number for each in found]
                # Whoever goes on would not find those again that, once changed, do not match any more.
                yield Step({"after": after, "page": numbers})
            context["at"] = here.desk.clock()
            items = await done(here.desk, context, asked, numbers)
            numbers = None
            yield Step({"after": after}, items)


async def _total(here: Here, job: Job, asked: Selection) -> int:
    desk, _ = await granted(job, here, *Bulk.NEEDS)
    return await selection.count(here, job, selection.of_job(asked, job, desk))


async def done(desk: Desk, context: dict[str, Any], asked: BulkAsked, numbers: Sequence[str]) -> list[Item]:
    """Do it to these tickets; what came of each. The context's correlation is the bulk change, which names the commands."""
    bulk: UUID = context["correlation_id"]
    # Checked once: the tickets' commands differ in nothing but these two.
    pattern = ActOnTicket(**context, number="0", actions=asked.actions)
    commands = [pattern.model_copy(update={"number": n, "command_id": uuid5(bulk, n)}) for n in numbers]
    return items(numbers, await desk.execute_all(commands))


def items(numbers: Iterable[str], answers: Iterable[Receipt | LedgerdeskError]) -> list[Item]:
    """What came of each ticket, as the job keeps it."""
    return [item(number, answer) for number, answer in zip(numbers, answers, strict=True)]


def item(number: str, answer: Receipt | LedgerdeskError) -> Item:
    """What came of one ticket."""
    if isinstance(answer, Receipt):
        return Item(number, "done", None, {"version": answer.version, "events": answer.events})
    return Item(number, "failed", answer.code, {"errors": [{"column": None, "reason": str(answer)}]})
