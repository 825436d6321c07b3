"""`ledgerdesk master-key`: the key that wraps all other keys."""

import sys

import typer
from rich.console import Console
from rich.progress import Progress

from cli.embedded import database_of
from cli.opening import keyring_of
from eventstore.rotation import check_master_key, left_to_rotate
from eventstore.rotation import rotate as rotate_keys
from eventstore.settings import Settings, new_key

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def master_key() -> None:
    """The key that locks the content of all tickets.

    Example: ledgerdesk master-key new
    """


@app.command()
def new() -> None:
    """Print a fresh master key for LEDGERDESK_MASTER_KEY.

    Example: export LEDGERDESK_MASTER_KEY=$(ledgerdesk master-key new)
    """
    typer.echo(new_key())


@app.command()
def rotate() -> None:
    """Put every content key under LEDGERDESK_MASTER_KEY; the one before it is in LEDGERDESK_MASTER_KEY_PREVIOUS.

    Start the service with both keys first, run this, then take the previous one away. It may be stopped and run again.
    With the embedded database, write the new key into master.key of the data folder then.

    Example: LEDGERDESK_MASTER_KEY=$NEW LEDGERDESK_MASTER_KEY_PREVIOUS=$OLD ledgerdesk master-key rotate
    """
    with database_of(Settings.load()) as settings:
        url, keyring = str(settings.database_url), keyring_of(settings)
        check_master_key(url, keyring)
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
            task = progress.add_task("Keys", total=left_to_rotate(url, keyring))
            done = rotate_keys(url, keyring, lambda keys: progress.advance(task, keys))
    typer.echo(f"{done} keys are under the new master key now. LEDGERDESK_MASTER_KEY_PREVIOUS is not needed any more.")
