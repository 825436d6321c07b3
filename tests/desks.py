"""A desk that is open for business: a workspace, somebody who works there, and commands in their name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from domain.command import Command
from domain.event import SYSTEM, Actor
from domain.ids import workspace_id
from domain.permissions import RoleName
from domain.ticket.commands import OpenTicket
from domain.workspace import AddPerson, CreateWorkspace
from eventstore.desk import Desk, Receipt
from eventstore.keyring import Keyring

MASTER = b"k" * 32


@dataclass
class Office:
    """Executes commands of one person in one workspace."""

    desk: Desk
    slug: str = "acme"
    person: Actor = field(default_factory=lambda: Actor(kind="person", id=str(uuid4())))

    @property
    def workspace(self) -> UUID:
        """The workspace's stream."""
        return workspace_id(self.slug)

    def command(self, kind: type[Command], /, **fields: Any) -> Any:
        """A command by the person, now, under a fresh id unless one is given."""
        context = {"workspace_id": self.workspace, "by": self.person, "at": datetime.now(UTC), "command_id": uuid4()}
        return kind(**(context | fields))

    async def do(self, kind: type[Command], /, **fields: Any) -> Receipt:
        """Build and execute."""
        return await self.desk.execute(self.command(kind, **fields))

    async def furnish(self) -> None:
        """Create the workspace and take the person on as an admin."""
        await self.do(CreateWorkspace, slug=self.slug, title="Acme", by=SYSTEM)
        await self.do(AddPerson, person_id=UUID(self.person.id), person_name="Ann", role=RoleName.ADMIN, by=SYSTEM)

    async def ticket(self, number: str = "T-1", **fields: Any) -> Receipt:
        """Open a ticket of that number."""
        return await self.do(OpenTicket, number=number, **{"title": "打印机坏了", **fields})

    def colleague(self, desk: Desk) -> "Office":
        """The same person at another desk, that is in another process."""
        return Office(desk, self.slug, self.person)


@asynccontextmanager
async def an_office(url: str, slug: str = "acme", keyring: Keyring | None = None) -> AsyncIterator[Office]:
    """A furnished office in the database."""
    async with Desk(url, keyring or Keyring(MASTER)) as desk:
        office = Office(desk, slug)
        await office.furnish()
        yield office
