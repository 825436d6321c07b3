"""`ledgerdesk master-key`: the key that wraps all other keys."""

import typer

from eventstore.settings import new_key

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
