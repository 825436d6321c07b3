"""Exports (C5): a page of tickets after another into a file, which is recorded and then offered."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from domain.access import reach
from domain.catalogue import Catalogue
from domain.conditions import ALWAYS, AllOf, Condition, Context, Leaf
from domain.exports import Format, RecordExport, What
from domain.permissions import Permission
from domain.values import Line, Number
from eventstore.job_files import keep
from eventstore.jobs import Job, Step
from processors.jobs import child, export_rows
from processors.jobs.export_rows import BEGINNING, PAGE, Column, Where
from processors.jobs.kind import Here, JobKind, command_context, granted
from processors.jobs.selection import MOST_NAMED
from projections import ticket_pages
from projections.ticket_filter import TicketFilter
from projections.ticket_pages import ListQuery

MEDIA_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.JSONL: "application/jsonl",
}


# Rows that are in memory at once; each may have a long message.
BATCH = 200


class JsonFilter(TicketFilter):
    """The same in JSON, which has words of its own for yes and no."""

    unassigned: StrictBool = False


class ExportAsked(BaseModel):
    """What to export: rows of one kind, of the tickets that meet both the filter and the condition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: What = What.TICKETS
    format: Format = Format.CSV
    columns: tuple[Line, ...] = Field(
        default=(), max_length=200, description="Which, in this order; those that the docs list, if left out."
    )
    filter: JsonFilter = JsonFilter()
    condition: Condition = ALWAYS
    numbers: tuple[Number, ...] | None = Field(
        default=None, min_length=1, max_length=MOST_NAMED, description="Only these tickets, wherever they are."
    )
    everywhere: bool = Field(default=False, strict=True, description="Also what is archived, spam, snoozed or merged.")

    @property
    def needs(self) -> Permission:
        """What may be exported by whom, beside the permission to export at all."""
        return Permission.EVENTS_VIEW if self.what is What.EVENTS else Permission.TICKET_VIEW


class Export(JobKind):
    """Writes the file of an export. Its rows are read as whoever asked may see them at that moment."""

    NAME = "export"
    NEEDS = (Permission.EXPORT,)
    # A half-written workbook cannot be gone on with.
    TAKES_TURNS = False

    async def steps(self, job: Job, here: Here) -> AsyncGenerator[Step]:
        """A step a page; the last one makes the file."""
        if "file" in job.checkpoint:
            return
        asked = ExportAsked.model_validate(job.parameters)
        columns = export_rows.chosen(asked.what, asked.columns)
        kinds = [(name, column.kind) for name, column in columns.items()]
        # Begun anew, it counts anew; how far it ever came tells whether it stops at the same place each time.
        yield Step(job.checkpoint, done=-job.done)
        rows, furthest = 0, job.checkpoint.get("furthest", 0)
        async with child.folder() as folder:
            path = folder / f"{asked.what}.{asked.format}"
            async with child.writing(asked.format, path, kinds) as sheet, aclosing(_pages(job, here, asked)) as pages:
                async for page in pages:
                    await sheet.add(page.rows)
                    rows += len(page.rows)
                    yield Step({"furthest": max(rows, furthest)}, done=len(page.rows), total=page.total)
                await sheet.finish()
            await _record(job, here, asked, tuple(columns), rows)
            size = await keep(here.jobs, job, path, MEDIA_TYPES[asked.format], path.name)
        yield Step({"file": path.name}, result={"rows": rows, "size": size, "columns": list(columns)})


class _Page(NamedTuple):
    rows: list[list[Any]]
    total: int | None = None


async def _pages(job: Job, here: Here, asked: ExportAsked) -> AsyncGenerator[_Page]:
    """All rows, a few hundred at a time; first how many there will be, where each ticket is one."""
    for each in export_rows.needed(asked.what, asked.columns):
        await granted(job, here, each)
    desk, _ = await granted(job, here, asked.needs)
    columns, names = export_rows.chosen(asked.what, asked.columns), export_rows.names(desk)
    where = _where(job, here, desk, asked)
    if asked.what is What.TICKETS:
        async with here.reading(job.workspace_id) as db:
            yield _Page([], await export_rows.counted(db, where))
    after = BEGINNING
    while True:
        # Each page in a transaction of its own: a long one would hold up whoever replaces a read model.
        async with here.reading(job.workspace_id) as db:
            found = await export_rows.keys(db, where, after)
            tickets = [ticket for _, ticket in found]
            source = export_rows.rows(db, job.workspace_id, asked.what, columns, tickets)
            async with aclosing(source) as rows:
                async for some in _batches(rows):
                    yield _Page([_shaped(row, columns.values(), names) for row in some])
        if len(found) < PAGE:
            return
        after = found[-1]


def _shaped(row: tuple[Any, ...], columns: Iterable[Column], names: Mapping[str, str | None]) -> list[Any]:
    return [names.get(str(value)) if column.named else value for value, column in zip(row, columns, strict=True)]


def _where(job: Job, here: Here, desk: Catalogue, asked: ExportAsked) -> Where:
    """What was asked for, within the reach of whoever asked."""
    me = desk.acting(job.actor)
    named = [] if asked.numbers is None else [Leaf(field="number", op="is_any_of", value=list(asked.numbers))]
    wanted = AllOf(all=(asked.filter.condition(), asked.condition, *named))
    everywhere = asked.everywhere or asked.numbers is not None
    query = ListQuery(condition=wanted, reach=reach(desk, job.actor), everywhere=everywhere)
    context = Context(here.desk.clock(), me.zone, me.id, me.teams, merges=desk.organisations)
    meant = ticket_pages.where(job.workspace_id, query, context)
    return meant.text, meant.values


async def _batches(rows: AsyncIterator[tuple[Any, ...]]) -> AsyncIterator[list[tuple[Any, ...]]]:
    batch: list[tuple[Any, ...]] = []
    async for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


async def _record(job: Job, here: Here, asked: ExportAsked, columns: tuple[str, ...], rows: int) -> None:
    # Begun anew after a crash, it may have another number of rows, and is recorded with that one too.
    context = command_context(job, f"exported {rows}", here)
    made = RecordExport(**context, job_id=job.job_id, what=asked.what, format=asked.format, columns=columns, rows=rows)
    await here.desk.execute(made)
