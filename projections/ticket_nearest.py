"""Which tickets of a set a page by age, due time or priority may be made of, by the spans of their chunks: seldom more than a few hundred."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.values import Priority
from projections import place_spans
from projections.place_sets import NOTHING, Places
from projections.place_spans import FAR, SPANNED, WINDOWED, Near
from projections.ticket_facets import NEVER_DUE, Facet
from projections.ticket_sets import Found
from projections.ticket_sorts import Sort

_DOWN_TO = ("priority", "updated_at")


def spanned(sorts: Sequence[Sort], after: Sequence[Any] | None) -> bool:
    """Whether spans say which tickets come first in that order, after the keys of a row."""
    names = tuple(sort.name for sort in sorts)
    return names[-1] in SPANNED and (len(names) == 1 or (names == _DOWN_TO and after is None))


def beside(sorts: Sequence[Sort]) -> frozenset[Facet]:
    """The sets by which tickets are told apart for it."""
    if not spanned(sorts, None):
        return frozenset()
    name = sorts[-1].name
    told = [(FAR, name)] if name in WINDOWED else []
    told += [("priority", each.value) for each in Priority] if len(sorts) > 1 else []
    return frozenset([*told, NEVER_DUE] if name == "due_at" else told)


def nearest(
    db: Cursor[Any],
    workspace: UUID,
    found: Found,
    sorts: Sequence[Sort],
    after: Sequence[Any] | None,
    wanted: int,
    most: int,
) -> Near | None:
    """What to look up for so many of the set, after the keys of a row; None where it is more than `most`, or not known."""
    classes = _classes(found, sorts, wanted) if found.beside else None
    if classes is None:
        return None
    (before, within), (name, descending) = classes, sorts[-1]
    far = within & found.beside[FAR, name] if name in WINDOWED else NOTHING
    if name == "due_at":
        within -= found.beside[NEVER_DUE]
    spans = place_spans.along(db, workspace, name, after[-2] if after else None, descending=descending)
    near = place_spans.first(spans, within - far, wanted - len(before), descending=descending)
    if near is None or len(far) + len(near.places) > most:
        return None
    return near._replace(places=[*before, *far, *near.places])


def _classes(found: Found, sorts: Sequence[Sort], wanted: int) -> tuple[list[int], Places] | None:
    """All of the priorities of which fewer than so many are found together, and those of the next, which fill the page."""
    if len(sorts) == 1:
        return [], found.places
    before: list[int] = []
    for priority in reversed(list(Priority)) if sorts[0].descending else Priority:
        within = found.places & found.beside["priority", priority.value]
        if len(before) + len(within) >= wanted:
            return before, within
        before += within
    return None
