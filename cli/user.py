"""`ledgerdesk user`: the people of a workspace, and how they sign in."""

import sys
from typing import Any
from uuid import uuid4

import typer
from pydantic import TypeAdapter, ValidationError

from api.access import logins, strong
from api.secrets import hash_password
from cli.people import Office, in_office, short
from domain.catalogue import shown
from domain.errors import InvalidInput, LedgerdeskError
from domain.values import Key, Line
from domain.wording import first
from domain.workspace import AddPerson, ChangeRole, DeactivatePerson

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)
WORKSPACE = typer.Argument(..., metavar="WORKSPACE", help="Short name of the workspace.")
USER = typer.Argument(
    ..., metavar="LOGIN", help="What the person signs in with; an e-mail address, a name or an id will do."
)
ROLE = typer.Option(..., help="What the person may do: agent, lead, admin, ..., or a role of your own.")
SIGNS_IN = typer.Argument(..., metavar="LOGIN", help="What the person signs in with.")
STDIN = typer.Option(False, "--password-stdin", help="Read the password from standard input instead of asking.")


class NoSuchUser(LedgerdeskError):
    """Nobody signs in with that."""

    code = "no_such_user"
    sentence = "Nobody signs in to {workspace} as «{user}». See `ledgerdesk user list {workspace}`."
    misuse = True


@app.callback()
def user() -> None:
    """Add people to a workspace, and change how they sign in.

    Example: ledgerdesk user add acme ann --name "Ann Lee" --role agent
    """


@app.command()
def add(
    workspace: str = WORKSPACE,
    login: str = typer.Argument(..., help="What the person will sign in with."),
    name: str = typer.Option(..., help="The person's name."),
    role: str = ROLE,
    email: str | None = typer.Option(None, help="The person's e-mail address."),
    password_stdin: bool = STDIN,
) -> None:
    """Take somebody onto the desk, with a password.

    Example: echo "$PASSWORD" | ledgerdesk user add acme ann --name "Ann Lee" --role agent --password-stdin
    """
    person = uuid4()
    given = {"person_id": person, "person_name": _line("name", name), "role": _taken("role", role, Key)}
    if email is not None:
        given["email"] = _line("email", email)
    login, hashed = _line("login", login), hash_password(_password(asked=not password_stdin))

    async def work(office: Office) -> None:
        if await office.access.credential(office.workspace.id, login):
            raise InvalidInput(field="login", reason=f"«{login}» is taken in this workspace")
        await office.desk.execute(AddPerson(**office.context(), **given))
        await office.access.set_login(office.workspace.id, person, login, hashed)

    in_office(workspace, work)
    typer.echo(f"{login} can sign in to {workspace} as {role}.")


@app.command("list")
def list_(workspace: str = WORKSPACE) -> None:
    """List the people: login, role, name.

    Example: ledgerdesk user list acme
    """

    async def work(office: Office) -> None:
        known = logins(str(office.settings.database_url), office.workspace.id)
        for person in (await office.catalogue()).people.values():
            state = "" if person.active else "\tdeactivated"
            typer.echo(f"{short(person.id, known)}\t{person.role}\t{shown(person.name) or '[erased]'}{state}")

    in_office(workspace, work)


@app.command()
def password(workspace: str = WORKSPACE, login: str = SIGNS_IN, password_stdin: bool = STDIN) -> None:
    """Set a new password; ends the person's sessions everywhere.

    Example: ledgerdesk user password acme ann
    """
    hashed = hash_password(_password(asked=not password_stdin))

    async def work(office: Office) -> None:
        found = await office.access.credential(office.workspace.id, login)
        if found is None:
            raise NoSuchUser(workspace=workspace, user=login)
        await office.access.set_login(office.workspace.id, found[0], login, hashed)

    in_office(workspace, work)
    typer.echo(f"{login} has a new password.")


@app.command()
def role(
    workspace: str = WORKSPACE, login: str = USER, to: str = typer.Argument(..., metavar="ROLE", help="The new role.")
) -> None:
    """Give a person another role.

    Example: ledgerdesk user role acme ann lead
    """

    wanted = _taken("role", to, Key)

    async def work(office: Office) -> None:
        person = await office.person(login)
        await office.desk.execute(ChangeRole(**office.context(), person_id=person.id, role=wanted))

    in_office(workspace, work)
    typer.echo(f"{login} is {to} now.")


@app.command()
def deactivate(workspace: str = WORKSPACE, login: str = USER) -> None:
    """End a person's access: sessions and API keys too. What they did stays.

    Example: ledgerdesk user deactivate acme ann
    """

    async def work(office: Office) -> None:
        person = await office.person(login)
        await office.desk.execute(DeactivatePerson(**office.context(), person_id=person.id))
        await office.access.revoke_person(office.workspace.id, person.id)

    in_office(workspace, work)
    typer.echo(f"{login} has no access any more.")


def _password(*, asked: bool) -> str:
    if asked and not sys.stdin.isatty():
        raise InvalidInput(field="password", reason="cannot be asked for without a terminal; use --password-stdin")
    if asked:
        return strong(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return strong(sys.stdin.readline().rstrip("\n"))


def _line(field: str, value: str) -> str:
    return _taken(field, value, Line)


def _taken(field: str, value: str, kind: Any) -> str:
    try:
        return TypeAdapter[str](kind).validate_python(value)
    except ValidationError as error:
        raise InvalidInput(field=field, reason=first(error)[1]) from None
