"""`ledgerdesk api` and `ledgerdesk worker`: the processes that do the work, for `up` and for containers."""

import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import typer

from api.settings import ApiSettings
from cli.embedded import database_of
from cli.supervisor import Child, Supervisor, die_with_supervisor
from domain.errors import LedgerdeskError
from eventstore.settings import Settings

BACKLOG = 2048
FD = typer.Option(None, "--fd", hidden=True, help="Serve the listening socket that the supervisor opened.")


class PortTaken(LedgerdeskError):
    """Another program listens where the API should, or it cannot listen there at all."""

    code = "port_taken"
    sentence = (
        "{host}:{port} cannot be listened on ({reason}). Stop the other program, or set LEDGERDESK_PORT to a free port "
        "and LEDGERDESK_HOST to an address of this machine."
    )
    misuse = True


def api(fd: int | None = FD) -> None:
    """Serve the HTTP API alone; `up` starts it together with everything else.

    Example: DATABASE_URL=postgresql://ledgerdesk@db/ledgerdesk ledgerdesk api
    """
    if fd is not None:
        _serve(fd)
        return
    settings = Settings.load()
    with listening(settings) as sockets, database_of(settings) as ready:
        Supervisor(api_children(sockets), environment(ready), tend=lambda: None).run()


def worker() -> None:
    """Run projections and processors alone; `up` starts them together with everything else.

    Example: DATABASE_URL=postgresql://ledgerdesk@db/ledgerdesk ledgerdesk worker
    """
    from cli.worker import run

    die_with_supervisor()
    with database_of(Settings.load()) as settings:
        run(settings)


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
    return [
        Child(f"api-{n}", command("api", "--fd", str(sock.fileno())), (sock.fileno(),))
        for n, sock in enumerate(sockets, 1)
    ]


def command(*arguments: str) -> Sequence[str]:
    """The argument list that runs this same program again."""
    return [sys.executable, "-m", "cli", *arguments]


def environment(settings: Settings) -> Mapping[str, str]:
    """What children need to find the same database and key."""
    found = {"DATABASE_URL": str(settings.database_url)}
    if settings.master_key_file is not None:
        found["LEDGERDESK_MASTER_KEY_FILE"] = str(settings.master_key_file)
    return found


def _serve(fd: int) -> None:
    import uvicorn

    from api.wire import Protocol

    die_with_supervisor()
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
    server.run(sockets=[socket.socket(fileno=fd)])
    if not server.started:
        sys.exit(1)
