"""The `ledgerdesk` command: finds the sub-command, and turns what goes wrong into a sentence and an exit code."""

import gc
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import typer
from typer.core import TyperGroup

from cli.failures import guarded
from domain.errors import LedgerdeskError

# Imported when used, so that each command starts as fast as what it needs. A function or a typer app.
COMMANDS = {
    "up": "cli.up:up",
    "migrate": "cli.migrate:migrate",
    "import": "cli.import_:app",
    "export": "cli.export:app",
    "do": "cli.do:do",
    "list": "cli.find:list_",
    "search": "cli.find:search",
    "show": "cli.find:show",
    "views": "cli.find:views",
    "figures": "cli.figures:app",
    "rules": "cli.rules:app",
    "backtest": "cli.backtest:backtest",
    "compare": "cli.compare:compare",
    "sla": "cli.sla:app",
    "jobs": "cli.jobs:jobs",
    "processors": "cli.processors:processors",
    "deliveries": "cli.deliveries:deliveries",
    "webhooks": "cli.webhooks:app",
    "inbox": "cli.inbox:inbox",
    "stream": "cli.stream:app",
    "history": "cli.history:app",
    "schema": "cli.schema:schema",
    "rebuild": "cli.rebuild:app",
    "files": "cli.files:app",
    "bench": "bench.app:app",
    "workspace": "cli.workspace:app",
    "user": "cli.user:app",
    "key": "cli.key:app",
    "master-key": "cli.master_key:app",
    "api": "cli.serve:api",
    "worker": "cli.serve:worker",
}


class NotText(LedgerdeskError):
    """An argument that is not UTF-8: neither the database nor JSON can hold it."""

    code = "not_text"
    sentence = "Argument {place} is not text in UTF-8. Type it again, or rename the file that it names."
    misuse = True


class Commands(TyperGroup):
    """The sub-commands, imported one at a time."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of the help page."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        found = getattr(_imported(module), attribute)
        if not isinstance(found, typer.Typer):
            command, found = found, typer.Typer(add_completion=False, rich_markup_mode=None)
            found.command(cmd_name)(command)
        built = typer.main.get_command(found)
        built.name = cmd_name
        return built


def _imported(name: str) -> ModuleType:
    # Nearly all that an import makes stays: to look for garbage in it meanwhile is a sixth of a command's start.
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.enable()


app = typer.Typer(
    cls=Commands, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ledgerdesk {version('ledgerdesk')}")
        raise typer.Exit


@app.callback(epilog="Example: ledgerdesk up")
def ledgerdesk(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    debug: bool = typer.Option(False, "--debug", help="Show where an unexpected error comes from."),
) -> None:
    """Ledgerdesk, a ticket service in which every action is an immutable event."""


def main() -> None:
    """Run the command line; every failure is one sentence on stderr, exit 2 for misuse and 1 for failure."""
    guarded(_run)


def _run() -> None:
    _check_text(sys.argv[1:])
    app()


def _check_text(arguments: Sequence[str]) -> None:
    for place, argument in enumerate(arguments, start=1):
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise NotText(place=place) from None
