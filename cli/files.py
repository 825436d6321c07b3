"""`ledgerdesk files`: looking after attached files."""

import asyncio
from datetime import UTC, datetime

import typer

from cli.opening import reading, ready, workspaces
from eventstore.files.desk import store_of
from eventstore.files.sweep import SPARED, Swept, remember_named, sweep
from eventstore.settings import Settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)


@app.callback()
def files() -> None:
    """Look after attached files.

    Example: ledgerdesk files sweep
    """


@app.command("sweep")
def sweep_(
    dry_run: bool = typer.Option(False, "--dry-run", help="Count what would be removed, and remove nothing."),
) -> None:
    """Remove files older than two days that are on no ticket: never attached, taken off, or of an erased ticket.

    Works beside a running service, as often as you like; once a day is enough.

    Example: ledgerdesk files sweep --dry-run
    """
    with ready() as settings:
        found = asyncio.run(_swept(settings, dry_run))
    verb = "would be removed" if dry_run else "removed"
    typer.echo(f"{found.removed} {verb}, {found.kept} kept")


async def _swept(settings: Settings, dry_run: bool) -> Swept:
    store, now = store_of(settings), datetime.now(UTC)
    if not dry_run:
        await store.drop_unfinished(now - SPARED)
    known = workspaces(settings)
    with reading(settings) as db:
        remember_named(db)
        return sum([await sweep(db, store, each.id, now, dry_run=dry_run) for each in known], Swept())
