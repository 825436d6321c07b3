"""What commands share: the database made ready, and the workspace that the operator means."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from psycopg import Cursor
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cli.embedded import database_of
from domain.errors import InvalidInput, LedgerdeskError
from domain.values import Key
from eventstore import migrate
from eventstore.database import Role, connect, explaining
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from eventstore.settings import Settings
from eventstore.workspaces import KnownWorkspace, known_workspaces

WORKSPACE = typer.Option(
    None, "--workspace", "-w", metavar="SLUG", help="Short name of the workspace; not needed when there is only one."
)


class NoSuchWorkspace(LedgerdeskError):
    """The operator named a workspace that the log does not know, or none where there are several."""

    code = "no_such_workspace"
    sentence = "{reason} There are: {known}."
    misuse = True


@contextmanager
def ready() -> Iterator[Settings]:
    """Settings whose database is there to be used; the embedded one is brought to the schema of this version."""
    wanted = Settings.load()
    with database_of(wanted) as settings:
        if wanted.embedded:
            migrate.migrate(str(settings.database_url))
        yield settings


def keyring_of(settings: Settings) -> Keyring:
    """The keyring of the settings' master keys."""
    return Keyring(*settings.master_keys())


def desk_of(settings: Settings) -> Desk:
    """The desk that executes commands on the settings' database."""
    return Desk(str(settings.database_url), keyring_of(settings))


@contextmanager
def reading(settings: Settings) -> Iterator[Cursor[Any]]:
    """A cursor that may read all workspaces; what goes wrong with the database is said for people."""
    url = str(settings.database_url)
    with explaining(url), connect(url, Role.WORKER) as db, db.cursor() as cursor:
        yield cursor


def workspaces(settings: Settings) -> list[KnownWorkspace]:
    """All workspaces of the database, oldest first."""
    with reading(settings) as cursor:
        return known_workspaces(cursor)


def chosen(slug: str | None, known: list[KnownWorkspace]) -> KnownWorkspace:
    """The workspace of that short name, or the only one."""
    found = [workspace for workspace in known if slug in (None, workspace.slug)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(workspace.slug for workspace in known) or "none yet; make one with `ledgerdesk workspace`"
    reason = f"No workspace «{slug}»." if slug else "Name the workspace with --workspace SLUG."
    raise NoSuchWorkspace(reason=reason, known=names)


def checked_slug(slug: str) -> str:
    """A short name that a workspace may have; InvalidInput otherwise."""
    try:
        return TypeAdapter[str](Key).validate_python(slug)
    except ValidationError:
        reason = "a short name has small letters, digits, - and _, at most 50"
        raise InvalidInput(field="workspace", reason=reason) from None


def bar(*, shown: bool = True) -> Progress:
    """A progress bar on stderr, for people only: none where stderr is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal))
