"""`ledgerdesk export`: tickets as a table, events as JSON Lines, straight from the log."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

import typer
from rich.progress import Progress

from cli.opening import WORKSPACE, bar, chosen, keyring_of, reading, ready
from cli.redaction import hidden
from cli.tickets import COLUMNS, Exported, LogView, as_envelope, as_row
from domain.errors import InvalidInput
from domain.event import Event, Recorded
from eventstore.feed import head
from eventstore.stories import log_of
from eventstore.workspaces import known_workspaces

TICKET = typer.Option([], "--ticket", "-t", metavar="NUMBER", help="Only this ticket; may be repeated.")
STATUS = typer.Option([], "--status", metavar="KEY", help="Only tickets in this status now; may be repeated.")
OUTPUT = typer.Option(None, "--output", "-o", help="Write to this file; it appears when it is whole.")

BAR_STEP = 500

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


class Format(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSONL = "jsonl"


@app.callback()
def export() -> None:
    """Take tickets or events out, into a file or to standard output.

    Example: ledgerdesk export tickets --status open -o open.csv
    """


@app.command()
def tickets(
    ticket: list[str] = TICKET,
    status: list[str] = STATUS,
    workspace: str | None = WORKSPACE,
    output: Path | None = OUTPUT,
    form: Format = typer.Option(Format.CSV, "--format", help="A table, or JSON Lines."),
) -> None:
    """Export tickets as they are now, one line each.

    Example: ledgerdesk export tickets --ticket INC0000047 --format jsonl
    """
    with opened(workspace) as view, written(output) as file, bar() as progress:
        rows = (as_row(found, view) for found in counted(progress, view, view.tickets(ticket, status)))
        (write_table if form is Format.CSV else write_lines)(file, rows)


@app.command()
def events(
    ticket: list[str] = TICKET,
    status: list[str] = STATUS,
    workspace: str | None = WORKSPACE,
    output: Path | None = OUTPUT,
    form: Format = typer.Option(Format.JSONL, "--format", help="JSON Lines only: events have no common columns."),
) -> None:
    """Export events with their envelope, in the order of the log, or ticket by ticket where a filter is given.

    Example: ledgerdesk export events --ticket INC0000047
    """
    if form is not Format.JSONL:
        raise InvalidInput(
            field="--format", reason="events are exported as jsonl; their data differs from kind to kind"
        )
    with opened(workspace) as view, written(output) as file, bar() as progress:
        if ticket or status:
            chosen_tickets = counted(progress, view, view.tickets(ticket, status))
            found: Iterator[Recorded[Event]] = (event for each in chosen_tickets for event in each.events)
        else:
            found = passed(progress, view)
        write_lines(file, (as_envelope(hidden(event, view.redacted)) for event in found))


@contextmanager
def opened(slug: str | None) -> Iterator[LogView]:
    """A reader of the workspace as it is at this moment, whatever is recorded meanwhile."""
    with ready() as settings, reading(settings) as cursor:
        workspace = chosen(slug, known_workspaces(cursor))
        yield LogView(cursor, keyring_of(settings), workspace, head(cursor))


@contextmanager
def written(output: Path | None) -> Iterator[TextIO]:
    """Where the export goes. A named file appears when it is whole, so that nobody takes a half for one."""
    if output is None:
        yield sys.stdout
        return
    draft = output.with_name(f".{output.name}.part")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            yield file
        draft.replace(output)
    except OSError as error:
        raise InvalidInput(field="--output", reason=f"{output} cannot be written ({error.strerror})") from None
    finally:
        draft.unlink(missing_ok=True)


def counted(progress: Progress, view: LogView, found: Iterable[Exported]) -> Iterator[Exported]:
    """The same, one step of the progress bar each."""
    yield from progress.track(found, total=view.count(), description="Exporting")


def passed(progress: Progress, view: LogView) -> Iterator[Recorded[Event]]:
    """All events of the workspace, the progress bar following their positions."""
    task = progress.add_task("Exporting", total=view.upto)
    for recorded in log_of(view.db, view.keyring, view.workspace.id, view.upto):
        if recorded.position % BAR_STEP == 0:
            progress.update(task, completed=recorded.position)
        yield recorded


def write_lines(file: TextIO, objects: Iterable[dict[str, Any]]) -> None:
    """JSON Lines."""
    file.writelines(json.dumps(each, ensure_ascii=False) + "\n" for each in objects)


def write_table(file: TextIO, rows: Iterable[dict[str, Any]]) -> None:
    """CSV with a header, also where there are no rows."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([harmless(row[column]) for column in COLUMNS] for row in rows)


def harmless(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
