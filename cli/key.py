"""`ledgerdesk key`: API keys of programs."""

from uuid import UUID

import typer

from api.access import api_keys, logins
from api.access import create_api_key as make
from api.errors import UnknownApiKey
from cli.people import Office, in_office, short
from domain.errors import InvalidInput

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)
WORKSPACE = typer.Argument(..., metavar="WORKSPACE", help="Short name of the workspace.")
SCOPES = typer.Option(..., "--scope", help="A permission, or read, write, admin, metrics; repeat it for several.")


@app.callback()
def key() -> None:
    """Make, list and revoke API keys.

    Example: ledgerdesk key create acme ann --name reports --scope read
    """


@app.command()
def create(
    workspace: str = WORKSPACE,
    login: str = typer.Argument(..., help="The person that it acts for."),
    name: str = typer.Option(..., help="What it is for."),
    scope: list[str] = SCOPES,
) -> None:
    """Make an API key; prints it, this once.

    Example: ledgerdesk key create acme ann --name reports --scope read
    """

    async def work(office: Office) -> str:
        person = await office.person(login)
        return make(str(office.settings.database_url), office.workspace.id, person.id, name, scope)

    typer.echo(in_office(workspace, work))


@app.command("list")
def list_(workspace: str = WORKSPACE) -> None:
    """List the API keys: id, person, name, scopes, state.

    Example: ledgerdesk key list acme
    """

    async def work(office: Office) -> None:
        url = str(office.settings.database_url)
        known = logins(url, office.workspace.id)
        for each in api_keys(url, office.workspace.id):
            owner, state = short(each.person_id, known), "revoked" if each.revoked_at else "valid"
            typer.echo(f"{each.key_id}\t{owner}\t{each.name}\t{','.join(each.scopes)}\t{state}")

    in_office(workspace, work)


@app.command()
def revoke(
    workspace: str = WORKSPACE, key_id: str = typer.Argument(..., metavar="ID", help="As `key list` shows it.")
) -> None:
    """Make an API key invalid, everywhere within a second.

    Example: ledgerdesk key revoke acme 0193b7c2-0000-7000-8000-000000000000
    """
    try:
        wanted = UUID(key_id)
    except ValueError:
        raise InvalidInput(field="ID", reason="take it from `ledgerdesk key list`") from None

    async def work(office: Office) -> None:
        if not await office.access.revoke_api_key(office.workspace.id, wanted):
            raise UnknownApiKey(key=wanted)

    in_office(workspace, work)
    typer.echo("Revoked.")
