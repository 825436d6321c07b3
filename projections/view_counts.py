"""The views that every desk has (B8), and how many tickets each shows whoever asks: from kept counts, not counted."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from domain.access import claimable
from domain.conditions import AllOf, AnyOf, Condition, Context, parse
from domain.conditions.windows import FIRST, window_in
from domain.staff import Person
from domain.values import FINISHED, StatusKind
from projections import ticket_totals
from projections.kept_views import kept_counts
from projections.ticket_facets import Facet, Tally, tallies
from projections.ticket_pages import ListQuery, begin
from projections.ticket_totals import Total

UNFINISHED = parse({"field": "kind", "op": "is_any_of", "value": [kind for kind in StatusKind if kind not in FINISHED]})
NONE = Tally(0, 0, 0)
# Facets to look up, and which of their counts: 0 all tickets, 1 those in the usual lists, 2 the unfinished of these.
Kept = tuple[list[Facet], int]


class BuiltIn(NamedTuple):
    """A view that is there without anybody saving it."""

    key: str
    title: str
    sort: str
    condition: Callable[[Person, Context], Condition]
    kept: Callable[[Person], Kept] | None = None


def _asks(*leaves: dict[str, Any], unfinished: bool = True) -> Callable[[Person, Context], Condition]:
    parts = tuple(parse(leaf) for leaf in leaves)
    return lambda _, __: AllOf(all=(*parts, UNFINISHED) if unfinished else parts)


def _leaf(field: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def _to_claim(person: Person, _: Context) -> Condition:
    return AllOf(all=(AnyOf(any=tuple(claimable(person))), UNFINISHED))


def _overdue(_: Person, context: Context) -> Condition:
    due = parse(_leaf("due_at", "before", context.now.astimezone(UTC).isoformat()))
    return AllOf(all=(due, UNFINISHED))


def _claims(person: Person) -> Kept:
    ways = [str(person.id), *map(str, person.teams), f" {person.role}"]
    ways += [f"{team} {person.role}" for team in person.teams]
    return [("claimable", way) for way in ways], 2


def _one(facet: str, value: str, which: int) -> Callable[[Person], Kept]:
    return lambda _: ([(facet, value)], which)


_ME = {"me": True}
BUILT_IN: tuple[BuiltIn, ...] = (
    BuiltIn(
        "mine",
        "Mine",
        "-priority,updated_at",
        _asks(_leaf("assignee_person", "is", _ME)),
        lambda person: ([("assignee_person", str(person.id))], 2),
    ),
    BuiltIn(
        "unassigned",
        "Unassigned",
        "opened_at",
        _asks(_leaf("assignee_person", "is_not_set")),
        _one("assignee_person", "", 2),
    ),
    BuiltIn("to_claim", "To claim", "-priority,updated_at", _to_claim, _claims),
    BuiltIn(
        "followed",
        "Followed",
        "-updated_at",
        _asks(_leaf("followers", "has_any", [_ME]), unfinished=False),
        lambda person: ([("followers", str(person.id))], 1),
    ),
    BuiltIn(
        "urgent",
        "Urgent",
        "opened_at",
        _asks(_leaf("priority", "is", "urgent")),
        _one("priority", "urgent", 2),
    ),
    BuiltIn("overdue", "Overdue", "due_at", _overdue),
    BuiltIn("due_today", "Due today", "due_at", _asks(_leaf("due_at", "today"))),
    BuiltIn(
        "waiting",
        "Waiting for customer",
        "updated_at",
        _asks(_leaf("kind", "is", "pending"), unfinished=False),
        _one("kind", "pending", 1),
    ),
    BuiltIn("all_open", "All open", "-updated_at", _asks(), _one("all", "", 2)),
    BuiltIn(
        "pinned",
        "Pinned",
        "-updated_at",
        _asks(_leaf("pinned", "is", True), unfinished=False),
        _one("pinned", "true", 1),
    ),
    BuiltIn(
        "snoozed",
        "Snoozed",
        "-updated_at",
        _asks(_leaf("shelf", "is", "snoozed"), unfinished=False),
        _one("shelf", "snoozed", 0),
    ),
    BuiltIn(
        "spam",
        "Spam",
        "-updated_at",
        _asks(_leaf("shelf", "is", "spam"), unfinished=False),
        _one("shelf", "spam", 0),
    ),
    BuiltIn(
        "archived",
        "Archived",
        "-updated_at",
        _asks(_leaf("shelf", "is", "archived"), unfinished=False),
        _one("shelf", "archived", 0),
    ),
)


def named(key: str) -> BuiltIn | None:
    """The built-in view of that key."""
    return next((view for view in BUILT_IN if view.key == key), None)


def counts(
    db: Cursor[Any], workspace: UUID, person: Person, context: Context, reach: Condition | None
) -> dict[str, Total]:
    """How many tickets each built-in view shows the person. What they may not see at all is counted, for nobody keeps it."""
    asleep = begin(db, workspace, context).awoken
    if reach is not None or asleep:
        return {view.key: _counted(db, workspace, view, person, context, reach) for view in BUILT_IN}
    kept = {view.key: view.kept(person) for view in BUILT_IN if view.kept}
    known = tallies(db, workspace, {facet for facets, _ in kept.values() for facet in facets})
    found = {
        key: Total(sum(known.get(facet, NONE)[which] for facet in facets)) for key, (facets, which) in kept.items()
    }
    today = window_in(context, "today", None)
    found["overdue"] = Total(_due(db, workspace, FIRST, context.now))
    return found | {"due_today": Total(_due(db, workspace, today.start, today.end))}


def of_saved(
    db: Cursor[Any],
    workspace: UUID,
    views: Mapping[UUID, Condition],
    person: Person,
    context: Context,
    reach: Condition | None,
) -> dict[UUID, Total]:
    """How many tickets each saved view shows the person: as they are kept, else counted."""
    kept = {} if reach is not None else kept_counts(db, workspace, views, person.id, person.teams)
    asleep = bool(kept) and begin(db, workspace, context).awoken
    found: dict[UUID, Total] = {}
    for view, condition in views.items():
        query = ListQuery(condition, reach)
        if view not in kept:
            found[view] = ticket_totals.total(db, workspace, query, context)
        else:
            woken = ticket_totals.awoken_tickets(db, workspace, query, context) if asleep and query.listed_only else 0
            found[view] = Total(kept[view] + woken)
    return found


def _counted(
    db: Cursor[Any], workspace: UUID, view: BuiltIn, person: Person, context: Context, reach: Condition | None
) -> Total:
    return ticket_totals.total(db, workspace, ListQuery(view.condition(person, context), reach), context)


# Whole hours are kept; only tickets that are due in the hours in which the time begins and ends are looked at.
_DUE = """
    SELECT (SELECT coalesce(sum(open), 0) FROM desk.facet_counts
            WHERE workspace_id = %(workspace)s AND facet = 'due_hour' AND value >= %(first)s AND value < %(last)s)
        + (SELECT count(*) FROM desk.ticket_list
           WHERE workspace_id = %(workspace)s AND listed AND kind <> ALL(%(finished)s)
           AND ((due_first >= %(since)s AND due_first < %(whole)s) OR (due_first >= %(rest)s AND due_first < %(until)s)))
"""


def _due(db: Cursor[Any], workspace: UUID, since: datetime, until: datetime) -> int:
    """How many unfinished tickets are due from `since` up to but not including `until`."""
    whole, rest = _hour(since + timedelta(hours=1) - timedelta.resolution), _hour(until)
    asked = {"workspace": workspace, "since": since, "until": until, "whole": whole, "rest": rest}
    asked |= {"first": whole.isoformat()[:13], "last": rest.isoformat()[:13]}
    row = db.execute(_DUE, asked | {"finished": [kind.value for kind in FINISHED]}).fetchone()
    return int(row[0]) if row else 0


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
