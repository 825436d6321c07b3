"""Changing the master key: every content key is put under the new one, page by page, while the desk runs."""

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from psycopg import Connection

from eventstore.arrays import Bytes, Uuids
from eventstore.database import Role, connect
from eventstore.keyring import Keyring, WrappedKey, WrongMasterKey

PAGE = 1000

_OLD = "FROM vault.keys WHERE wrapped IS NOT NULL AND master_id <> %(master)s"
_SELECT_PAGE = f"""
    SELECT workspace_id, subject_id, master_id, wrapped {_OLD} AND (workspace_id, subject_id) > (%(workspace)s, %(subject)s)
    ORDER BY workspace_id, subject_id LIMIT %(limit)s
"""
_REWRAP = "SELECT vault.rewrap(%b, %b, %b, %b, %b)"
_SELECT_FOREIGN = "SELECT master_id FROM vault.keys WHERE wrapped IS NOT NULL AND master_id <> ALL (%s) LIMIT 1"
_FIRST = UUID(int=0)

Progress = Callable[[int], object]


def check_master_key(url: str, keyring: Keyring) -> None:
    """WrongMasterKey where the database holds a key that the keyring cannot unwrap; call it at start."""
    with connect(url, Role.WORKER, "ledgerdesk-master-key") as db:
        row = db.execute(_SELECT_FOREIGN, [keyring.master_ids]).fetchone()
    if row:
        raise WrongMasterKey(master=row[0])


def left_to_rotate(url: str, keyring: Keyring) -> int:
    """How many keys are not yet under the present master key."""
    with connect(url, Role.WORKER, "ledgerdesk-master-key") as db:
        row = db.execute(f"SELECT count(*) {_OLD}".encode(), {"master": keyring.master_id}).fetchone()
    return int(row[0]) if row else 0


def rotate(url: str, keyring: Keyring, progress: Progress = lambda _: None, page: int = PAGE) -> int:
    """Put every key under the present master key; how many. Stopped anywhere, it goes on from there when run again."""
    done = 0
    with connect(url, Role.WORKER, "ledgerdesk-master-key") as db:
        # Again until nothing is found: a process that still wraps with the old key may have added some behind us.
        while passed := sum(_rewrapped(db, keyring, rows, progress) for rows in _pages(db, keyring, page)):
            done += passed
    return done


def _pages(db: Connection[Any], keyring: Keyring, page: int) -> Iterator[list[WrappedKey]]:
    place = {"workspace": _FIRST, "subject": _FIRST, "master": keyring.master_id, "limit": page}
    while rows := [WrappedKey(*row) for row in db.execute(_SELECT_PAGE.encode(), place)]:
        yield rows
        place |= {"workspace": rows[-1].workspace_id, "subject": rows[-1].subject_id}


def _rewrapped(db: Connection[Any], keyring: Keyring, rows: list[WrappedKey], progress: Progress) -> int:
    changed = 0
    for master, same in groupby(sorted(rows, key=attrgetter("master_id")), attrgetter("master_id")):
        keys = [keyring.rewrap(row) for row in same]
        columns = (
            Uuids([key.workspace_id for key in keys]),
            Uuids([key.subject_id for key in keys]),
            master,
            keyring.master_id,
            Bytes([key.wrapped for key in keys]),
        )
        changed += sum(row[0] for row in db.execute(_REWRAP, columns))
    progress(changed)
    return changed
