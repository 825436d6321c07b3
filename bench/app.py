"""`ledgerdesk bench NAME`: each measurement beside the floors measured in the same run."""

import importlib
import sys
from enum import StrEnum
from typing import Annotated

import typer

from bench.result import Result


class Name(StrEnum):
    """What can be measured."""

    APPEND = "append"
    WRITES = "writes"
    HTTP = "http"
    REBUILD = "rebuild"
    LAG = "lag"
    HISTORY = "history"
    LIST = "list"
    SEARCH = "search"
    BULK = "bulk"
    REPLY = "reply"
    RULES = "rules"
    BACKTEST = "backtest"
    DESK = "desk"
    TIMERS = "timers"
    STREAM = "stream"
    SCALE = "scale"
    ALL = "all"


# `bench.desk` is what the measurements work on.
MODULES = {Name.DESK: "day"}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog="Example: ledgerdesk bench append --json")
def bench(
    name: Annotated[Name, typer.Argument(help="What to measure; all takes several minutes.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a measurement, nothing else.")] = False,
) -> None:
    """Measure on this machine, on a scratch database: of DATABASE_URL's server, or of a throw-away PostgreSQL."""
    chosen = [each for each in Name if each is not Name.ALL] if name is Name.ALL else [name]
    for each in chosen:
        if not json:
            print(f"measuring {each} ...", file=sys.stderr)
        result: Result = importlib.import_module(f"bench.{MODULES.get(each, each)}").run()
        print(result.as_json() if json else result.as_text(), flush=True)
