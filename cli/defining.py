"""Setting up rules and policies from JSON: what the commands that do so share."""

import json
import sys
from pathlib import Path
from typing import Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from cli.asking import asked_of
from cli.carrying import carry, command_of, invalid
from cli.do import name_ids
from cli.naming import Register
from cli.people import Office, in_office
from domain.command import Command
from domain.errors import InvalidInput
from domain.event import Actor
from eventstore.desk import Receipt

WHY = typer.Option(None, "--why", help="Why; kept in the history.")
EXPECTED = typer.Option(None, "--expected", help="What it is to bring about; kept in the history.")
JSON = typer.Option(False, "--json", help="Print JSON.")

# What is wrong as a whole is called so.
DEFINITION = "definition"

Definition = TypeVar("Definition", bound=BaseModel)


def definition_in(text: str, kind: type[Definition], register: Register, by: Actor) -> Definition:
    """What is written as JSON, in a file that has it, or, for `-`, on standard input; whom it speaks of may be named."""
    written = _parsed(text)
    name_ids(asked_of(kind), written, register, by)
    try:
        return kind.model_validate(written)
    except ValidationError as error:
        raise invalid(error, DEFINITION) from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(_written(text))
    except (OSError, UnicodeDecodeError):
        raise InvalidInput(field=DEFINITION, reason=f"is neither JSON nor a file that can be read: {text}") from None
    except (ValueError, RecursionError):
        raise InvalidInput(field=DEFINITION, reason="is not JSON") from None


def _written(text: str) -> str:
    if text == "-":
        return sys.stdin.read()
    return text if text.lstrip().startswith("{") else Path(text).read_text(encoding="utf-8")


def set_up(
    workspace: str | None,
    who: str | None,
    kind: type[Command],
    asked: dict[str, Any],
    what: str,
    done: str = "set",
    *,
    definition: tuple[str, type[BaseModel]] | None = None,
) -> str:
    """Carry the command out, in somebody's name; the answer says whether anything is different now."""

    async def work(office: Office) -> str:
        context, given = await context_of(office, who), asked
        if definition is not None:
            given = asked | {DEFINITION: definition_in(*definition, await office.register(), context["by"])}
        return said(what, await carried(office, kind, context, given), done)

    return in_office(workspace, work)


async def context_of(office: Office, who: str | None) -> dict[str, Any]:
    """The common part of a command, in that person's name where one is named."""
    context = office.context()
    if who is not None:
        context["by"] = (await office.register()).actor(who)
    return context


async def carried(office: Office, kind: type[Command], context: dict[str, Any], asked: dict[str, Any]) -> Receipt:
    """Carry out what is asked; InvalidInput where no command can be made of it."""
    return await carry(office, command_of(kind, context, asked, DEFINITION))


def said(what: str, receipt: Receipt, done: str = "set") -> str:
    """Whether anything is different now."""
    return f"{what}: {done if receipt.events else 'nothing to change'}."
