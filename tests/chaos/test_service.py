"""The whole service, `ledgerdesk up`, under load: any of its processes is killed, its database goes away and comes back."""

import asyncio
import contextlib
import random
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from cli.cluster import Cluster
from cli.embedded import cluster_of
from eventstore.database import Role, connect, wait_until_ready
from eventstore.settings import new_key
from tests.chaos.audit import NEVER
from tests.chaos.customers import Customers, Listener, eventually
from tests.chaos.disks import MEGABYTE, fill, small_disk
from tests.chaos.read_models import equal_a_rebuild
from tests.cli.test_up import Up
from tests.waiting import wait_until

CLIENTS = 16


class Service(Up):
    """A running service with a workspace, and how to hurt it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.environment["LEDGERDESK_RATE_LIMIT"] = "0"

    def open_desk(self) -> Customers:
        """Start everything and make an API key."""
        self.supervisor = self.start()
        self.must("workspace", "create", "acme", "--title", "Acme")
        self.must("user", "add", "acme", "ann", "--name", "Ann", "--role", "admin", "--password-stdin")
        secret = self.must("key", "create", "acme", "ann", "--name", "chaos", "--scope", "admin")
        return Customers(f"http://127.0.0.1:{self.port}", secret.strip())

    def put_data(self, folder: Path) -> None:
        """Keep the data there."""
        self.data = folder / "data"
        self.environment["LEDGERDESK_DATA"] = str(self.data)

    def stop(self) -> None:
        """End it, and whatever of its database is left."""
        if self.supervisor.is_running():
            self.supervisor.terminate()
            self.supervisor.wait(60)
        cluster_of(self.data).kill()

    def must(self, *arguments: str) -> str:
        done = self.run(*arguments, said="correct horse battery\n")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def children(self, *words: str) -> list[psutil.Process]:
        """The supervisor's processes whose title has the word."""
        found = []
        for process in self.supervisor.children():
            with contextlib.suppress(psutil.Error):
                found.extend([process] if any(word in " ".join(process.cmdline()) for word in words) else [])
        return found

    def kill_supervisor(self) -> None:
        """Its children must end by themselves; then it is started again."""
        children = self.children("api", "worker")
        self.supervisor.kill()
        self.supervisor.wait()
        psutil.wait_procs(children, 30)
        self.supervisor = self.start()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def own_database(make_cluster: Callable[..., Cluster]) -> Iterator[Cluster]:
    made = make_cluster()
    yield made
    made.kill()


@pytest.mark.chaos
@pytest.mark.timeout(1500)
def test_the_service_outlives_forty_kills(service: Service, seed: int) -> None:
    customers = service.open_desk()
    kinds = [kill_an_api, kill_a_backend, kill_the_database, kill_a_worker, Service.kill_supervisor]
    asyncio.run(under_load(customers, lambda: kills(service, random.Random(seed), kinds, 40)))
    check(service, cluster_of(service.data).url(), customers)


def test_kills_restarts_and_an_outage(service: Service, own_database: Cluster) -> None:
    service.environment |= {"DATABASE_URL": own_database.url(), "LEDGERDESK_MASTER_KEY": new_key()}
    customers = service.open_desk()
    asyncio.run(under_load(customers, lambda: trouble(service, own_database, customers)))
    check(service, own_database.url(), customers)


@pytest.mark.chaos
def test_a_full_disk_is_told_and_with_room_it_goes_on(service: Service, seed: int) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="ledgerdesk-disk-") as folder,
        small_disk(Path(folder, "disk"), 256) as disk,
    ):
        Path(folder).chmod(0o711)
        service.put_data(disk)
        customers = service.open_desk()
        asyncio.run(under_load(customers, lambda: full_disk(disk, customers)))
        check(service, cluster_of(service.data).url(), customers)
        service.stop()


async def under_load(customers: Customers, trouble: Callable[[], Awaitable[None]]) -> None:
    """Clients work and a reader follows while there is trouble; then everything is asked for again, and read to its end."""
    done, listener = asyncio.Event(), Listener(customers)
    work = asyncio.create_task(customers.work(CLIENTS, done))
    following = asyncio.create_task(listener.listen())
    await eventually(lambda: len(customers.answered) > 100, 60, work)
    await watched(asyncio.ensure_future(trouble()), work)
    answered = len(customers.answered)
    await eventually(lambda: len(customers.answered) > answered + 100, 60, work)
    done.set()
    await work
    last = max(answer["position"] for answer in customers.answered.values())
    await eventually(lambda: listener.positions[-1] >= last, 30, following)
    following.cancel()
    await customers.repeat_everything()
    assert {answer["position"] for answer in customers.answered.values()} <= set(listener.positions)
    assert listener.positions == sorted(set(listener.positions))


async def watched(trouble: "asyncio.Future[None]", work: "asyncio.Task[None]") -> None:
    """Wait for the trouble to end; a client that fails meanwhile is told at once."""
    await asyncio.wait({trouble, work}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        work.result()
    await trouble


Kill = Callable[[Service], None]


async def kills(service: Service, chance: random.Random, kinds: Sequence[Kill], count: int) -> None:
    for n in range(count):
        await asyncio.to_thread(kinds[n % len(kinds)], service)
        await asyncio.to_thread(wait_until, service.is_ready, 60)
        await asyncio.sleep(chance.random())  # a random moment of the work that goes on


async def trouble(service: Service, database: Cluster, customers: Customers) -> None:
    """Processes are killed and come back; then, with no process started anew, the database goes and comes back."""
    before = service.children("api", "worker")
    for kill in (kill_an_api, kill_a_worker):
        await asyncio.to_thread(kill, service)
    await asyncio.to_thread(wait_until, lambda: len(set(service.children("api", "worker")) - set(before)) == 2)
    await asyncio.to_thread(wait_until, service.is_ready)
    before = service.children("api")
    await outage(database, customers)
    assert service.children("api") == before


async def outage(database: Cluster, customers: Customers) -> None:
    """Restarted twice, cleanly and not; then away until clients are told."""
    for stop in (database.stop, database.kill):
        await asyncio.to_thread(stop)
        await asyncio.to_thread(database.start)
    await asyncio.to_thread(database.stop)
    await asyncio.to_thread(wait_until, lambda: customers.outcomes["503"], 60)
    await asyncio.to_thread(database.start)


async def full_disk(disk: Path, customers: Customers) -> None:
    """Full until clients are told."""
    filler = fill(disk, 2 * MEGABYTE)
    await asyncio.to_thread(wait_until, lambda: customers.outcomes["503"], 90)
    filler.unlink()


def kill_an_api(service: Service) -> None:
    service.children("api")[0].kill()


def kill_a_worker(service: Service) -> None:
    for process in service.children("worker"):
        process.kill()


def kill_the_database(service: Service) -> None:
    before = cluster_of(service.data).pid
    cluster_of(service.data).kill()
    wait_until(lambda: cluster_of(service.data).pid not in {before, None}, 60)


def kill_a_backend(service: Service) -> None:
    cluster = cluster_of(service.data)
    victim = random.choice(psutil.Process(cluster.pid).children())
    with contextlib.suppress(psutil.NoSuchProcess):
        victim.kill()
    wait_until_ready(cluster.url())


def check(service: Service, url: str, customers: Customers) -> None:
    """The log is whole and has what the clients were answered, once; the read models are as if built anew."""
    with connect(url, Role.OWNER) as db:
        for what, query in NEVER.items():
            assert db.execute(query.encode()).fetchall() == [], what
        found = db.execute("SELECT originator_id::text, version, position, events FROM log.commands").fetchall()
    told = [
        tuple(answer[name] for name in ("id", "version", "position", "events"))
        for answer in customers.answered.values()
    ]
    assert len(set(told)) == len(told)
    assert set(told) <= set(found)
    equal_a_rebuild(url, lambda: service.must("rebuild", "all"))
