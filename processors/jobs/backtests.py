"""Backtests (D8): a rule, a policy or a draft of one over the past of a workspace. Tells what it would have done, and does nothing."""

import os
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any, Self

from psycopg.sql import SQL
from pydantic import AwareDatetime, BaseModel, ConfigDict, model_validator

from domain.access import reach
from domain.backtest.rules import on_trial
from domain.backtest.story import Tested
from domain.catalogue import Catalogue
from domain.conditions import ALWAYS, Context
from domain.permissions import Permission
from domain.rules.rule import Rule
from domain.sla.policy import Policy
from eventstore.jobs import Item, Job, Step
from processors.jobs import reader_pipe, selection
from processors.jobs.backtest_sums import PolicySums, Sums
from processors.jobs.kind import Here, JobKind, granted
from processors.jobs.selection import BEGINNING, Found, Where
from processors.promised_past import TestedPolicy
from projections import ticket_pages
from projections.ticket_pages import ListQuery

# Tickets that are read at once.
PAGE = 400
# Processes that read, and pages that each of them has before it.
READERS, AHEAD = min(2, os.cpu_count() or 1), 2


class BacktestAsked(BaseModel):
    """Which rule or which policy, in force from when until when. Its end is not in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Rule | None = None
    policy: Policy | None = None
    since: AwareDatetime
    until: AwareDatetime

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.rule is None) == (self.policy is None):
            raise ValueError("test a rule or a policy")
        return self

    @property
    def tested(self) -> Tested:
        """What is in force."""
        if self.policy is not None:
            return TestedPolicy(self.policy)
        assert self.rule is not None  # noqa: S101 - it is one of them
        return on_trial(self.rule)

    @property
    def sums(self) -> type[Sums] | type[PolicySums]:
        """What it comes to."""
        return Sums if self.policy is None else PolicySums


class Backtest(JobKind):
    """One page of tickets after another, in the order in which they were opened, read by processes beside this one."""

    NAME = "backtest"
    NEEDS = (Permission.RULE_EDIT, Permission.REPORT_EDIT)

    async def steps(self, job: Job, here: Here) -> AsyncGenerator[Step]:
        """An item for each ticket that it would have done something to, or was refused; sums in the result."""
        asked = BacktestAsked.model_validate(job.parameters)
        desk, _ = await granted(job, here, *self.NEEDS)
        meant = _meant(job, desk, asked)
        sums = asked.sums.model_validate(job.checkpoint.get("sums", {}))
        after = job.checkpoint.get("after", BEGINNING)
        if not job.checkpoint:
            yield Step({"after": after}, total=await selection.count(here, job, meant))
        async with AsyncExitStack() as open_:
            readers: list[reader_pipe.Reader] = []
            # Each page is read by the next reader in turn, and taken in in the order of the pages.
            under_way: deque[tuple[reader_pipe.Reader, list[Found]]] = deque()
            turn, ahead = 0, after
            while True:
                while len(under_way) < READERS * AHEAD and ahead is not None:
                    page = await selection.page(here, job, meant, ahead, PAGE)
                    ahead = page[-1].place if len(page) == PAGE else None
                    if page:
                        # What fits on one page needs no second reader.
                        if turn == len(readers):
                            readers.append(await open_.enter_async_context(reader_pipe.reading(job, here)))
                        await readers[turn].ask([str(each.ticket_id) for each in page])
                        under_way.append((readers[turn], page))
                        turn = (turn + 1) % READERS
                if not under_way:
                    return
                reader, page = under_way.popleft()
                told = await reader.answer()
                items = _items(page, told)
                sums = sums.with_page(sum(each.version for each in page), [each["acts"] for each in told])
                shown = sums.model_dump(mode="json")
                step = {"after": page[-1].place, "sums": shown}
                yield Step(step, items, done=len(page) - len(items), result=shown)


def _meant(job: Job, desk: Catalogue, asked: BacktestAsked) -> Where:
    """The tickets that were there in time and that whoever asks may see; a trigger needs one to which something happened."""
    query = ListQuery(ALWAYS, reach(desk, job.actor), everywhere=True)
    meant = ticket_pages.where(job.workspace_id, query, _context(job, desk))
    return Where(SQL("{} AND opened_at < %s").format(meant.text), [*meant.values, min(asked.until, job.asked_at)])


def _context(job: Job, desk: Catalogue) -> Context:
    if job.actor.kind == "system":
        return Context(job.asked_at, merges=desk.organisations)
    me = desk.acting(job.actor)
    return Context(job.asked_at, me.zone, me.id, me.teams, merges=desk.organisations)


def _items(page: list[Found], told: list[dict[str, Any]]) -> list[Item]:
    numbers = {str(each.ticket_id): each.number for each in page}
    acts = {numbers[each["ticket"]]: [act for act in each["acts"] if act.get("fact") != "promised"] for each in told}
    # That something was promised and kept is in the sums alone.
    return [_item(number, done) for number, done in acts.items() if done]


def _item(number: str, acts: list[dict[str, Any]]) -> Item:
    """Failed only where it would never have acted."""
    refusals = [act["refusal"] for act in acts if "refusal" in act]
    failed = len(refusals) == len(acts)
    return Item(number, "failed" if failed else "done", refusals[0] if failed else None, {"acts": acts})
