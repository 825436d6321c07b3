"""A process in which many callers work at one desk; made to be killed at any moment."""

import asyncio
import random
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from domain.command import Command
from domain.errors import LedgerdeskError
from domain.event import Actor
from domain.ticket.commands import (
    ChangePriority,
    EditTicket,
    NoteOnTicket,
    OpenTicket,
    ReopenTicket,
    ReplyToTicket,
    ResolveTicket,
    TagTicket,
)
from domain.values import Priority
from eventstore.database import DatabaseUnavailable
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from tests.chaos.journal import Journal
from tests.desks import MASTER, Office

ANN = Actor(kind="person", id=str(UUID(int=1)))
CONTESTED = [f"T-{n}" for n in range(1, 6)]
CALLERS = 20
TEXT = "Der Drucker brennt. 打印机着火了。" * 20


def a_command(office: Office, chance: random.Random, numbers: list[str]) -> Command:
    """Something that somebody may want now, sometimes with several events, sometimes to be refused."""
    text = TEXT[: chance.randrange(1, len(TEXT))]
    number = {"number": chance.choice(numbers)}
    tags = frozenset(f"tag-{chance.randrange(20)}" for _ in range(3))
    wishes: list[tuple[type[Command], dict[str, Any]]] = [
        (OpenTicket, {"title": text[:80], "description": text, "tags": ("new",)}),
        (EditTicket, number | {"title": text[:200], "description": text, "fields": {"floor": chance.randrange(9)}}),
        (ReplyToTicket, number | {"body": text}),
        (NoteOnTicket, number | {"body": text}),
        (TagTicket, number | {"add": tags}),
        (ChangePriority, number | {"priority": chance.choice(list(Priority))}),
        (ResolveTicket, number),
        (ReopenTicket, number),
    ]
    kind, fields = chance.choice(wishes)
    command: Command = office.command(kind, **fields)
    return command


async def work(office: Office, journal: Journal, chance: random.Random) -> None:
    """Ask for one thing after another, until the process ends."""
    numbers = list(CONTESTED)
    while True:
        command = a_command(office, chance, numbers)
        journal.asked(command)
        try:
            receipt = await office.desk.execute(command)
        except DatabaseUnavailable:
            await asyncio.sleep(0.05)
        except LedgerdeskError as refusal:
            journal.refused(command, refusal.code)
            await asyncio.sleep(0.05 if refusal.status == 503 else 0)
        else:
            journal.answered(command, receipt)
            numbers.extend([receipt.number] if receipt.number else [])


async def main(url: str, path: str, seed: str) -> None:
    """Open the desk and work."""
    journal = Journal(Path(path))
    async with Desk(url, Keyring(MASTER)) as desk:
        office = Office(desk, person=ANN)
        await asyncio.gather(*(work(office, journal, random.Random(f"{seed}/{n}")) for n in range(CALLERS)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
