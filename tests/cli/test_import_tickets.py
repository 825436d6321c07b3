"""`ledgerdesk import tickets`: the import of the API from a file at hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.imports.mapping import UnusableMapping
from cli.imports.source import UnreadableFile
from domain.errors import InvalidInput
from processors.jobs.import_mapping import UnknownTarget
from tests.commandline import Run, counts
from tests.commandline import ledgerdesk as ledgerdesk

STORY: dict[str, Any] = {
    "number": "H-1",
    "title": "打印机坏了",
    "requester": "Zoe <zoe@example.cn>",
    "history": [
        {"kind": "reply", "at": "2024-03-01T09:00Z", "by": "zoe@example.cn", "body": "It blinks."},
        {"kind": "status", "at": "2024-03-01T10:00Z", "status": "resolved"},
    ],
}


@pytest.fixture
def desk(ledgerdesk: Run) -> Run:
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    return ledgerdesk


def test_tickets_come_with_their_histories_once(desk: Run, tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_text(json.dumps(STORY) + '\n{"title": "no number"}\n')
    dry = counts(desk("import", "tickets", path, "--dry-run", "--json"))
    assert (dry, counts(desk("import", "tickets", path, "--json"))) == (
        {"done": 2, "skipped": 0, "failed": 0},
        {"done": 2, "skipped": 0, "failed": 0},
    )
    assert counts(desk("import", "tickets", path, "--json")) == {"done": 0, "skipped": 2, "failed": 0}
    told = desk("history", "H-1").stdout
    assert "Zoe" in told
    assert "It blinks." in told
    assert "Resolved" in told


def test_what_is_wrong_is_said_by_row_and_column(desk: Run, tmp_path: Path) -> None:
    path, mapping = tmp_path / "log.csv", tmp_path / "mapping.toml"
    path.write_text("No,Subject,When,State\nU-1,Down,2024-03-01 08:00,new\nU-1,,2024-03-01 09:00,limbo\n")
    mapping.write_text('[mapping]\nNo = "number"\nSubject = "title"\nWhen = "at"\nState = "status"\n')
    done = desk("import", "tickets", path, "--mapping", mapping)
    assert done.exit_code == 1
    assert "row 3, column State: is none of" in done.stderr
    assert "limbo" not in done.stderr
    assert "done  1" in done.stdout


def test_files_and_mappings_that_cannot_be_used_are_refused(desk: Run, tmp_path: Path) -> None:
    path, mapping = tmp_path / "tickets.csv", tmp_path / "mapping.json"
    with pytest.raises(UnreadableFile):
        desk("import", "tickets", path)
    with pytest.raises(InvalidInput, match="FILE"):
        desk("import", "tickets", tmp_path / "tickets.doc")
    path.write_text("title\nx\n")
    for text in ("{", "[]", '{"mapping": 1}', '{"columns": {}}'):
        mapping.write_text(text)
        with pytest.raises(UnusableMapping):
            desk("import", "tickets", path, "--mapping", mapping)
    mapping.write_text('{"mapping": {"a": "titel"}}')
    with pytest.raises(UnknownTarget):
        desk("import", "tickets", path, "--mapping", mapping)
