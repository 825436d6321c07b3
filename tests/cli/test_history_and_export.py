"""Histories and exports: names instead of ids, nothing of what was erased, nothing that a spreadsheet would run."""

import asyncio
import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from cli.history import InSeveralWorkspaces, NotYetOpened
from cli.main import app
from cli.opening import NoSuchWorkspace
from domain.command import Command
from domain.errors import InvalidInput, UnknownStatus
from domain.event import SYSTEM, Actor
from domain.ids import requester_id, workspace_id
from domain.permissions import RoleName
from domain.requester import RegisterRequester
from domain.ticket import commands as c
from domain.ticket.state import UnknownTicket
from domain.values import Assignee
from domain.workspace import AddPerson, AddTeam, CreateWorkspace
from eventstore.database import DatabaseNotMigrated
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from tests.commandline import MASTER_KEY, Run, environment
from tests.commandline import ledgerdesk as ledgerdesk

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANN, TEAM = uuid4(), uuid4()
BY_ANN = Actor(kind="person", id=str(ANN))


def desk_with(database_url: str, commands: Iterable[Command]) -> None:
    async def execute() -> None:
        async with Desk(database_url, Keyring(MASTER_KEY)) as desk:
            for command in commands:
                await desk.execute(command)

    asyncio.run(execute())


def told(slug: str = "acme") -> list[Command]:
    """A small desk and one ticket's life, a minute between the steps."""
    workspace = workspace_id(slug)
    customer = requester_id(workspace, "bob")
    moments = iter(BEGAN + timedelta(minutes=n) for n in range(100))

    def common(by: Actor = SYSTEM) -> dict[str, object]:
        return {"workspace_id": workspace, "by": by, "at": next(moments), "command_id": uuid4()}

    def on(**wants: object) -> dict[str, object]:
        return common(BY_ANN) | {"number": "7"} | wants

    opened = {"title": "=HYPERLINK(0)", "description": "two\nlines", "requester_id": customer}
    return [
        CreateWorkspace(slug=slug, title=slug, **common()),
        AddTeam(team_id=TEAM, title="Billing", **common()),
        AddPerson(person_id=ANN, person_name="Ann", role=RoleName.ADMIN, teams=(TEAM,), **common()),
        RegisterRequester(requester_id=customer, requester_name="Bob", **common()),
        c.OpenTicket(**on(**opened)),
        c.AssignTicket(**on(to=Assignee(team=TEAM, person=ANN))),
        c.MoveTicket(**on(status="open")),
        c.EditTicket(**on(title="Second invoice", fields={"plan": "gold"})),
        c.NoteOnTicket(**on(body="a secret remark")),
        c.ResolveTicket(**on()),
    ]


def test_a_history_tells_who_did_what_with_names(ledgerdesk: Run, database_url: str) -> None:
    desk_with(database_url, told())
    story = ledgerdesk("history", "7").stdout
    for line in (
        "7 «Second invoice» is Resolved, priority normal, with Ann (Billing), for Bob.",
        "2026-03-02 09:04  v1  Ann opened the ticket «=HYPERLINK(0)» as New, priority normal, for Bob:\n      two\n",
        "v2  Ann reassigned it from nobody to Ann (Billing).",
        "v4  Ann changed the title from «=HYPERLINK(0)» to «Second invoice».",
        "v5  Ann changed plan from nothing to gold.",
        "v6  Ann noted inside:\n      a secret remark\n",
    ):
        assert line in story


@pytest.mark.parametrize("at", ["v3", "2026-03-02T09:06", "2026-03-02T10:06:59+01:00"])
def test_a_ticket_is_shown_as_it_stood(ledgerdesk: Run, database_url: str, at: str) -> None:
    desk_with(database_url, told())
    then = json.loads(ledgerdesk("history", "7", "--at", at, "--json").stdout)
    assert (then["title"], then["status"], then["version"]) == ("=HYPERLINK(0)", "open", 3)


def test_a_whole_day_means_its_end(ledgerdesk: Run, database_url: str) -> None:
    desk_with(database_url, told())
    assert json.loads(ledgerdesk("history", "7", "--at", "2026-03-02", "--json").stdout)["status"] == "resolved"


def test_an_erased_ticket_keeps_its_structure_and_nothing_else(ledgerdesk: Run, database_url: str) -> None:
    desk_with(database_url, told())
    erase = c.EraseTicket(
        number="7", reason="asked to", workspace_id=workspace_id("acme"), by=BY_ANN, at=BEGAN, command_id=uuid4()
    )
    asyncio.run(_erased(database_url, erase))
    outputs = [
        ledgerdesk(*command).stdout
        for command in (
            ("history", "7"),
            ("history", "7", "--json"),
            ("history", "7", "--at", "v6"),
            ("export", "tickets"),
            ("export", "tickets", "--format", "jsonl"),
            ("export", "events"),
        )
    ]
    assert "Ann noted inside: [erased]." in outputs[0]
    assert "moved it, from New to Open" in outputs[0]
    for output in outputs:
        for secret in ("secret remark", "invoice", "HYPERLINK", "gold"):
            assert secret not in output


async def _erased(database_url: str, erase: c.EraseTicket) -> None:
    async with Desk(database_url, Keyring(MASTER_KEY)) as desk:
        await desk.execute(erase)
        await desk.vault.destroy_key(erase.workspace_id, erase.stream_id)


def test_a_table_carries_nothing_that_a_spreadsheet_would_run(ledgerdesk: Run, database_url: str) -> None:
    desk_with(database_url, told()[:5])
    table = list(csv.DictReader(io.StringIO(ledgerdesk("export", "tickets").stdout)))
    assert [row["title"] for row in table] == ["'=HYPERLINK(0)"]
    assert table[0]["requester"] == "Bob"
    assert table[0]["resolved_at"] == ""


def test_an_export_says_when_a_ticket_was_resolved_and_closed_as_the_list_does(
    ledgerdesk: Run, database_url: str
) -> None:
    opened, at = told()[:5], BEGAN + timedelta(hours=1)
    context = {"workspace_id": opened[-1].workspace_id, "number": "7", "by": SYSTEM, "at": at}
    facts = {"told_by": BY_ANN, "status": "resolved", "priority": "normal", "title": "t", "assignee": Assignee()}
    closed = c.CloseTicket(**context, command_id=uuid4())
    resolved = c.TellUpdate(**context, **facts, command_id=uuid4())
    for commands, expected in (([*opened, closed], ("", at.isoformat())), ([resolved], (at.isoformat(), ""))):
        desk_with(database_url, commands)
        (row,) = csv.DictReader(io.StringIO(ledgerdesk("export", "tickets").stdout))
        assert (row["resolved_at"], row["closed_at"]) == expected


def test_exports_are_filtered_and_appear_when_they_are_whole(
    ledgerdesk: Run, database_url: str, tmp_path: Path
) -> None:
    desk_with(database_url, told())
    output = tmp_path / "out.jsonl"
    ledgerdesk("export", "events", "--ticket", "7", "-o", output)
    events = [json.loads(line) for line in output.read_text().splitlines()]
    assert [event["version"] for event in events] == list(range(1, 8))
    assert events[0]["data"]["title"] == "=HYPERLINK(0)"
    ledgerdesk("export", "tickets", "--status", "open", "-o", output)
    assert len(output.read_text().splitlines()) == 1, "a resolved ticket is not open"
    with pytest.raises(UnknownStatus):
        ledgerdesk("export", "tickets", "--status", "opn", "-o", tmp_path / "never")
    assert list(tmp_path.glob("*never*")) == []


def test_what_does_not_exist_is_said(ledgerdesk: Run, database_url: str) -> None:
    desk_with(database_url, told())
    refusals = {
        UnknownTicket: ("history", "8"),
        NotYetOpened: ("history", "7", "--at", "2020-01-01"),
        InvalidInput: ("history", "7", "--at", "yesterday"),
        NoSuchWorkspace: ("history", "7", "-w", "other"),
    }
    for refusal, command in refusals.items():
        with pytest.raises(refusal):
            ledgerdesk(*command)


@pytest.mark.parametrize("at", ["9" * 20, "v" + "9" * 5000, "0001-01-01T00:00+14:00", "v-1", ""])
def test_a_moment_that_is_none_is_refused(ledgerdesk: Run, database_url: str, at: str) -> None:
    desk_with(database_url, told())
    with pytest.raises(InvalidInput, match="neither a time"):
        ledgerdesk("history", "7", "--at", at)


@pytest.mark.parametrize(
    "command", [("history", "7"), ("export", "tickets"), ("import", "incidents", "log.csv", "-w", "a")]
)
def test_a_database_that_was_not_prepared_is_said(
    empty_database_url: str, tmp_path: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log.csv"
    log.write_text("number,incident_state,sys_updated_at\n")
    for name, value in environment(empty_database_url, tmp_path).items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(app, [str(log) if argument.endswith(".csv") else argument for argument in command])
    assert isinstance(result.exception, DatabaseNotMigrated)


def test_a_number_that_two_workspaces_have_needs_the_workspace(ledgerdesk: Run, database_url: str) -> None:
    desk_with(database_url, [*told(), *told("other")])
    with pytest.raises(InSeveralWorkspaces):
        ledgerdesk("history", "7")
    assert "Workspace other" in ledgerdesk("history", "7", "-w", "other").stdout
