"""Facets: what a ticket can be found by exactly, the set of tickets that have each, and how many: kept as they change.

The sets are of places (`ticket_places`): what a combination of facets finds, and how many, is arithmetic on them.
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
from projections import known_sets, place_sets, place_spans
from projections.bulk import upsert
from projections.known_sets import Asked
from projections.place_sets import CHUNK, Places

Facet = tuple[str, str]
# Custom values that name an option, a person or a yes: free text would make a facet of every sentence.
_OPTION = re.compile(r"[\w-]{1,60}")
BRANCH = "\x1f"
ALL: Facet = ("all", "")
NEVER_DUE: Facet = ("due_at", "")
_TYPED = ("fields.", "each.")
SINGLE = ("status", "kind", "priority", "type", "source", "assignee_role", "workflow", "node", "shelf")


class Tally(NamedTuple):
    """How many tickets have a facet: all, those in the usual lists, and of these the unfinished."""

    tickets: int
    listed: int
    open: int


def facets(row: Row) -> Iterator[Facet]:
    """What the ticket can be found by."""
    yield ALL
    for name in SINGLE:
        if (value := getattr(row, name)) is not None:
            yield name, value
    yield "assignee_person", str(row.assignee_person or "")
    yield "assignee_team", str(row.assignee_team or "")
    for depth in range(1, len(row.category) + 1):
        yield "category", BRANCH.join(row.category[:depth])
    yield from (("tags", tag) for tag in row.tags)
    yield from (("candidates", str(person)) for person in row.candidates)
    yield from (("followers", str(person)) for person in row.followers)
    yield from (("involved", str(person)) for person in row.involved)
    if row.pinned:
        yield "pinned", "true"
    if row.due_at is None:
        yield NEVER_DUE
    yield from place_spans.far(row)
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
    # A requester has a few tickets all over the places: an index of the list finds them in less room.
    if row.requester_id is not None:
        yield "requester_id", str(row.requester_id)
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
    """The row as sets and counts see it."""
    listed, found_by = row.shelf == "desk", frozenset(facets(row))
    team, assigned = str(row.assignee_team or ""), "" if row.assignee_person is None else "somebody"
    cube = (row.shelf, row.status, row.kind, row.priority, row.type or "", row.source, team, assigned)
    return Seen(row.workspace_id, found_by, found_by | set(counted(row)), listed, listed and not row.finished, cube)


def hashed(workspace: UUID, facet: str, value: str) -> int:
    """The facet as its set is kept, in less room than its text takes."""
    # What was typed into a field is content: it is not to be remembered beyond its ticket.
    return _hashed(workspace, facet, value) if facet.startswith(_TYPED) else _known_hash(workspace, facet, value)


@lru_cache(maxsize=65_536)
def _known_hash(workspace: UUID, facet: str, value: str) -> int:
    return _hashed(workspace, facet, value)


def _hashed(workspace: UUID, facet: str, value: str) -> int:
    digest = blake2b(f"{facet}\0{value}".encode(), digest_size=8, key=workspace.bytes).digest()
    return int.from_bytes(digest, signed=True)


TABLES = """
    CREATE TABLE facet_places (
        workspace_id uuid NOT NULL, facet bigint NOT NULL, chunk int NOT NULL, places bytea NOT NULL,
        PRIMARY KEY (workspace_id, facet, chunk)
    ) WITH (fillfactor = 70);
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
COMMENTS = {
    "facet_places": "Which tickets have a facet, as sets of their places.",
    "facet_places.workspace_id": "The desk.",
    "facet_places.facet": "Hash of what it is and its value.",
    "facet_places.chunk": "Which places: from this times 8192 on.",
    "facet_places.places": "Those of them that have it: bits, or two bytes for each where there are few.",
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
_NEW_PLACES = "(workspace_id, facet, chunk) DO UPDATE SET places = excluded.places"
_KEPT_PLACES = """
    SELECT k.workspace_id, k.facet, k.chunk, k.places
    FROM unnest(%s::uuid[], %s::bigint[], %s::int[]) AS w (workspace_id, facet, chunk)
    JOIN facet_places k ON k.workspace_id = w.workspace_id AND k.facet = w.facet AND k.chunk = w.chunk"""
_DROP_PLACES = """
    DELETE FROM facet_places k USING unnest(%s::uuid[], %s::bigint[], %s::int[]) AS gone (workspace_id, facet, chunk)
    WHERE k.workspace_id = gone.workspace_id AND k.facet = gone.facet AND k.chunk = gone.chunk"""
_DROP_EMPTY = """
    DELETE FROM facet_counts c USING unnest(%s::uuid[], %s::text[], %s::text[]) AS gone (workspace_id, facet, value)
    WHERE c.workspace_id = gone.workspace_id AND c.facet = gone.facet AND c.value = gone.value AND c.tickets = 0"""
_DROP_EMPTY_CUBE = "DELETE FROM ticket_cube WHERE workspace_id = ANY(%s) AND tickets = 0"


def keep(db: Cursor[Any], before: Mapping[UUID, Seen], after: Mapping[UUID, Seen], places: Mapping[UUID, int]) -> None:
    """Bring sets and counts from before a page to after it; tickets that are only in `before` are gone."""
    changed = {ticket: now for ticket, now in after.items() if before.get(ticket) != now}
    gone = before.keys() - after.keys()
    was = [before[ticket] for ticket in (*changed, *gone) if ticket in before]
    moved = _place(db, [(places[ticket], before.get(ticket), after.get(ticket)) for ticket in (*changed, *gone)])
    _count(db, was, changed.values(), moved)


# Of which set, which part of it.
Chunk = tuple[UUID, int, int]
_NOTHING: frozenset[Facet] = frozenset()
_Moved = dict[UUID, set[Facet]]


class _Moves(NamedTuple):
    """What comes into a chunk and what leaves it."""

    more: list[int]
    fewer: list[int]


def _place(db: Cursor[Any], tickets: Iterable[tuple[int, Seen | None, Seen | None]]) -> _Moved:
    """Move tickets into the sets of facets that they have now, and out of those they have no more; answers which."""
    chunks: dict[Chunk, _Moves] = {}
    moved: _Moved = {}
    for place, was, now in tickets:
        had, has = was.found_by if was else _NOTHING, now.found_by if now else _NOTHING
        known = now or was
        if known is None or had == has:
            continue
        workspace, (number, inside) = known.workspace, divmod(place, CHUNK)
        differs = had ^ has
        moved.setdefault(workspace, set()).update(differs)
        for facet in differs:
            chunk = (workspace, hashed(workspace, *facet), number)
            moves = chunks.get(chunk)
            if moves is None:
                moves = chunks[chunk] = _Moves([], [])
            (moves.more if facet in has else moves.fewer).append(inside)
    if chunks:
        _write(db, chunks)
    return moved


def _write(db: Cursor[Any], chunks: Mapping[Chunk, _Moves]) -> None:
    with db.connection.cursor(binary=True) as cursor:
        wanted = [list(column) for column in zip(*chunks, strict=True)]
        kept = {row[:3]: row[3] for row in cursor.execute(_KEPT_PLACES, wanted)}
    rows = [(*chunk, place_sets.changed(kept.get(chunk, b""), *moves)) for chunk, moves in chunks.items()]
    filled = [(*chunk, f"\\x{places.hex()}") for *chunk, places in rows if places]
    upsert(db, "facet_places", ("workspace_id", "facet", "chunk", "places"), filled, _NEW_PLACES)
    if emptied := [row[:3] for row in rows if not row[3]]:
        db.execute(_DROP_PLACES, [list(column) for column in zip(*emptied, strict=True)])


def _count(db: Cursor[Any], was: Iterable[Seen], now: Iterable[Seen], sets: _Moved) -> None:
    counts: dict[UUID, dict[Facet, list[int]]] = {}
    cube = Counter[tuple[Any, ...]]()
    for sign, rows in ((-1, was), (1, now)):
        for row in rows:
            cube[row.workspace, *row.cube] += sign
            _add(counts.setdefault(row.workspace, {}), row, sign)
    # Where as many came into a set as left it, its count is written all the same: it is the set's version.
    moved = [
        (workspace, *facet, *delta)
        for workspace, kept in counts.items()
        for facet, delta in kept.items()
        if any(delta) or facet in sets.get(workspace, ())
    ]
    _add_to_counts(db, moved)
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


class Sets(NamedTuple):
    """The places of the tickets that have each of some facets; whether they are of a build that knows all of today's."""

    have: dict[Facet, Places]
    current: bool


def sets(db: Cursor[Any], workspace: UUID, wanted: Iterable[Facet]) -> Sets:
    """The sets of the facets."""
    asked = {hashed(workspace, *facet): facet for facet in wanted}
    found = known_sets.read(db, workspace, [Asked(*facet, number) for number, facet in asked.items()])
    return Sets({asked[number]: places for number, places in found.sets.items()}, found.versioned)
