"""`ledgerdesk schema`: the contract of the event stream, made from the code."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

import domain.aggregates  # noqa: F401 - registers every event
from domain.errors import InvalidInput
from domain.stream.asyncapi import document
from domain.stream.compatible import ContractBroken, broken
from domain.stream.schemas import schemas

ASYNCAPI = "asyncapi"
TYPE = typer.Argument(
    None, metavar="[TYPE]", help="One type, such as ticket.opened.v2; all of them are listed without it."
)
WRITE = typer.Option(
    None, "--write", metavar="FOLDER", help="Write the document and every schema there.", file_okay=False
)


def schema(kind: str | None = TYPE, write: Path | None = WRITE) -> None:
    """Print or write the AsyncAPI document and the JSON Schemas of the event stream.

    Writing refuses what would break the readers of schemas that are there already.

    Example: ledgerdesk schema ticket.opened.v2
    """
    if write is not None:
        write_contract(write)
        return
    made = {**schemas(), ASYNCAPI: document(schemas())}
    if kind is None:
        typer.echo("\n".join(made))
    elif kind in made:
        typer.echo(text(made[kind]), nl=False)
    else:
        raise InvalidInput(field="TYPE", reason=f"there is no «{kind}»; `ledgerdesk schema` lists all of them")


def write_contract(folder: Path) -> None:
    """Write what is new or different; ContractBroken where it would break readers. Earlier versions stay."""
    now, earlier = schemas(), written(folder)
    if found := broken(earlier, now):
        raise ContractBroken(what="; ".join(found))
    folder.mkdir(parents=True, exist_ok=True)
    made = {**now, ASYNCAPI: document({**earlier, **now})}
    for name, each in made.items():
        (folder / f"{name}.json").write_text(text(each), encoding="utf-8")


def written(folder: Path) -> dict[str, Any]:
    """The schemas that are in a folder, by type."""
    files = (path for path in sorted(folder.glob("*.v*.json")))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}


def text(made: Mapping[str, Any]) -> str:
    """As it is written."""
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"
