"""Rules as the catalogue keeps them: triggers act on what happens, automations on what has not happened for a while (D1, D2)."""

from datetime import datetime, timedelta
from typing import Any, Literal, Self
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.calendars.calendar import Calendar
from domain.calendars.hours import after
from domain.conditions import Condition
from domain.conditions.windows import Span, shifted
from domain.values import Key, Line, Whole

MOST_RULES = 2_000
MOST_EFFECTS = 50
MOST_REPEATS = 100
# What an automation can count from: moments that no rule moves by acting on the same thing again.
Anchor = Literal[
    "opened_at",
    "accepted_at",
    "assigned_at",
    "moved_at",
    "touched_at",
    "unanswered_since",
    "first_response_at",
    "last_requester_reply_at",
    "resolved_at",
    "closed_at",
    "due_at",
]
_UTC = ZoneInfo("UTC")
_EXACT = frozenset({"minutes", "hours"})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Repeat(_Part):
    """Again every so often, `at_most` so many times for one occasion, the first not counted."""

    every: Span
    at_most: Whole = Field(ge=1, le=MOST_REPEATS)


class Timing(_Part):
    """So long after a moment of the ticket; when that moment is another one, it is another occasion.

    `hours` business counts only business time: that of the ticket's team, else of `calendar`, else of the desk.
    """

    since: Anchor
    after: Span
    repeat: Repeat | None = None
    hours: Literal["calendar", "business"] = "calendar"
    calendar: Key | None = None

    @model_validator(mode="after")
    def _business_has_hours(self) -> Self:
        """A business day has no length, and a calendar is for business hours."""
        spans = [self.after, *([self.repeat.every] if self.repeat else [])]
        if self.hours == "business" and any(span.unit not in _EXACT for span in spans):
            raise ValueError("business time is counted in hours or minutes")
        if self.calendar is not None and self.hours != "business":
            raise ValueError("a calendar is for business hours")
        return self

    def due(self, anchor: datetime, ran: list[datetime], opening: Calendar | None = None) -> datetime | None:
        """When it acts next on an occasion on which it `ran` then, within `opening`; None if it is through with it."""
        if not ran:
            return self._later(anchor, self.after, opening)
        if self.repeat is None or len(ran) > self.repeat.at_most:
            return None
        return self._later(ran[-1], self.repeat.every, opening)

    def _later(self, start: datetime, span: Span, opening: Calendar | None) -> datetime:
        if self.hours == "calendar":
            return shifted(start, span, _UTC, 1)
        return after(opening, start, timedelta(**{span.unit: span.amount}))


class RuleDefinition(_Part):
    """What a rule is to be: when it acts and what it does; an automation has a timing, a trigger has none."""

    title: Line
    kind: Literal["trigger", "automation"]
    when: Condition
    then: tuple[dict[str, Any], ...] = Field(min_length=1, max_length=MOST_EFFECTS)
    timing: Timing | None = None

    @model_validator(mode="after")
    def _timed_or_not(self) -> Self:
        if (self.kind == "automation") is not (self.timing is not None):
            raise ValueError("an automation needs a timing, a trigger has none")
        return self


class Rule(RuleDefinition):
    """One version of a rule. Its id is the same in all of them; `then` are its effects as JSON."""

    key: Key
    rule_id: UUID
    version: int
    retired: bool = False

    def __hash__(self) -> int:
        return hash((self.rule_id, self.version))


def rule_id(workspace: UUID, key: str) -> UUID:
    """The id of the rule of that key."""
    return uuid5(workspace, f"rule:{key}")
