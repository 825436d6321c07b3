"""What a desk promises: how soon, in which hours, whom it reminds before and calls after (E1-E4, E7)."""

from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.conditions import ALWAYS, Condition
from domain.errors import Refusal
from domain.receivers import NOBODY_TOLD, Receivers
from domain.values import Key, Line, Priority, StatusKind, Whole, Zone

# A year of minutes.
LONGEST = 366 * 24 * 60


class Measure(StrEnum):
    """What can be waited for."""

    ACCEPT = "accept"
    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    RESOLUTION = "resolution"
    FOLLOW_UP = "follow_up"
    UPDATE = "update"


class UnknownPolicy(Refusal):
    """The workspace never had a policy of that key."""

    code = "unknown_policy"
    status = 404
    sentence = "No policy «{policy}» in this workspace. There are: {policies}."


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Minutes = Annotated[Whole, Field(ge=1, le=LONGEST)]
# So many minutes, or by the end of the day on which it begins.
Amount = Minutes | Literal["same_day"]


class Target(_Part):
    """How soon, by priority; a priority without an amount has no promise. `pauses` go before those of the policy.

    Of `update`, only tickets in one of `statuses` count, if any are named.
    """

    measure: Measure
    urgent: Amount | None = None
    high: Amount | None = None
    normal: Amount | None = None
    low: Amount | None = None
    pauses: tuple[StatusKind, ...] | None = Field(default=None, max_length=7)
    statuses: tuple[Key, ...] = Field(default=(), max_length=50)

    def amount(self, priority: Priority) -> Amount | None:
        """How soon at that priority."""
        found: Amount | None = getattr(self, priority.value)
        return found

    @model_validator(mode="after")
    def _statuses_of_updates(self) -> Self:
        """Only updates look at the status."""
        if self.statuses and self.measure is not Measure.UPDATE:
            raise ValueError("statuses are for the measure update")
        return self


class Reminder(_Part):
    """Brings to mind what is due: `minutes` after it is (negative: before), again `every` so many, `at_most` times.

    Minutes are of the time that counts. `later` hear of it too from the second time on.
    """

    key: Key
    measures: tuple[Measure, ...] = Field(default=(), max_length=6)
    when: Condition = ALWAYS
    minutes: Whole = Field(default=0, ge=-LONGEST, le=LONGEST)
    every: Minutes | None = None
    at_most: Whole = Field(default=1, ge=1, le=50)
    to: Receivers
    later: Receivers = NOBODY_TOLD

    @model_validator(mode="after")
    def _repeats(self) -> Self:
        """What comes more than once comes at intervals."""
        if self.at_most > 1 and self.every is None:
            raise ValueError("say every how many minutes it is repeated")
        return self

    def receivers(self, count: int) -> Receivers:
        """Who hears of it that time."""
        return self.to if count == 1 else self.to + self.later


class LadderStep(_Part):
    """A step of escalation, taken once a ticket: `after` so many minutes late, at the `urges`th urge, `when` something holds.

    Of these all that are given must be so.
    """

    key: Key
    level: Whole = Field(ge=1, le=9)
    measures: tuple[Measure, ...] = Field(default=(), max_length=6)
    after: Annotated[Whole, Field(ge=0, le=LONGEST)] | None = None
    urges: Annotated[Whole, Field(ge=1, le=1000)] | None = None
    when: Condition | None = None
    to: Receivers = NOBODY_TOLD
    team: UUID | None = None
    reason: Line | None = None

    @model_validator(mode="after")
    def _has_a_reason(self) -> Self:
        """Something makes it so."""
        if self.after is None and self.urges is None and self.when is None:
            raise ValueError("say when: after, urges, or a condition")
        return self


class PolicyDefinition(_Part):
    """A policy as it is set up. Of those whose condition holds, the one with the lowest position is the ticket's.

    `hours` business counts only business time: that of the ticket's team, else of `calendar`, else of the desk.
    """

    title: Line
    position: Whole = Field(default=100, ge=0, le=1_000_000)
    when: Condition = ALWAYS
    hours: Literal["calendar", "business"] = "calendar"
    calendar: Key | None = None
    # Where days end, if no calendar says it.
    zone: Zone = "UTC"
    targets: tuple[Target, ...] = Field(min_length=1, max_length=6)
    pauses: tuple[StatusKind, ...] = Field(default=(StatusKind.PENDING,), max_length=7)
    reminders: tuple[Reminder, ...] = Field(default=(), max_length=20)
    ladder: tuple[LadderStep, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        """A measure has one target; reminders and steps have keys of their own."""
        for named in (
            [each.measure for each in self.targets],
            [each.key for each in self.reminders],
            [each.key for each in self.ladder],
        ):
            if len(set(named)) < len(named):
                raise ValueError("a measure or a key is there twice")
        return self


class Policy(PolicyDefinition):
    """One version of a policy."""

    key: Key
    policy_id: UUID
    version: int
    retired: bool = False

    def __hash__(self) -> int:
        """By its version, which is never changed."""
        return hash((self.policy_id, self.version))
