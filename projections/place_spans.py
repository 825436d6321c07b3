"""Spans: between when the tickets of each chunk of places were opened, and between which numbers they lie, at most.

Tickets age much in the order of their places. So a page of a set, sorted by age, is made of the set's places in a few chunks:
those whose spans reach to its end. Nearly all tickets change and are due within a while of their opening, so that these spans
say much of that too; those that are not are a set of their own, `far`. Spans only widen, and no ticket is missed.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Cursor
from psycopg.sql import SQL, Composable
from pydantic_core import from_json

from domain.conditions import Condition, Leaf, NoneOf
from domain.ticket.row import Row
from projections import place_sets
from projections.bulk import upsert
from projections.place_sets import CHUNK, Places

TABLES = """
    CREATE TABLE place_spans (
        workspace_id uuid NOT NULL, chunk int NOT NULL, opened_from timestamptz NOT NULL, opened_to timestamptz NOT NULL,
        number_from text COLLATE "C" NOT NULL, number_to text COLLATE "C" NOT NULL,
        PRIMARY KEY (workspace_id, chunk)
    ) WITH (fillfactor = 50)"""
COMMENTS = {
    "place_spans": "Between what the tickets of a chunk of places lie, at most.",
    "place_spans.workspace_id": "The desk.",
    "place_spans.chunk": "Which places: from this times 8192 on.",
    "place_spans.opened_from": "No ticket was opened before.",
    "place_spans.opened_to": "Nor after.",
    "place_spans.number_from": "No ticket's number sorts before.",
    "place_spans.number_to": "Nor after.",
}
SEARCHED = frozenset({"place_spans"})
# How long after its opening a ticket may change or be due that is not `far`.
WHILE = timedelta(days=30)
FAR = "far"
_AT_ONCE = timedelta(0)
_KEYS, _COLUMNS = ("workspace_id", "chunk"), ("opened_from", "opened_to", "number_from", "number_to")
_WIDEN: LiteralString = """(workspace_id, chunk) DO UPDATE SET
    opened_from = least(place_spans.opened_from, excluded.opened_from),
    opened_to = greatest(place_spans.opened_to, excluded.opened_to),
    number_from = least(place_spans.number_from, excluded.number_from),
    number_to = greatest(place_spans.number_to, excluded.number_to)"""


def keep(db: Cursor[Any], rows: Iterable[Row], places: Mapping[UUID, int]) -> None:
    """Widen the spans to these tickets, which are new."""
    chunks: dict[tuple[UUID, int], list[Row]] = {}
    for row in rows:
        chunks.setdefault((row.workspace_id, places[row.ticket_id] // CHUNK), []).append(row)
    upsert(db, "place_spans", (*_KEYS, *_COLUMNS), [(*chunk, *_span(of)) for chunk, of in chunks.items()], _WIDEN)


def _span(rows: Collection[Row]) -> tuple[Any, ...]:
    opened, numbers = [row.opened_at for row in rows], [_sorted_as(row.number) for row in rows]
    return (min(opened), max(opened), min(numbers), max(numbers))


def _sorted_as(number: str) -> str:
    """As the list's `number_order` has it."""
    return number.rjust(40, "0")[:40] if number.isascii() and number.isdigit() else f"~{number}"


def far(row: Row) -> Iterator[tuple[str, str]]:
    """By which of its moments a ticket is not where the span of its chunk would have it."""
    if not _AT_ONCE <= row.updated_at - row.opened_at <= WHILE:
        yield FAR, "updated_at"
    if row.due_at is not None and not _AT_ONCE <= row.due_at - row.opened_at <= WHILE:
        yield FAR, "due_at"


class Span(NamedTuple):
    """A chunk, and between what its tickets lie: the end that an order comes to first, and the other."""

    near: Any
    far: Any
    chunk: int


WINDOWED = frozenset({"updated_at", "due_at"})
_WINDOWS: LiteralString = "SELECT opened_from, opened_to + %s, chunk FROM ops.place_spans WHERE workspace_id = %s"
SPANNED: Mapping[str, LiteralString] = {
    "opened_at": "SELECT opened_from, opened_to, chunk FROM ops.place_spans WHERE workspace_id = %s",
    **dict.fromkeys(WINDOWED, _WINDOWS),
    "number": "SELECT number_from, number_to, chunk FROM ops.place_spans WHERE workspace_id = %s",
}


def along(db: Cursor[Any], workspace: UUID, name: str, after: Any, *, descending: bool) -> list[Span]:
    """The chunks in an order of the list, by their nearer ends; without those that lie before `after` as a whole."""
    values = [WHILE, workspace] if name in WINDOWED else [workspace]
    with db.connection.cursor(binary=True) as cursor:
        rows = cursor.execute(SPANNED[name], values).fetchall()
    spans = [Span(upper, lower, chunk) if descending else Span(lower, upper, chunk) for lower, upper, chunk in rows]
    spans.sort(reverse=descending)
    if after is None:
        return spans
    return [span for span in spans if (span.far <= after if descending else span.far >= after)]


class Near(NamedTuple):
    """Places to look up, and the nearer end of the first chunk that is not among them."""

    places: list[int]
    beyond: Any
    descending: bool

    def is_beyond(self, keys: str) -> bool:
        """Whether that chunk begins behind a page that ends with these keys, as they are written."""
        last = from_json(keys)[-2]
        last = last if isinstance(self.beyond, str) else datetime.fromisoformat(last)
        return bool(last > self.beyond if self.descending else last < self.beyond)


def first(spans: Sequence[Span], found: Places, wanted: int, *, descending: bool) -> Near | None:
    """The set's places in all chunks that may have one of its first so many; None where these are all chunks."""
    places, taken, last = list[int](), list[Any](), None
    for span in spans:
        if last is not None and (span.near < last if descending else span.near > last):
            return Near(places, span.near, descending)
        inside = place_sets.of_chunk(found, span.chunk)
        places += inside
        if last is None and inside:
            taken.append(span.far)
            if len(places) >= wanted:
                last = min(taken) if descending else max(taken)
    return None


def sides(db: Cursor[Any], workspace: UUID, meant: Sequence[tuple[Composable, list[Any]]]) -> dict[int, bool | None]:
    """Whether all of a chunk's tickets were opened on the meant sides of moments, or none was; None where it has to be looked."""
    all_ = SQL(", ").join(text for text, _ in meant)
    values = [value for _, values in meant for value in values]
    rows = db.execute(SQL(_SIDES).format(all_, all_), [*values, *values, workspace])
    return {chunk: _side(lower, upper) for chunk, lower, upper in rows}


def _side(lower: list[bool], upper: list[bool]) -> bool | None:
    if all(lower) and all(upper):
        return True
    return False if any(not low and not high for low, high in zip(lower, upper, strict=True)) else None


_SIDES: LiteralString = """
    SELECT chunk, (SELECT ARRAY[{}] FROM (SELECT opened_from AS opened_at) AS lower),
        (SELECT ARRAY[{}] FROM (SELECT opened_to AS opened_at) AS upper)
    FROM ops.place_spans WHERE workspace_id = %s"""
_HALF = frozenset({"before", "after"})


def half_lines(conditions: Iterable[Condition]) -> bool:
    """Whether each is true of all moments of opening on one side of some moment."""
    return all(map(_half_line, conditions))


def _half_line(condition: Condition) -> bool:
    match condition:
        case Leaf():
            return condition.op in _HALF and condition.field == "opened_at"
        case NoneOf(none=(Leaf() as leaf,)):
            return _half_line(leaf)
    return False
