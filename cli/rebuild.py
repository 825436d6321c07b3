"""`ledgerdesk rebuild`: build a read model's tables anew beside the live ones, and swap them in."""

from typing import Annotated

import psycopg
import typer

from cli.opening import bar, keyring_of, ready
from eventstore.database import Role, conninfo, explaining
from eventstore.keyring import Keyring
from projections.catch_up import catch_up
from projections.models import READ_MODELS, named
from projections.read_model import ReadModel

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog="Example: ledgerdesk rebuild ticket_list")
def rebuild(
    name: Annotated[str | None, typer.Argument(help="The read model; `all` for every one.")] = None,
) -> None:
    """Build a read model anew from the log while the present one serves, then swap. Interrupted, it goes on next time."""
    models = list(READ_MODELS) if name in (None, "all") else [named(str(name))]
    with ready() as settings:
        for model in models:
            _rebuild(str(settings.database_url), keyring_of(settings), model)


def _rebuild(url: str, keyring: Keyring, model: ReadModel) -> None:
    with explaining(url), bar() as progress, psycopg.connect(conninfo(url, Role.WORKER, "ledgerdesk-rebuild")) as db:
        db.autocommit = True
        task = progress.add_task(model.NAME, total=None)
        try:
            build = catch_up(
                url, keyring, model, db, progress=lambda done, end: progress.update(task, completed=done, total=end)
            )
        except KeyboardInterrupt:
            typer.echo(f"{model.NAME}: stopped. What is built is kept: run the same command again to go on.", err=True)
            raise
    typer.echo(f"{model.NAME}: version {build.version}, build {build.build}, up to position {build.position}")
