"""Taking away files that no ticket names: uploads never attached, files taken off, files of erased tickets."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from eventstore.files.store import FileStore

# Longer than an upload can be attached, by a day for clocks that differ.
SPARED = timedelta(days=2)

# One pass over the log into a table of its own, with which pages of any size are then compared. Whatever names a hash
# counts, not only the events known today: to keep a file too long can be mended. A ticket without a row for its key is
# a damaged desk, not an erased ticket.
_NAMED = """
    CREATE TEMPORARY TABLE named_files AS
    WITH named AS MATERIALIZED (
        SELECT e.workspace_id, e.originator_id, e.topic, file ->> 'sha256' AS sha256, file ->> 'attachment_id' AS attachment_id
        FROM log.stored_events e, jsonb_path_query(convert_from(e.state, 'UTF8')::jsonb -> 'data', '$.** ? (exists (@.sha256))') file
        WHERE e.topic LIKE 'ticket.%' AND position('"sha256":'::bytea IN e.state) > 0
    )
    SELECT DISTINCT n.workspace_id, n.sha256 FROM named n
    WHERE NOT EXISTS (SELECT FROM named r WHERE r.topic = 'ticket.attachment_removed'
            AND r.originator_id = n.originator_id AND r.attachment_id = n.attachment_id)
        AND NOT EXISTS (SELECT FROM vault.keys k WHERE k.workspace_id = n.workspace_id
            AND k.subject_id = n.originator_id AND k.destroyed_at IS NOT NULL)
"""
_UNNAMED = """
    SELECT sha256 FROM unnest(%s::text[]) AS kept (sha256)
    WHERE NOT EXISTS (SELECT FROM named_files n WHERE n.workspace_id = %s AND n.sha256 = kept.sha256)
"""


class Swept(NamedTuple):
    """How many files there are, and how many of them were taken away."""

    kept: int = 0
    removed: int = 0

    def __add__(self, other: "Swept") -> "Swept":  # type: ignore[override]
        """Both together."""
        return Swept(self.kept + other.kept, self.removed + other.removed)


def remember_named(db: Cursor[Any]) -> None:
    """Gather which files the log names, for as long as the session lasts; needs the rights of the worker."""
    db.execute("DROP TABLE IF EXISTS pg_temp.named_files")
    db.execute(_NAMED.encode())
    db.execute("CREATE INDEX ON named_files (workspace_id, sha256)")
    db.execute("ANALYZE named_files")


async def sweep(db: Cursor[Any], store: FileStore, workspace: UUID, now: datetime, *, dry_run: bool = False) -> Swept:
    """Remove a workspace's files that are on no ticket, after `remember_named`; doing it again changes nothing."""
    found = Swept()
    async for page in store.listing(workspace):
        # A younger one may be an upload that is about to be attached.
        old = [kept.sha256 for kept in page if kept.since < now - SPARED]
        unnamed = [row[0] for row in db.execute(_UNNAMED, [old, workspace])]
        for sha256 in () if dry_run else unnamed:
            await store.delete(workspace, sha256)
        found += Swept(len(page) - len(unnamed), len(unnamed))
    return found
