"""Which tickets a bulk change is for: chosen ones, or all that meet a condition, in an order that does not move."""

from datetime import datetime
from typing import Annotated, Any, NamedTuple, Self
from uuid import UUID

from psycopg.sql import SQL, Composable
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator

from domain.access import reach
from domain.catalogue import Catalogue
from domain.conditions import ALWAYS, Condition, Context, Leaf
from domain.event import Actor
from domain.values import Number
from eventstore.jobs import Job
from processors.jobs.kind import Here
from projections import ticket_pages
from projections.ticket_pages import ListQuery
from projections.ticket_sorts import order, parse_sort

# Tickets that are named one by one.
MOST_NAMED = 500


def _once(numbers: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return numbers and tuple(dict.fromkeys(numbers))


class Selection(BaseModel):
    """The tickets: named, or all that meet a condition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    numbers: Annotated[tuple[Number, ...] | None, AfterValidator(_once)] = Field(
        default=None, min_length=1, max_length=MOST_NAMED, description="These tickets.", examples=[["1001", "1002"]]
    )
    condition: Condition | None = Field(
        default=None, description="Or all that meet this and that were opened before it was asked."
    )
    everywhere: StrictBool = Field(default=False, description="Also what is archived, spam, snoozed or merged.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.numbers is None) == (self.condition is None):
            raise ValueError("give either numbers or a condition")
        return self


class Where(NamedTuple):
    """The tickets that are meant, in SQL."""

    text: Composable
    values: list[Any]


class Found(NamedTuple):
    """A ticket of the list."""

    opened_at: datetime
    ticket_id: UUID
    number: str
    version: int

    @property
    def place(self) -> tuple[str, str]:
        """Where it stands in that order, as a checkpoint has it: the next page is of those after it."""
        return self.opened_at.isoformat(), str(self.ticket_id)


def where(selection: Selection, workspace: UUID, by: Actor, desk: Catalogue, asked_at: datetime) -> Where:
    """The tickets that are meant, within the reach of whoever asks."""
    me = desk.acting(by)
    everywhere = selection.everywhere or selection.numbers is not None
    query = ListQuery(_condition(selection), reach(desk, by), everywhere)
    context = Context(asked_at, me.zone, me.id, me.teams, merges=desk.organisations)
    meant = ticket_pages.where(workspace, query, context)
    # What is opened meanwhile does not belong to what was asked for, nor may it keep the job going for ever.
    return Where(SQL("{} AND opened_at <= %s").format(meant.text), [*meant.values, asked_at])


def _condition(selection: Selection) -> Condition:
    if selection.numbers is not None:
        return Leaf(field="number", op="is_any_of", value=list(selection.numbers))
    return selection.condition or ALWAYS


def of_job(selection: Selection, job: Job, desk: Catalogue) -> Where:
    """The same for a job, as of when it was asked for."""
    return where(selection, job.workspace_id, job.actor, desk, job.asked_at)


async def count(here: Here, job: Job, meant: Where) -> int:
    """How many tickets are meant."""
    async with here.reading(job.workspace_id) as db:
        statement = SQL("SELECT count(*) FROM desk.ticket_list WHERE {}").format(meant.text)
        row = await (await db.execute(statement, meant.values)).fetchone()
    return int(row[0]) if row else 0


# Compared as a row, so that the index goes on just behind the page before.
_PAGE = """
    SELECT opened_at, ticket_id, number, version FROM desk.ticket_list
    WHERE {} AND (opened_at, ticket_id) > (%s::timestamptz, %s::uuid) ORDER BY opened_at, ticket_id LIMIT %s
"""
BEGINNING = ("-infinity", str(UUID(int=0)))


async def page(here: Here, job: Job, meant: Where, after: tuple[str, str], most: int) -> list[Found]:
    """The next tickets in the order in which they were opened, which no change of them moves."""
    async with here.reading(job.workspace_id) as db:
        found = await db.execute(SQL(_PAGE).format(meant.text), [*meant.values, *after, most])
        return [Found(*row) for row in await found.fetchall()]


async def sorted_by(here: Here, job: Job, meant: Where, sort: str, most: int) -> list[Found]:
    """The first tickets in the order of a list."""
    statement = SQL("SELECT opened_at, ticket_id, number, version FROM desk.ticket_list WHERE {} ORDER BY {} LIMIT %s")
    async with here.reading(job.workspace_id) as db:
        found = await db.execute(statement.format(meant.text, order(parse_sort(sort))), [*meant.values, most])
        return [Found(*row) for row in await found.fetchall()]
