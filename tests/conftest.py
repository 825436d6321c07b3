"""A real PostgreSQL for every test that asks for one: one server a test process, a fresh database a test."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from cli.cluster import LOGIN, Cluster
from eventstore import database as eventstore_database
from eventstore.database import Role
from eventstore.migrate import migrate
from tests.kafka.brokers import kafka, make_broker

__all__ = ["kafka", "make_broker"]

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
TEMPLATE = "template_ledgerdesk"

# Begun first: whoever comes to one of them at the end leaves the other workers with nothing to do.
LONGEST = (
    "tests/docs/test_commands.py",
    "tests/api/test_contract.py",
    "tests/api/test_matrix.py",
    "tests/chaos",
    "tests/acceptance",
    "tests/projections/test_worker.py",
)

# No test is timed: a busy machine takes as long as it takes.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

ClusterFactory = Callable[..., Cluster]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, all others as they were."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture(scope="session")
def make_cluster() -> Iterator[ClusterFactory]:
    """Servers of one's own, to restart or kill; durable unless given other settings (`make_cluster(**FAST)`)."""
    made: list[Cluster] = []
    # Not pytest's tmp_path: that is closed to the system user that PostgreSQL needs when the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="ledgerdesk-test-"))
    folder.chmod(0o711)

    def make(**config: str) -> Cluster:
        made.append(Cluster(folder / f"pg{len(made)}", config))
        made[-1].start()
        return made[-1]

    yield make
    for cluster in made:
        cluster.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(make_cluster: ClusterFactory) -> Cluster:
    """The server that this test process shares among its tests; do not restart it."""
    shared = make_cluster(**FAST)
    create_database(shared, TEMPLATE, "template1")
    migrate(shared.url(TEMPLATE))
    return shared


@pytest.fixture
def empty_database_url(cluster: Cluster) -> Iterator[str]:
    """A fresh database without our schema."""
    with scratch(cluster, "template1") as url:
        yield url


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    """A fresh, migrated database, with the rights of the login user; give `conninfo` a role for less."""
    with scratch(cluster) as url:
        yield url


@pytest.fixture
def superuser_url(cluster: Cluster, database_url: str) -> str:
    """The same database as `database_url`, as the server's superuser."""
    name = str(psycopg.conninfo.conninfo_to_dict(database_url)["dbname"])
    return cluster.superuser_url(name)


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """An autocommit connection with the owner's rights."""
    with eventstore_database.connect(database_url, Role.OWNER) as db:
        yield db


@contextmanager
def scratch(cluster: Cluster, template: str = TEMPLATE) -> Iterator[str]:
    """A copy of the template, dropped afterwards."""
    name = f"test_{uuid4().hex[:12]}"
    create_database(cluster, name, template)
    yield cluster.url(name)
    with psycopg.connect(cluster.superuser_url(), autocommit=True) as db:
        db.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def create_database(cluster: Cluster, name: str, template: str = TEMPLATE) -> None:
    """A copy of the template, to be used or to be a template itself."""
    # Where nothing is synchronised, copying files takes half as long as writing every page to the write-ahead log.
    statement = "CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY FILE_COPY"
    names = map(sql.Identifier, (name, LOGIN, template))
    with psycopg.connect(cluster.superuser_url(), autocommit=True) as db:
        db.execute(sql.SQL(statement).format(*names))
        if template != "template1":
            # A copy has everything of its template but the rights on the database itself.
            grant = "GRANT CREATE ON DATABASE {} TO ledgerdesk_owner, ledgerdesk_worker"
            db.execute(sql.SQL(grant).format(sql.Identifier(name)))
