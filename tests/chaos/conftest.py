"""A durable database with a furnished desk, and a seed that a failure can be repeated with."""

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.cluster import Cluster
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from eventstore.migrate import migrate
from tests.chaos.crew import Crew
from tests.chaos.writer import ANN, CONTESTED
from tests.conftest import ClusterFactory
from tests.desks import MASTER, Office


@pytest.fixture
def seed() -> int:
    """Printed with a failure; CHAOS_SEED repeats it."""
    chosen = int(os.environ.get("CHAOS_SEED") or random.randrange(10**9))
    print(f"CHAOS_SEED={chosen}")
    return chosen


@pytest.fixture
def server(make_cluster: ClusterFactory) -> Iterator[Cluster]:
    """A PostgreSQL of this test's own, durable as in real use."""
    own = make_cluster()
    migrate(own.url())
    asyncio.run(furnish(own.url()))
    yield own
    own.kill()


@pytest.fixture
def crew(server: Cluster, tmp_path: Path, seed: int) -> Iterator[Crew]:
    """Nobody yet; whoever is hired is gone afterwards."""
    writers = Crew(server.url(), tmp_path, seed)
    yield writers
    writers.kill_all()
    writers.rest()


async def furnish(url: str) -> None:
    """A workspace, and the tickets that everybody will want to change."""
    async with Desk(url, Keyring(MASTER)) as desk:
        office = Office(desk, person=ANN)
        await office.furnish()
        for number in CONTESTED:
            await office.ticket(number)
