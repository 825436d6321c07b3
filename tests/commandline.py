"""Running `ledgerdesk` in this process, as an operator would on a database of their own."""

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.main import app

MASTER_KEY = b"k" * 32
Run = Callable[..., Result]


def environment(database_url: str, data: Path) -> dict[str, str]:
    """What the command finds set."""
    key = b64encode(MASTER_KEY).decode()
    return {"DATABASE_URL": database_url, "LEDGERDESK_MASTER_KEY": key, "LEDGERDESK_DATA": str(data)}


@pytest.fixture
def ledgerdesk(database_url: str, tmp_path: Path) -> Run:
    """The command line on a fresh database; what it raises reaches the test."""
    return command_line(database_url, tmp_path / "data")


def command_line(database_url: str, data: Path) -> Run:
    """The same on any database."""
    runner, env = CliRunner(), environment(database_url, data)

    def run(*arguments: str | Path, stdin: str | None = None) -> Result:
        result = runner.invoke(app, [str(argument) for argument in arguments], env=env, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def counts(result: Result) -> dict[str, Any]:
    """The object that `--json` ends with."""
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found
