"""A desk to measure on: one workspace, one agent, and commands that look like a day's work."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from domain.event import SYSTEM, Actor
from domain.ids import workspace_id
from domain.permissions import RoleName
from domain.ticket.commands import OpenTicket
from domain.workspace import AddPerson, CreateWorkspace
from eventstore.desk import Desk
from eventstore.keyring import Keyring

MASTER_KEY = b"a master key only for benchmarks"


@dataclass(frozen=True)
class Place:
    """The workspace and its agent."""

    workspace: UUID
    agent: Actor

    def open_ticket(self, title: str, description: str) -> OpenTicket:
        """The command that creates a ticket now."""
        return OpenTicket(
            title=title,
            description=description,
            workspace_id=self.workspace,
            by=self.agent,
            at=datetime.now(UTC),
            command_id=uuid4(),
        )


@asynccontextmanager
async def opened(url: str, slug: str = "bench") -> AsyncIterator[tuple[Desk, Place]]:
    """A desk with a new place on it, encryption on."""
    async with Desk(url, Keyring(MASTER_KEY)) as desk:
        yield desk, await furnished(desk, slug)


async def furnished(desk: Desk, slug: str) -> Place:
    """Create the workspace and its agent."""
    workspace, person = workspace_id(slug), uuid4()
    common = {"workspace_id": workspace, "by": SYSTEM, "at": datetime.now(UTC)}
    await desk.execute(CreateWorkspace(slug=slug, title="Bench", command_id=uuid4(), **common))
    await desk.execute(
        AddPerson(
            person_id=person,
            person_name="Ann",
            email="ann@example.com",
            role=RoleName.ADMIN,
            command_id=uuid4(),
            **common,
        )
    )
    return Place(workspace, Actor(kind="person", id=str(person)))
