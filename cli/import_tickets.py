"""`ledgerdesk import tickets`: what `POST /imports` does, from a file at hand: tickets, and their histories."""

import asyncio
import hashlib
import json
import tomllib
from collections import Counter
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid5

import typer
from pydantic import ValidationError
from rich.progress import Progress

from cli.imports.mapping import UnusableMapping
from cli.imports.source import UnreadableFile
from cli.opening import WORKSPACE, bar, chosen, desk_of, ready, workspaces
from domain.errors import InvalidInput
from domain.event import SYSTEM
from domain.wording import first
from eventstore.database import Role, async_pool
from eventstore.identifiers import uuid7
from eventstore.jobs import Item, Job, Jobs
from eventstore.settings import Settings
from processors.jobs.import_mapping import TARGETS, ImportAsked
from processors.jobs.imports import Import
from processors.jobs.kind import Here

FORMATS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".xlsx": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl"}
# What columns mean where no mapping says it: what their names say.
BY_NAME = {target: target for target in (*TARGETS, "history")}


class _AtHand(Import):
    """An import of a file that is here, and stays."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def file(self, job: Job, here: Here, asked: ImportAsked) -> BinaryIO:
        return self._path.open("rb")

    async def forget(self, job: Job, here: Here, asked: ImportAsked) -> None:
        pass


def tickets(
    file: Path = typer.Argument(..., help="Tickets in CSV, XLSX or JSON Lines, by the file's ending."),
    workspace: str | None = WORKSPACE,
    mapping: Path | None = typer.Option(
        None, help="TOML or JSON: `mapping` of columns, `values`, `source`, `encoding`, as `POST /imports` takes them."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Report what would happen, write nothing."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object a row that failed, then one of counts."),
) -> None:
    """Import tickets with their histories; a row that was imported before is skipped. Exit code 1 if a row failed.

    Without a mapping, columns mean what they are called: number, title, status, history and so on.

    Example: ledgerdesk import tickets tickets.jsonl --mapping mapping.toml --dry-run
    """
    asked = _asked(file, mapping, dry_run)
    with bar(shown=not as_json) as progress, ready() as settings:
        target = chosen(workspace, workspaces(settings))
        counts = asyncio.run(_carry_out(settings, target.id, file, asked, progress, as_json=as_json))
    told = {state: counts[state] for state in ("done", "skipped", "failed")}
    if as_json:
        typer.echo(json.dumps(told))
    else:
        typer.echo("A dry run: nothing was written. It would have come to:" if dry_run else "Imported:")
        typer.echo("\n".join(f"{name:>9}  {count}" for name, count in told.items()))
    if counts["failed"]:
        raise typer.Exit(1)


def _asked(file: Path, mapping: Path | None, dry_run: bool) -> ImportAsked:
    form = FORMATS.get(file.suffix.casefold())
    if form is None:
        raise InvalidInput(field="FILE", reason=f"ends in none of {', '.join(FORMATS)}")
    meaning = {"mapping": BY_NAME} | _meaning(mapping)
    try:
        asked = ImportAsked.model_validate({**meaning, "format": form, "file_id": _file_id(file), "dry_run": dry_run})
    except ValidationError as error:
        where, reason = first(error)
        raise UnusableMapping(file=mapping or file, reason=f"{where}: {reason}.") from None
    asked.check()
    return asked


def _meaning(mapping: Path | None) -> dict[str, Any]:
    if mapping is None:
        return {}
    try:
        text = mapping.read_text(encoding="utf-8-sig")
        found = json.loads(text) if mapping.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise UnusableMapping(file=mapping, reason=f"cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise UnusableMapping(file=mapping, reason=f"{error}.") from None
    if not isinstance(found, dict):
        raise UnusableMapping(file=mapping, reason="is no table.")
    return found


def _file_id(file: Path) -> UUID:
    # Rows without a number or key are known by their place in this very file.
    try:
        with file.open("rb") as content:
            return uuid5(UUID(int=0), hashlib.file_digest(content, "sha256").hexdigest())
    except OSError as error:
        raise UnreadableFile(file=file, reason=f"cannot be read ({error.strerror}).") from None


async def _carry_out(
    settings: Settings, workspace: UUID, file: Path, asked: ImportAsked, progress: Progress, *, as_json: bool
) -> Counter[str]:
    url, kind, counts = str(settings.database_url), _AtHand(file), Counter[str]()
    job = Job(
        uuid7(), workspace, kind.NAME, SYSTEM.model_dump(), datetime.now(UTC), asked.model_dump(mode="json"), {},
        total=None, done=0, failed=0, skipped=0, cancel_requested=False, attempts=1,
    )  # fmt: skip
    task = progress.add_task("Importing", total=None)
    readers = async_pool(url, Role.READER, "ledgerdesk-import-readers", size=1)
    async with (
        desk_of(settings) as desk,
        Jobs(url, job.job_id, size=1) as jobs,
        readers,
        aclosing(kind.steps(job, Here(desk, jobs, readers))) as steps,
    ):
        async for step in steps:
            progress.update(task, total=step.total, advance=len(step.items))
            counts.update(item.state for item in step.items)
            for item in step.items:
                _tell(item, as_json=as_json)
    return counts


def _tell(item: Item, *, as_json: bool) -> None:
    if item.state != "failed":
        return
    errors = (item.detail or {}).get("errors", ())
    if as_json:
        typer.echo(json.dumps({"row": int(item.item), "code": item.code, "errors": errors}))
        return
    for error in errors:
        column = f", column {error['column']}" if error["column"] else ""
        typer.echo(f"row {item.item}{column}: {error['reason']}", err=True)
