"""Facets: what a ticket can be found by exactly, inverted, and how many tickets have each, kept as they change.

A GIN index over hashes answers any combination of them; the hash has the workspace in it, so one desk's are its own.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from domain.conditions.folding import fold
from domain.ticket.row import Row
from projections.bulk import array, upsert

Facet = tuple[str, str]
# Custom values that name an option, a person or a yes: free text would make a facet of every sentence.
_OPTION = re.compile(r"[\w-]{1,60}")
BRANCH = "\x1f"
SINGLE = ("status", "kind", "priority", "type", "source", "assignee_role", "parent", "workflow", "node", "shelf")


class Tally(NamedTuple):
    """How many tickets have a facet: all, those in the usual lists, and of these the unfinished."""

    tickets: int
    listed: int
    open: int


def facets(row: Row) -> Iterator[Facet]:
    """What the ticket can be found by."""
    for name in SINGLE:
        if (value := getattr(row, name)) is not None:
            yield name, value
    yield "assignee_person", str(row.assignee_person or "")
    yield "assignee_team", str(row.assignee_team or "")
    if row.requester_id is not None:
        yield "requester_id", str(row.requester_id)
    for depth in range(1, len(row.category) + 1):
        yield "category", BRANCH.join(row.category[:depth])
    yield from (("tags", tag) for tag in row.tags)
    yield from (("candidates", str(person)) for person in row.candidates)
    yield from (("followers", str(person)) for person in row.followers)
    yield from (("involved", str(person)) for person in row.involved)
    if row.pinned:
        yield "pinned", "true"
    yield from custom(row.fields or {})


def custom(fields: Mapping[str, Any]) -> Iterator[Facet]:
    """The facets of custom fields; those of a list's members have names of their own."""
    for name, value in fields.items():
        if isinstance(value, list):
            yield from ((f"each.{name}", plain(each)) for each in value if _found_by(each))
        elif _found_by(value):
            yield f"fields.{name}", plain(value)


def plain(value: bool | str) -> str:
    """A custom value as facets have it: texts are compared folded, and a yes is no text."""
    return f"{BRANCH}{value}" if isinstance(value, bool) else fold(value)


def _found_by(value: Any) -> bool:
    return isinstance(value, bool) or is_option(value)


def is_option(value: Any) -> bool:
    """Whether the custom text is found by exactly."""
    return isinstance(value, str) and _OPTION.fullmatch(fold(value)) is not None


def counted(row: Row) -> Iterator[Facet]:
    """What is only counted: what views and cards show of a ticket."""
    yield "all", ""
    if row.assignee_person is not None:
        yield "load", f"{row.assignee_person} {row.priority}"
    elif row.candidates:
        yield from (("claimable", str(person)) for person in row.candidates)
    elif row.assignee_role is not None:
        # A role within a team, or whoever has the role.
        yield "claimable", f"{row.assignee_team or ''} {row.assignee_role}"
    elif row.assignee_team is not None:
        yield "claimable", str(row.assignee_team)
    else:
        yield "claimable", ""
    if row.due_at is not None:
        yield "due_hour", row.due_at.astimezone(UTC).isoformat()[:13]
    if row.pinned:
        yield "pinned", ""
    if row.rating is not None and row.requester_id is not None:
        yield "rated", f"{row.requester_id} {row.rating}"


class Seen(NamedTuple):
    """A row's facets and counts, as they were before a page or are after it."""

    workspace: UUID
    found_by: frozenset[Facet]
    counted: frozenset[Facet]
    listed: bool
    open: bool
    cube: tuple[str, ...]


def seen(row: Row) -> Seen:
    """The row as indexes and counts see it."""
    listed, found_by = row.shelf == "desk", frozenset(facets(row))
    team, assigned = str(row.assignee_team or ""), "" if row.assignee_person is None else "somebody"
    cube = (row.shelf, row.status, row.kind, row.priority, row.type or "", row.source, team, assigned)
    return Seen(row.workspace_id, found_by, found_by | set(counted(row)), listed, listed and not row.finished, cube)


@lru_cache(maxsize=65_536)
def hashed(workspace: UUID, facet: str, value: str) -> int:
    """The facet as the index has it. A collision costs time and never a wrong row: conditions are checked as well."""
    digest = blake2b(f"{facet}\0{value}".encode(), digest_size=8, key=workspace.bytes).digest()
    return int.from_bytes(digest, signed=True)


TABLES = """
    CREATE TABLE ticket_facets (
        workspace_id uuid NOT NULL, ticket_id uuid PRIMARY KEY, facets bigint[] NOT NULL
    ) WITH (fillfactor = 90);
    CREATE TABLE facet_counts (
        workspace_id uuid NOT NULL, facet text COLLATE "C" NOT NULL, value text COLLATE "C" NOT NULL,
        tickets int NOT NULL, listed int NOT NULL, open int NOT NULL,
        PRIMARY KEY (workspace_id, facet, value)
    ) WITH (fillfactor = 70);
    CREATE TABLE ticket_cube (
        workspace_id uuid NOT NULL, shelf text NOT NULL, status text NOT NULL, kind text NOT NULL,
        priority text NOT NULL, type text NOT NULL, source text NOT NULL, assignee_team text NOT NULL,
        assigned text NOT NULL, tickets int NOT NULL,
        PRIMARY KEY (workspace_id, shelf, status, kind, priority, type, source, assignee_team, assigned)
    ) WITH (fillfactor = 70)"""
INDEXES = "CREATE INDEX IF NOT EXISTS by_facet ON ticket_facets USING gin (facets)"
COMMENTS = {
    "ticket_facets": "What each ticket can be found by exactly, for quick answers to combined filters.",
    "ticket_facets.workspace_id": "The desk that it belongs to.",
    "ticket_facets.ticket_id": "The ticket.",
    "ticket_facets.facets": "Hashes of (workspace, facet, value); unreadable, for the index alone.",
    "facet_counts": "How many tickets have a value, kept as they change.",
    "facet_counts.workspace_id": "The desk.",
    "facet_counts.facet": "What: status, tags, assignee_person, fields.KEY, ...",
    "facet_counts.value": "Its value; empty for none.",
    "facet_counts.tickets": "All tickets that have it.",
    "facet_counts.listed": "Those that the usual lists show.",
    "facet_counts.open": "Those of them that are unfinished.",
    "ticket_cube": "How many tickets there are of each combination of these, kept as they change.",
    "ticket_cube.workspace_id": "The desk.",
    "ticket_cube.shelf": "desk, or why lists leave them out: archived, snoozed, spam, merged, withdrawn.",
    "ticket_cube.status": "Key of the status.",
    "ticket_cube.kind": "What the status means.",
    "ticket_cube.priority": "low, normal, high or urgent.",
    "ticket_cube.type": "Key of the type; empty for none.",
    "ticket_cube.source": "The channel that they came from.",
    "ticket_cube.assignee_team": "The team responsible; empty for none.",
    "ticket_cube.assigned": "somebody, or empty where nobody has them.",
    "ticket_cube.tickets": "How many.",
}
_COUNTS = ("workspace_id", "facet", "value", "tickets", "listed", "open")
_CUBE = (
    "workspace_id",
    "shelf",
    "status",
    "kind",
    "priority",
    "type",
    "source",
    "assignee_team",
    "assigned",
    "tickets",
)
_ADD_COUNTS = """(workspace_id, facet, value) DO UPDATE SET tickets = facet_counts.tickets + excluded.tickets,
    listed = facet_counts.listed + excluded.listed, open = facet_counts.open + excluded.open"""
_ADD_CUBE = """(workspace_id, shelf, status, kind, priority, type, source, assignee_team, assigned)
    DO UPDATE SET tickets = ticket_cube.tickets + excluded.tickets"""
_NEW_FACETS = "(ticket_id) DO UPDATE SET facets = excluded.facets"
_DROP_EMPTY = """
    DELETE FROM facet_counts c USING unnest(%s::uuid[], %s::text[], %s::text[]) AS gone (workspace_id, facet, value)
    WHERE c.workspace_id = gone.workspace_id AND c.facet = gone.facet AND c.value = gone.value AND c.tickets = 0"""
_DROP_EMPTY_CUBE = "DELETE FROM ticket_cube WHERE workspace_id = ANY(%s) AND tickets = 0"


def keep(db: Cursor[Any], before: Mapping[UUID, Seen], after: Mapping[UUID, Seen]) -> None:
    """Bring indexes and counts from before a page to after it; tickets that are only in `before` are gone."""
    changed = {ticket: now for ticket, now in after.items() if before.get(ticket) != now}
    upsert(
        db,
        "ticket_facets",
        ("workspace_id", "ticket_id", "facets"),
        [
            (now.workspace, ticket, array(sorted({hashed(now.workspace, *facet) for facet in now.found_by})))
            for ticket, now in changed.items()
            if ticket not in before or before[ticket].found_by != now.found_by
        ],
        _NEW_FACETS,
    )
    gone = before.keys() - after.keys()
    if gone:
        db.execute("DELETE FROM ticket_facets WHERE ticket_id = ANY(%s)", [list(gone)])
    was = [before[ticket] for ticket in (*changed, *gone) if ticket in before]
    _count(db, was, changed.values())


def _count(db: Cursor[Any], was: Iterable[Seen], now: Iterable[Seen]) -> None:
    counts: dict[UUID, dict[Facet, list[int]]] = {}
    cube = Counter[tuple[Any, ...]]()
    for sign, rows in ((-1, was), (1, now)):
        for row in rows:
            cube[row.workspace, *row.cube] += sign
            _add(counts.setdefault(row.workspace, {}), row, sign)
    moved = [(workspace, *facet, *delta) for workspace, kept in counts.items() for facet, delta in kept.items()]
    _add_to_counts(db, [row for row in moved if any(row[3:])])
    _add_to_cube(db, [(*key, delta) for key, delta in cube.items() if delta])


def _add(kept: dict[Facet, list[int]], row: Seen, sign: int) -> None:
    # Once for every facet of every ticket: what a rebuild spends most of its time on.
    listed, unfinished = sign * row.listed, sign * row.open
    for facet in row.counted:
        delta = kept.get(facet)
        if delta is None:
            kept[facet] = [sign, listed, unfinished]
        else:
            delta[0] += sign
            delta[1] += listed
            delta[2] += unfinished


def _add_to_counts(db: Cursor[Any], moved: Sequence[tuple[Any, ...]]) -> None:
    upsert(db, "facet_counts", _COUNTS, moved, _ADD_COUNTS)
    if fewer := [row[:3] for row in moved if row[3] < 0]:
        db.execute(_DROP_EMPTY, [list(column) for column in zip(*fewer, strict=True)])


def _add_to_cube(db: Cursor[Any], cells: Sequence[tuple[Any, ...]]) -> None:
    upsert(db, "ticket_cube", _CUBE, cells, _ADD_CUBE)
    if emptied := {cell[0] for cell in cells if cell[-1] < 0}:
        db.execute(_DROP_EMPTY_CUBE, [list(emptied)])


def tallies(db: Cursor[Any], workspace: UUID, wanted: Iterable[Facet]) -> dict[Facet, Tally]:
    """How many tickets have each of the facets."""
    asked = list(wanted)
    if not asked:
        return {}
    names, values = [facet for facet, _ in asked], [value for _, value in asked]
    rows = db.execute(
        "SELECT c.facet, c.value, c.tickets, c.listed, c.open FROM unnest(%s::text[], %s::text[]) AS w (facet, value) "
        "JOIN desk.facet_counts c ON c.workspace_id = %s AND c.facet = w.facet AND c.value = w.value",
        [names, values, workspace],
    )
    return {(facet, value): Tally(*counts) for facet, value, *counts in rows}
