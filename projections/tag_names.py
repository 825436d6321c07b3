"""Tags under their present names (B4): a renamed or merged tag is another one on every ticket that had it."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.event import Event, Recorded
from domain.setup.tags import TagMerged, TagRenamed, TagSet
from domain.ticket import events as e
from domain.ticket.row import Row
from domain.ticket.undoing import TicketUndone
from projections.bulk import upsert

EVENTS = (TagSet, TagRenamed, TagMerged)
TABLES = """
    CREATE TABLE tag_names (
        workspace_id uuid NOT NULL, former text NOT NULL, name text NOT NULL, PRIMARY KEY (workspace_id, former)
    )"""
COMMENTS = {
    "tag_names": "Names that tags had before they were renamed or merged.",
    "tag_names.workspace_id": "The desk.",
    "tag_names.former": "The name that was given up.",
    "tag_names.name": "What it is now.",
}
Change = tuple[UUID, str, str, int]


class TagNames:
    """The former names of some workspaces' tags, brought forward event by event."""

    def __init__(self, db: Cursor[Any], workspaces: set[UUID]) -> None:
        found = db.execute(
            "SELECT workspace_id, former, name FROM tag_names WHERE workspace_id = ANY(%s)", [list(workspaces)]
        )
        self._names: dict[UUID, dict[str, str]] = {}
        for workspace, former, name in found:
            self._names.setdefault(workspace, {})[former] = name
        self._touched: set[UUID] = set()
        # What the page renames: workspace, former name, new name, position.
        self.renamed: list[Change] = []

    def take(self, recorded: Recorded[Event], rows: Iterable[Row]) -> None:
        """Give tags other names from here on, on these rows too."""
        workspace, event = recorded.metadata.workspace_id, recorded.event
        names = self._names.setdefault(workspace, {})
        self._touched.add(workspace)
        if isinstance(event, TagSet):
            # A name that was given up is a tag of its own again.
            names.pop(event.tag, None)
        if not isinstance(event, TagRenamed | TagMerged):
            return
        name = event.to if isinstance(event, TagRenamed) else event.into
        names.pop(name, None)
        names.update({former: name for former, now in names.items() if now == event.tag}, **{event.tag: name})
        self.renamed.append((workspace, event.tag, name, recorded.position))
        for row in rows:
            if row.workspace_id == workspace and row.position < recorded.position:
                rename(row, event.tag, name)

    def present(self, recorded: Recorded[Event]) -> Recorded[Event]:
        """The event with tags as they are called now."""
        names, event = self._names.get(recorded.metadata.workspace_id), recorded.event
        if not names:
            return recorded
        if isinstance(event, e.TicketTagged | e.TicketUntagged):
            return recorded._replace(event=event.model_copy(update={"tag": names.get(event.tag, event.tag)}))
        if isinstance(event, e.TicketOpened):
            tags = tuple(dict.fromkeys(names.get(tag, tag) for tag in event.tags))
            return recorded._replace(event=event.model_copy(update={"tags": tags}))
        if isinstance(event, TicketUndone) and "tags" in event.restored:
            back = sorted({names.get(tag, tag) for tag in event.restored["tags"]})
            return recorded._replace(event=event.model_copy(update={"restored": event.restored | {"tags": back}}))
        return recorded

    def write(self, db: Cursor[Any]) -> None:
        """Keep the names for the next page; a page that named none changes nothing."""
        if not self._touched:
            return
        db.execute("DELETE FROM tag_names WHERE workspace_id = ANY(%s)", [list(self._touched)])
        rows = [(workspace, *pair) for workspace in self._touched for pair in self._names[workspace].items()]
        upsert(db, "tag_names", ("workspace_id", "former", "name"), rows, "(workspace_id, former) DO NOTHING")


def rename(row: Row, former: str, name: str) -> None:
    """Give the row's tag its other name; one that it had already stays once."""
    row.tags = list(dict.fromkeys(name if tag == former else tag for tag in row.tags))
