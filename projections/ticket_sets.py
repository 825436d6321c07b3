"""Which tickets a condition means, by the sets of its facets; what these cannot tell is left to be asked of the rows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from domain.conditions import AllOf, AnyOf, Condition, Context, Leaf, NoneOf
from domain.conditions.fields import FieldType, field_named
from domain.conditions.model import resolved
from domain.conditions.operators import Asks
from projections import place_sets
from projections.condition_shapes import timeless
from projections.place_sets import Places
from projections.ticket_facets import ALL, BRANCH, Facet, is_option, plain, sets

LISTED: Facet = ("shelf", "desk")
Have = Mapping[Facet, Places]
_KINDS = frozenset({FieldType.OPTION, FieldType.PERSON, FieldType.TEAM, FieldType.TAGS, FieldType.PEOPLE})
_ASKED = frozenset({Asks.EQUAL, Asks.HAS_ANY, Asks.HAS_ALL})
_WITHOUT = frozenset({"assignee_person", "assignee_team"})


@dataclass(frozen=True)
class Found:
    """Places of tickets, out of `everything`: just those that are meant, or, where there is a `rest`, those of which it must hold too.

    `beside` are sets that were read in the same moment; none where the tables are of an older build, which has not all of them.
    """

    everything: Places
    places: Places
    rest: tuple[Condition, ...]
    beside: Have

    @property
    def tickets(self) -> int:
        """How many."""
        return len(self.places)

    @property
    def all_tickets(self) -> int:
        """Out of how many."""
        return len(self.everything)

    @cached_property
    def written(self) -> bytes:
        """The places as PostgreSQL's get_bit reads them; a page and its total may both ask for them."""
        return place_sets.written(self.places)


class Asked(NamedTuple):
    """The sets that a condition needs, the tickets that it may mean by them, out of some, and what is not told by them."""

    facets: frozenset[Facet]
    of: Callable[[Have, Places], Places]
    rest: tuple[Condition, ...] = ()


def asked(condition: Condition, context: Context) -> Asked:
    """What the condition asks of sets."""
    return _timeless(condition) if timeless(condition) else _asked(condition, context)


def found(
    db: Cursor[Any], workspace: UUID, wanted: Asked, beside: frozenset[Facet] = frozenset(), *, listed_only: bool
) -> Found:
    """The tickets that are meant, as far as sets tell."""
    base = LISTED if listed_only else ALL
    have, current = _have(db, workspace, wanted.facets | beside | {base})
    return Found(have[base], wanted.of(have, have[base]), wanted.rest, have if current else {})


@lru_cache(maxsize=1024)
def _timeless(condition: Condition) -> Asked:
    return _asked(condition, Context(datetime(1970, 1, 1, tzinfo=UTC)))


def _have(db: Cursor[Any], workspace: UUID, facets: frozenset[Facet]) -> tuple[Have, bool]:
    requesters = [facet for facet in facets if facet[0] == "requester_id"]
    kept = sets(db, workspace, facets.difference(requesters))
    return kept.have | {facet: _of_requester(db, workspace, facet[1]) for facet in requesters}, kept.current


def _of_requester(db: Cursor[Any], workspace: UUID, requester: str) -> Places:
    query = "SELECT place FROM desk.ticket_list WHERE workspace_id = %s AND requester_id = %s"
    return place_sets.of_places(place for (place,) in db.execute(query, [workspace, requester]))


def _asked(condition: Condition, context: Context) -> Asked:
    match condition:
        case AllOf(all=parts):
            return _all([_asked(part, context) for part in parts])
        case AnyOf(any=parts):
            return _any(condition, [_asked(part, context) for part in parts])
        case NoneOf(none=parts):
            return _none([(part, _asked(part, context)) for part in parts])
    return _leaf(condition, context)


def _all(parts: list[Asked]) -> Asked:
    def of(have: Have, some: Places) -> Places:
        for part in parts:
            some = part.of(have, some)
        return some

    return Asked(_facets(parts), of, tuple(each for part in parts for each in part.rest))


def _any(condition: Condition, parts: list[Asked]) -> Asked:
    exact = not any(part.rest for part in parts)
    return Asked(_facets(parts), lambda have, some: _either(parts, have, some), () if exact else (condition,))


def _none(parts: list[tuple[Condition, Asked]]) -> Asked:
    # Those of which more than the sets has to be asked may not be taken away by them.
    told = [asked for _, asked in parts if not asked.rest]
    untold = tuple(condition for condition, asked in parts if asked.rest)
    rest = (NoneOf(none=untold),) if untold else ()
    return Asked(_facets(told), lambda have, some: some - _either(told, have, some), rest)


def _facets(parts: Iterable[Asked]) -> frozenset[Facet]:
    return frozenset[Facet]().union(*(part.facets for part in parts))


def _either(parts: Iterable[Asked], have: Have, some: Places) -> Places:
    return place_sets.union(part.of(have, some) for part in parts)


def _leaf(leaf: Leaf, context: Context) -> Asked:
    asked = _positive(leaf, context)
    if not leaf.operator.negated:
        return asked
    return unknown(leaf) if asked.rest else _none([(leaf, asked)])


def unknown(condition: Condition) -> Asked:
    """What sets tell nothing of."""
    return Asked(frozenset(), lambda _, some: some, (condition,))


def _having(facets: Iterable[Facet], *rest: Condition) -> Asked:
    """Those with any of the facets."""
    wanted = frozenset(facets)

    def of(have: Have, some: Places) -> Places:
        return some & place_sets.union(have[facet] for facet in wanted)

    return Asked(wanted, of, rest)


def _positive(leaf: Leaf, context: Context) -> Asked:
    """What the leaf asks before negation."""
    field, asks = field_named(leaf.field), leaf.operator.asks
    if asks is Asks.PRESENT and leaf.field in _WITHOUT:
        return _none([(leaf, _having([(leaf.field, "")]))])
    if asks is Asks.UNDER and field.type is FieldType.PATH:
        return _having([(leaf.field, BRANCH.join(leaf.value))])
    if asks not in _ASKED or field.of_requester:
        return unknown(leaf)
    wanted = resolved(leaf, context)
    if field.type is FieldType.CUSTOM:
        return _custom(leaf, field.column, wanted)
    if leaf.field == "pinned":
        pinned = _having([("pinned", "true")])
        return pinned if wanted == (True,) else _none([(leaf, pinned)])
    if field.type not in _KINDS:
        return unknown(leaf)
    if asks is Asks.HAS_ALL:
        # Somebody who is nobody is in no set.
        return _all(
            [_having([(leaf.field, str(each))]) for each in wanted] if len(wanted) == len(leaf.value) else [_NONE]
        )
    return _having((leaf.field, str(each)) for each in wanted)


def _custom(leaf: Leaf, key: str, wanted: tuple[Any, ...]) -> Asked:
    if not all(isinstance(each, bool) or is_option(each) for each in wanted):
        return unknown(leaf)
    if leaf.operator.asks is Asks.EQUAL:
        alike = len(wanted) == 1 or not any(isinstance(each, bool) for each in wanted)
        return _having([(f"fields.{key}", plain(each)) for each in wanted], *(() if alike else (leaf,)))
    # Members of a list are compared as they are written, and facets are folded.
    members = [_having([(f"fields.{key}", plain(each)), (f"each.{key}", plain(each))], leaf) for each in wanted]
    return _all(members)._replace(rest=(leaf,)) if leaf.operator.asks is Asks.HAS_ALL else _any(leaf, members)


_NONE = _having(())
