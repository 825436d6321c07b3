"""`ledgerdesk do`: every command of the desk by hand, named and described by the command's own class."""

import json
import mimetypes
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import typer

from cli.asking import FOLLOWING, MADE, Asked, NotByHand, action, actions, asked
from cli.carrying import carry, command_of
from cli.naming import Register
from cli.opening import WORKSPACE, keyring_of
from cli.people import Office, in_office
from domain.catalogue import shown
from domain.command import DECIDERS, Command
from domain.errors import InvalidInput
from domain.event import Actor
from domain.ids import ticket_id
from domain.ticket.confidential import ViewConfidential
from domain.ticket.handling import ClaimTicket
from domain.ticket.undoing import UndoCommand
from eventstore.desk import Receipt
from eventstore.files.desk import Owner, files_of
from eventstore.undo import undo
from projections import agent_load

AS = typer.Option(
    None, "--as", metavar="WHO", help="Act as this person or requester, with their rights; else the system."
)
FILE = typer.Option([], "--file", metavar="PATH", help="Attach this file; may be repeated.")
_PIECE = 1 << 18


def do(
    name: str | None = typer.Argument(None, metavar="ACTION", help="What to do, like claim-ticket; see --list."),
    words: list[str] = typer.Argument(None, metavar="[NUMBER] FIELD=VALUE...", help="To what, and with which values."),
    workspace: str | None = WORKSPACE,
    who: str | None = AS,
    file: list[Path] = FILE,
    describe: bool = typer.Option(False, "--describe", help="Say what the action takes, and do nothing."),
    list_all: bool = typer.Option(False, "--list", help="Say what can be done."),
    as_json: bool = typer.Option(False, "--json", help="Print the receipt as one JSON object."),
) -> None:
    """Do anything that the desk knows: to tickets, requesters, organisations, views, and to how the desk is set up.

    Values are text, `a,b` for several, JSON where they are structured; people, teams and requesters may be named.

    Example: ledgerdesk do assign-ticket 1001 to=lina@demo.example --as maria@demo.example
    """
    if list_all or name is None:
        typer.echo("\n".join(listed()))
    elif describe:
        typer.echo("\n".join(described(name)))
    else:
        typer.echo(in_office(workspace, lambda office: done(office, name, words or [], who, file, as_json=as_json)))


def listed() -> list[str]:
    """Every action by what it is done to, with what it means."""
    lines: list[str] = []
    for aggregate in dict.fromkeys(command.AGGREGATE for command in actions().values()):
        lines.append(f"{aggregate}:")
        names = sorted(n for n, c in actions().items() if aggregate == c.AGGREGATE and n not in FOLLOWING)
        lines += [f"  {each:<24} {_meaning(actions()[each])}" for each in names]
    return lines


def described(name: str) -> list[str]:
    """What an action means, who may do it, and what it takes."""
    command, takes = action(name), asked(name)
    lines = [f"{name}: {_meaning(command)}", f"Needs the permission {DECIDERS[command][1].value}."]
    if name in FOLLOWING:
        lines.append(f"Follows from {FOLLOWING[name]}; not done by hand.")
    for field, schema in takes.fields.items():
        if field == "attachments":
            lines.append("  --file PATH      a file to attach; may be repeated")
            continue
        need = "needed" if field in takes.required else "optional"
        first = ", may be given without its name" if field == takes.subject else ""
        lines.append(f"  {field:<16} {takes.words(schema, field)} ({need}{first})")
        lines += [f"    .{each:<13} {takes.words(inside, each)}" for each, inside in _parts(takes, field).items()]
    return lines


def _parts(takes: Asked, field: str) -> dict[str, Any]:
    return {name: way for each in takes.open(takes.fields[field]) for name, way in each.get("properties", {}).items()}


def _meaning(command: type[Command]) -> str:
    return " ".join((command.__doc__ or "").partition("\n\n")[0].split())


async def done(
    office: Office, name: str, words: list[str], who: str | None, files: list[Path], *, as_json: bool
) -> str:
    """Carry the action out; what came of it, for people or for programs."""
    if name in FOLLOWING:
        raise NotByHand(action=name, instead=FOLLOWING[name])
    kind, takes = action(name), asked(name)
    given = values(takes, words)
    register = await office.register()
    context = office.context()
    if who is not None:
        context["by"] = register.actor(who)
    name_ids(takes, given, register, context["by"])
    if files:
        given["attachments"] = await attached(office, takes, context["by"], files)
    if kind is UndoCommand:
        receipt = await _undone(office, given, context)
    else:
        command = built(takes, kind, await _found(office, kind, register, context["by"]) | given, context)
        receipt = await carry(office, command)
    text = await _confidential(office, given["number"]) if kind is ViewConfidential else None
    return told(name, given, context, receipt, text, as_json=as_json)


def values(takes: Asked, words: list[str]) -> dict[str, Any]:
    """Fields by name as they were written; one without a name is what the action is done to."""
    given: dict[str, Any] = {}
    for place, word in enumerate(words):
        path, equals, text = word.partition("=")
        if not equals:
            if place or takes.subject is None:
                raise InvalidInput(field=f"argument {place + 1}", reason="is not like field=value")
            path, text = takes.subject, word
        if path == "attachments":
            raise InvalidInput(field=path, reason="files are given with --file PATH")
        value, (*above, last), holder = takes.read(path, text), path.split("."), given
        for each in above:
            holder = holder.setdefault(each, {})
            if not isinstance(holder, dict):
                raise InvalidInput(field=path, reason="was given as a whole already")
        if last in holder:
            raise InvalidInput(field=path, reason="was given twice")
        holder[last] = value
    if (made := MADE.get(takes.name)) is not None:
        given.setdefault(made, str(uuid4()))
    return given


def name_ids(takes: Asked, given: dict[str, Any], register: Register, by: Actor) -> None:
    """Put ids where people, teams, requesters and organisations are named; `me` is who acts."""
    made = MADE.get(takes.name)
    for holder, key, kind in list(takes.ids(takes.schema, given, "")):
        if holder is given and key == made:
            continue
        text, field = holder[key], str(key)
        if kind == "assignee":
            holder[key] = register.assignee(field, text)
        elif kind == "person" and text == "me" and by.kind == "person":
            holder[key] = by.id
        else:
            holder[key] = str(register.find(field, kind, text))


def built(takes: Asked, kind: type[Command], given: dict[str, Any], context: dict[str, Any]) -> Command:
    """The command; InvalidInput naming the first field that is wrong."""
    if missing := sorted(takes.required - given.keys()):
        reason = f"is needed. See `ledgerdesk do {takes.name} --describe`."
        raise InvalidInput(field=missing[0], reason=reason)
    return command_of(kind, context, given, takes.name)


async def attached(office: Office, takes: Asked, by: Actor, paths: list[Path]) -> list[dict[str, Any]]:
    """The files, kept as uploads are; InvalidInput where the action takes none or one cannot be read."""
    if "attachments" not in takes.fields or takes.fields["attachments"].get("maxItems") == 0:
        raise InvalidInput(field="--file", reason=f"the action {takes.name} takes no files")
    store, owner = files_of(office.settings, keyring_of(office.settings)), Owner(office.workspace.id, by)
    kept = []
    for path in paths:
        media_type = mimetypes.guess_type(path.name)[0] or ""
        _, attachment = await store.take(owner, _pieces(path), path.name, media_type)
        kept.append(attachment.model_dump(mode="json"))
    return kept


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
    except OSError as error:
        raise InvalidInput(field="--file", reason=f"{path} cannot be read ({error.strerror})") from None


async def _found(office: Office, kind: type[Command], register: Register, by: Actor) -> dict[str, Any]:
    """What a command needs to know and nobody gives: how much a claimer with a limit has already."""
    person = register.desk.people.get(UUID(by.id)) if by.kind == "person" else None
    if kind is not ClaimTicket or person is None or person.load_limit is None:
        return {}
    load = office.reading(lambda db: agent_load.counts(db, office.workspace.id, [person.id]))
    return {"load": load.get(person.id, 0)}


async def _undone(office: Office, given: dict[str, Any], context: dict[str, Any]) -> Receipt:
    try:
        number, undoes = given["number"], UUID(given["undoes"])
    except (KeyError, ValueError):
        reason = "give a ticket's number and the id of a command, as `ledgerdesk history NUMBER --json` has it"
        raise InvalidInput(field="undoes", reason=reason) from None
    return await undo(office.desk, number, undoes, context)


async def _confidential(office: Office, number: str) -> str:
    stream = ticket_id(office.workspace.id, number)
    return shown((await office.desk.state(office.workspace.id, "ticket", stream)).state.confidential) or ""


def told(
    name: str, given: dict[str, Any], context: dict[str, Any], receipt: Receipt, text: str | None, *, as_json: bool
) -> str:
    """What came of it."""
    number = receipt.number or given.get("number")
    known = {"number": number} if number else {}
    if (made := MADE.get(name)) is not None:
        known[made] = given[made]
    if as_json:
        answer = known | {
            "stream_id": str(receipt.stream_id),
            "version": receipt.version,
            "position": receipt.position,
            "events": receipt.events,
            "repeated": receipt.repeated,
            "command_id": str(context["command_id"]),
        }
        return json.dumps(answer | ({} if text is None else {"text": text}), ensure_ascii=False)
    if text is not None:
        return text
    what = "".join(f" {key} {value}" for key, value in known.items())
    outcome = f"at version {receipt.version} now" if receipt.events else "nothing to change"
    return f"{name}{what}: {outcome}."
