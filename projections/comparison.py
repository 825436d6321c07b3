"""Key figures of a desk before and after a change, from the read models, beside what the change was to bring about (D8)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Cursor
from psycopg.sql import SQL
from pydantic import BaseModel, Field

from domain.backtest.comparison import Change, Cut, Kind, Sides
from domain.backtest.story import Span
from domain.conditions import ALWAYS, Condition, Context
from domain.event import Actor
from domain.rules.rule import Rule
from projections import ticket_pages
from projections.ticket_history import DEEDS
from projections.ticket_pages import ListQuery, Where


class Kept(BaseModel):
    """How a measure was kept by the tickets opened in the span: of how many it was waited for, and for how many too long."""

    measure: str
    promised: int
    late: int
    breach_rate: float | None


class Figures(BaseModel):
    """The figures of a span. What happened after it is not in them, so that neither span has had more time than the other."""

    since: datetime
    until: datetime = Field(description="Not included.")
    opened: int = Field(description="Tickets opened.")
    acted: int = Field(description="How often the rule acted; tickets opened that the policy is promised to.")
    acted_tickets: int = Field(description="On how many tickets.")
    escalations: int
    transfers: int
    reopenings: int
    first_response_seconds: float | None = Field(description="The median over tickets opened and answered in the span.")
    resolution_seconds: float | None = Field(description="The median over tickets opened and resolved in the span.")
    kept: list[Kept] = Field(description="By measure, under whichever policy.")
    kept_by_policy: list[Kept] = Field(description="The same of tickets under the policy alone; empty for a rule.")


class Comparison(BaseModel):
    """A change, what it was to bring about, and the figures of equally long spans before and after it."""

    kind: Kind
    key: str
    version: int
    title: str
    by: Actor
    at: datetime
    why: str | None
    expected: str | None
    days: float = Field(description="How long each span is.")
    cut: Cut | None = Field(
        description="Why that is less than was asked for: it is too early, or it was changed again."
    )
    before: Figures
    after: Figures


def compared(
    db: Cursor[Any], workspace: UUID, change: Change, sides: Sides, reached: Condition | None, context: Context
) -> Comparison:
    """The figures of both sides, of the tickets within reach that are not deleted."""
    meant = ticket_pages.where(workspace, ListQuery(ALWAYS, reached, everywhere=True), context)
    before, after = (_figures(db, workspace, change, span, meant) for span in (sides.before, sides.after))
    return Comparison(
        kind=change.kind,
        key=change.made.key,
        version=change.made.version,
        title=change.made.title,
        **{name: getattr(change, name) for name in ("by", "at", "why", "expected")},
        days=round((sides.after.until - sides.after.since).total_seconds() / 86400, 3),
        cut=sides.cut,
        before=before,
        after=after,
    )


# Tickets by the moment of their opening, along its index.
OPENED: LiteralString = """
    WITH opened AS MATERIALIZED (
        SELECT ticket_id, opened_at, first_response_at, resolved_at FROM desk.ticket_list
        WHERE {meant} AND opened_at >= %s AND opened_at < %s
    )
"""
_TIMES: LiteralString = """
    SELECT count(*), {answered}, {resolved} FROM opened
"""
_MEDIAN: LiteralString = """
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM {moment} - opened_at)::float8) FILTER (WHERE {moment} < %s)
"""
# Of a measure that came up again only its newest occasion has a moment: an earlier one was late before the newest began.
_KEPT: LiteralString = """
    SELECT c.measure, c.policy, count(*), count(*) FILTER (WHERE c.breached_at < %s
        OR c.breaches > (c.breached_at IS NOT NULL)::int)
    FROM opened JOIN desk.sla_clocks c USING (ticket_id) WHERE c.since < %s GROUP BY 1, 2 ORDER BY 1, 2
"""
_PROMISED: LiteralString = """
    SELECT count(DISTINCT ticket_id) FROM opened JOIN desk.sla_clocks c USING (ticket_id)
    WHERE c.policy = %s AND c.since < %s
"""
_WITHIN: LiteralString = """
    workspace_id = %s AND occurred_at >= %s AND occurred_at < %s
    AND EXISTS (SELECT FROM desk.ticket_list WHERE ticket_id = h.ticket_id AND {meant})
"""
DONE: LiteralString = f"""
    SELECT event, count(*) FROM desk.ticket_history h WHERE event IN {DEEDS} AND {_WITHIN} GROUP BY 1
"""  # noqa: S608 - our own text
ACTED: LiteralString = f"""
    SELECT count(DISTINCT command_id), count(DISTINCT ticket_id) FROM desk.ticket_history h
    WHERE rule_id = %s AND event <> 'ticket.rule_refused' AND {_WITHIN}
"""  # noqa: S608 - our own text


def _figures(db: Cursor[Any], workspace: UUID, change: Change, span: Span, meant: Where) -> Figures:
    opened, answered, resolved = _times(db, span, meant)
    kept = _kept(db, span, meant)
    within = [workspace, *span, *meant.values]
    done = dict(db.execute(SQL(DONE).format(meant=meant.text), within).fetchall())
    if isinstance(change.made, Rule):
        statement, asked = SQL(ACTED).format(meant=meant.text), [change.made.rule_id, *within]
        (acted, tickets), own = db.execute(statement, asked).fetchone() or (0, 0), None
    else:
        acted = tickets = _promised(db, span, meant, change.made.key)
        own = change.made.key
    return Figures(
        since=span.since,
        until=span.until,
        opened=opened,
        acted=acted,
        acted_tickets=tickets,
        escalations=done.get("ticket.escalated", 0),
        transfers=done.get("ticket.transferred", 0),
        reopenings=done.get("ticket.reopened", 0),
        first_response_seconds=answered,
        resolution_seconds=resolved,
        kept=_by_measure(kept),
        kept_by_policy=_by_measure([row for row in kept if row[1] == own]),
    )


def _times(db: Cursor[Any], span: Span, meant: Where) -> tuple[int, float | None, float | None]:
    answered, resolved = (SQL(_MEDIAN).format(moment=SQL(each)) for each in ("first_response_at", "resolved_at"))
    statement = SQL(OPENED).format(meant=meant.text) + SQL(_TIMES).format(answered=answered, resolved=resolved)
    row = db.execute(statement, [*meant.values, *span, span.until, span.until]).fetchone()
    return row or (0, None, None)


Row = tuple[str, str, int, int]


def _kept(db: Cursor[Any], span: Span, meant: Where) -> list[Row]:
    """Measure, policy, how many tickets, and for how many it was late."""
    statement = SQL(OPENED).format(meant=meant.text) + SQL(_KEPT)
    return db.execute(statement, [*meant.values, *span, span.until, span.until]).fetchall()


def _promised(db: Cursor[Any], span: Span, meant: Where, policy: str) -> int:
    statement = SQL(OPENED).format(meant=meant.text) + SQL(_PROMISED)
    (row,) = db.execute(statement, [*meant.values, *span, policy, span.until])
    return int(row[0])


def _by_measure(rows: Sequence[Row]) -> list[Kept]:
    sums: dict[str, tuple[int, int]] = {}
    for measure, _, promised, late in rows:
        before = sums.get(measure, (0, 0))
        sums[measure] = (before[0] + promised, before[1] + late)
    return [
        Kept(measure=measure, promised=promised, late=late, breach_rate=round(late / promised, 4))
        for measure, (promised, late) in sums.items()
    ]
