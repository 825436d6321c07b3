"""Exports: every format, what is in it and what never is, and what happens when there is no room."""

import csv
import io
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from openpyxl import load_workbook
from psycopg.rows import TupleRow
from pyarrow import parquet

from domain.exports import What
from domain.organisation import AddOrganisation
from domain.permissions import Permission, RoleName
from domain.requester import RegisterRequester
from domain.setup.organisations import MergeOrganisation
from domain.setup.roles import SetRole
from domain.ticket.commands import AssignTicket, NoteOnTicket, ReplyToTicket
from domain.values import Assignee
from domain.workspace import AddCategory, AddPerson, AddTeam
from eventstore.database import Role, connect
from processors.jobs import export_rows, sheet_writers
from processors.jobs.export_rows import UnknownColumn
from tests.chaos.disks import fill, small_disk
from tests.desks import Office, an_office
from tests.processors.jobs import asked, at_work, ended
from tests.projections.tables import built

Db = psycopg.Connection[TupleRow]
DUE = datetime(2026, 11, 30, 9, tzinfo=UTC)


def file_of(url: str, job: UUID) -> bytes:
    with connect(url, Role.WORKER) as db:
        query = "SELECT data FROM jobs.chunks WHERE file_id = %s ORDER BY place"
        return b"".join(data for (data,) in db.execute(query, [job]))


async def exported(office: Office, url: str, **wanted: Any) -> bytes:
    """The file of an export."""
    job = await asked(office, "export", **wanted)
    state = await ended(url, job)
    assert state["state"] == "done", state
    assert state["has_file"]
    return file_of(url, job)


def table(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


async def test_every_format_says_the_same(office: Office, database_url: str) -> None:
    await office.ticket("T-1", title="=1+1", tags=("a", "b"), due_at=DUE)
    await office.ticket("T-2", title="打印机\n坏了")
    built(database_url)
    wanted: dict[str, Any] = {"columns": ["number", "title", "tags", "due_at", "replies"]}
    with at_work(database_url):
        as_csv = table(await exported(office, database_url, format="csv", **wanted))
        as_lines = (await exported(office, database_url, format="jsonl", **wanted)).decode().splitlines()
        as_sheet = load_workbook(io.BytesIO(await exported(office, database_url, format="xlsx", **wanted))).active
        as_parquet = parquet.read_table(
            io.BytesIO(await exported(office, database_url, format="parquet", **wanted))
        ).to_pylist()
    due = DUE.isoformat().replace("+00:00", "Z")
    assert as_csv[0] == wanted["columns"]
    assert [[*row[:3], row[4]] for row in as_csv[1:]] == [
        ["T-1", "'=1+1", "a; b", "0"],
        ["T-2", "打印机 坏了", "", "0"],
    ]
    assert [json.loads(line) for line in as_lines] == [
        {"number": "T-1", "title": "=1+1", "tags": ["a", "b"], "due_at": due, "replies": 0},
        {"number": "T-2", "title": "打印机 坏了", "tags": [], "due_at": None, "replies": 0},
    ]
    cells = [[(cell.value, cell.data_type) for cell in row] for row in as_sheet.iter_rows(min_row=2)]
    assert cells[0] == [("T-1", "s"), ("=1+1", "s"), ("a; b", "s"), (DUE.replace(tzinfo=None), "d"), (0, "n")]
    assert as_parquet[0] == {"number": "T-1", "title": "=1+1", "tags": ["a", "b"], "due_at": DUE, "replies": 0}


async def test_an_export_of_messages_names_their_tickets_and_authors(office: Office, database_url: str) -> None:
    await office.ticket("T-1")
    await office.ticket("T-2")
    await office.do(ReplyToTicket, number="T-2", body="We are on it.")
    await office.do(ReplyToTicket, number="T-1", body="@all")
    await office.do(NoteOnTicket, number="T-1", body="for us alone")
    built(database_url)
    with at_work(database_url):
        replies = await exported(office, database_url, what="replies", columns=["number", "author", "body"])
        notes = await exported(office, database_url, what="notes", columns=["number", "author", "body"])
    assert table(replies)[1:] == [["T-1", "Ann", "'@all"], ["T-2", "Ann", "We are on it."]]
    assert table(notes)[1:] == [["T-1", "Ann", "for us alone"]]


async def test_of_events_the_structure_goes_out_and_no_content(office: Office, database_url: str) -> None:
    await office.ticket("T-1", title="secret words")
    await office.do(ReplyToTicket, number="T-1", body="secret words")
    built(database_url)
    with at_work(database_url):
        data = await exported(office, database_url, what="events", format="jsonl")
    assert [json.loads(line)["event"] for line in data.decode().splitlines()] == ["ticket.opened", "ticket.replied"]
    assert b"secret" not in data


async def test_the_filter_holds(office: Office, database_url: str) -> None:
    await office.ticket("T-1", priority="urgent")
    await office.ticket("T-2")
    built(database_url)
    with at_work(database_url):
        data = await exported(office, database_url, columns=["number"], filter={"priority": ["urgent"]})
    assert table(data) == [["number"], ["T-1"]]


async def test_pages_follow_one_another(office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_rows, "PAGE", 2)
    monkeypatch.setattr("processors.jobs.exports.PAGE", 2)
    monkeypatch.setattr("processors.jobs.exports.BATCH", 1)
    numbers = [f"T-{n}" for n in range(7)]
    for number in numbers:
        await office.ticket(number)
    built(database_url)
    with at_work(database_url):
        data = await exported(office, database_url, columns=["number"])
    assert [row[0] for row in table(data)[1:]] == numbers


async def test_an_empty_export_is_a_file_with_its_columns(office: Office, database_url: str) -> None:
    built(database_url)
    with at_work(database_url):
        assert table(await exported(office, database_url, columns=["number", "title"])) == [["number", "title"]]
        made = await exported(office, database_url, columns=["number"], format="parquet")
    assert parquet.read_table(io.BytesIO(made)).column_names == ["number"]


async def test_an_export_is_in_the_history(office: Office, database_url: str, database: Db) -> None:
    await office.ticket("T-1")
    built(database_url)
    with at_work(database_url):
        await exported(office, database_url, columns=["number"])
    query = "SELECT convert_from(state, 'UTF8')::jsonb FROM log.stored_events WHERE topic = 'workspace.exported'"
    ((state,),) = database.execute(query).fetchall()
    told = {"what": "tickets", "format": "csv", "columns": ["number"], "rows": 1}
    assert told.items() <= state["data"].items()
    assert state["metadata"]["actor"]["id"] == office.person.id


async def test_another_workspaces_tickets_are_not_in_it(office: Office, database_url: str) -> None:
    async with an_office(database_url, slug="globex") as other:
        await other.ticket("theirs")
        await office.ticket("ours")
        built(database_url)
        with at_work(database_url):
            data = await exported(office, database_url, columns=["number"])
    assert table(data)[1:] == [["ours"]]


async def test_events_need_their_own_permission(office: Office, database_url: str) -> None:
    analyst = uuid4()
    await office.do(AddPerson, person_id=analyst, person_name="Bo", role=RoleName.ANALYST)
    built(database_url)
    office.person = office.person.model_copy(update={"id": str(analyst)})
    with at_work(database_url):
        state = await ended(database_url, await asked(office, "export", what="events"))
        assert (state["state"], state["error_code"], state["has_file"]) == ("failed", "not_allowed", False)
        await exported(office, database_url, columns=["number"])


async def test_names_of_people_and_teams(office: Office, database_url: str) -> None:
    team = uuid4()
    await office.do(AddTeam, team_id=team, title="Billing")
    await office.ticket("T-1")
    await office.ticket("T-2")
    await office.do(AssignTicket, number="T-1", to=Assignee(person=UUID(office.person.id)))
    await office.do(AssignTicket, number="T-2", to=Assignee(team=team))
    built(database_url)
    with at_work(database_url):
        data = await exported(office, database_url, columns=["assignee", "team", "team_id"])
    assert table(data)[1:] == [["Ann", "", ""], ["", "Billing", str(team)]]


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx", "parquet"])
async def test_no_room_ends_it_and_no_half_file_is_offered(
    office: Office, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str
) -> None:
    await office.ticket("T-1")
    built(database_url)
    with small_disk(tmp_path / "small", 1) as disk, at_work(database_url):
        fill(disk, 0)
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        state = await ended(database_url, await asked(office, "export", format=form))
        assert [path.name for path in disk.iterdir()] == ["filler"]
    assert (state["state"], state["error_code"], state["has_file"]) == ("failed", "no_room_for_files", False)


async def test_lists_that_are_not_built_yet_are_waited_for_by_asking_again(office: Office, database_url: str) -> None:
    with at_work(database_url):
        state = await ended(database_url, await asked(office, "export"))
    assert (state["state"], state["error_code"]) == ("failed", "read_model_missing")


def test_a_column_that_there_is_not_is_named_by_its_place() -> None:
    with pytest.raises(UnknownColumn, match=r"column 2.*Did you mean title"):
        export_rows.chosen(What.TICKETS, ("number", "titel"))


def test_only_text_is_taken_for_a_formula() -> None:
    assert [sheet_writers.harmless(cell) for cell in ("-1", -1, "+x", "\t", None, True, ["=a", "b"])] == [
        "'-1",
        "-1",
        "'+x",
        "'\t",
        "",
        "true",
        "'=a; b",
    ]


def test_a_table_that_is_too_long_for_a_sheet_goes_on_on_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet_writers, "SHEET_ROWS", 3)
    path = tmp_path / "long.xlsx"
    with sheet_writers.Xlsx(path, [("n", "count")]) as writer:
        for n in range(5):
            writer.add([n])
    sheets = [[row[0] for row in sheet.iter_rows(values_only=True)] for sheet in load_workbook(path).worksheets]
    assert sheets == [["n", 0, 1], ["n", 2, 3], ["n", 4]]


def test_what_is_too_long_for_a_cell_ends_in_an_ellipsis(tmp_path: Path) -> None:
    path = tmp_path / "long.xlsx"
    with sheet_writers.Xlsx(path, [("text", "text")]) as writer:
        writer.add(["x" * 40_000])
    cell = str(load_workbook(path).worksheets[0]["A2"].value)
    assert (len(cell), cell[-1]) == (32_767, "…")


def test_the_permissions_of_an_export() -> None:
    from processors.jobs.exports import ExportAsked

    assert ExportAsked(what=What.EVENTS).needs is Permission.EVENTS_VIEW
    assert ExportAsked(what=What.REPLIES).needs is Permission.TICKET_VIEW


async def test_whoever_reaches_some_tickets_exports_those(office: Office, database_url: str) -> None:
    await office.do(AddCategory, path=("Hardware",))
    await office.do(
        SetRole, key="hardware", title="Hardware", permissions=("export", "ticket.view"), categories=(("Hardware",),)
    )
    clerk = uuid4()
    await office.do(AddPerson, person_id=clerk, person_name="Bo", role="hardware")
    await office.ticket("T-1", category=("Hardware",), fields={"room": "=B-12"})
    await office.ticket("T-2")
    built(database_url)
    office.person = office.person.model_copy(update={"id": str(clerk)})
    with at_work(database_url):
        data = await exported(office, database_url, columns=["number", "fields.room"])
    assert table(data)[1:] == [["T-1", "'=B-12"]]


async def test_a_condition_holds(office: Office, database_url: str) -> None:
    await office.ticket("T-1", tags=("vip",))
    await office.ticket("T-2")
    built(database_url)
    condition = {"none": [{"field": "tags", "op": "has_any", "value": ["vip"]}]}
    with at_work(database_url):
        data = await exported(office, database_url, columns=["number"], condition=condition)
    assert table(data)[1:] == [["T-2"]]


async def test_customers_have_names_for_those_who_may_see_them(office: Office, database_url: str) -> None:
    acme, twin, zoe = uuid4(), uuid4(), uuid4()
    await office.do(AddOrganisation, organisation_id=acme, organisation_name="Acme Ltd", tier="gold")
    await office.do(AddOrganisation, organisation_id=twin, organisation_name="ACME")
    await office.do(RegisterRequester, requester_id=zoe, requester_name="Zoe", organisation_id=twin)
    await office.do(MergeOrganisation, organisation_id=twin, into=acme)
    await office.ticket("T-1", requester_id=zoe)
    await office.ticket("T-2")
    await office.ticket("T-3", requester_id=zoe)
    await office.do(SetRole, key="clerk", title="Clerk", permissions=("export", "ticket.view"))
    await office.do(AddPerson, person_id=(clerk := uuid4()), person_name="Bo", role="clerk")
    built(database_url)
    wanted: dict[str, Any] = {"columns": ["number", "requester", "organisation", "tier"], "numbers": ["T-1", "T-2"]}
    with at_work(database_url):
        data = await exported(office, database_url, **wanted)
        office.person = office.person.model_copy(update={"id": str(clerk)})
        refused = await ended(database_url, await asked(office, "export", **wanted))
    assert table(data)[1:] == [["T-1", "Zoe", "Acme Ltd", "gold"], ["T-2", "", "", ""]]
    assert (refused["state"], refused["error_code"]) == ("failed", "not_allowed")
