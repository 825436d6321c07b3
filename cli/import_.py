"""`ledgerdesk import`: another desk's log becomes tickets with their whole history."""

import asyncio
import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import typer
from rich.progress import Progress

from cli.import_tickets import tickets
from cli.imports.mapping import Mapping
from cli.imports.recording import Recording, Rehearsal
from cli.imports.run import Import, Report
from cli.imports.source import Problem, Row, Source, UnreadableFile
from cli.imports.spool import Spool, spool
from cli.opening import bar, checked_slug, chosen, desk_of, ready, workspaces
from domain.errors import InvalidInput
from domain.ids import workspace_id
from eventstore.settings import Settings

FIRST_WORKSPACE = "desk"
SHOWN = 20

TARGET = typer.Option(
    None,
    "--workspace",
    "-w",
    metavar="SLUG",
    help="Short name of the workspace, made if it is new; not needed when there is only one.",
)

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def import_() -> None:
    """Bring another desk's tickets or its log in.

    Example: ledgerdesk import incidents incidents.csv
    """


@app.command()
def incidents(
    file: Path = typer.Argument(..., help="Incident log in CSV, one row an update."),
    workspace: str | None = TARGET,
    mapping: Path | None = typer.Option(None, help="TOML or JSON: what columns, states and priorities mean."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Count what would be imported, write nothing."),
    errors: Path | None = typer.Option(None, help="Write every problem to this file, as CSV."),
    encoding: str | None = typer.Option(None, help="The file's encoding, if it is not Unicode."),
    as_json: bool = typer.Option(False, "--json", help="End with one JSON object of counts."),
) -> None:
    """Import an incident log as a ServiceNow audit writes it; importing it again adds only what is new.

    An incident with a row that cannot be read is left out whole: correct the row and import again. Exit code 1 then.

    Example: ledgerdesk import incidents incidents.csv --workspace demo --dry-run
    """
    meaning, report = Mapping.load(mapping), Report()
    if errors is not None:
        _writable(errors, file)
    with bar(shown=not as_json) as progress, spool() as kept:
        read(Source(file, meaning.columns, encoding), kept, report, progress)
        with ready() as settings:
            asyncio.run(_carry_out(settings, workspace, meaning, kept, report, progress, dry_run=dry_run))
    if errors is not None:
        write_problems(errors, report.problems)
    _tell(report, dry_run=dry_run, as_json=as_json)
    if report.problems:
        raise typer.Exit(1)


app.command()(tickets)


def _writable(errors: Path, file: Path) -> None:
    # Said before the import: afterwards nobody could read its problems.
    with errors.open("a"):
        if errors.samefile(file):
            raise InvalidInput(field="--errors", reason="is the incident log itself; name another file")


async def _carry_out(
    settings: Settings,
    slug: str | None,
    meaning: Mapping,
    kept: Spool,
    report: Report,
    progress: Progress,
    *,
    dry_run: bool,
) -> None:
    target = _target(settings, slug)
    task = progress.add_task("Importing incidents", total=len(kept))
    async with desk_of(settings) as desk:
        recording = (Rehearsal if dry_run else Recording)(desk, workspace_id(target))
        try:
            await Import(recording, meaning, kept, report).run(target, lambda done: progress.advance(task, done))
        except asyncio.CancelledError:
            if not dry_run:
                typer.echo("Stopped. What is imported stays: run the same command again for the rest.", err=True)
            raise


def _target(settings: Settings, slug: str | None) -> str:
    """The workspace to import into: the one named, which may be new, or the only one."""
    known = workspaces(settings)
    if slug is not None:
        return checked_slug(slug)
    return chosen(None, known).slug if known else FIRST_WORKSPACE


def read(source: Source, kept: Spool, report: Report, progress: Progress) -> None:
    """All rows of the file into the spool, what is wrong with the others into the report."""
    try:
        with source.path.open("rb") as file:
            task = progress.add_task("Reading", total=source.path.stat().st_size)
            kept.fill(_sound(source, file, report, lambda: progress.update(task, completed=file.tell())))
            progress.remove_task(task)
    except OSError as error:
        raise UnreadableFile(file=source.path, reason=f"cannot be read ({error.strerror}).") from None


def _sound(source: Source, file: BinaryIO, report: Report, seen: Callable[[], None]) -> Iterator[Row]:
    for place, row in enumerate(source.rows(file)):
        if place % 1000 == 0:
            seen()
        if isinstance(row, Row):
            yield row
        else:
            report.problems.append(row)


def write_problems(path: Path, problems: list[Problem]) -> None:
    """The error report: row and column as a spreadsheet counts them, never the cell itself."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "column", "reason"])
        writer.writerows((problem.row, problem.column, problem.reason) for problem in problems)


def _tell(report: Report, *, dry_run: bool, as_json: bool) -> None:
    for note in report.notes:
        typer.echo(note, err=True)
    for problem in report.problems[:SHOWN]:
        typer.echo(f"row {problem.row}, column {problem.column}: {problem.reason}", err=True)
    if (more := len(report.problems) - SHOWN) > 0:
        typer.echo(f"and {more} more problems; --errors FILE lists them all.", err=True)
    counts = report.counts.as_dict()
    if as_json:
        typer.echo(json.dumps(counts))
        return
    if dry_run:
        typer.echo("A dry run: nothing was written. It would have come to:")
    for name, count in counts.items():
        typer.echo(f"{name.replace('_', ' '):>29}  {count}")
