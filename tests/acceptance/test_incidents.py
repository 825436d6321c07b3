"""A real desk's log becomes tickets with their whole history (C6, H1, H2)."""

import json
from pathlib import Path

import psycopg

from tests.commandline import Run, counts
from tests.commandline import ledgerdesk as ledgerdesk
from tests.imports.conftest import real_log as real_log

ROWS, INCIDENTS = 4137, 600


def test_the_real_log_agrees_with_its_own_counters_and_is_imported_once(
    ledgerdesk: Run, real_log: Path, database: psycopg.Connection[tuple[int]]
) -> None:
    rehearsed = counts(ledgerdesk("import", "incidents", real_log, "--dry-run", "--json"))
    assert _events(database) == 0
    imported = counts(ledgerdesk("import", "incidents", real_log, "--json"))
    again = counts(ledgerdesk("import", "incidents", real_log, "--json"))

    assert rehearsed == imported
    assert imported["tickets"] == imported["equal_reopenings"] == imported["closed"] == INCIDENTS
    assert imported["equal_reassignments"] >= 598
    assert imported["events"] >= ROWS + INCIDENTS
    assert imported["unknown_states"] == imported["errors"] == imported["skipped_as_already_imported"] == 0
    assert again == imported | {"tickets": 0, "events": 0, "skipped_as_already_imported": INCIDENTS}

    _reads_as_a_story(ledgerdesk)
    _shows_what_was(ledgerdesk)
    _exports_all(ledgerdesk, imported["events"])


def _reads_as_a_story(ledgerdesk: Run) -> None:
    story = ledgerdesk("history", "INC0000047").stdout
    for line in (
        "2016-02-29 04:40  v1  Opened by 397 opened the ticket",
        "2016-02-29 04:57  v2  Updated by 746 updated it; nothing that is kept here changed.",
        "2016-02-29 05:30  v3  Updated by 21 reassigned it from Resolver 89 (Group 70) to Resolver 31 (Group 24).",
        "2016-03-01 09:14  v10  Updated by 332 moved it, from Open to Awaiting User Info.",
        "2016-03-01 09:52  v12  Updated by 332 resolved it, from Awaiting User Info to Resolved.",
        "2016-03-06 10:00  v14  Updated by 908 closed it, from Resolved to Closed.",
    ):
        assert line in story


def _shows_what_was(ledgerdesk: Run) -> None:
    by_time = json.loads(ledgerdesk("history", "INC0000047", "--at", "2016-03-01T09:20", "--json").stdout)
    by_version = json.loads(ledgerdesk("history", "INC0000047", "--at", "v10", "--json").stdout)
    assert by_time == by_version
    assert by_time["status"] == "awaiting-user-info"
    assert by_time["assignee"] == "Resolver 89 (Group 24)"
    assert "resolved_at" not in by_time["fields"], "what the source's rows know of the future is not told in the past"


def _exports_all(ledgerdesk: Run, events: int) -> None:
    tickets = [json.loads(line) for line in ledgerdesk("export", "tickets", "--format", "jsonl").stdout.splitlines()]
    assert len(tickets) == INCIDENTS
    exported = [json.loads(line) for line in ledgerdesk("export", "events").stdout.splitlines()]
    assert sum(event["event"].startswith("ticket.") for event in exported) == events
    assert [event["position"] for event in exported] == list(range(1, len(exported) + 1))


def _events(database: psycopg.Connection[tuple[int]]) -> int:
    row = database.execute("SELECT count(*) FROM log.stored_events").fetchone()
    assert row is not None
    return row[0]
