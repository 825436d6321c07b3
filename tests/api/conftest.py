"""A real server over a real database, with two workspaces that know nothing of each other."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from pydantic import SecretStr

from api import secrets
from api.access import create_api_key, create_login
from api.app import create_app
from api.settings import ApiSettings
from api.wire import Protocol
from cli.cluster import Cluster
from domain.event import SYSTEM
from domain.ids import workspace_id
from domain.permissions import RoleName
from domain.workspace import AddPerson, AddTeam, CreateWorkspace
from eventstore import newest
from eventstore.desk import Desk
from eventstore.keyring import Keyring
from eventstore.settings import Settings, new_key
from projections.catch_up import catch_up
from projections.models import READ_MODELS
from projections.runner import Runner
from tests.conftest import create_database, scratch
from tests.projections.tables import working
from tests.waiting import wait_until

MASTER_KEY = new_key()
PASSWORD = "correct horse battery"
# The roles that people have; that of requesters is theirs alone.
STAFF_ROLES = tuple(role for role in RoleName if role is not RoleName.REQUESTER)
# Databases to copy: with two furnished workspaces, and with read models of them besides.
FURNISHED, FOLLOWED = "template_furnished", "template_followed"
UNLIMITED = {"rate_limit": 0, "anonymous_rate_limit": 0}


@dataclass
class Office:
    """A workspace with a person of every role, each with a sign-in and an API key of all their rights."""

    slug: str
    team: UUID = field(default_factory=uuid4)
    people: dict[RoleName, UUID] = field(default_factory=dict)
    keys: dict[RoleName, str] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        return workspace_id(self.slug)


@dataclass
class Server:
    """A running API."""

    url: str
    database_url: str
    acme: Office
    other: Office

    def client(self, key: str | None = None, **more: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=30, **more)

    def acting(self, role: RoleName = RoleName.ADMIN, *, other: bool = False) -> httpx.Client:
        """A client with the API key of that role."""
        return self.client((self.other if other else self.acme).keys[role])


def settings(database_url: str) -> Settings:
    """Settings for the database of a test."""
    return Settings(_env_file=None, DATABASE_URL=database_url, log_level="error").model_copy(
        update={"master_key": SecretStr(MASTER_KEY)}
    )


@contextmanager
def serving(database_url: str, **limits: Any) -> Iterator[str]:
    """The address of an API over the database."""
    app = create_app(settings(database_url), ApiSettings(**{**UNLIMITED, **limits}))
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=Protocol, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started or not thread.is_alive())
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


async def furnish(desk: Desk, office: Office) -> None:
    """Create the workspace with its team and people."""

    def context() -> dict[str, Any]:
        return {"workspace_id": office.id, "by": SYSTEM, "at": datetime.now(UTC), "command_id": uuid4()}

    await desk.execute(CreateWorkspace(slug=office.slug, title=office.slug.title(), **context()))
    await desk.execute(AddTeam(team_id=office.team, title="Support", **context()))
    for role in STAFF_ROLES:
        office.people[role] = uuid4()
        person = {"person_id": office.people[role], "person_name": f"Some {role}", "role": role}
        await desk.execute(AddPerson(**person, **context()))


def prepared(database_url: str) -> tuple[Office, Office]:
    """Two furnished workspaces."""
    offices = Office("acme"), Office("other")

    async def both() -> None:
        async with Desk(database_url, Keyring(settings(database_url).master_key_bytes())) as desk:
            for office in offices:
                await furnish(desk, office)

    asyncio.run(both())
    for office in offices:
        for role, person in office.people.items():
            office.keys[role] = create_api_key(database_url, office.id, person, "tests", ["admin"])
        create_login(database_url, office.id, office.people[RoleName.AGENT], "ann", PASSWORD)
    return offices


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hashes that cost next to nothing, of the same kind; what they cost outside of tests is held by test_secrets."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "_hasher", quick)
        patch.setattr(secrets, "_NOBODY", quick.hash("nobody's"))
        yield


@pytest.fixture(scope="session")
def furnished(cluster: Cluster) -> tuple[Office, Office]:
    """The offices of the template that the databases of these tests are copies of."""
    create_database(cluster, FURNISHED)
    offices = prepared(cluster.url(FURNISHED))
    create_database(cluster, FOLLOWED, FURNISHED)
    url = cluster.url(FOLLOWED)
    with closing(working(url)) as db:
        for model in READ_MODELS:
            catch_up(url, Keyring(settings(url).master_key_bytes()), model, db)
    return offices


@pytest.fixture
def offices(furnished: tuple[Office, Office]) -> tuple[Office, Office]:
    """The two furnished workspaces of this test's database."""
    return deepcopy(furnished)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, cluster: Cluster, furnished: tuple[Office, Office]) -> Iterator[str]:
    """A fresh database with two furnished workspaces; to copy one takes a tenth of the time of furnishing it."""
    with scratch(cluster, FOLLOWED if "followed" in request.fixturenames else FURNISHED) as url:
        yield url


@pytest.fixture
def server(database_url: str, offices: tuple[Office, Office]) -> Iterator[Server]:
    """An API without rate limits."""
    with serving(database_url) as url:
        yield Server(url, database_url, *offices)


@pytest.fixture(scope="module")
def shared_server(cluster: Cluster, furnished: tuple[Office, Office]) -> Iterator[Server]:
    """The same for all tests of a module, where what one leaves behind is nothing to the others."""
    with scratch(cluster, FURNISHED) as database_url, serving(database_url) as url:
        yield Server(url, database_url, *deepcopy(furnished))


@pytest.fixture
def admin(server: Server) -> Iterator[httpx.Client]:
    """An admin of the first workspace."""
    with server.acting() as client:
        yield client


@pytest.fixture
def opened(admin: httpx.Client) -> Callable[..., str]:
    """Opens a ticket and gives its number."""

    def open_ticket(**fields: Any) -> str:
        answer = admin.post("/tickets", json={"title": "打印机坏了", **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["number"])

    return open_ticket


@pytest.fixture
def followed(server: Server) -> Iterator[Server]:
    """The server, with its read models kept up to date."""
    with following(server):
        yield server


@contextmanager
def following(server: Server) -> Iterator[None]:
    """Keep the read models of a server up to date."""
    stop = threading.Event()
    keyring = Keyring(settings(server.database_url).master_key_bytes())
    with newest.following(server.database_url, stop) as log:
        runners = [Runner(server.database_url, keyring, model, stop, log) for model in READ_MODELS]
        threads = [threading.Thread(target=runner.run, daemon=True) for runner in runners]
        for thread in threads:
            thread.start()
        with server.acting() as client:
            wait_until(lambda: all(client.get(path).status_code == 200 for path in ("/tickets", "/health/ready")))
        yield
        stop.set()
        for thread in threads:
            thread.join(20)
