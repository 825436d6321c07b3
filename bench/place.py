"""Where a measurement runs: a scratch database on the server of DATABASE_URL, or on a throw-away one (fsync on)."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from cli.cluster import Cluster
from eventstore.migrate import migrate


@contextmanager
def server() -> Iterator[str]:
    """Address of a server to measure on."""
    if named := os.environ.get("DATABASE_URL"):
        yield named
        return
    folder = Path(tempfile.mkdtemp(prefix="ledgerdesk-bench-"))
    folder.chmod(0o711)
    cluster = Cluster(folder / "postgres")
    try:
        cluster.start()
        yield cluster.url()
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def scratch(url: str, *, migrated: bool = True) -> Iterator[str]:
    """A fresh database on the server, dropped afterwards; nobody's data is touched."""
    name = f"ledgerdesk_bench_{uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            address = _named(url, name)
            if migrated:
                migrate(address)
            yield address
        finally:
            # Not WITH (FORCE): we may not end an autovacuum worker, which the plain form waits for.
            db.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def _named(url: str, database: str) -> str:
    if url.startswith(("postgresql:///", "postgres:///")):
        return f"postgresql:///{database}?{url.partition('?')[2]}"
    return make_conninfo(url, dbname=database)


def server_facts(url: str) -> dict[str, str]:
    """Version and durability of the server, to print beside a figure."""
    with psycopg.connect(url) as db:
        names = ("server_version", "fsync", "synchronous_commit", "shared_buffers")
        return {name: str((db.execute(f"SHOW {name}").fetchone() or ("?",))[0]) for name in names}
