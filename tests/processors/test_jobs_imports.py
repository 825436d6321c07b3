"""Imports: every row a ticket, once, whoever dies; bad rows and bad files are said by row and column, never quoted."""

import asyncio
import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from openpyxl import Workbook
from psycopg.rows import TupleRow
from pydantic import ValidationError

from domain.ids import ticket_id
from domain.values import Priority
from domain.workspace import AddTeam
from eventstore import job_files
from eventstore.job_files import FileTooLarge, take
from eventstore.stories import folded, stream
from processors.jobs import imports
from processors.jobs.import_mapping import ImportAsked, MappingIncomplete, UnknownTarget
from tests.desks import Office
from tests.processors.jobs import asked, at_work, ended, items
from tests.projections.tables import KEYRING, working

Db = psycopg.Connection[TupleRow]
MAPPING = {"No": "number", "Subject": "title", "Prio": "priority", "Caller": "requester", "Room": "fields.room"}


async def in_parts(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 10_000):
        yield data[start : start + 10_000]


async def sent(office: Office, data: bytes) -> UUID:
    """An uploaded file."""
    file_id = uuid4()
    await take(office.desk.vault, file_id, office.workspace, office.person.id, "rows", in_parts(data))
    return file_id


def rows_of(*rows: list[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


async def imported(office: Office, url: str, data: bytes, **wanted: Any) -> tuple[dict[str, Any], list[Any]]:
    """The job of an import, and what came of each row."""
    asked_for = {"file_id": str(await sent(office, data)), "format": "csv", "mapping": MAPPING, **wanted}
    job = await asked(office, "import", **ImportAsked.model_validate(asked_for).model_dump(mode="json"))
    state = await ended(url, job)
    return state, items(url, job)


def opened(url: str, number: str, office: Office) -> Any:
    with working(url) as db:
        return folded("ticket", stream(db.cursor(), KEYRING, ticket_id(office.workspace, number)))


def tickets(database: Db) -> int:
    row = database.execute("SELECT count(*) FROM log.stored_events WHERE topic = 'ticket.opened'").fetchone()
    return row[0] if row else 0


HEADER = ["No", "Subject", "Prio", "Caller", "Room"]
GOOD = rows_of(
    HEADER,
    ["A-1", "打印机坏了", "urgent", "Wang <wang@example.cn>", "B-12"],
    ["A-2", "It blinks", "", "Zoe", ""],
)


async def test_each_row_becomes_a_ticket(office: Office, database_url: str) -> None:
    with at_work(database_url):
        state, found = await imported(office, database_url, GOOD)
    assert (state["state"], state["total"], state["done"], state["failed"]) == ("done", 2, 2, 0)
    assert found == [("2", "done", None, {"number": "A-1"}), ("3", "done", None, {"number": "A-2"})]
    first = opened(database_url, "A-1", office)
    assert (first.title, first.priority, first.fields) == ("打印机坏了", Priority.URGENT, {"room": "B-12"})
    with working(database_url) as db:
        customer = folded("requester", stream(db.cursor(), KEYRING, first.requester_id))
    assert (customer.requester_name, customer.email) == ("Wang", "wang@example.cn")


async def test_importing_again_imports_nothing_twice(office: Office, database_url: str, database: Db) -> None:
    changed = GOOD.replace(b"It blinks", b"It smokes") + rows_of(["A-3", "New", "", "", ""])
    with at_work(database_url):
        await imported(office, database_url, GOOD)
        state, found = await imported(office, database_url, changed)
    assert [(row, what, code) for row, what, code, _ in found] == [
        ("2", "skipped", "already_imported"),
        ("3", "skipped", "already_imported"),
        ("4", "done", None),
    ]
    assert (state["skipped"], tickets(database)) == (2, 3)
    assert opened(database_url, "A-2", office).title == "It blinks"


async def test_a_dry_run_reports_the_same_and_writes_nothing(office: Office, database_url: str, database: Db) -> None:
    bad = GOOD + rows_of(["A-3", "", "", "", ""], ["T-1", "Taken", "", "", ""])
    await office.ticket("T-1")
    head = database.execute("SELECT max(notification_id) FROM log.stored_events").fetchone()
    with at_work(database_url):
        _, rehearsed = await imported(office, database_url, bad, dry_run=True)
        assert database.execute("SELECT max(notification_id) FROM log.stored_events").fetchone() == head
        _, real = await imported(office, database_url, bad)
    assert rehearsed == real
    assert [code for _, _, code, _ in real] == [None, None, "invalid_row", "ticket_number_taken"]


async def test_bad_cells_are_named_by_row_and_column_and_never_quoted(office: Office, database_url: str) -> None:
    data = rows_of(
        [*HEADER, "Due", "Who", "Group", "State"],
        ["bad number!", "x", "urgentissimo", "", "", "tomorrow-ish", "Nobody", "No team", "strange"],
        ["A-1", "y" * 501, "", "", "", "", "", "", ""],
    )
    mapping = MAPPING | {"Due": "due_at", "Who": "assignee", "Group": "team", "State": "status"}
    with at_work(database_url):
        state, found = await imported(office, database_url, data, mapping=mapping)
    assert (state["state"], state["failed"]) == ("done", 2)
    wrong = [[each["column"] for each in item[3]["errors"]] for item in found]
    assert list(map(sorted, wrong)) == [["Due", "Group", "Prio", "State", "Who"], ["Subject"]]
    assert not any(word in json.dumps(found) for word in ("urgentissimo", "tomorrow-ish", "Nobody", "yyy"))


async def test_a_time_beyond_all_years_is_a_bad_cell_and_no_job_that_begins_again_and_again(
    office: Office, database_url: str
) -> None:
    times = ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00Z", "9999-12-31T23:59:59Z")
    data = rows_of([*HEADER, "Due"], *([f"A-{n}", "x", "", "", "", time] for n, time in enumerate(times)))
    with at_work(database_url):
        state, found = await imported(office, database_url, data, mapping=MAPPING | {"Due": "due_at"})
    assert state["state"] == "done"
    assert [item[1] for item in found] == ["failed", "failed", "done", "done"]


async def test_values_say_what_cells_mean(office: Office, database_url: str) -> None:
    await office.do(AddTeam, team_id=uuid4(), title="Billing")
    data = rows_of(
        [*HEADER, "Group", "Tags", "Opened"], ["A-1", "x", "P1", "", "", "billing", "a; b,a", "01-02-2016 01:16"]
    )
    mapping = MAPPING | {"Group": "team", "Tags": "tags", "Opened": "opened_at"}
    with at_work(database_url):
        _, found = await imported(office, database_url, data, mapping=mapping, values={"priority": {"p1": "urgent"}})
    assert found[0][1] == "done"
    ticket = opened(database_url, "A-1", office)
    assert (ticket.priority, set(ticket.tags)) == (Priority.URGENT, {"a", "b"})


async def test_rows_without_a_number_get_one_and_are_known_by_their_key(
    office: Office, database_url: str, database: Db
) -> None:
    data = rows_of(["Id", "Subject"], ["x1", "one"], ["x2", "two"], ["x1", "one"])
    wanted = {"mapping": {"Id": "key", "Subject": "title"}}
    with at_work(database_url):
        _, found = await imported(office, database_url, data, **wanted)
        _, again = await imported(office, database_url, data, **wanted)
    assert sorted(item[3]["number"] for item in found[:2]) == ["1001", "1002"]
    assert [item[1] for item in found] == ["done", "done", "skipped"]
    assert [item[1] for item in again] == ["skipped"] * 3
    assert tickets(database) == 2


async def test_xlsx_and_json_lines_say_the_same(office: Office, database_url: str) -> None:
    book = Workbook()
    assert book.active is not None
    for row in (HEADER, ["X-1", "=1+1", "high", "Zoe", 12.0], ["X-2", 17, None, None, True]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    lines = [{"No": "J-1", "Subject": "打印机", "Prio": "high", "Room": ["a", "b"]}, {"No": "J-2", "Subject": None}]
    as_lines = "\n".join(json.dumps(line) for line in lines).encode()
    with at_work(database_url):
        _, sheet = await imported(office, database_url, out.getvalue(), format="xlsx")
        _, json_lines = await imported(office, database_url, as_lines, format="jsonl")
    # A formula that was never computed has no value.
    assert [(item[0], item[1]) for item in sheet] == [("2", "failed"), ("3", "done")]
    assert opened(database_url, "X-2", office).title == "17"
    assert [(item[0], item[1]) for item in json_lines] == [("1", "done"), ("2", "failed")]
    assert opened(database_url, "J-1", office).fields == {"room": ["a", "b"]}


async def test_a_dead_owners_import_is_gone_on_with(
    office: Office, database_url: str, database: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PAGE", 10)
    data = rows_of(["Id", "Subject"], *([f"k{n}", f"ticket {n}"] for n in range(100)))
    real, died = imports._Page.items, asyncio.Event()

    async def dies(self: Any, rows: Any) -> Any:
        found = await real(self, rows)
        if rows[0][0] > 40 and not died.is_set():
            died.set()
            raise ZeroDivisionError
        return found

    monkeypatch.setattr(imports._Page, "items", dies)
    with at_work(database_url):
        state, found = await imported(office, database_url, data, mapping={"Id": "key", "Subject": "title"})
    assert died.is_set()
    assert (state["state"], state["done"], state["skipped"]) == ("done", 100, 0)
    assert ([item[0] for item in found], tickets(database)) == ([str(n) for n in range(2, 102)], 100)


SHEET = "xl/worksheets/sheet1.xml"
ROW = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row>'


def bomb() -> bytes:
    """A workbook of some megabytes with a row of more than half a gigabyte."""
    cells = b'<c t="inlineStr"><is><t>%b</t></is></c>' % (b"x" * 1000) * 1000
    out = io.BytesIO()
    book = Workbook()
    assert book.active is not None
    book.active.append(["No", "Subject"])
    book.save(out)
    with (
        zipfile.ZipFile(out) as made,
        zipfile.ZipFile(blown := io.BytesIO(), "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name in made.namelist():
            with archive.open(name, "w") as part:
                part.write(made.read(name) if name != SHEET else ROW)
                for _ in range(600 if name == SHEET else 0):
                    part.write(cells)
    return blown.getvalue()


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><l>&j;</l>"
)


def laughing() -> bytes:
    """A workbook whose content types are a billion of laughs."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", LAUGHS)
    return out.getvalue()


BAD = {
    "no_workbook": ("xlsx", b"just text"),
    "a_workbook_as_csv": ("csv", laughing()),
    "laughs": ("xlsx", laughing()),
    "not_utf8": ("csv", "编号,标题\n".encode("gb18030") * 5),
    "binary": ("csv", bytes(range(256)) * 10),
    "no_header": ("csv", b"\n\n"),
    "empty": ("csv", b""),
    "columns_twice": ("csv", b"No,No\n1,2\n"),
    "more_cells": ("csv", b"No,Subject\n1,2,3\n"),
    "an_endless_line": ("jsonl", b"x" * (2 << 20)),
    "an_open_quote": ("csv", b'No,Subject\n1,one\n2,"two\n3,three\n'),
    "an_endless_quote": ("csv", b'No,Subject\n1,"' + b"y\n" * (1 << 20)),
    "no_object": ("jsonl", b'{"No": "1"}\n[1]\n'),
    "deep": ("jsonl", b'{"a":' * 100_000),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_file_that_is_no_table_is_refused(office: Office, database_url: str, database: Db, name: str) -> None:
    form, data = BAD[name]
    with at_work(database_url):
        state, found = await imported(office, database_url, data, format=form)
    assert (state["state"], state["error_code"], found) == ("failed", "unusable_file", [])
    assert "cannot be imported" in state["error"]
    assert tickets(database) == 0


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_a_mapped_column_that_a_table_has_not_is_said_before_anything_is_done(
    office: Office, database_url: str, database: Db, form: str
) -> None:
    book, out = Workbook(), io.BytesIO()
    for row in (["title", "Priority"], ["One", "high"]):
        book.worksheets[0].append(row)
    book.save(out)
    data = out.getvalue() if form == "xlsx" else rows_of(["title", "Priority"], ["One", "high"])
    mapping = {"title": "title", "number": "number", "Prio": "priority"}
    with at_work(database_url):
        state, found = await imported(office, database_url, data, format=form, mapping=mapping)
    assert (state["state"], state["error_code"], found, tickets(database)) == ("failed", "unusable_file", [], 0)
    assert "it has no column Prio" in state["error"]


async def test_what_is_in_another_encoding_is_told_to_name_it(office: Office, database_url: str) -> None:
    with at_work(database_url):
        state, _ = await imported(office, database_url, "编号,标题\nA-1,打印机\n".encode("gb18030"))
    assert "name its encoding, for example gb18030" in state["error"]


async def test_other_encodings_are_read_when_named(office: Office, database_url: str) -> None:
    data = "编号;标题\nA-1;打印机坏了\n".encode("gb18030")
    mapping = {"编号": "number", "标题": "title"}
    with at_work(database_url):
        _, found = await imported(office, database_url, data, mapping=mapping, encoding="GB18030")
        data = "编号\t标题\nA-2\t打印机\n".encode("utf-16")
        _, more = await imported(office, database_url, data, mapping=mapping)
    assert [item[1] for item in (*found, *more)] == ["done", "done"]


async def test_what_was_imported_is_removed_and_what_was_rehearsed_stays(
    office: Office, database_url: str, database: Db
) -> None:
    with at_work(database_url):
        await imported(office, database_url, GOOD, dry_run=True)
        assert database.execute("SELECT count(*) FROM jobs.files").fetchone() == (1,)
        await imported(office, database_url, GOOD)
    assert database.execute("SELECT count(*) FROM jobs.files").fetchone() == (1,)
    assert (
        database.execute("SELECT DISTINCT file_id FROM jobs.chunks").fetchall()
        == database.execute("SELECT file_id FROM jobs.files").fetchall()
    )


async def test_of_an_upload_that_is_too_large_nothing_stays(
    office: Office, database: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_files, "LARGEST_UPLOAD", job_files.CHUNK)
    with pytest.raises(FileTooLarge):
        await sent(office, b"x" * (job_files.CHUNK + 1))
    assert (
        database.execute("SELECT FROM jobs.files").fetchall()
        == database.execute("SELECT FROM jobs.chunks").fetchall()
        == []
    )


@pytest.mark.parametrize("encoding", ["rot13", "zlib", "base64"])
def test_what_makes_no_text_of_bytes_is_no_encoding(encoding: str) -> None:
    with pytest.raises(ValidationError, match="no encoding that we know"):
        ImportAsked(file_id=uuid4(), format="csv", mapping={"a": "title"}, encoding=encoding)


def test_a_mapping_that_makes_no_tickets_is_refused_before_anything_is_done() -> None:
    def check(**mapping: str) -> None:
        ImportAsked(file_id=uuid4(), format="csv", mapping=mapping).check()

    with pytest.raises(UnknownTarget, match=r"column 2.*priority"):
        check(a="title", b="priorty")
    with pytest.raises(MappingIncomplete, match="title"):
        check(a="number")
    with pytest.raises(MappingIncomplete, match="same field"):
        check(a="title", b="title")


async def test_a_workbook_that_unpacks_to_more_than_there_is_memory_is_refused(
    office: Office, database_url: str, database: Db
) -> None:
    data = bomb()
    assert len(data) < 16 << 20
    with at_work(database_url):
        state, _ = await imported(office, database_url, data, format="xlsx")
    assert (state["state"], state["error_code"], tickets(database)) == ("failed", "unusable_file", 0)
