"""A process whose callers all want the next version of the same few tickets."""

import asyncio
import sys
from pathlib import Path

from domain.errors import VersionConflict
from domain.ids import ticket_id
from domain.ticket.commands import NoteOnTicket
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from tests.chaos.journal import Journal
from tests.chaos.writer import ANN, CONTESTED
from tests.desks import MASTER, Office
from tests.waiting import until

PROCESSES = 3
CALLERS = 8
VERSIONS = 15


async def contend(office: Office, journal: Journal, number: str) -> None:
    """Try for whatever version comes next, until all are won."""
    stream = ticket_id(office.workspace, number)
    while (version := (await office.desk.state(office.workspace, "ticket", stream)).version) < VERSIONS:
        command = office.command(NoteOnTicket, number=number, body=f"after {version}", expected_version=version)
        journal.asked(command)
        try:
            journal.answered(command, await office.desk.execute(command))
        except VersionConflict as conflict:
            journal.refused(command, conflict.code)


async def main(url: str, path: str, _: str) -> None:
    """Open the desk and, once all are there, contend for every ticket at once."""
    async with Desk(url, Keyring(MASTER)) as desk:
        office = Office(desk, person=ANN)
        await desk.catalogue(office.workspace)
        journal = Journal(Path(path))
        await until(lambda: len(list(Path(path).parent.glob("journal-*"))) == PROCESSES)
        await asyncio.gather(*(contend(office, journal, number) for number in CONTESTED for _ in range(CALLERS)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
