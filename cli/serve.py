"""`ledgerdesk api` and `ledgerdesk worker`: the processes that do the work, for `up` and for containers."""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from api.settings import ApiSettings
from cli.embedded import database_of
from cli.failures import guarded
from cli.supervisor import Child, Supervisor
from domain.errors import LedgerdeskError
from eventstore.settings import Settings

BACKLOG = 2048
# What people wait for goes before what follows it, when there is not enough for both.
WORKER_GIVES_WAY = 7


class PortTaken(LedgerdeskError):
    """Another program listens where the API should, or it cannot listen there at all."""

    code = "port_taken"
    sentence = (
        "{host}:{port} cannot be listened on ({reason}). Stop the other program, or set LEDGERDESK_PORT to a free port "
        "and LEDGERDESK_HOST to an address of this machine."
    )
    misuse = True


def api() -> None:
    """Serve the HTTP API alone; `up` starts it together with everything else.

    Example: DATABASE_URL=postgresql://ledgerdesk@db/ledgerdesk ledgerdesk api
    """
    settings = Settings.load()
    with listening(settings) as sockets, database_of(settings) as ready:
        Supervisor(api_children(sockets), environment(ready), lambda: None, preload_api).run()


class Source(StrEnum):
    """Where a worker hears of events."""

    LOG = "log"
    KAFKA = "kafka"


def worker(
    source: Annotated[
        Source,
        typer.Option(
            help="kafka: share with other workers, by partitions, those read models and processes that can be; of the others "
            "each still has one owner, who reads the log."
        ),
    ] = Source.LOG,
) -> None:
    """Run projections and processors alone; `up` starts them together with everything else.

    All workers of a desk have the same source. It may be changed at any time: each goes on where it was.

    Example: DATABASE_URL=postgresql://ledgerdesk@db/ledgerdesk ledgerdesk worker
    """
    from cli.worker import run

    with database_of(Settings.load()) as settings:
        run(settings, shared=source is Source.KAFKA)


def preload_api() -> None:
    """Import what API processes need."""
    import api.app
    import api.wire  # noqa: F401


def preload() -> None:
    """Import what API processes and workers need."""
    import cli.worker  # noqa: F401

    preload_api()


@contextmanager
def listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """A listening socket for each API process; a wrong setting of the API or PortTaken before anything is started.

    On one socket for all, whoever wakes first takes a whole burst of connections and the others idle: the kernel shares
    them out. A process that dies finds those that waited for it, since its socket stays open here.
    """
    ApiSettings.load()
    with ExitStack() as opened:
        try:
            # Alone at first: with its port shared, another program's would not be noticed.
            _listen(settings, shared=False).close()
            sockets = [opened.enter_context(_listen(settings, shared=True)) for _ in range(settings.api_workers)]
        except OSError as error:
            raise PortTaken(host=settings.host, port=settings.port, reason=_why(error)) from None
        yield sockets


def _listen(settings: Settings, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG, reuse_port=shared)


def _why(error: OSError) -> str:
    # The resolver's numbers are negative, and mean nothing to strerror.
    number = error.errno or 0
    return os.strerror(number) if number > 0 else "no such host"


def api_children(sockets: Sequence[socket.socket]) -> list[Child]:
    """One process for each socket."""
    return [Child(f"api-{n}", said(partial(_serve, sock))) for n, sock in enumerate(sockets, 1)]


def worker_child() -> Child:
    """The process that follows the log."""
    return Child("worker", said(worker), WORKER_GIVES_WAY)


def said(run: Callable[[], None]) -> Callable[[], None]:
    """The same, its failures told as the command line tells them."""
    return partial(guarded, run)


def environment(settings: Settings) -> Mapping[str, str]:
    """What children need to find the same database and key."""
    found = {"DATABASE_URL": str(settings.database_url)}
    if settings.master_key_file is not None:
        found["LEDGERDESK_MASTER_KEY_FILE"] = str(settings.master_key_file)
    return found


def _serve(listening_on: socket.socket) -> None:
    import uvicorn

    from api.wire import Protocol

    config = uvicorn.Config(
        "api.app:create_app",
        factory=True,
        loop="uvloop",
        http=Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[listening_on])
    if not server.started:
        sys.exit(1)
