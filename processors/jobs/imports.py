"""Imports (C6): each row of a table becomes a ticket, once; or, in a dry run, the report of what would become of it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID, uuid5

from pydantic import ValidationError

from domain.aggregates import decide
from domain.catalogue import Catalogue
from domain.command import Command
from domain.errors import CommandIdReused, InvalidInput, LedgerdeskError, Refusal
from domain.event import UNKNOWN
from domain.permissions import Permission
from domain.requester import RegisterRequester, RequesterExists
from domain.ticket import Ticket
from domain.ticket.commands import OpenTicket, TellChange
from domain.ticket.decisions import TicketNumberTaken
from domain.wording import wrong
from eventstore.desk import Receipt
from eventstore.job_files import fetch, forget
from eventstore.jobs import Item, Job, Step
from processors.jobs import child, import_told
from processors.jobs.import_history import Entry
from processors.jobs.import_mapping import ImportAsked, Translated, Translator, Wrong
from processors.jobs.import_told import Came, Recording, Rehearsal, Told
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


@dataclass
class Met:
    """What a turn remembers: its customers, and in a dry run the tickets whose beginning it has seen, by their numbers."""

    customers: Customers = field(default_factory=dict)
    tickets: dict[UUID, str] = field(default_factory=dict)


class Import(JobKind):
    """Opens a ticket for each row, in pages; a row that is refused does not keep the others."""

    NAME = "import"
    NEEDS = (Permission.IMPORT,)

    async def steps(self, job: Job, here: Here) -> AsyncGenerator[Step]:
        """Rows below the checkpoint are done."""
        asked = ImportAsked.model_validate(job.parameters)
        last = int(job.checkpoint.get("row", 0))
        met = Met()
        if "over" not in job.checkpoint:
            with await self.file(job, here, asked) as file:
                async with aclosing(child.reading(asked.format, file, asked.encoding or "", asked.needed)) as rows:
                    yield Step(job.checkpoint, total=await anext(rows))
                    again = job.attempts > 1 or last > 0
                    async for page in _pages(rows, last):
                        items = await _Page(job, here, asked, met, again).items(page)
                        last, again = page[-1][0], False
                        yield Step({"row": last}, items)
            yield Step({"row": last, "over": True}, result={"dry_run": asked.dry_run})
        if not asked.dry_run:
            await self.forget(job, here, asked)

    async def file(self, job: Job, here: Here, asked: ImportAsked) -> BinaryIO:
        """The file, open; its name is gone, so that nothing is left of it however we end."""
        async with child.folder() as folder:
            path = folder / "rows"
            await fetch(here.jobs, job.workspace_id, asked.file_id, path)
            return path.open("rb")

    async def forget(self, job: Job, here: Here, asked: ImportAsked) -> None:
        """The file, once all of it is imported."""
        await forget(here.jobs, job.workspace_id, asked.file_id)


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
    met: Met
    again: bool

    async def items(self, rows: list[Row]) -> list[Item]:
        """What came of each, or in a dry run would come."""
        desk, _ = await granted(self.job, self.here, *Import.NEEDS)
        translator = Translator(self.asked, desk, self.job.workspace_id)
        items: dict[int, Item] = {}
        wanted: list[Wanted] = []
        told: list[Told] = []
        for number, cells in rows:
            read = translator.read(cells)
            row = self._row(number, read, translator) if not read.wrong else None
            if row is None or read.wrong:
                items[number] = _invalid(number, read.wrong)
            elif isinstance(row, Told):
                told.append(row)
            else:
                wanted.append(row)
        known = await self._known([each.command for each in wanted])
        outcomes = await (self._rehearse(desk, wanted, known) if self.asked.dry_run else self._open(wanted))
        for each, outcome in zip(wanted, outcomes, strict=True):
            items[each.row] = self._item(each, outcome, known, translator)
        items |= await self._tell(desk, told, translator)
        return [items[number] for number, _ in rows]

    def _row(self, number: int, read: Translated, translator: Translator) -> Wanted | Told | None:
        """What the row asks for; what is wrong with it is added to what was read."""
        key = read.key or f"{self.asked.file_id}:{number}"
        opening_id = self._id(key)
        try:
            opening, unfit = self._opening(opening_id, read), []
        except ValidationError as error:
            opening, unfit = None, _wrong(error, translator)
        if not read.history.entries:
            read.wrong += unfit
            return Wanted(number, read, opening) if opening else None
        if not self.asked.by_updates:
            # Of an update nobody knows yet whether it is its ticket's first.
            read.wrong += unfit
        entries = [told for entry in read.history.entries if (told := self._entry(key, entry, read, translator))]
        return Told(number, read, opening_id, opening, unfit, entries)

    def _id(self, key: str) -> UUID:
        return uuid5(self.job.workspace_id, f"import {self.asked.source}|{key}")

    def _context(self, command: UUID) -> dict[str, Any]:
        return command_context(self.job, "", self.here) | {"command_id": command, "channel": CHANNEL}

    def _opening(self, command: UUID, read: Translated) -> OpenTicket:
        context = self._context(command)
        if read.opened_at:
            context["at"] = read.opened_at
        if read.history.opened:
            context["on_behalf_of"] = read.history.opened.by
        return OpenTicket(**context, **read.fields)

    def _entry(self, key: str, entry: Entry, read: Translated, translator: Translator) -> TellChange | None:
        context = self._context(self._id(f"{key}|{entry.mark}")) | {"at": entry.at}
        try:
            return TellChange(**context, number="0", told_by=entry.by or UNKNOWN, **entry.tells)
        except ValidationError as error:
            read.wrong += [
                Wrong(translator.columns.get("history", each.column), each.reason)
                for each in _wrong(error, translator)
                if each not in read.wrong
            ]
            return None

    async def _tell(self, desk: Catalogue, rows: Sequence[Told], translator: Translator) -> dict[int, Item]:
        """What came of the rows that tell a ticket's past, or in a dry run would come."""
        if not rows:
            return {}
        known = await self._known([entry for row in rows for entry in (*row.entries, *filter(None, [row.opening]))])
        log = Recording(self.here.desk, self.job.workspace_id, known, self.again)
        if self.asked.dry_run:
            log = Rehearsal(log.desk, log.workspace, known, False, desk, self.met.tickets)
        else:
            await self._requesters([Wanted(row.row, row.read, row.opening) for row in rows if row.opening])
        came = await import_told.tell(rows, log, self._barred)
        return {row: self._told_item(row, each, translator) for row, each in came.items()}

    def _barred(self, row: Told) -> Refusal | None:
        return self.met.customers.get(row.read.requester.handle) if row.read.requester else None

    def _told_item(self, row: int, came: Came, translator: Translator) -> Item:
        if came.wrong:
            return _invalid(row, came.wrong)
        if came.refusal:
            return _failed(row, came.refusal, translator)
        detail = {"number": came.number or None}
        return Item(str(row), "done", None, detail) if came.new else Item(str(row), "skipped", ALREADY, detail)

    async def _known(self, commands: Sequence[Command]) -> set[UUID]:
        """The commands that an earlier import, not this one, was answered."""
        ids = [command.command_id for command in commands]
        async with self.here.reading(self.job.workspace_id) as db:
            found = await db.execute(_COMMANDS, [self.job.asked_at, self.job.workspace_id, ids])
            return {command for command, ours in await found.fetchall() if not (ours and self.again)}

    async def _open(self, wanted: Sequence[Wanted]) -> list[Outcome]:
        await self._requesters(wanted)
        refused = [
            self.met.customers.get(each.read.requester.handle) if each.read.requester else None for each in wanted
        ]
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
        if len(self.met.customers) > REMEMBERED:
            self.met.customers.clear()
        new = {
            who.handle: each for each in wanted if (who := each.read.requester) and who.handle not in self.met.customers
        }
        refusals = await asyncio.gather(*(self._registered(each) for each in new.values()))
        self.met.customers.update(zip(new, refusals, strict=True))

    async def _registered(self, wanted: Wanted) -> Refusal | None:
        who, customer = wanted.read.requester, wanted.command.requester_id
        if who is None or customer is None:
            return None
        workspace = self.job.workspace_id
        context = self._context(uuid5(workspace, f"import requester {who.handle}"))
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
            return _failed(wanted.row, outcome, translator)
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


def _failed(row: int, refusal: LedgerdeskError, translator: Translator) -> Item:
    named = "number" if isinstance(refusal, TicketNumberTaken) else str(refusal.fields.get("field", ""))
    wrong = Wrong(translator.columns.get(named), str(refusal))
    return Item(str(row), "failed", refusal.code, {"errors": [wrong._asdict()]})


def _wrong(error: ValidationError, translator: Translator) -> list[Wrong]:
    found = []
    for each in error.errors(include_url=False, include_input=False):
        place = each["loc"] or ("",)
        target = ".".join(map(str, place[:2])) if place[0] == "fields" else str(place[0])
        found.append(Wrong(translator.columns.get(target, target), wrong(each)))
    return found
