"""`ledgerdesk workspace`: the companies of an installation, each with a desk of its own."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import typer

from cli.opening import checked_slug, chosen, desk_of, ready, workspaces
from domain.event import SYSTEM
from domain.ids import workspace_id
from domain.workspace import CreateWorkspace
from eventstore.settings import Settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)
SLUG = typer.Argument(..., metavar="SLUG", help="Short name: small letters, digits, - and _.")


@app.callback()
def workspace() -> None:
    """Create and list workspaces.

    Example: ledgerdesk workspace create acme --title "Acme Ltd"
    """


@app.command()
def create(slug: str = SLUG, title: str = typer.Option(..., help="The company's name.")) -> None:
    """Open a desk for a company, with the default life cycle.

    Example: ledgerdesk workspace create acme --title "Acme Ltd"
    """
    checked_slug(slug)
    with ready() as settings:
        asyncio.run(_create(settings, slug, title))
    typer.echo(f"Workspace {slug} is there. Add people: ledgerdesk user add {slug} ann --name Ann --role admin")


async def _create(settings: Settings, slug: str, title: str) -> None:
    command = CreateWorkspace(
        workspace_id=workspace_id(slug),
        by=SYSTEM,
        at=datetime.now(UTC),
        command_id=uuid4(),
        channel="cli",
        slug=slug,
        title=title,
    )
    async with desk_of(settings) as desk:
        await desk.execute(command)


@app.command("list")
def list_() -> None:
    """List the workspaces, oldest first.

    Example: ledgerdesk workspace list
    """
    with ready() as settings:
        for known in workspaces(settings):
            typer.echo(f"{known.slug}\t{known.title}")


@app.command()
def analyst(slug: str = SLUG, login: str = typer.Argument(..., help="The database login to make.")) -> None:
    """Give an analyst a read-only database login that sees this workspace's tables alone; prints its password.

    Example: ledgerdesk workspace analyst acme acme_reports
    """
    from projections.analysts import grant

    with ready() as settings:
        password = grant(str(settings.database_url), login, chosen(slug, workspaces(settings)).id)
    typer.echo(password or f"{login} may read {slug} too, with the password that it has.")
