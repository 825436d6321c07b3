"""The embedded database of a data folder, shared by every command that uses it and stopped by the last."""

import fcntl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cli.cluster import Cluster
from eventstore.settings import Settings

RECOVERING = "PostgreSQL is recovering from an unclean stop; this may take a while."


def cluster_of(data: Path) -> Cluster:
    """The PostgreSQL server that belongs to a data folder."""
    return Cluster(data / "postgres")


@contextmanager
def embedded_database(data: Path, say: Callable[[str], None] | None = None) -> Iterator[str]:
    """Address of the folder's database, started if nobody runs it, stopped when its last user leaves."""
    cluster = cluster_of(data)
    # Locks, not lists of process ids: the kernel drops a killed user's lock, so nobody counts the dead.
    with (data / "postgres.users").open("a") as users:
        try:
            with starting_or_stopping(data):
                fcntl.flock(users, fcntl.LOCK_SH)
                cluster.start(lambda: (say or _say)(RECOVERING))
            yield cluster.url()
        finally:
            with starting_or_stopping(data):
                if _is_last(users):
                    cluster.stop()


@contextmanager
def starting_or_stopping(data: Path) -> Iterator[None]:
    """One process at a time starts or stops the server of a data folder."""
    with (data / "postgres.gate").open("a") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield


@contextmanager
def database_of(settings: Settings) -> Iterator[Settings]:
    """Settings whose database is there to be used: the one named, or the embedded one for as long as this lasts."""
    if not settings.embedded:
        yield settings
        return
    data = settings.writable_data()
    settings.master_key_bytes()
    key_file = settings.master_key_file or data / "master.key"
    with embedded_database(data) as url:
        yield settings.model_copy(update={"database_url": url, "master_key_file": key_file})


def _is_last(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
