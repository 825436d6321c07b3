"""Imports (C6): each row of a table becomes a ticket, once; or, in a dry run, the report of what would become of it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID, uuid5

from pydantic import ValidationError

from domain.aggregates import decide
from domain.catalogue import Catalogue
from domain.errors import CommandIdReused, InvalidInput, LedgerdeskError, Refusal
from domain.permissions import Permission
from domain.requester import RegisterRequester, RequesterExists
from domain.ticket import Ticket
from domain.ticket.commands import OpenTicket
from domain.ticket.decisions import TicketNumberTaken
from eventstore.desk import Receipt
from eventstore.job_files import fetch, forget
from eventstore.jobs import Item, Job, Step
from processors.jobs import child
from processors.jobs.import_mapping import ImportAsked, Translated, Translator, Wrong
from processors.jobs.kind import Here, JobKind, command_context, granted

PAGE = 200
CHANNEL = "import"
INVALID, ALREADY = "invalid_row", "already_imported"

_COMMANDS = "SELECT command_id, recorded_at >= %s FROM log.commands WHERE workspace_id = %s AND command_id = ANY(%s)"
_TICKETS = "SELECT DISTINCT originator_id FROM log.stored_events WHERE workspace_id = %s AND originator_id = ANY(%s)"

Row = tuple[int, dict[str, Any]]
Outcome = Receipt | LedgerdeskError | None
# Those whom this turn has met, by their handle, and why no ticket can be for them.
Customers = dict[str, Refusal | None]
REMEMBERED = 20_000


class Wanted(NamedTuple):
    """The ticket that a row becomes."""

    row: int
    read: Translated
    command: OpenTicket


class Import(JobKind):
    """Opens a ticket for each row, in pages; a row that is refused does not keep the others."""

    NAME = "import"
    NEEDS = Permission.IMPORT

    async def steps(self, job: Job, here: Here) -> AsyncGenerator[Step]:
        """Rows below the checkpoint are done."""
        asked = ImportAsked.model_validate(job.parameters)
        last = int(job.checkpoint.get("row", 0))
        customers: Customers = {}
        if "over" not in job.checkpoint:
            with await _file(job, here, asked) as file:
                async with aclosing(child.reading(asked.format, file, asked.encoding or "")) as rows:
                    yield Step(job.checkpoint, total=await anext(rows))
                    again = job.attempts > 1 or last > 0
                    async for page in _pages(rows, last):
                        items = await _Page(job, here, asked, customers, again).items(page)
                        last, again = page[-1][0], False
                        yield Step({"row": last}, items)
            yield Step({"row": last, "over": True}, result={"dry_run": asked.dry_run})
        if not asked.dry_run:
            await forget(here.jobs, job.workspace_id, asked.file_id)


async def _file(job: Job, here: Here, asked: ImportAsked) -> BinaryIO:
    """The file, open; its name is gone, so that nothing is left of it however we end."""
    async with child.folder() as folder:
        path = folder / "rows"
        await fetch(here.jobs, job.workspace_id, asked.file_id, path)
        return path.open("rb")


async def _pages(rows: AsyncIterator[Row], after: int) -> AsyncIterator[list[Row]]:
    page: list[Row] = []
    async for number, cells in rows:
        if number > after:
            page.append((number, cells))
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


@dataclass
class _Page:
    """A few hundred rows. `again`: they may have been imported by an owner of this job who died."""

    job: Job
    here: Here
    asked: ImportAsked
    customers: Customers
    again: bool

    async def items(self, rows: list[Row]) -> list[Item]:
        """What came of each, or in a dry run would come."""
        desk, _ = await granted(self.job, self.here, Import.NEEDS)
        translator = Translator(self.asked, desk, self.job.workspace_id)
        items: dict[int, Item] = {}
        wanted: list[Wanted] = []
        for number, cells in rows:
            read = translator.read(cells)
            command = self._command(number, read, translator) if not read.wrong else None
            if command is None:
                items[number] = _invalid(number, read.wrong)
            else:
                wanted.append(Wanted(number, read, command))
        known = await self._known(wanted)
        outcomes = await (self._rehearse(desk, wanted, known) if self.asked.dry_run else self._open(wanted))
        for each, outcome in zip(wanted, outcomes, strict=True):
            items[each.row] = self._item(each, outcome, known, translator)
        return [items[number] for number, _ in rows]

    def _command(self, number: int, read: Translated, translator: Translator) -> OpenTicket | None:
        key = read.key or f"{self.asked.file_id}:{number}"
        context = command_context(self.job, "", self.here) | {
            "command_id": uuid5(self.job.workspace_id, f"import {self.asked.source}|{key}"),
            "channel": CHANNEL,
        }
        if read.opened_at:
            context["at"] = read.opened_at
        try:
            return OpenTicket(**context, **read.fields)
        except ValidationError as error:
            for each in error.errors(include_url=False, include_input=False, include_context=False):
                place = each["loc"] or ("",)
                target = ".".join(map(str, place[:2])) if place[0] == "fields" else str(place[0])
                read.wrong.append(
                    Wrong(translator.columns.get(target, target), each["msg"].removeprefix("Value error, "))
                )
            return None

    async def _known(self, wanted: Sequence[Wanted]) -> set[UUID]:
        """The commands that an earlier import, not this one, was answered."""
        ids = [each.command.command_id for each in wanted]
        async with self.here.reading(self.job.workspace_id) as db:
            found = await db.execute(_COMMANDS, [self.job.asked_at, self.job.workspace_id, ids])
            return {command for command, ours in await found.fetchall() if not (ours and self.again)}

    async def _open(self, wanted: Sequence[Wanted]) -> list[Outcome]:
        await self._requesters(wanted)
        refused = [self.customers.get(each.read.requester.handle) if each.read.requester else None for each in wanted]
        outcomes: dict[int, Outcome] = {
            each.row: refusal for each, refusal in zip(wanted, refused, strict=True) if refusal
        }
        able = [each for each in wanted if each.row not in outcomes]
        # Numbers that rows of one page share are tried one after the other.
        together = {each.command.stream_id: each for each in reversed(able) if each.command.number}
        single = [each for each in able if together.get(each.command.stream_id) is not each]
        first = list(together.values())
        answers = await self.here.desk.execute_all([each.command for each in first])
        outcomes |= {each.row: answer for each, answer in zip(first, answers, strict=True)}
        rest = await asyncio.gather(*(self._opened(each) for each in single))
        outcomes |= {each.row: answer for each, answer in zip(single, rest, strict=True)}
        return [outcomes[each.row] for each in wanted]

    async def _opened(self, wanted: Wanted) -> Outcome:
        try:
            return await self.here.desk.execute(wanted.command)
        except Refusal as refusal:
            return refusal

    async def _requesters(self, wanted: Sequence[Wanted]) -> None:
        """Make the page's customers known, and find out for whom no ticket can be."""
        if len(self.customers) > REMEMBERED:
            self.customers.clear()
        new = {who.handle: each for each in wanted if (who := each.read.requester) and who.handle not in self.customers}
        refusals = await asyncio.gather(*(self._registered(each) for each in new.values()))
        self.customers.update(zip(new, refusals, strict=True))

    async def _registered(self, wanted: Wanted) -> Refusal | None:
        who, customer = wanted.read.requester, wanted.command.requester_id
        if who is None or customer is None:
            return None
        workspace = self.job.workspace_id
        context = command_context(self.job, "", self.here) | {
            "command_id": uuid5(workspace, f"import requester {who.handle}"),
            "channel": CHANNEL,
        }
        told = {"requester_name": who.name, "email": who.email, "phone": who.phone}
        try:
            receipt = await self.here.desk.execute(RegisterRequester(**context, requester_id=customer, **told))
        except ValidationError:
            return InvalidInput(field="requester", reason="is longer than 200 characters, or has control characters")
        except (RequesterExists, CommandIdReused):
            return await self._erased(customer)
        except Refusal as refusal:
            return refusal
        return await self._erased(customer) if receipt.repeated else None

    async def _erased(self, customer: UUID) -> Refusal | None:
        """Why no ticket can be for somebody who was known before."""
        loaded = await self.here.desk.state(self.job.workspace_id, "requester", customer)
        try:
            loaded.state.must_be_there(customer)
        except Refusal as refusal:
            return refusal
        return None

    async def _rehearse(self, desk: Catalogue, wanted: Sequence[Wanted], known: set[UUID]) -> list[Outcome]:
        """The same decisions, and nothing written."""
        numbered = [each.command.stream_id for each in wanted if each.command.number]
        async with self.here.reading(self.job.workspace_id) as db:
            found = await (await db.execute(_TICKETS, [self.job.workspace_id, numbered])).fetchall()
        taken = {stream for (stream,) in found}
        return [None if each.command.command_id in known else _decided(each.command, desk, taken) for each in wanted]

    def _item(self, wanted: Wanted, outcome: Outcome, known: set[UUID], translator: Translator) -> Item:
        row, number = str(wanted.row), wanted.command.number or None
        # The same key with other cells: what has become of the ticket since is not undone.
        before = wanted.command.command_id in known or isinstance(outcome, CommandIdReused)
        if before or (isinstance(outcome, Receipt) and outcome.repeated and not self.again):
            return Item(row, "skipped", ALREADY, {"number": number})
        if isinstance(outcome, LedgerdeskError):
            named = "number" if isinstance(outcome, TicketNumberTaken) else str(outcome.fields.get("field", ""))
            wrong = Wrong(translator.columns.get(named), str(outcome))
            return Item(row, "failed", outcome.code, {"errors": [wrong._asdict()]})
        return Item(row, "done", None, {"number": outcome.number or number if outcome else number})


def _decided(command: OpenTicket, desk: Catalogue, taken: set[UUID]) -> Refusal | None:
    if command.number and command.stream_id in taken:
        return TicketNumberTaken(number=command.number)
    try:
        decide(command, Ticket(number=command.number or "0"), desk)
    except Refusal as refusal:
        return refusal
    return None


def _invalid(row: int, wrong: Sequence[Wrong]) -> Item:
    return Item(str(row), "failed", INVALID, {"errors": [each._asdict() for each in wrong]})
