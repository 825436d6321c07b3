"""Sorting the ticket list: by which columns, how that reads as SQL, and cursors that say where a page ended."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, LiteralString, NamedTuple

from psycopg.sql import SQL, Composable
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from domain.errors import InvalidInput
from domain.values import Key, OneLine, Priority


class Column(NamedTuple):
    """What rows are sorted by, as the index has it, up and down; and the type of its values in a cursor.

    `negated` sorts the other way round, so that columns of both directions can be compared as one row.
    """

    up: LiteralString
    down: LiteralString
    kind: Any
    negated: LiteralString | None = None


_RANK = Annotated[int, Field(ge=1, le=len(Priority))]
_PLACE = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
SORTS: dict[str, Column] = {
    "updated_at": Column("updated_at", "updated_at", AwareDatetime),
    "opened_at": Column("opened_at", "opened_at", AwareDatetime),
    # Tickets without a due time come last in both directions.
    "due_at": Column("due_first", "due_last", AwareDatetime),
    "number": Column("number_order", "number_order", Annotated[str, OneLine]),
    "priority": Column("priority_rank", "priority_rank", _RANK, negated="urgency"),
    "status": Column("status", "status", Key),
}
# Sorted by one of these, thousands of tickets are alike: the index goes on with when they changed, and so do we.
MANY_ALIKE = frozenset({"priority", "status"})


class Sort(NamedTuple):
    """One column to sort by."""

    name: str
    descending: bool = False

    def column(self, last_descends: bool) -> tuple[SQL, bool]:
        """What it compares, and whether downwards; in the direction of the last column where it can be."""
        column = SORTS[self.name]
        if column.negated and self.descending != last_descends:
            return SQL(column.negated), last_descends
        return SQL(column.down if self.descending else column.up), self.descending


def parse_sort(text: str) -> list[Sort]:
    """ "-priority,updated_at" as sorts, or InvalidInput naming what can be sorted by."""
    sorts = [Sort(part.strip().removeprefix("-"), part.strip().startswith("-")) for part in text.split(",")]
    names = [sort.name for sort in sorts]
    if unknown := [name for name in names if name not in SORTS]:
        raise InvalidInput(field="sort", reason=f"cannot sort by {unknown[0][:40]!r}, only by {', '.join(SORTS)}")
    if len(set(names)) != len(names):
        raise InvalidInput(field="sort", reason="names a column twice")
    if names[-1] in MANY_ALIKE and "updated_at" not in names:
        sorts.append(Sort("updated_at", sorts[-1].descending))
    return sorts


def columns(sorts: Sequence[Sort]) -> list[tuple[SQL, bool]]:
    """The sort, made total by the ticket's place in the direction of the last column, so that one index serves both."""
    down = sorts[-1].descending
    return [*(sort.column(down) for sort in sorts), (SQL("place"), down)]


def order(sorts: Sequence[Sort]) -> Composable:
    return SQL(", ").join(column + SQL(" DESC" if down else " ASC") for column, down in columns(sorts))


def beyond(sorts: list[Sort], keys: list[Any]) -> tuple[Composable, list[Any]]:
    """What comes after the keys of a row."""
    compared = columns(sorts)
    if len({down for _, down in compared}) == 1:
        # One direction: a comparison of rows, with which the index begins just behind the last page.
        condition = SQL("({}) {} ({})").format(
            SQL(", ").join(column for column, _ in compared),
            SQL("<" if compared[0][1] else ">"),
            SQL(", ").join(SQL("%s") for _ in keys),
        )
        return condition, keys
    return _beyond_mixed(compared, keys)


def _beyond_mixed(compared: list[tuple[SQL, bool]], keys: list[Any]) -> tuple[Composable, list[Any]]:
    """Beyond in one column and equal in those before it."""
    alternatives: list[Composable] = []
    values: list[Any] = []
    for place, (column, down) in enumerate(compared):
        equal = [before + SQL(" = %s") for before, _ in compared[:place]]
        alternatives.append(SQL("({})").format(SQL(" AND ").join([*equal, column + SQL(" < %s" if down else " > %s")])))
        values += keys[: place + 1]
    first, down = compared[0]
    # Redundant, but it lets the index begin at the right place instead of at the start.
    bound = first + SQL(" <= %s" if down else " >= %s")
    return SQL("{} AND ({})").format(bound, SQL(" OR ").join(alternatives)), [keys[0], *values]


def cursor_after(sort: str, keys: list[Any]) -> str:
    return base64.urlsafe_b64encode(to_json([sort, *keys])).decode().rstrip("=")


def opened(cursor: str, sort: str, sorts: list[Sort]) -> list[Any]:
    """The keys in a cursor, or InvalidInput: it is no secret, but it must belong to this sort."""
    kinds = [*(SORTS[each.name].kind for each in sorts), _PLACE]
    try:
        made_for, *found = from_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        keys = [TypeAdapter(kind).validate_python(key) for kind, key in zip(kinds, found, strict=True)]
    except (ValidationError, binascii.Error, ValueError, TypeError):
        raise InvalidInput(field="after", reason="is not a cursor of this list; begin without it") from None
    if made_for != sort:
        raise InvalidInput(field="after", reason="belongs to another sort; begin without it")
    return keys


def indexed(sorts: list[Sort]) -> bool:
    """Whether an index has that order, so that a page of a million tickets is read without sorting them."""
    one_direction = len({down for _, down in columns(sorts)}) == 1
    names = [sort.name for sort in sorts]
    return one_direction and (
        len(names) == 1 or (len(names) == 2 and names[0] in MANY_ALIKE and names[1] == "updated_at")
    )
