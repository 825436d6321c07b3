"""`ledgerdesk migrate`: brings the database to this version's schema."""

import typer

from cli.embedded import database_of
from eventstore import migrate as migrations
from eventstore.database import wait_until_ready
from eventstore.settings import Settings

WAIT = typer.Option(30.0, "--wait", help="Seconds to wait for a database that does not answer yet.")


def migrate(wait: float = WAIT) -> None:
    """Bring the database to the schema of this version; safe to repeat.

    Example: ledgerdesk migrate
    """
    with database_of(Settings.load()) as settings:
        url = str(settings.database_url)
        wait_until_ready(url, wait)
        applied = migrations.migrate(url)
    for name in applied:
        typer.echo(f"applied {name}")
    typer.echo("The database is up to date.")
