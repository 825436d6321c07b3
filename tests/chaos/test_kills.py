"""Kill -9 of writers, of the worker, of PostgreSQL's processes and of all of PostgreSQL, at random points under load."""

import random

import psutil
import pytest

from cli.cluster import Cluster
from eventstore.database import wait_until_ready
from tests.chaos import audit
from tests.chaos.crew import Crew
from tests.chaos.read_models import equal_a_rebuild
from tests.projections.tables import built
from tests.waiting import wait_until

WRITERS = 3


def test_a_few_kills_lose_double_and_halve_nothing(server: Cluster, crew: Crew, seed: int) -> None:
    havoc(server, crew, random.Random(seed), kills=6)


@pytest.mark.chaos
@pytest.mark.timeout(1500)
def test_a_hundred_kills_lose_double_and_halve_nothing(server: Cluster, crew: Crew, seed: int) -> None:
    havoc(server, crew, random.Random(seed), kills=100)


def havoc(server: Cluster, crew: Crew, chance: random.Random, *, kills: int) -> None:
    """Kill while writers write; then the log is whole, and every open question gets one answer."""
    crew.follow()
    crew.hire(WRITERS)
    wait_until(lambda: crew.written > 50_000)
    for n in range(kills):
        DEEDS[n % len(DEEDS)](server, crew, chance)
        work_goes_on(crew, chance)
    crew.kill_all()
    crew.keep_following()
    told = crew.told
    assert len(told.answered) > kills * 10
    audit.check(server.url(), told)
    audit.repeat(server.url(), told)
    audit.check(server.url(), told)
    equal_a_rebuild(server.url(), lambda: built(server.url()))


def work_goes_on(crew: Crew, chance: random.Random) -> None:
    """Return at a random point of the work."""
    crew.keep_following()
    enough = crew.written + chance.randrange(100_000)
    wait_until(lambda: crew.written > enough, 90)
    assert crew.alive


def kill_a_writer(server: Cluster, crew: Crew, chance: random.Random) -> None:
    crew.kill_one(chance)


def kill_the_worker(server: Cluster, crew: Crew, chance: random.Random) -> None:
    crew.follow()


def kill_the_server(server: Cluster, crew: Crew, chance: random.Random) -> None:
    server.kill()
    server.start()


def kill_a_backend(server: Cluster, crew: Crew, chance: random.Random) -> None:
    # PostgreSQL cannot know what its dead child left in shared memory: it ends all others and recovers.
    victim = chance.choice(psutil.Process(server.pid).children())
    victim.kill()
    victim.wait()
    wait_until_ready(server.url())


DEEDS = (kill_a_writer, kill_the_server, kill_the_worker, kill_a_backend)
