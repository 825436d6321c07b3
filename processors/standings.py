"""How promises stand, as rows for whoever reads them: what reactions want kept, set-wise."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.sla.standing import ClockLine
from processors.deciding import Reaction
from processors.process import Keep

_FORGET = """
    DELETE FROM processes.sla_clocks c WHERE c.ticket_id = ANY(%s::uuid[])
    AND NOT EXISTS (SELECT FROM unnest(%s::uuid[], %s::text[]) AS k (ticket, measure)
        WHERE k.ticket = c.ticket_id AND k.measure = c.measure)
"""
# In one order, whoever writes; what is kept as it was costs nothing.
_KEEP = """
    INSERT INTO processes.sla_clocks AS c (ticket_id, measure, workspace_id, number, policy, policy_version, calendar,
        calendar_version, state, since, target_seconds, due_at, met_at, breached_at, occasions, breaches)
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::text[], %s::int[], %s::text[], %s::int[],
        %s::text[], %s::timestamptz[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::int[],
        %s::int[]) AS k (ticket, measure) ORDER BY k.ticket, k.measure
    ON CONFLICT (ticket_id, measure) DO UPDATE SET policy = excluded.policy, policy_version = excluded.policy_version,
        calendar = excluded.calendar, calendar_version = excluded.calendar_version, state = excluded.state,
        since = excluded.since, target_seconds = excluded.target_seconds, due_at = excluded.due_at,
        met_at = excluded.met_at, breached_at = excluded.breached_at, occasions = excluded.occasions,
        breaches = excluded.breaches
    WHERE c.* IS DISTINCT FROM excluded.*
"""


def keep(db: Cursor[Any], reactions: Iterable[Reaction]) -> None:
    """Two statements at most; of several wishes for one ticket the last counts."""
    wanted: dict[UUID, tuple[UUID, Keep]] = {}
    for reaction in reactions:
        wanted |= {each.ticket: (reaction.workspace, each) for each in reaction.outputs if isinstance(each, Keep)}
    if not wanted:
        return
    rows = [_row(workspace, each, line) for workspace, each in wanted.values() for line in each.lines]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * 16
    db.execute(_FORGET, [list(wanted), columns[0], columns[1]])
    if rows:
        db.execute(_KEEP, columns)


def _row(workspace: UUID, wish: Keep, line: ClockLine) -> list[Any]:
    policy, calendar = line.policy, line.calendar
    promise = [policy.key, policy.version, calendar and calendar.key, calendar and calendar.version]
    return [wish.ticket, line.measure.value, workspace, wish.number, *promise, *line[3:]]
