"""What `user` and `key` share: one desk, its sign-ins, and the person that the operator means."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from psycopg import Cursor

from api.access import Access
from cli.naming import Register
from cli.opening import chosen, desk_of, ready, workspaces
from domain.catalogue import Catalogue
from domain.event import SYSTEM
from domain.staff import Person
from eventstore.database import reader_pool
from eventstore.desk import Desk
from eventstore.reading import bound
from eventstore.settings import Settings
from eventstore.workspaces import KnownWorkspace

T = TypeVar("T")


@dataclass(frozen=True)
class Office:
    """An open workspace."""

    workspace: KnownWorkspace
    settings: Settings
    desk: Desk
    access: Access

    def context(self) -> dict[str, Any]:
        """The common part of an operator's command."""
        return {
            "workspace_id": self.workspace.id,
            "by": SYSTEM,
            "at": datetime.now(UTC),
            "command_id": uuid4(),
            "channel": "cli",
        }

    async def catalogue(self) -> Catalogue:
        """What the workspace has set up."""
        return await self.desk.set_up(self.workspace.id)

    async def person(self, user: str) -> Person:
        """The person of that login, e-mail address, name or id, or InvalidInput."""
        register = await self.register()
        return register.desk.people[register.person("LOGIN", user)]

    async def register(self) -> Register:
        """Everybody by name."""
        return Register(self.workspace.id, await self.catalogue(), self.reading)

    def reading(self, ask: Callable[[Cursor[Any]], Any]) -> Any:
        """The answer of the workspace's read models, under row-level security."""
        with reader_pool(str(self.settings.database_url), size=1) as pool, bound(pool, self.workspace.id) as db:
            return ask(db)


def in_office(slug: str | None, work: Callable[[Office], Awaitable[T]]) -> T:
    """What the work gives, done in the workspace of that short name, or in the only one."""

    async def working(settings: Settings, workspace: KnownWorkspace) -> T:
        async with _open(settings, workspace) as office:
            return await work(office)

    with ready() as settings:
        return asyncio.run(working(settings, chosen(slug, workspaces(settings))))


@asynccontextmanager
async def _open(settings: Settings, workspace: KnownWorkspace) -> AsyncIterator[Office]:
    async with desk_of(settings) as desk, Access(str(settings.database_url)) as access:
        yield Office(workspace, settings, desk, access)


def short(person_id: UUID, logins: dict[UUID, str]) -> str:
    """A person as operators name them."""
    return logins.get(person_id, str(person_id))
