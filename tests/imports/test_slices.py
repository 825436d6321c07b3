"""Logs as they come: other slices, other orders, other programs' CSV, and what is wrong in them."""

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from cli.imports.source import UnreadableFile
from domain.errors import InvalidInput
from domain.event import SYSTEM
from domain.ids import workspace_id
from domain.workspace import AddTeam, CreateWorkspace
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from tests.commandline import MASTER_KEY, Run, counts
from tests.imports.conftest import Write, log_of, update

DAY = "02-03-2016"


def imported(ledgerdesk: Run, path: Path, *options: str) -> dict[str, int]:
    return counts(ledgerdesk("import", "incidents", path, "--json", *options))


def test_rows_and_columns_in_any_order_make_the_same_histories(
    ledgerdesk: Run, write: Write, real_rows: list[list[str]]
) -> None:
    header, rows = real_rows[0], real_rows[1:700]
    straight = imported(ledgerdesk, write(real_rows[:700], "a.csv"), "-w", "straight")
    random.Random(3).shuffle(rows)
    turned = [row[::-1] for row in [header, *rows]]
    assert imported(ledgerdesk, write(turned, "b.csv"), "-w", "turned") == straight
    assert straight["equal_reopenings"] == straight["tickets"]


def test_a_reopened_incident_counts_its_reopenings(ledgerdesk: Run, write: Write) -> None:
    states = ("New", "Resolved", "Active", "Closed", "Awaiting Vendor", "Resolved", "Closed")
    rows = [update("INC1", s, f"{DAY} 1{n}:00", n, reopen_count=str((n > 1) + (n > 3))) for n, s in enumerate(states)]
    found = imported(ledgerdesk, write(log_of(*rows)))
    assert found["equal_reopenings"] == found["closed"] == found["tickets"] == 1


def test_unknown_states_become_statuses_of_the_nearest_kind_and_are_reported(ledgerdesk: Run, write: Write) -> None:
    states = ("Logged", "In Progress", "On Hold - Supplier", "-100", "Resovled", "Cancelled", "Closed")
    rows = [update("INC1", state, f"{DAY} 1{n}:00", n) for n, state in enumerate(states)]
    result = ledgerdesk("import", "incidents", write(log_of(*rows)), "--json")
    assert counts(result)["unknown_states"] == 6
    assert "«On Hold - Supplier» is not known: taken as «On Hold - Supplier», pending." in result.stderr
    assert "«Resovled» is not known: taken as «Resovled», resolved." in result.stderr
    assert "«Cancelled» is not known: taken as «Cancelled», closed." in result.stderr


def test_a_mapping_file_overrides_states_priorities_and_columns(ledgerdesk: Run, write: Write, tmp_path: Path) -> None:
    rows = log_of(update("INC1", "Fertig", f"{DAY} 10:00", priority="P0"))
    rows[0][0] = "Vorgang"
    mapping = tmp_path / "map.toml"
    mapping.write_text('columns = {Vorgang = "number"}\nstates = {Fertig = "closed"}\npriorities = {P0 = "urgent"}')
    found = imported(ledgerdesk, write(rows), "--mapping", str(mapping))
    assert (found["tickets"], found["closed"], found["unknown_states"]) == (1, 1, 0)
    assert '"priority": "urgent"' in ledgerdesk("history", "INC1", "--json").stdout


@pytest.mark.parametrize(
    "dialect",
    [
        {"delimiter": ";"},
        {"encoding": "utf-8-sig", "lineterminator": "\r\n"},
        {"encoding": "utf-16", "delimiter": "\t"},
        {"lineterminator": "\n"},
    ],
)
def test_csv_as_other_programs_write_it(ledgerdesk: Run, write: Write, dialect: dict[str, str]) -> None:
    row = update("INC1", "New", "2/3/2016 10:00", caller_id='Anna "Änne", Berlin', category="Netz\nwerk")
    assert imported(ledgerdesk, write(log_of(row, []), **dialect))["errors"] == 0
    story = ledgerdesk("history", "INC1").stdout
    assert 'for Anna "Änne", Berlin' in story
    assert "Netz werk" in story


def test_exact_copies_of_rows_are_one_update(ledgerdesk: Run, write: Write) -> None:
    rows = [update("INC1", "New", f"{DAY} 10:00"), update("INC1", "Closed", f"{DAY} 11:00", 1)]
    once = imported(ledgerdesk, write(log_of(*rows)), "-w", "once")
    assert imported(ledgerdesk, write(log_of(*rows, *rows)), "-w", "twice") == once


def test_a_bad_row_is_named_and_leaves_only_its_incident_out(ledgerdesk: Run, write: Write, tmp_path: Path) -> None:
    good, bad = update("INC1", "New", f"{DAY} 10:00"), update("INC2", "New", "31-02-2016 10:00")
    short, worse = update("INC3", "New", f"{DAY} 10:00")[:-1], update("INC4", "New", f"{DAY} 10:00")
    worse[4] = "many"
    whole = update("INC2", "New", f"{DAY} 09:00")
    report = tmp_path / "errors.csv"
    result = ledgerdesk(
        "import", "incidents", write(log_of(good, bad, short, whole, worse)), "--json", "--errors", report
    )
    assert result.exit_code == 1
    assert counts(result)["tickets"] == 1
    assert counts(result)["errors"] == 3
    assert [line.split(",")[:2] for line in report.read_text().splitlines()[1:]] == [
        ["3", "sys_updated_at"],
        ["4", "(row)"],
        ["6", "sys_mod_count"],
    ]


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_imported(
    ledgerdesk: Run, write: Write, tmp_path: Path
) -> None:
    log = write(log_of(update("INC1", "New", f"{DAY} 10:00")))
    with pytest.raises(FileNotFoundError):
        ledgerdesk("import", "incidents", log, "--errors", tmp_path / "none" / "errors.csv")
    before = log.read_bytes()
    with pytest.raises(InvalidInput):
        ledgerdesk("import", "incidents", log, "--errors", log)
    assert log.read_bytes() == before
    assert imported(ledgerdesk, log)["tickets"] == 1


def test_a_new_workspace_is_said_to_be_new(ledgerdesk: Run, write: Write) -> None:
    log = write(log_of(update("INC1", "New", f"{DAY} 10:00")))
    arguments = ("import", "incidents", log, "--workspace", "dmeo")
    assert "There was no workspace «dmeo»" in ledgerdesk(*arguments).stderr
    assert "no workspace" not in ledgerdesk(*arguments).stderr


def test_a_corrected_file_adds_only_what_is_new(ledgerdesk: Run, write: Write) -> None:
    first = [update("INC1", "New", f"{DAY} 10:00"), update("INC2", "New", f"{DAY} 10:00")]
    later = [*first, update("INC1", "Active", f"{DAY} 11:00", 1)]
    imported(ledgerdesk, write(log_of(*first)))
    found = imported(ledgerdesk, write(log_of(*later)))
    assert (found["tickets"], found["events"], found["skipped_as_already_imported"]) == (1, 1, 1)


def test_an_update_older_than_what_is_imported_is_refused_not_told_out_of_turn(ledgerdesk: Run, write: Write) -> None:
    rows = [update("INC1", "New", f"{DAY} 10:00"), update("INC1", "Resolved", f"{DAY} 12:00", 2)]
    imported(ledgerdesk, write(log_of(*rows)))
    between = [rows[0], update("INC1", "Active", f"{DAY} 11:00", 1), rows[1]]
    result = ledgerdesk("import", "incidents", write(log_of(*between)), "--json")
    assert (result.exit_code, counts(result)["events"], counts(result)["errors"]) == (1, 0, 1)
    assert "row 3, column sys_updated_at" in result.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"a,b\n1,2\n", "has no column number, incident_state, sys_updated_at"),
        (b"number,number,incident_state,sys_updated_at\n", "has the column number twice"),
        (b"number,incident_state,sys_updated_at,x\nI1,New,01-01-2016 10:00,\xe4\n", "is not text in UTF-8"),
    ],
)
def test_a_file_that_is_no_incident_log_is_refused_whole(
    ledgerdesk: Run, tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=says) as refusal:
        ledgerdesk("import", "incidents", path)
    assert refusal.value.misuse


def test_an_encoding_that_does_not_exist_is_refused(ledgerdesk: Run, write: Write) -> None:
    with pytest.raises(UnreadableFile, match="no encoding is called «klingon»"):
        ledgerdesk("import", "incidents", write(log_of()), "--encoding", "klingon")


def test_a_group_that_the_desk_has_under_its_name_is_that_team(
    ledgerdesk: Run, write: Write, database_url: str
) -> None:
    workspace = workspace_id("acme")

    async def set_up() -> None:
        context = {"workspace_id": workspace, "by": SYSTEM, "at": datetime.now(UTC)}
        async with Desk(database_url, Keyring(MASTER_KEY)) as desk:
            await desk.execute(CreateWorkspace(slug="acme", title="Acme", command_id=uuid4(), **context))
            await desk.execute(AddTeam(team_id=uuid4(), title="Group 1", command_id=uuid4(), **context))

    asyncio.run(set_up())
    imported(ledgerdesk, write(log_of(update("INC1", "New", f"{DAY} 10:00"))))
    assert "assigned to Group 1." in ledgerdesk("history", "INC1").stdout


def test_the_encoding_can_be_named(ledgerdesk: Run, write: Write) -> None:
    rows = log_of(update("INC1", "New", f"{DAY} 10:00", caller_id="Jürgen"))
    path = write(rows, encoding="cp1252")
    assert imported(ledgerdesk, path, "--encoding", "cp1252")["tickets"] == 1
    assert "Jürgen" in ledgerdesk("history", "INC1").stdout


def test_a_header_alone_is_an_empty_log(ledgerdesk: Run, write: Write) -> None:
    assert not any(imported(ledgerdesk, write(log_of())).values())


def test_nobody_knows_who_opened_it(ledgerdesk: Run, write: Write) -> None:
    imported(ledgerdesk, write(log_of(update("INC1", "New", f"{DAY} 10:00", opened_by="?", sys_updated_by="?"))))
    assert "Somebody unknown opened the ticket" in ledgerdesk("history", "INC1").stdout
