"""`ledgerdesk up`: the whole service on one machine, under one supervisor."""

import fcntl
import http.client
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cli.broker.child import broker_child, own_broker
from cli.embedded import cluster_of, database_of, starting_or_stopping
from cli.opening import keyring_of
from cli.serve import api_children, environment, listening, preload, worker_child
from cli.supervisor import Supervisor, say
from domain.errors import LedgerdeskError
from eventstore import migrate
from eventstore.database import wait_until_ready
from eventstore.rotation import check_master_key
from eventstore.settings import Settings

READY = "/api/v1/health/ready"
IMPATIENT_AFTER = 60.0


class AlreadyUp(LedgerdeskError):
    """Another supervisor works on the same folder."""

    code = "already_up"
    sentence = (
        "Ledgerdesk is already up on {folder}. Stop the other one first, or name another folder with LEDGERDESK_DATA."
    )
    misuse = True


def up(
    kafka: Annotated[
        bool, typer.Option("--kafka", help="With a Kafka broker of its own; needs Java and Maven.")
    ] = False,
) -> None:
    """Start everything: database, demo desk, API and workers. Ctrl-C stops it; the data stays.

    Example: LEDGERDESK_DATA=~/desk LEDGERDESK_PORT=8081 ledgerdesk up
    """
    wanted = Settings.load()
    with only_supervisor(wanted), listening(wanted) as sockets, database_of(wanted) as settings:
        lines = prepare(settings)
        keep, announce = database_keeper(wanted), announcer(settings, lines)
        children = [*api_children(sockets), worker_child()]
        broker = own_broker(wanted) if kafka else None
        if broker is not None:
            children.insert(0, broker_child(broker))
            lines.append(f"Kafka: {broker.servers}")

        def tend() -> None:
            keep()
            announce()

        brokers = {"KAFKA_BOOTSTRAP_SERVERS": broker.servers} if broker is not None else {}
        Supervisor(children, {**environment(settings), **brokers}, tend, preload).run()
        say("Stopping.")
    say("Ledgerdesk has stopped.")


def prepare(settings: Settings) -> list[str]:
    """Migrations and the demo desk; returns the lines that tell how to sign in."""
    url = str(settings.database_url)
    keyring = keyring_of(settings)
    wait_until_ready(url)
    migrate.migrate(url)
    check_master_key(url, keyring)
    if not settings.demo:
        return []
    from cli.demo import seed

    return list(seed(settings))


@contextmanager
def only_supervisor(settings: Settings) -> Iterator[None]:
    """Hold the data folder; AlreadyUp when another supervisor does."""
    if not settings.embedded:
        yield
        return
    with (settings.writable_data() / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyUp(folder=settings.data) from None
        yield


def database_keeper(settings: Settings) -> Callable[[], None]:
    """What starts the embedded database again when it has died; does nothing for one of your own."""
    if not settings.embedded:
        return lambda: None
    cluster = cluster_of(settings.data)
    not_before = 0.0

    def keep() -> None:
        nonlocal not_before
        if cluster.pid is not None or time.monotonic() < not_before:
            return
        say("PostgreSQL ended; starting it again")
        try:
            with starting_or_stopping(settings.data):
                cluster.start()
        except LedgerdeskError as error:
            say(str(error))
            not_before = time.monotonic() + 5.0

    return keep


def announcer(settings: Settings, lines: Iterable[str]) -> Callable[[], None]:
    """What says, once, where the service is when it answers."""
    began, announced = time.monotonic(), False

    def announce() -> None:
        nonlocal began, announced
        if announced:
            return
        if announced := is_ready(settings):
            base = f"http://{shown_host(settings)}:{settings.port}"
            for line in (
                f"Ledgerdesk is ready: {base}",
                f"API description: {base}/api/v1/docs",
                *lines,
                "Ctrl-C stops it.",
            ):
                print(line, flush=True)
        elif time.monotonic() - began > IMPATIENT_AFTER:
            say("Still not ready after a minute; the messages above may say why.")
            began = time.monotonic()

    return announce


def is_ready(settings: Settings) -> bool:
    """Whether the API says that it can serve."""
    connection = http.client.HTTPConnection(shown_host(settings).strip("[]"), settings.port, timeout=1)
    try:
        connection.request("GET", READY)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def shown_host(settings: Settings) -> str:
    """A host that a browser on this machine can open."""
    if settings.host in {"0.0.0.0", "::"}:  # noqa: S104 - compared with, not bound
        return socket.gethostbyname("localhost")
    return f"[{settings.host}]" if ":" in settings.host else settings.host
