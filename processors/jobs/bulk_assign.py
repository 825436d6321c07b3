"""Bulk assignment (C4): tickets are dealt out in turn to people, to each so many as was said."""

from collections import Counter, deque
from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.permissions import Permission
from domain.ticket.commands import AssignTicket
from domain.values import Assignee, Whole
from eventstore.desk import Receipt
from eventstore.jobs import Job, Step
from processors.jobs import bulk, selection
from processors.jobs.kind import Here, JobKind, command_context, command_id, granted
from processors.jobs.selection import Selection

PAGE = 500
# Tickets that one assignment deals out: as many as a list can sort by whatever is wanted.
MOST = 20_000


class Quota(BaseModel):
    """A person and how many tickets they are to get."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: UUID
    tickets: Whole = Field(ge=0, le=MOST)


class AssignmentsAsked(Selection):
    """Which tickets, in which order, to whom: so many to each, or as evenly as they come."""

    order: str = Field(
        default="opened_at", max_length=200, description="As `sort` of a list; the first are given first."
    )
    quotas: tuple[Quota, ...] | None = Field(default=None, min_length=1, max_length=500)
    people: tuple[UUID, ...] | None = Field(
        default=None, min_length=1, max_length=500, description="Instead of quotas: evenly to these."
    )
    total: Whole | None = Field(
        default=None, ge=1, le=MOST, description="With people: so many tickets together; all, if left out."
    )

    @model_validator(mode="after")
    def _said_how_many(self) -> Self:
        if (self.quotas is None) == (self.people is None):
            raise ValueError("give either quotas or people")
        if self.quotas is not None and self.total is not None:
            raise ValueError("total goes with people, not with quotas")
        named = self.named
        if len(set(named)) != len(named):
            raise ValueError("names a person twice")
        return self

    @property
    def named(self) -> list[UUID]:
        """The people."""
        return [quota.person for quota in self.quotas] if self.quotas is not None else list(self.people or ())

    def dealt(self, matching: int) -> list[tuple[UUID, int]]:
        """How many tickets each person may get of those that match."""
        if self.quotas is not None:
            return [(quota.person, quota.tickets) for quota in self.quotas]
        each, over = divmod(min(matching, self.total or MOST, MOST), len(self.named))
        return [(person, each + (place < over)) for place, person in enumerate(self.named)]

    def planned(self, matching: int) -> list[tuple[UUID, int]]:
        """How many tickets each person gets of those that match, if none is refused."""
        given = Counter(_Round(self.dealt(matching)).deal(min(matching, MOST)))
        return [(person, given[person]) for person in self.named]


class _Round:
    """Deals tickets out, one to each in turn; the same tickets to the same people whenever it begins alike."""

    def __init__(self, left: Sequence[tuple[UUID, int]]) -> None:
        self._left = deque((person, tickets) for person, tickets in left if tickets)

    def deal(self, tickets: int) -> list[UUID]:
        """Whom the next tickets go to; fewer where nobody is to get more."""
        return [self._next() for _ in range(min(tickets, sum(count for _, count in self._left)))]

    def _next(self) -> UUID:
        person, tickets = self._left.popleft()
        if tickets > 1:
            self._left.append((person, tickets - 1))
        return person

    def back(self, refused: Sequence[UUID]) -> None:
        """They did not get these after all."""
        left = Counter(dict(self._left)) + Counter(refused)
        self._left = deque(left.items())

    def as_json(self) -> list[Any]:
        """To begin with again."""
        return [[str(person), tickets] for person, tickets in self._left]


class _Ticket(NamedTuple):
    number: str
    version: int


class BulkAssign(JobKind):
    """Keeps the tickets and the order as they were found at first; who was refused a ticket gets another one."""

    NAME = "bulk_assign"
    NEEDS = (Permission.TICKET_BULK,)

    async def steps(self, job: Job, here: Here) -> AsyncGenerator[Step]:
        """A page a step; which tickets are left, and how many for whom, is in the checkpoint."""
        state = job.checkpoint
        if not state:
            state = await self._frozen(job, here)
            yield Step(state, total=state["tickets_to_give"], result=_result(state))
        while (round_ := _round(state)) and (page := [_Ticket(*each) for each in state["tickets"][:PAGE]]):
            people = round_.deal(len(page))
            if not people:
                return
            page = page[: len(people)]
            answers = await here.desk.execute_all(
                [_command(job, here, *each) for each in zip(page, people, strict=True)]
            )
            got = [person for person, answer in zip(people, answers, strict=True) if isinstance(answer, Receipt)]
            round_.back(list((Counter(people) - Counter(got)).elements()))
            state = _after(state, len(page), round_, got)
            yield Step(state, bulk.items([ticket.number for ticket in page], answers), result=_result(state))

    async def _frozen(self, job: Job, here: Here) -> dict[str, Any]:
        asked = AssignmentsAsked.model_validate(job.parameters)
        desk, _ = await granted(job, here, *self.NEEDS)
        meant = selection.of_job(asked, job, desk)
        found = await selection.sorted_by(here, job, meant, asked.order, MOST)
        matching = len(found) if len(found) < MOST else await selection.count(here, job, meant)
        left = asked.dealt(matching)
        return {
            "tickets": [_Ticket(each.number, each.version) for each in found],
            "left": [[str(person), tickets] for person, tickets in left],
            "assigned": {str(person): 0 for person in asked.named},
            "matching": matching,
            "tickets_to_give": min(sum(tickets for _, tickets in left), len(found)),
        }


def _round(state: dict[str, Any]) -> _Round:
    return _Round([(UUID(person), tickets) for person, tickets in state["left"]])


def _command(job: Job, here: Here, ticket: _Ticket, person: UUID) -> AssignTicket:
    context = command_context(job, "", here) | {"command_id": command_id(job, ticket.number)}
    # Who took a ticket since it was found keeps it.
    return AssignTicket(**context, number=ticket.number, to=Assignee(person=person), expected_version=ticket.version)


def _after(state: dict[str, Any], tickets: int, round_: _Round, got: Sequence[UUID]) -> dict[str, Any]:
    given = Counter(map(str, got))
    assigned = {person: before + given[person] for person, before in state["assigned"].items()}
    return state | {"tickets": state["tickets"][tickets:], "left": round_.as_json(), "assigned": assigned}


def _result(state: dict[str, Any]) -> dict[str, Any]:
    """Who has got how many, and how many that match are still nobody's."""
    assigned = [{"person": person, "tickets": tickets} for person, tickets in state["assigned"].items()]
    return {"assigned": assigned, "remaining": state["matching"] - sum(state["assigned"].values())}
